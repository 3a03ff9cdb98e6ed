/*
 * guardian.h - the process above the supervisor that outlives it.
 *
 *	C (whoever calls) --- G (guardian) --- S (supervisor) --- services
 *
 * guardian_start() returns twice: in the caller, and in the supervisor. Between them G does this:
 *
 * 1. It becomes the leader of a new session and a subreaper, forks S, closes every descriptor but
 *    the socket to S, works in "/", and uses no heap.
 * 2. TERM, INT and HUP sent to it are handed to S; all other signals are ignored.
 * 3. S hands it, by guardian_keep(), a duplicate of the read end of each log pipe and of the log
 *    file. They share the file's offset, so whoever writes appends.
 * 4. When S has ended in any way, every descendant falls to G. It sends SIGKILL to its direct
 *    children (their numbers cannot be reused before it reaps them) and reaps, again and again;
 *    what was deeper comes up. It ends when none is left, or none has ended for a while. How S has ended it has written
 *    before into the file that S named by guardian_tell_end(), as a line.
 * 5. What is left in the log pipes goes to the files.
 * 6. It exits with the exit code of S, or 128 + signal, or GUARDIAN_LEFT when some process could
 *    not be killed: it has changed its user, or waits in the kernel.
 *
 * Where S has said guardian_arm(), or guardian_ask_replacement() before its end, 4 to 6 do not come:
 *
 * 4. G starts another S from its own program, or the one it was given, with GUARDIAN_RESUME as the only
 *    argument, and hands it all that it keeps: guardian_inherit(). That runs on as S. After
 *    GUARDIAN_DEATHS deaths in a minute it is 4 to 6 after all; one that has not said
 *    guardian_took_over(), for 20 seconds or before its end, is followed by one of G's own program.
 * 5. What the last S has started are children of G now, and what falls to it later. One that has ended
 *    is said, guardian_next_end(), and reaped when S says so, guardian_reap(): so neither a status nor a
 *    number is lost. They are said one at a time.
 *
 * S is a subreaper as well, gets SIGTERM when G dies, has all signals default and none blocked.
 */
#ifndef SPAWN_GUARDIAN_H
#define SPAWN_GUARDIAN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "model/recipe.h"

#define GUARDIAN_RESUME "--resume-by-guardian"

enum guardian_side { GUARDIAN_CALLER, GUARDIAN_SUPERVISOR };

enum {
	GUARDIAN_SLOTS = 4096, /* log pipes: two a service with log.split */
	GUARDIAN_PLACES = 4096, /* for other descriptors */
	GUARDIAN_SOCKET = 3, /* where an S that replaces another one finds its end */
	GUARDIAN_DEATHS = 3,
	GUARDIAN_LEFT = 74,    /* exit code */
	GUARDIAN_NO_FORK = 71, /* exit code: S could not be forked */
};

/* How that line begins; a signal's name or a code follows. */
#define GUARDIAN_KILLED "supervisor was killed by "
#define GUARDIAN_ENDED  "supervisor ended with exit code "

struct guardian {
	pid_t pid;  /* of G, on both sides */
	int socket; /* supervisor: to G, owns; caller: -1 */
	int pings;
	struct exit_status early; /* came while something else was waited for; pid 0: none did */
	bool is_silent; /* it was waited for in vain, and is not again until it reads ... */
	bool is_mute; /* ... or until it says something */
};

/*
 * 0 in both processes, *side says which. -1 (only in the caller): nothing was started. In S stdin
 * and stdout are /dev/null, and stderr is `stderr_fd`, or /dev/null for -1. All other descriptors
 * of the caller are still open in S.
 */
int guardian_start(
	struct guardian *guardian, int stderr_fd, enum guardian_side *side, struct error *e);

/*
 * From the supervisor. Keep replaces what the slot had (rotation: same pipe, new file). The
 * descriptors stay the caller's. -1: G is gone or has not read for a second (the next time it is not
 * waited for); the supervisor can go on.
 */
int guardian_keep(struct guardian *guardian, int slot, int pipe_fd, int log_fd, struct error *e);
/*
 * From the supervisor: G will write to the end of log_fd how S has ended. -1: it will not, because the
 * end that is coming is an orderly one. The descriptor stays the caller's. As guardian_keep().
 */
int guardian_tell_end(struct guardian *guardian, int log_fd, struct error *e);
int guardian_drop(struct guardian *guardian, int slot, struct error *e);
/* The same for any other descriptor: for an S that replaces this one. */
int guardian_hold(struct guardian *guardian, int place, int fd, struct error *e);
int guardian_let_go(struct guardian *guardian, int place, struct error *e);
/* Waits until G has done all that it was asked for, for a second at most. */
int guardian_await(struct guardian *guardian, struct error *e);
/* From now on S is replaced when it dies, or is not any more; guardian_tell_end() of -1 ends that, too. */
int guardian_arm(struct guardian *guardian, bool on, struct error *e);
/* The end that is coming, whatever it is, leads to another S of this program; -1: of G's own. */
int guardian_ask_replacement(struct guardian *guardian, int program_fd, struct error *e);

/* ---- in an S that replaces another one ---- */

enum guardian_why {
	GUARDIAN_WHY_DIED,
	GUARDIAN_WHY_ASKED,
	GUARDIAN_WHY_NOT_TAKEN, /* the last one had not taken over yet */
};

struct guardian_cause {
	enum guardian_why why;
	int signal; /* of the last S; 0: it has exited */
	int status; /* then its code */
};

/* Who is called takes the descriptors. */
struct guardian_heir {
	void *self;
	void (*on_log)(void *self, int slot, int pipe_fd, int log_fd);
	void (*on_other)(void *self, int place, int fd);
};

/* First of all, in a process that was started with GUARDIAN_RESUME. -1: there is no guardian. */
int guardian_inherit(struct guardian *guardian, const struct guardian_heir *heir,
	struct guardian_cause *cause, struct error *e);
int guardian_took_over(struct guardian *guardian, struct error *e);
/*
 * The next of G's children that has ended, 1; 0: none so far, the socket tells by being readable. -1: G is
 * gone. Its stage and the like are not known.
 */
int guardian_next_end(struct guardian *guardian, struct exit_status *status);
/* The one that was told last is known to be gone: its number may be used again. */
int guardian_reap(struct guardian *guardian, pid_t pid, struct error *e);

#endif
