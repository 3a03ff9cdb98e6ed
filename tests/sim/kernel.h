/*
 * kernel.h - what the fake world is made of. Private to the world and its rules.
 *
 * A row is one service: its leader, its stop command, what outlives its leaders, the probe in
 * flight, and a small table of when the next thing of each sort is due. Pids are given out lowest
 * first, so that one that was reaped is somebody else's a moment later.
 */
#ifndef SIM_KERNEL_H
#define SIM_KERNEL_H

#include "rules.h"
#include "world.h"

enum { WORLD_PIDS = 256, FIRST_PID = 100 };

/* What is due for a row; the order in which things of one moment happen. */
enum due {
	DUE_EXIT,
	DUE_HOOK_EXIT,
	DUE_ORPHANS,
	DUE_REAP,
	DUE_HOOK_REAP,
	DUE_SIGN,
	DUE_LATE,
	DUE_PROBE,
	DUES,
};

enum life { LIFE_NONE, LIFE_RUNS, LIFE_ZOMBIE };

struct process {
	enum life life;
	pid_t pid;
	int fd; /* pidfd */
	struct exit_status ending; /* when its exit is due */
};

struct asked { /* a probe */
	uint64_t generation;
	enum probe_purpose purpose;
};

struct row {
	int64_t next_ms; /* the least of due */
	int64_t due[DUES]; /* NO_DEADLINE: never */
	const struct script *script; /* of the present process */
	struct script own; /* ... when it was changed */
	int who;
	struct process leader;
	struct process hook;
	bool signalled;
	uint64_t generation;
	int64_t started_ms;
	pid_t session;
	int orphans;
	int polite_orphans;
	int orphans_signal; /* what ends them when DUE_ORPHANS comes; 0: themselves */
	int signs_left;
	uint64_t sign_generation;
	struct asked probe;
	struct asked late;
	int asks; /* probes of this process */
	int swaps; /* of this row, as the next three */
	int spawns;
	int64_t spawn_times[WORLD_SPAWNS];
	int told[EVENT_WARNING + 1];
	struct past past;
};

struct world {
	struct sys sys;
	struct stack *stack; /* borrows; after a reload the next */
	struct stack *owned; /* owns: that of the last reload, or NULL */
	struct keeper *keeper; /* owns */
	uint64_t seed;
	uint64_t random;
	int64_t now_ms;
	int64_t next_ms; /* when the keeper wants its next turn */
	int64_t wake_ms; /* for whoever asked for it; NO_DEADLINE */
	void (*each_turn)(void *owner);
	void *turn_owner;
	int turns_now; /* turns at this very moment */
	bool healed;
	uint8_t pids[WORLD_PIDS];
	int open_fds;
	int last_fd;
	world_chooser choose;
	void *chooser;
	sigjmp_buf *caught;
	const char *rule; /* that was broken */
	char complaint[COMPLAINT_SIZE];
	FILE *story;
	struct judge judge;
	struct script scripts[WORLD_SERVICES];
	int count;
	struct row rows[]; /* count */
};

struct sys kernel_sys(struct world *w);
/* Lets everything happen that is due. */
void kernel_happen(struct world *w);
void world_turn(struct world *w);
void kernel_row_init(struct row *row, int who);
/* Tells the keeper who was reaped. */
void kernel_report(struct world *w, const struct keeper_exit *exits, size_t *count);
void row_due(struct row *row, enum due due, int64_t at_ms);
/* The leader will have ended so at at_ms, unless it has by then. */
void kernel_end(struct world *w, struct row *row, int64_t at_ms, int code, int signal);

const char *kernel_signal_name(int signal);
const char *kernel_scope_name(enum signal_scope scope);
int64_t kernel_after(const struct world *w, int64_t delay_ms);

/* Of struct sys, in probing.c. */
void kernel_probe(void *self, int service, uint64_t generation, enum probe_purpose purpose,
	int64_t timeout_ms);
void kernel_probe_cancel(void *self, int service);
void kernel_listen_ready(void *self, int service, uint64_t generation);
/* The probe's answer, or a late one's, is there. */
void kernel_answer(struct world *w, int service, enum due due);
/* The service will say that it is ready; it says so. */
void kernel_will_sign(struct world *w, struct row *row);
void kernel_sign(struct world *w, int service);

static inline bool is_alive(const struct process *p)
{
	return p->life == LIFE_RUNS;
}

static inline int row_processes(const struct row *row)
{
	return (row->leader.life != LIFE_NONE) + row->orphans + row->polite_orphans;
}

/* A rule is broken: does not come back. */
_Noreturn void broken(struct world *w, int service, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* One line of the story, where one is told. */
void say(struct world *w, int service, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
