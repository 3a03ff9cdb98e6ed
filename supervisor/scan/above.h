/*
 * above.h - what holds in a directory because of where it is: .gitignore files of the directories above it, up to the top of
 * its repository, and info/exclude of the repository.
 */
#ifndef SCAN_ABOVE_H
#define SCAN_ABOVE_H

#include "scan/ignore.h"

/*
 * info/exclude of the repository whose .git is in the directory; in a linked worktree that of the main one. `path` is
 * where the directory is below the scanned root. NULL: there is none.
 */
struct ignore *above_excludes(int dir, const char *path, struct ignore *parent);

/* For the scanned root itself, without its own .gitignore. The caller has a reference; NULL: nothing holds. */
struct ignore *above_of(int root, const char *path);

#endif
