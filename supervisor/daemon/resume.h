/*
 * resume.h - how another supervisor goes on where this one died (on_crash = resume), or ends on purpose
 * (upgrade). Private to this room.
 *
 * All that only this process has is told to the guardian before it can be lost: descriptors (pipes,
 * terminals, holds of ports, the lock byte, the sockets of control and notify, the lifeline), and the state,
 * which is lines of JSON in memory that both have open (memfd_create(2); there are secrets in it, so it is
 * never a file). The guardian starts another supervisor when this one dies and hands it everything
 * (spawn/guardian.h).
 *
 *	head		the first line: what the stack was loaded from (origin.h), the claim, the command line
 *	"instance"	what people have asked of the whole
 *	"service"	one of them: its run (watch/snapshot.h), how its ports are held, its place at the guardian
 *	"started"	a process that was just started, and "ended": one that was just reaped; at once, not at the
 *			end of the turn
 *
 * The last line of a kind counts, and one that is not whole does not. After so many bytes, and when another
 * stack holds, the state begins anew.
 *
 *	1. resume_begin()	where the instance is up; nothing, when its stack does not want it
 *	2. resume_turn()	at the end of each turn: what has changed; also whether the stack wants it
 *	3. resume_started(), resume_ended(), resume_helper()	at once
 *	4. resume_prepare(), resume_replace()	for an upgrade (upgrade.c): does not return when it went well
 *
 * The next supervisor: instance_resume() (resume_boot.c), in the place of instance_boot(). What was under
 * way in the last one and belongs to no service is undone: a reload, a move, checks, old ports that lead to
 * new ones. Who waited for an answer asks again.
 */
#ifndef DAEMON_RESUME_H
#define DAEMON_RESUME_H

#include "daemon/instance.h"

struct resume;

/* Where the guardian keeps what; holds of ports come after. */
enum resume_place { PLACE_STATE, PLACE_LOCK, PLACE_CONTROL, PLACE_NOTIFY, PLACE_LIFELINE, PLACE_HOLDS };

enum { RESUME_FORMAT = 1 }; /* of the state: others are not understood */

/* Where it cannot be (no memory, no guardian) that is told, and the instance stops when we die. */
void resume_begin(struct instance *in);
/* Nobody is to go on: everything the guardian has is let go of when this returns. */
void resume_stop(struct instance *in);
void resume_free(struct instance *in);
/* What a supervisor that has replaced another one has to say, and to whom; before resume_begin(). */
void resume_tell(struct instance *in);
void resume_turn(struct instance *in);

/* A port that was let go of in this moment is free when this returns: the guardian has had it as well. */
void resume_ports(struct instance *in);
void resume_started(struct instance *in, int row, pid_t pid);
void resume_helper(struct instance *in, pid_t pid);
void resume_ended(struct instance *in, const struct exit_status *status);

/* For the next, also where on_crash = stop: -1 where it cannot be. */
int resume_prepare(struct instance *in, struct error *e);
/*
 * The guardian puts a supervisor of this program in our place; -1: of the guardian's own. Nothing is stopped,
 * nobody is told. Returns only when it cannot be: -1.
 */
int resume_replace(struct instance *in, int program_fd, struct error *e);

/* resume_head.c: the first line, a new reference; and back, all but the stack and the holds. */
json_t *head_of(const struct instance *in);
int head_read(struct instance *in, const json_t *head, struct error *e);
json_t *head_instance(const struct instance *in);
void head_read_instance(struct instance *in, const json_t *json);
int head_read_places(struct instance *in, const json_t *head, struct error *e);

/* resume_state.c: the lines of a state that has come to its end. */
struct resume_state {
	json_t *head; /* owns, like all of them */
	json_t *instance; /* NULL: none */
	json_t *services; /* an object: the last line of each name */
	json_t *second; /* NULL: none */
	json_t *begun; /* an object: "started" and "helper" by their number, where no end was told */
	json_t *ended; /* an object: "ended" by its number, where nothing has begun with it since */
};
int resume_state_read(int fd, struct resume_state *state, struct error *e);
void resume_state_release(struct resume_state *state);

/*
 * resume_boot.c: what the guardian has handed over, as long as the boot lasts. All of these say -1 in a
 * supervisor that has replaced nobody.
 */
struct inherited;
int inherited_take(struct instance *in, enum resume_place place);
/* Where the log of a service is kept at the guardian, and its pipe or terminal. */
int inherited_slot(const struct instance *in, const char *service);
int inherited_pipe(struct instance *in, int slot);

/* The boot of a supervisor that replaces another one, whose guardian is our parent. */
int instance_resume(struct instance *in, struct error *e);

/* upgrade.c: the verb. */
void upgrade_request(struct instance *in, struct control_ticket ticket, const json_t *body);

/* foster.c: children of the guardian. */
void foster_begin(struct instance *in);
void foster_end(struct instance *in);
/* When all services are down: what is left of those that were the guardian's, where that is dead. */
void foster_sweep(struct instance *in);
/* 1: another one has ended. As spawner_reap(). */
int foster_next(struct instance *in, struct exit_status *status);
/* The guardian was awaited: an end that came meanwhile is no longer in the socket, and is seen to next. */
void foster_heard(struct instance *in);

#endif
