/*
 * claim.h - how a launch gets its instance and its ports (the launch protocol).
 *
 *	1. claim_instance()	one short transaction under the instance's lock byte: project, block,
 *				number, leases of the whole range. claim->outcome tells whether it
 *				is ours or a supervisor has it already.
 *	2. claim_ports()	outside any transaction: an exclusive hold on every port of the range
 *				and every fixed port; what is taken is classified by looking, and the
 *				service moves where it may, or all conflicts are reported at once.
 *	3. (the caller)		computes environments, writes ports.env, spawns; hold_relax() before a
 *				service starts, hold_rearm() when its tree is gone.
 *	4. claim_stop()		at `down`: rows and leases released, holds and lock closed.
 *
 * 1 may happen before a fork: the result is plain data and one descriptor, and no connection stays
 * open. The parent then closes its copy of claim.lock_fd; the byte stays with the child. 2 records the
 * process that calls it as the owner.
 *
 * A port that was moved stays where it is until `down`, and is recorded in the registry.
 */
#ifndef CLAIM_CLAIM_H
#define CLAIM_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "listeners/owner.h"
#include "model/port.h"
#include "ports/hold.h"
#include "ports/resolve.h"
#include "registry/leases.h"
#include "registry/projects.h"
#include "registry/reservations.h"

enum claim_want {
	WANT_DEFAULT, /* the one this worktree claimed first; else 1, or in a linked worktree the lowest
			 free one from 3 up. Number 2 is for tests: never without asking for it */
	WANT_NUMBER,
	WANT_AUTO, /* as default, but goes on to a free one when that runs already */
	WANT_NEW, /* one that nobody has claimed */
};

struct claim_request {
	const char *state; /* directory of the registry, the locks and the instances' state */
	const char *main_dir; /* main worktree, absolute: with stack_name the project's identity */
	const char *stack_name;
	const char *owner; /* "" where the file says none */
	const char *worktree; /* absolute; main_dir itself, or a linked worktree */
	const char *git_dir; /* of a linked worktree, by which it is known when it was moved; NULL */
	const char *branch;
	const char *commit; /* that is checked out; NULL where unknown */
	const char *environment; /* NULL: as the instance had it, else "development" */
	const char *purpose; /* NULL: as it was, else the number's default */
	const char *run_id; /* STACKUP_ID */
	int block; /* explicit id, or -1 */
	uint16_t ports_base; /* where the user wants block 0 to begin; 0: nothing is said */
	int spans; /* at least 1 */
	enum claim_want want;
	int number; /* WANT_NUMBER */
	bool is_launch; /* when the block of the stack file is refused, the history gets that */
};

enum claim_outcome {
	CLAIM_OURS,
	CLAIM_RUNNING, /* this worktree's instance runs already: converge to it */
};

/* What a port row got: by it the next claim_ports() of a changed stack finds it again. */
struct port_place {
	char *service; /* owns */
	char *name; /* owns */
	bool udp;
	uint16_t wanted;
	uint16_t number;
};

struct claim {
	enum claim_outcome outcome;
	struct arena *arena; /* owns the strings below */
	int64_t project_id; /* 0: claim_find() of a project that is not registered */
	const char *project;
	uint16_t ports_base; /* where block 0 begins */
	int block;
	int instance;
	int spans;
	uint16_t base_port;
	const char *state_dir; /* STATE/PROJECT/N */
	const char *purpose;
	const char *environment;
	const char *run_id;
	pid_t pid; /* CLAIM_RUNNING: its supervisor, 0 when it cannot be known here */
	int64_t generation;
	int64_t claim_us; /* what claim_instance() took */
	bool unclean; /* the last run ended without being stopped: leftovers are possible */
	bool crash_known; /* and the registry says so already */
	int lock_fd; /* owns; -1 */
	struct text notices; /* owns; one sentence a line, for stderr */
	struct slot_row *slots; /* auto slots given out before */
	size_t slot_count;
	struct hold_mode_row *hold_modes; /* how ports of a service were held with success */
	size_t hold_mode_count;
	struct lease *moved; /* substitutions of a run that ended without `down`: they stay */
	size_t moved_count;
	/* Of the whole machine: */
	struct reservation *reservations;
	size_t reservation_count;
	struct pool_row *pool; /* what pool ports services had last, the oldest use first */
	size_t pool_count;
	struct block_row *blocks;
	size_t block_count;

	/*
	 * Borrows from the caller, who sets them before claim_preview(), claim_ports() and
	 * ports_check(): ports that no row gets unless it names the number itself. The first
	 * protect_count of them are those whose listeners are never touched.
	 */
	const uint16_t *avoided;
	size_t avoided_count;
	size_t protect_count;
	uint16_t emergency_low; /* ports where nothing else fits; likewise set by the caller */
	uint16_t emergency_high;

	/* after claim_ports() */
	struct hold *holds; /* owns; as many as ports, the same indexes; closed where a port was lost */
	size_t hold_count;
	struct hold *spares; /* owns; the range's other ports */
	size_t spare_count;
	struct port_place *places; /* owns; what each row got, as many as holds */
	struct owner_list removed; /* owns; own leftovers that were ended */
	struct text conflicts; /* owns; after EXIT_CONFLICT all of them, one sentence a line */
	struct claim_question *questions; /* after EXIT_CONFLICT, when there was nothing but questions */
	size_t question_count;
};

/*
 * Is the port none that may be given to this row (NULL: to any) unless it names it? [ports] reserve and
 * protect, reservations for somebody else, and for http what browsers refuse.
 */
bool claim_avoids(const struct claim *claim, const struct port *row, uint16_t port);
/*
 * 0, or EXIT_CONFLICT with the reason why a person cannot give the row this port: one that
 * claim_avoids(), of the system, of databases and caches, unless the stack file gives it.
 */
int claim_refuse(const struct claim *claim, const struct port *row, uint16_t port, struct error *e);
/* The same for a reservation that was just read, whoever it is for. */
int claim_refuse_reserved(const struct claim *claim, const struct port *row,
	const struct reservation *reservation, struct error *e);
/* The reservation that keeps the port from this row (NULL: from any), even when it names it; NULL. */
const struct reservation *claim_reserved(const struct claim *claim, const struct port *row,
	uint16_t port);
/* The port that is reserved for this row, or 0. */
uint16_t claim_reserved_port(const struct claim *claim, const struct port *row);
/* What the row got in the run that goes on; NULL before. */
const struct port_place *claim_place(const struct claim *claim, const struct port *row);

/* A claim is released in any state, also after an error. */
void claim_init(struct claim *claim);
void claim_release(struct claim *claim);

/*
 * EXIT_FAILED when the number runs from another worktree or none is free, EXIT_CONFLICT when the
 * explicit block belongs to another project, EXIT_REGISTRY.
 */
int claim_instance(const struct claim_request *request, struct claim *claim, struct error *e);

/*
 * The same answer without writing or locking anything: what `status`, `logs`, `down`, `check` of this
 * directory mean. outcome is CLAIM_RUNNING when its supervisor lives; project_id is 0 and block is what it
 * would get when the project is unknown so far.
 */
int claim_find(const struct claim_request *request, struct claim *claim, struct error *e);
/* Reservations, pool ports and blocks of the machine as they are now; the others do it by themselves. */
int claim_load_machine(struct registry *r, struct claim *claim, struct error *e);

/*
 * The claim of another process of the same run, which has ended, goes on in this one. After claim_init()
 * the caller has filled in what claim_instance() gives: arena, the strings in it, project_id to generation,
 * lock_fd. Reads what the registry knows besides; -1: it cannot be read, and the claim goes on without.
 */
int claim_restore(const char *state, struct claim *claim, struct error *e);
/*
 * Then its holds: who of them is which port's shows in themselves. One that fits to no port of the rows and
 * not into the range is let go. Takes them; the caller fills claim->places. -1: out of memory.
 */
int claim_restore_holds(struct claim *claim, const struct port *ports, size_t count,
	struct hold *holds, size_t hold_count, struct error *e);

/* A port for which somebody has to decide: `on_conflict = ask`. */
struct claim_question {
	const char *service;
	const char *name; /* of the port */
	uint16_t port;
	int line; /* in the stack file */
	const char *text; /* a sentence about the port and who has it */
	bool can_stop;
	bool can_move;
	uint16_t move_to; /* where it would fit; 0: nowhere */
	pid_t pid; /* of who has it; 0 where unknown. For the choice */
	uint64_t start_ticks;
};

struct claim_options {
	enum port_strategy strategy;
	bool strict; /* --strict-ports: nothing moves */
	bool may_ask; /* fail with claim->questions where `on_conflict = ask` says so */
	enum port_action wish; /* as in resolve.h */
	const struct resolve_choice *choices; /* answers to the questions of an earlier call */
	size_t choice_count;
	int wait_ms; /* how long to wait for TIME_WAIT to pass and for processes to end; 0: by strategy */
	void (*on_progress)(void *self, const char *line); /* before something that takes time; NULL */
	bool (*is_given_up)(void *self); /* asked while it waits: is nobody interested any more? NULL */
	void *self;
	const char *environment; /* to be recorded now that the stack file is read; NULL */
	const char *purpose; /* likewise */
	const char *config_file; /* for services.config_files; NULL */
	pid_t guardian_pid; /* to be recorded; 0 */
	bool is_launch; /* that counts in the report */
};

/*
 * The numbers the rows would get when nothing is in the way: slots of the instance, kept or lowest
 * free auto slots, fixed numbers. Looks at nothing; for a first resolve of the stack file. EXIT_BAD_FILE
 * when two rows want the same port or a slot is outside of the range.
 */
int claim_preview(const struct claim *claim, struct port *ports, size_t count, struct error *e);

/*
 * Fills number, slot and moved_from of every row. Fails with EXIT_CONFLICT and a text that names every
 * conflict and its holder, one a line; all holds are then as they were before.
 *
 * May be called again for a changed stack file while the instance runs: a row of the same service and
 * name keeps its number (and its hold, in whatever state) where it wants the same as before, new rows
 * take spare ports, and ports nobody wants any more become spare or are let go.
 */
int claim_ports(const char *state, struct claim *claim, struct port *ports, size_t count,
	const struct claim_options *options, struct error *e);

/* The row's own mode; for `auto` what worked before, HOLD_RELAXED when nothing is known. */
enum hold_mode claim_hold_mode(const struct claim *claim, const struct port *port);

/*
 * `down`: status stopped (or crashed), leases dropped, holds and lock closed. The number stays with the
 * worktree. Holds and lock are closed also when the registry cannot be written.
 */
int claim_stop(const char *state, struct claim *claim, bool crashed, struct error *e);
/* Likewise, but what was moved stays moved for the next launch: the ports were only put in order. */
int claim_leave(const char *state, struct claim *claim, struct error *e);

/*
 * A run that ended without being stopped. claim comes from claim_find() and is not running. Ends
 * leftover processes (claim->removed) and records the crash, once. The instance stays `crashed`, and
 * its moved ports moved, until it is started again; or it is put away: `stopped`, without leases.
 * 1: there was something to do, 0: nothing, -1. claim_instance() and claim_ports() do it by
 * themselves; this is for `status` (away: no) and `down` (away: yes).
 */
int claim_clean(const char *state, struct claim *claim, bool away, struct error *e);

#endif
