/*
 * guardian_wire.h - what guardian and supervisor say to each other: short messages of one size, with
 * descriptors, over a socket pair that keeps their bounds. Without a heap. Private to this room.
 *
 * After an upgrade the two are of different versions: what is here stays as it is, and new words come at the
 * end.
 *
 * G and S as in guardian.h. From S, at any time:
 *
 *	KEEP place, 2 descriptors	a pipe and its log file; replaces what the place had
 *	DROP place
 *	HOLD place, 1 descriptor	anything else; replaces what the place had
 *	LET_GO place
 *	TELL_END 2 descriptors		where to write how S has ended; without them: nowhere, the end is orderly
 *	ARM 1 or 0			from now on S is replaced when it dies, or is not
 *	REPLACE 1 descriptor		the end that is coming is one to be replaced, by this program
 *
 *	PING number			answered by PONG when all that came before is done
 *
 * From G to an S that replaces another one: everything that is kept, as KEEP and HOLD, then TAKE_OVER,
 * then ENDED for one of G's children at a time. The S answers the first with TOOK_OVER when it runs, and
 * each of the others with REAP, before which the number stays taken.
 */
#ifndef SPAWN_GUARDIAN_WIRE_H
#define SPAWN_GUARDIAN_WIRE_H

#include <stddef.h>
#include <sys/types.h>

enum guardian_word {
	SAY_KEEP = 1,
	SAY_DROP,
	SAY_HOLD,
	SAY_LET_GO,
	SAY_TELL_END,
	SAY_ARM,
	SAY_REPLACE,
	SAY_TAKE_OVER,
	SAY_TOOK_OVER,
	SAY_ENDED,
	SAY_REAP,
	SAY_PING,
	SAY_PONG,
};

struct guardian_message {
	int word;
	int place; /* ENDED, REAP: a pid; TAKE_OVER: enum guardian_why */
	int code; /* of waitid(2), as is the status: ENDED, and TAKE_OVER of the last S */
	int status;
};

enum { GUARDIAN_FDS_MOST = 2 };

/* One attempt, which does not wait. 0, or -1 with errno. */
int guardian_send(int socket, const struct guardian_message *message, const int *fds, size_t count);
/* 1: a message; *count of fds[GUARDIAN_FDS_MOST] came along. 0: the other end is closed. -1 with errno. */
int guardian_receive(int socket, struct guardian_message *message, int *fds, size_t *count);

#endif
