/*
 * resolve.h - the plan for ports that are taken: who is stopped, what is waited for, which service
 * gets which port instead, what fails. Pure: who looks (`ports check`), who asks (`ports resolve`) and
 * who acts (a launch) all follow the same plan.
 *
 *	1. A struct conflict per port that cannot be had, as classified.
 *	2. resolve_decide() says what is to be done about each.
 *	3. When the launch fails anyway (resolve_is_fatal()), for one of them or for want of a place,
 *	   resolve_leave() says of all: for that nobody is stopped or waited for.
 *	4. The caller stops and waits, sets `stopped` or `waited` on what is still taken, and decides
 *	   again: what could not be freed moves or fails.
 *	5. resolve_place() finds the new port of everything that moves: first where the service
 *	   belongs, then among the emergency ports. Where nothing fits the action becomes RESOLVE_FAIL.
 *
 * What outweighs what, strongest first: `immutable` never moves; what a person chose; the service's
 * `on_conflict`; --strict-ports; the table of strategies (strategy.h). Whoever must not be stopped is
 * not stopped by any of them.
 */
#ifndef PORTS_RESOLVE_H
#define PORTS_RESOLVE_H

#include <sys/types.h>

#include "ports/strategy.h"

/* What a person said about one port of a service. */
struct resolve_choice {
	const char *service;
	const char *name; /* of the port */
	enum port_action action; /* RESOLVE_STOP, RESOLVE_MOVE or RESOLVE_FAIL */
	uint16_t move_to; /* RESOLVE_MOVE: this one and no other; 0: where it fits */
	pid_t pid; /* RESOLVE_STOP: who was shown; 0: whoever has it */
	uint64_t start_ticks;
};

struct resolve_rules {
	enum port_strategy strategy;
	bool strict; /* --strict-ports: nothing moves */
	bool may_ask; /* `on_conflict = ask` can be answered */
	enum port_action wish; /* for all: RESOLVE_STOP, RESOLVE_MOVE, RESOLVE_ASK; else RESOLVE_IGNORE */
	int patience_ms; /* for TIME_WAIT; 0: as the strategy has it */
	uint16_t base_port; /* of the instance */
	int slots;
	uint16_t emergency_low; /* 0: there are none */
	uint16_t emergency_high;
	const struct resolve_choice *choices;
	size_t choice_count;
};

struct conflict {
	const struct port *row; /* NULL: a port of the range that no service uses */
	uint16_t port;
	bool udp;
	enum port_class class;
	uint32_t wait_ms; /* CLASS_TIME_WAIT */
	const char *untouchable; /* why who has it must not be stopped; NULL: nothing against it */
	bool stopped; /* who had it, and it is taken nevertheless */
	bool waited; /* likewise */

	enum port_action action;
	const char *reason; /* static, or `untouchable` */
	uint16_t move_to; /* RESOLVE_MOVE and placed */
	bool emergency; /* move_to is an emergency port */
	bool is_left; /* it would be stopped or waited for, were it not for another one that fails */
	bool not_stopped; /* somebody wanted who has it to be stopped; for `reason` it moves instead */
};

/* Fills action and reason. */
void resolve_decide(const struct resolve_rules *rules, struct conflict *conflict);

/* Does the launch fail for it? */
bool resolve_is_fatal(const struct conflict *conflict);
/* Is a stranger to be stopped, or something to be waited for? */
bool resolve_is_costly(const struct conflict *conflict);
/* What is costly fails, too, and is_left. */
void resolve_leave(struct conflict *conflict);

/* Takes a port for the service; false where it is not to be had or somebody's already. */
typedef bool resolve_take(void *self, const struct conflict *conflict, uint16_t port);
/*
 * Whatever its action, when the service can have another port: for RESOLVE_MOVE the port it gets, for
 * others the one it could have. RESOLVE_MOVE without one becomes RESOLVE_FAIL.
 */
void resolve_place(const struct resolve_rules *rules, struct conflict *conflict, resolve_take *take,
	void *self);

/* Would stopping who has it be an answer? */
bool resolve_can_stop(const struct conflict *conflict);
/* Can the service have another port, when a person says so? */
bool resolve_can_move(const struct conflict *conflict);
const struct resolve_choice *resolve_choice_of(const struct resolve_rules *rules,
	const struct port *row);

#endif
