#include "orphans/leftovers.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "orphans/ending.h"
#include "orphans/kin.h"
#include "registry/history.h"
#include "registry/lock.h"

enum { KILL_WAIT_MS = 2000, KILL_ROUNDS = 3 };

struct wanted {
	const char *state;
	const char *project;
	int instance;
	const char *run_id;
};

static bool is_leftover(const struct wanted *w, const struct owner *owner)
{
	return owner->run_id && owner->project && owner->instance &&
		!strcmp(owner->project, w->project) &&
		(!w->instance || owner->instance == w->instance) &&
		!(w->run_id && !strcmp(owner->run_id, w->run_id)) &&
		owner_is_ours(owner, w->state);
}

/* The cheap question first: most processes of a machine are none of stackup's. */
static bool has_marker(pid_t pid)
{
	OWNED_TEXT id = {0};
	return owner_variable(pid, "STACKUP_ID", &id);
}

static bool holds_a_byte(pid_t pid)
{
	struct process process;
	return process_read(pid, &process) && instance_lock_is_held_by(pid);
}

/* A guardian has one thread, and one child to begin with: the supervisor. */
bool leftovers_spare(pid_t pid)
{
	char path[64];
	OWNED_TEXT children = {0};
	if (holds_a_byte(pid))
		return true;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
	(void)file_read_proc(path, &children);
	const char *at = text_string(&children);
	for (char *end; *at; at = end) {
		pid_t child = (pid_t)strtol(at, &end, 10);
		if (end == at)
			break;
		if (holds_a_byte(child))
			return true;
	}
	return false;
}

static bool is_listed(const struct owner_list *list, pid_t pid, uint64_t start_ticks)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].pid == pid && list->items[i].start_ticks == start_ticks)
			return true;
	return false;
}

struct finding {
	const struct wanted *wanted;
	struct owner_list *out;
};

/*
 * Takes the owner over. A shell of the run from which this command was started is no leftover of
 * it. Root may have started a service as another user: marks anybody can carry, a roster's proof
 * nobody.
 */
static void take(const struct finding *f, struct owner *owner, bool is_proven)
{
	bool may_be = owner->uid == geteuid() || (is_proven && !geteuid());
	if (!may_be || !is_leftover(f->wanted, owner) || process_is_ancestor(owner->pid) ||
		leftovers_spare(owner->pid) ||
		is_listed(f->out, owner->pid, owner->start_ticks) || !list_push(f->out, *owner))
		owner_release(owner);
}

static void on_process(void *self, pid_t pid)
{
	struct owner owner;
	if (pid != getpid() && has_marker(pid) && owner_describe(pid, &owner))
		take(self, &owner, false);
}

static void rosters_of(const struct wanted *w, bool of_any_boot, struct rosters *out)
{
	const struct roster_query query = {.project = w->project, .instance = w->instance,
		.but_run = w->run_id, .of_any_boot = of_any_boot};
	rosters_read(w->state, &query, out);
}

/* Also those who say nothing of themselves, or no more. */
static void find_proven(const struct finding *f)
{
	const struct wanted *w = f->wanted;
	struct rosters rosters = {0};
	struct kin_list kin = {0};
	rosters_of(w, false, &rosters);
	kin_look(&rosters, &kin);
	for (size_t i = 0; i < kin.count; i++) {
		const struct kin_process *p = &kin.items[i];
		struct owner owner;
		if (!p->kin || p->process.pid == getpid() ||
			!owner_describe(p->process.pid, &owner))
			continue;
		/* Who has got the number meanwhile gets no mark. */
		if (owner.start_ticks == p->process.start_ticks)
			roster_mark(p->roster, p->row, w->state, &owner);
		take(f, &owner, true);
	}
	list_release(&kin);
	rosters_release(&rosters);
}

static void find(const struct wanted *w, struct owner_list *out)
{
	struct finding f = {w, out};
	process_each(on_process, &f);
	find_proven(&f);
}

void leftovers_find(const char *state, const char *project, int instance, const char *run_id,
	struct owner_list *out)
{
	struct wanted w = {state, project, instance, run_id};
	find(&w, out);
}

/*
 * Signals all that were ever found, and waits for them. Who ends can take with it the proof of
 * whose the others are, so they are remembered; what they start meanwhile is found by the next
 * round.
 */
static void round_of(const struct wanted *w, int signal, int wait_ms, struct owner_list *all)
{
	find(w, all);
	for (size_t i = 0; i < all->count; i++)
		ending_signal(&all->items[i], signal);
	int64_t deadline = clock_now_ms() + wait_ms;
	for (size_t i = 0; i < all->count; i++)
		ending_wait(&all->items[i], deadline);
}

static const struct owner *survivor(const struct wanted *w, struct owner_list *all)
{
	find(w, all);
	for (size_t i = 0; i < all->count; i++) {
		if (!ending_is_over(&all->items[i]))
			return &all->items[i];
	}
	return NULL;
}

/* What proves nothing any more must not prove anything when its numbers are somebody else's. */
static void forget(const struct wanted *w)
{
	struct rosters rosters = {0};
	rosters_of(w, true, &rosters);
	rosters_forget(&rosters);
	rosters_release(&rosters);
}

int leftovers_remove(const char *state, const char *project, int instance, const char *run_id,
	int grace_ms, struct owner_list *removed, struct error *e)
{
	struct wanted w = {state, project, instance, run_id};
	const struct owner *left = NULL;
	round_of(&w, SIGTERM, grace_ms, removed);
	/* Counted, not timed: on a busy machine one look can take longer than all the patience. */
	for (int i = 0; removed->count && (left = survivor(&w, removed)) && i < KILL_ROUNDS; i++)
		round_of(&w, SIGKILL, KILL_WAIT_MS, removed);
	if (!left) {
		forget(&w);
		return 0;
	}
	OWNED_TEXT line = {0};
	owner_add_line(&line, left);
	return fail(e, EXIT_FAILED, "a process of the last run cannot be ended: %s",
		text_string(&line));
}

int leftovers_audit(struct registry *r, int64_t project_id, int instance,
	const struct owner_list *removed, struct error *e)
{
	for (size_t i = 0; i < removed->count; i++) {
		OWNED_TEXT line = {0};
		owner_add_line(&line, &removed->items[i]);
		if (history_audit(r, project_id, instance, "ended", text_string(&line),
			    "leftover of a run that ended without being stopped", e))
			return -1;
	}
	return 0;
}
