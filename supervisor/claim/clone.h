/*
 * clone.h - whether two directories are clones of one git repository: one was made from the other, or
 * both from a third, as `remote.origin.url` of their repositories says (git-clone(1)). What has no
 * repository is nobody's clone.
 */
#ifndef CLAIM_CLONE_H
#define CLAIM_CLONE_H

#include <stdbool.h>

/* Both absolute: main worktrees, or bare repositories. */
bool clone_of_one(const char *directory, const char *other);

#endif
