/*
 * version.h - which version of a tool is installed.
 */
#ifndef SPAWN_VERSION_H
#define SPAWN_VERSION_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"

/* Compares dotted versions by their numbers: <0, 0, >0. "15" equals "15.0". */
int version_compare(const char *a, const char *b);

/*
 * The first dotted number of a --version output ("psql (PostgreSQL) 15.5" to "15.5"), else the
 * first number. Its start and *length, NULL where there is none.
 */
const char *version_find(const char *output, size_t *length);

struct version_query {
	const char *path;  /* absolute */
	struct text found; /* owns; the version, empty where it could not be found out */

	/* inside */
	struct text output;
	pid_t pid;
	int fd;
};

/*
 * Asks all at the same time with --version, then those that did not say with version and -V. Each
 * may take 5 seconds and print 64 KiB. Release .found of each.
 */
void version_ask(struct version_query *queries, size_t count);

#endif
