/* The fake kernel: processes, signals and trees, as struct sys. */
#include "kernel.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { ORPHANS_TAKE_MS = 2 };

static struct row *row_of(struct world *w, int service)
{
	return &w->rows[service];
}

const char *kernel_signal_name(int signal)
{
	const char *name = sigabbrev_np(signal);
	return name ? name : "?";
}

const char *kernel_scope_name(enum signal_scope scope)
{
	if (scope == SIGNAL_LEADER)
		return "its leader";
	if (scope == SIGNAL_GROUP)
		return "its group";
	if (scope == SIGNAL_HOOK)
		return "its stop command";
	return scope == SIGNAL_TREE ? "its tree" : "what is not in its group";
}

void row_due(struct row *row, enum due due, int64_t at_ms)
{
	row->due[due] = at_ms;
	row->past.touched = true;
	row->next_ms = row->due[0];
	for (int i = 1; i < DUES; i++)
		if (row->due[i] < row->next_ms)
			row->next_ms = row->due[i];
}

static void row_due_by(struct row *row, enum due due, int64_t at_ms)
{
	if (at_ms < row->due[due])
		row_due(row, due, at_ms);
}

int64_t kernel_after(const struct world *w, int64_t delay_ms)
{
	return delay_ms == NEVER ? NO_DEADLINE : w->now_ms + delay_ms;
}

static int64_t sys_now(void *self)
{
	return ((struct world *)self)->now_ms;
}

static uint32_t sys_random(void *self)
{
	return world_random(self);
}

static void sys_tell(void *self, int service, enum event_kind kind, const char *text)
{
	struct world *w = self;
	row_of(w, service)->told[kind]++;
	say(w, service, "told: %s: %s", event_kind_word(kind), text);
}

/* ---- processes ---- */

static void begin_process(struct world *w, struct process *p)
{
	int pid = 0;
	while (w->pids[pid])
		pid++;
	w->pids[pid] = 1;
	w->open_fds++;
	*p = (struct process){.life = LIFE_RUNS, .pid = FIRST_PID + pid, .fd = ++w->last_fd};
}

void kernel_end(struct world *w, struct row *row, int64_t at_ms, int code, int signal)
{
	if (!is_alive(&row->leader) || at_ms >= row->due[DUE_EXIT])
		return;
	row->leader.ending = (struct exit_status){
		.pid = row->leader.pid, .code = signal ? -1 : code, .signal = signal};
	row_due(row, DUE_EXIT, at_ms);
	(void)w;
}

static void end_at_exec(struct world *w, struct row *row)
{
	int error = (int)row->script->exec_error;
	row->leader.ending = (struct exit_status){.pid = row->leader.pid, .stage = "exec",
		.code = error < 0 ? -1 : 127, .signal = error < 0 ? SIGKILL : 0,
		.number = error < 0 ? 0 : error};
	row_due(row, DUE_EXIT, w->now_ms + row->script->exec_after_ms);
}

static const struct script *script_for(struct world *w, struct row *row, int service)
{
	static const struct script task = {.ready_after_ms = 10, .exit_after_ms = 20,
		.term_delay_ms = 3, .kill_delay_ms = 1, .orphans_last_ms = NEVER, .sick_from_ms = NEVER};
	static const struct script server = {.ready_after_ms = 10, .exit_after_ms = NEVER,
		.signs = 1, .term_delay_ms = 3, .kill_delay_ms = 1, .orphans_last_ms = NEVER,
		.sick_from_ms = NEVER};
	if (w->healed)
		return w->stack->services[service].policy.type == TYPE_TASK ? &task : &server;
	if (w->choose)
		return w->choose(w->chooser, row->who, row->spawns);
	return &w->scripts[service];
}

static int refuse(struct world *w, int service, const char *what, int64_t number, struct error *e)
{
	say(w, service, "%s fails: %s", what, number > 0 ? strerrorname_np((int)number) : "refused");
	fail(e, EXIT_FAILED, "%s: %s", what, number > 0 ? strerrorname_np((int)number) : "refused");
	e->number = number > 0 ? (int)number : 0;
	return -1;
}

static int sys_spawn(void *self, int service, uint64_t generation, struct child *child,
	struct error *e)
{
	struct world *w = self;
	struct row *row = row_of(w, service);
	rules_may_spawn(w, service, generation);
	row->script = script_for(w, row, service);
	if (row->spawns < WORLD_SPAWNS)
		row->spawn_times[row->spawns] = w->now_ms;
	row->spawns++;
	if (row->script->fork_error)
		return refuse(w, service, "fork", row->script->fork_error, e);
	begin_process(w, &row->leader);
	row->session = row->leader.pid;
	row->generation = generation;
	row->started_ms = w->now_ms;
	row->signalled = false;
	row->asks = 0;
	*child = (struct child){.pid = row->leader.pid, .pidfd = row->leader.fd};
	say(w, service, "process %d is there", (int)row->leader.pid);
	if (row->script->exec_error)
		end_at_exec(w, row);
	else if (row->script->exit_after_ms != NEVER)
		kernel_end(w, row, w->now_ms + row->script->exit_after_ms, (int)row->script->exit_code,
			(int)row->script->exit_signal);
	if (row->script->unasked)
		kernel_will_sign(w, row);
	return 0;
}

static int sys_spawn_stop_command(void *self, int service, struct child *child, struct error *e)
{
	struct world *w = self;
	struct row *row = row_of(w, service);
	rules_may_run_hook(w, service);
	if (row->script->hook_error)
		return refuse(w, service, "stop command", row->script->hook_error, e);
	begin_process(w, &row->hook);
	*child = (struct child){.pid = row->hook.pid, .pidfd = row->hook.fd};
	say(w, service, "its stop command is process %d", (int)row->hook.pid);
	row->hook.ending = (struct exit_status){.pid = row->hook.pid};
	row_due(row, DUE_HOOK_EXIT, kernel_after(w, row->script->hook_delay_ms));
	return 0;
}

/* ---- signals ---- */

static void signal_leader(struct world *w, struct row *row, int signal)
{
	if (!is_alive(&row->leader) || signal == SIGCONT || row->script->withstands)
		return;
	row->signalled = true;
	if (signal == SIGKILL)
		kernel_end(w, row, w->now_ms + row->script->kill_delay_ms, 0, SIGKILL);
	else if (row->script->term_delay_ms != NEVER)
		kernel_end(w, row, w->now_ms + row->script->term_delay_ms,
			(int)row->script->term_code, row->script->term_code < 0 ? signal : 0);
}

static void signal_orphans(struct world *w, struct row *row, int signal)
{
	if (row->orphans + row->polite_orphans == 0 || row->script->withstands)
		return;
	if (signal != SIGKILL && signal != SIGTERM)
		return;
	if (signal == SIGKILL || row->orphans_signal != SIGKILL)
		row->orphans_signal = signal;
	int64_t takes = signal == SIGKILL ? row->script->kill_delay_ms : ORPHANS_TAKE_MS;
	row_due_by(row, DUE_ORPHANS, w->now_ms + takes);
}

static void signal_hook(struct world *w, struct row *row, int signal)
{
	if (!is_alive(&row->hook))
		return;
	row->hook.ending.signal = signal;
	row_due_by(row, DUE_HOOK_EXIT, w->now_ms + 1);
}

static int sys_signal(void *self, int service, const struct child *child, enum signal_scope scope,
	int signal)
{
	struct world *w = self;
	struct row *row = row_of(w, service);
	rules_may_signal(w, service, child, scope, signal);
	say(w, service, "SIG%s to %s", kernel_signal_name(signal), kernel_scope_name(scope));
	if (scope == SIGNAL_HOOK)
		signal_hook(w, row, signal);
	if (scope > SIGNAL_HOOK)
		signal_orphans(w, row, signal);
	if (scope == SIGNAL_TREE || scope == SIGNAL_LEADER || scope == SIGNAL_GROUP)
		signal_leader(w, row, signal);
	return row->script && row->script->other_user && !w->healed ? -1 : 0;
}

/* ---- trees ---- */

static bool sys_withstands(void *self, int service, char *why, size_t size)
{
	struct world *w = self;
	const struct row *row = row_of(w, service);
	snprintf(why, size, "it waits in the kernel");
	return row_processes(row) && row->script->withstands;
}

static void sys_census(void *self, struct tree_mark *marks, size_t count)
{
	struct world *w = self;
	rules_may_look(w, count);
	for (size_t i = 0; i < count; i++) {
		const struct row *row = row_of(w, marks[i].service);
		if (marks[i].session != row->session)
			broken(w, marks[i].service, "is looked for as the session of %d, it was %d",
				(int)marks[i].session, (int)row->session);
		marks[i].left = (size_t)(row->orphans + row->polite_orphans);
	}
}

static void sys_forget(void *self, int service, struct child *child)
{
	struct world *w = self;
	rules_forgets(w, service, child);
	w->open_fds--;
	*child = (struct child){.pidfd = -1};
}

static void sys_tree_gone(void *self, int service)
{
	rules_tree_is_gone(self, service);
}

struct sys kernel_sys(struct world *w)
{
	return (struct sys){.self = w,
		.now_ms = sys_now,
		.spawn = sys_spawn,
		.spawn_stop_command = sys_spawn_stop_command,
		.signal = sys_signal,
		.withstands = sys_withstands,
		.census = sys_census,
		.forget = sys_forget,
		.tree_gone = sys_tree_gone,
		.probe = kernel_probe,
		.probe_cancel = kernel_probe_cancel,
		.listen_ready = kernel_listen_ready,
		.tell = sys_tell,
		.random = sys_random};
}
