/*
 * place.h - is this directory, this file, this disk fit to keep the registry?
 */
#ifndef REGISTRY_PLACE_H
#define REGISTRY_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Creates the directory with its parents, 0700, and refuses one that is not ours alone. */
int place_make_private(const char *path, struct error *e);
/* 1: a file of ours that nobody else may open, 0: there is none, -1: refused. */
int place_check_file(const char *path, struct error *e);
/* Can processes of this machine share memory through a file here? By statfs(2) f_type. */
bool place_type_is_local(int64_t type);
bool place_is_local(const char *directory);
/* Can files be created here? No for a read-only mount and for a directory without write permission. */
bool place_is_writable(const char *directory);

#endif
