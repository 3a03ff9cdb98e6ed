/*
 * env_write.h - `env --write FILE`: the stack's ports in a file of the user's.
 *
 * A marked block (plan/block.h) in .env.example, .env.local and the like; in supabase's config.toml
 * the numbers themselves (plan/supabase.h). A file for those who have no values yet (*.example,
 * *.sample, *.template, *.dist) is about instance 1 unless another one is asked for: what is in git
 * must not change with the worktree that it is written in.
 */
#ifndef CLI_SHARED_ENV_WRITE_H
#define CLI_SHARED_ENV_WRITE_H

#include "base/error.h"

struct context;

/* Exit code; or -1 with e. */
int env_write(struct context *context, const char *path, struct error *e);

#endif
