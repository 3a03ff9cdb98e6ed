#include "ports/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/own.h"

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
	return pid != getpid() && owner_variable(pid, "STACKUP_ID", &id);
}

static void find(const struct wanted *w, struct owner_list *out)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	while (proc && (entry = readdir(proc))) {
		int64_t pid;
		struct owner owner;
		if (!number_parse(entry->d_name, 1, INT_MAX, &pid) || !has_marker((pid_t)pid) ||
			!owner_describe((pid_t)pid, &owner))
			continue;
		if (!is_leftover(w, &owner) || !list_push(out, owner))
			owner_release(&owner);
	}
	if (proc)
		closedir(proc);
}

void leftovers_find(const char *state, const char *project, int instance, const char *run_id,
	struct owner_list *out)
{
	struct wanted w = {state, project, instance, run_id};
	find(&w, out);
}

/*
 * A pidfd for exactly the process that was looked at, or -1. It is opened first and everything is
 * checked again after that: whatever has the pid then is what the pidfd means.
 */
static int open_same(const struct wanted *w, const struct owner *owner)
{
	OWNED_FD fd = pidfd_open(owner->pid, 0);
	struct owner now;
	if (fd < 0 || !owner_describe(owner->pid, &now))
		return -1;
	bool same = now.start_ticks == owner->start_ticks && is_leftover(w, &now);
	owner_release(&now);
	return same ? take_fd(&fd) : -1;
}

static void signal_one(const struct wanted *w, const struct owner *owner, int signal)
{
	OWNED_FD fd = open_same(w, owner);
	if (fd < 0)
		return;
	(void)pidfd_send_signal(fd, signal, NULL, 0);
	/* A stopped process gets TERM only after it goes on. */
	if (signal == SIGTERM)
		(void)pidfd_send_signal(fd, SIGCONT, NULL, 0);
}

/* A zombie has no environment any more, so it is no leftover: its parent has to reap it. */
static void wait_for_end(const struct wanted *w, const struct owner *owner, int64_t deadline)
{
	OWNED_FD fd = open_same(w, owner);
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int64_t left = deadline - clock_now_ms();
	if (fd >= 0 && left > 0)
		(void)poll(&poll_fd, 1, (int)left);
}

/* Signals all, waits for all; descendants that appeared meanwhile are found by the next round. */
static void round_of(const struct wanted *w, int signal, int wait_ms, struct owner_list *seen)
{
	struct owner_list now = {0};
	find(w, &now);
	for (size_t i = 0; i < now.count; i++)
		signal_one(w, &now.items[i], signal);
	int64_t deadline = clock_now_ms() + wait_ms;
	for (size_t i = 0; i < now.count; i++)
		wait_for_end(w, &now.items[i], deadline);
	if (seen && !seen->count) {
		*seen = now;
		return;
	}
	owners_release(&now);
}

int leftovers_remove(const char *state, const char *project, int instance, const char *run_id,
	int grace_ms, struct owner_list *removed, struct error *e)
{
	struct wanted w = {state, project, instance, run_id};
	struct owner_list left = {0};
	round_of(&w, SIGTERM, grace_ms, removed);
	if (!removed->count)
		return 0;
	int64_t deadline = clock_now_ms() + KILL_WAIT_MS;
	do {
		owners_release(&left);
		round_of(&w, SIGKILL, KILL_WAIT_MS, NULL);
		find(&w, &left);
	} while (left.count && clock_now_ms() < deadline);
	if (!left.count)
		return 0;
	OWNED_TEXT line = {0};
	owner_add_line(&line, &left.items[0]);
	owners_release(&left);
	return fail(e, EXIT_FAILED, "a process of the last run cannot be ended: %s",
		text_string(&line));
}
