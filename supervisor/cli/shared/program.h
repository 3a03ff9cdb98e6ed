/*
 * program.h - a file that is to be the program of a supervisor: whether it is a stackup, of which version,
 * and which state of an instance it can go on with.
 *
 * It says so itself, by `version --json`; it has five seconds for that.
 */
#ifndef CLI_SHARED_PROGRAM_H
#define CLI_SHARED_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

enum { PROGRAM_VERSION_SIZE = 32 };

struct program {
	char *path; /* owns; absolute */
	char version[PROGRAM_VERSION_SIZE];
	int state; /* the format; 0: it cannot go on with an instance at all */
	dev_t device;
	ino_t inode;
};

/* file NULL: the one that is running now. Released in any case. */
int program_look(const char *file, struct program *program, struct error *e);
/* Whether the process runs it; true as well where nobody may look. */
bool program_is_of(const struct program *program, pid_t pid);
void program_release(struct program *program);

#endif
