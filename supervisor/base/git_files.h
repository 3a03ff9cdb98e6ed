/*
 * git_files.h - what small files of git's say: where a directory is, and how a key is set. By reading
 * only, without git; see gitrepository-layout(5) and git-config(1).
 */
#ifndef BASE_GIT_FILES_H
#define BASE_GIT_FILES_H

#include <stdbool.h>

#include "base/text.h"

/*
 * The path that DIR/NAME holds behind the prefix ("gitdir: ", or none), absolute: it may be written from
 * dir on. False: there is none.
 */
bool git_names(const char *dir, const char *name, const char *prefix, struct text *out);
/*
 * The last value of a key in DIR/config, as it stands there; the section with its brackets. False: it is
 * not set.
 */
bool git_setting(const char *dir, const char *section, const char *key, struct text *out);

#endif
