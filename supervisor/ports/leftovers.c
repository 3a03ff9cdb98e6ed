#include "ports/leftovers.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "ports/kin.h"

enum { KILL_WAIT_MS = 2000 };

struct wanted {
	const char *state;
	const char *project;
	int instance;
	const char *run_id;
};

static bool is_leftover(const struct wanted *w, const struct owner *owner)
{
	return owner->uid == geteuid() && owner->run_id && owner->project && owner->instance &&
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

/* Takes the owner over. A shell of the run from which this command was started is no leftover of it. */
static void take(const struct finding *f, struct owner *owner)
{
	if (!is_leftover(f->wanted, owner) || process_is_ancestor(owner->pid) ||
		is_listed(f->out, owner->pid, owner->start_ticks) || !list_push(f->out, *owner))
		owner_release(owner);
}

static void on_process(void *self, pid_t pid)
{
	struct owner owner;
	if (pid != getpid() && has_marker(pid) && owner_describe(pid, &owner))
		take(self, &owner);
}

/* Those who say nothing of themselves, or no more. */
static void find_mute(const struct finding *f)
{
	const struct wanted *w = f->wanted;
	struct rosters rosters = {0};
	struct kin_list kin = {0};
	rosters_read(w->state, w->project, w->instance, w->run_id, &rosters);
	kin_look(&rosters, &kin);
	for (size_t i = 0; i < kin.count; i++) {
		const struct kin_process *p = &kin.items[i];
		struct owner owner;
		if (!p->kin || p->process.pid == getpid() || !owner_describe(p->process.pid, &owner))
			continue;
		/* Who has got the number meanwhile gets no mark. */
		if (owner.start_ticks == p->process.start_ticks)
			roster_mark(p->roster, p->row, w->state, &owner);
		take(f, &owner);
	}
	list_release(&kin);
	rosters_release(&rosters);
}

static void find(const struct wanted *w, struct owner_list *out)
{
	struct finding f = {w, out};
	process_each(on_process, &f);
	find_mute(&f);
}

void leftovers_find(const char *state, const char *project, int instance, const char *run_id,
	struct owner_list *out)
{
	struct wanted w = {state, project, instance, run_id};
	find(&w, out);
}

/*
 * A pidfd for exactly the process that was looked at, or -1. It is opened first and its start time is
 * read again after that: whatever has the pid then is what the pidfd means. A zombie is none: its
 * parent has to reap it.
 */
static int open_same(const struct owner *owner)
{
	OWNED_FD fd = pidfd_open(owner->pid, 0);
	struct process now;
	bool same = fd >= 0 && process_read(owner->pid, &now) && !now.is_dead &&
		now.start_ticks == owner->start_ticks;
	return same ? take_fd(&fd) : -1;
}

static void signal_one(const struct owner *owner, int signal)
{
	OWNED_FD fd = open_same(owner);
	if (fd < 0)
		return;
	(void)pidfd_send_signal(fd, signal, NULL, 0);
	/* A stopped process gets TERM only after it goes on. */
	if (signal == SIGTERM)
		(void)pidfd_send_signal(fd, SIGCONT, NULL, 0);
}

static void wait_for_end(const struct owner *owner, int64_t deadline)
{
	OWNED_FD fd = open_same(owner);
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int64_t left = deadline - clock_now_ms();
	if (fd >= 0 && left > 0)
		(void)poll(&poll_fd, 1, (int)left);
}

/*
 * Signals all that were ever found, and waits for them. Who ends can take with it the proof of whose
 * the others are, so they are remembered; what they start meanwhile is found by the next round.
 */
static void round_of(const struct wanted *w, int signal, int wait_ms, struct owner_list *all)
{
	find(w, all);
	for (size_t i = 0; i < all->count; i++)
		signal_one(&all->items[i], signal);
	int64_t deadline = clock_now_ms() + wait_ms;
	for (size_t i = 0; i < all->count; i++)
		wait_for_end(&all->items[i], deadline);
}

static const struct owner *survivor(const struct wanted *w, struct owner_list *all)
{
	find(w, all);
	for (size_t i = 0; i < all->count; i++) {
		OWNED_FD fd = open_same(&all->items[i]);
		if (fd >= 0)
			return &all->items[i];
	}
	return NULL;
}

/* What proves nothing any more must not prove anything when its numbers are somebody else's. */
static void forget(const struct wanted *w)
{
	struct rosters rosters = {0};
	rosters_read(w->state, w->project, w->instance, w->run_id, &rosters);
	rosters_forget(&rosters);
	rosters_release(&rosters);
}

int leftovers_remove(const char *state, const char *project, int instance, const char *run_id,
	int grace_ms, struct owner_list *removed, struct error *e)
{
	struct wanted w = {state, project, instance, run_id};
	const struct owner *left = NULL;
	round_of(&w, SIGTERM, grace_ms, removed);
	int64_t deadline = clock_now_ms() + KILL_WAIT_MS;
	while (removed->count && (left = survivor(&w, removed)) && clock_now_ms() < deadline)
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
