/*
 * parts.h - the files of one service in the log directory, by number.
 *
 * Part number 0 is the current pair (SERVICE.idx, SERVICE.log), 1 the one rotated last (SERVICE.idx.1,
 * SERVICE.log.1), and so on. Numbers move while a reader looks; the part number inside the index
 * (index.h) does not, and the header's inode tells which log belongs to an index.
 *
 * Every function works relative to an open directory and follows no link in the last component.
 */
#ifndef LOGS_PARTS_H
#define LOGS_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"

struct parts {
	int directory_fd; /* borrows */
	const char *service; /* borrows */
	const char *elsewhere; /* borrows; path of the log when it is not here, or NULL */
};

/* A descriptor (close-on-exec) or -1 with errno. Anything but a regular file is EINVAL. */
int parts_open_index(const struct parts *parts, int number, int flags);
int parts_open_log(const struct parts *parts, int number, int flags);

/*
 * Renames every pair to the next number, the highest first, and removes what goes past `keep`. Index
 * before log, so that parts_repair() can tell where it was interrupted. Afterwards there is no
 * current pair. -1 with errno when the current pair is still in place.
 */
int parts_shift(const struct parts *parts, int keep);
/* Finishes the renames of a parts_shift() that was killed. */
void parts_repair(const struct parts *parts);
void parts_remove_index(const struct parts *parts, int number);
void parts_remove_log(const struct parts *parts, int number);

/* SERVICE.at: the path in it, or that there is none. */
int parts_write_elsewhere(const struct parts *parts);
/* Appends the path; false when there is no such file. */
bool parts_read_elsewhere(int directory_fd, const char *service, struct text *path);

/*
 * Takes "api.idx.3" apart: true for a name of the directory that is an index or a log, with the
 * length of its service's name.
 */
bool parts_name(const char *name, size_t *service_length, bool *is_index, int *number);

#endif
