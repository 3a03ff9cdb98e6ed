/*
 * ignore.h - which files git would ignore (gitignore(5)), without running git.
 *
 * Each directory with a .gitignore adds a link to the chain of its parents. Of the patterns that fit the last one
 * of the deepest link decides; `!` takes back, a trailing slash means directories, a slash elsewhere ties the
 * pattern to its directory, `**` is any number of directories. What is below an ignored directory is
 * ignored; so nobody needs to look there. Links are counted: threads hold on to the ones they use.
 */
#ifndef SCAN_IGNORE_H
#define SCAN_IGNORE_H

#include <stdbool.h>

#include "scan/slice.h"

struct ignore;

/*
 * The patterns of one file, for paths below `dir` ("" is the top; else without a slash at the end). NULL: no
 * memory. Takes a reference to the parent (NULL: none) and gives the caller one to itself.
 */
struct ignore *ignore_new(struct ignore *parent, const char *dir, struct slice patterns);
struct ignore *ignore_hold(struct ignore *ignore);
void ignore_release(struct ignore *ignore);

/* The path is relative to the same top as `dir`. */
bool ignore_has(const struct ignore *ignore, const char *path, bool is_directory);

/* One pattern, as in a .gitignore, and a path below it. */
bool ignore_pattern_fits(struct slice pattern, struct slice path);

#endif
