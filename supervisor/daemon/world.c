#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "daemon/instance.h"
#include "daemon/recorder.h"
#include "daemon/resume.h"
#include "daemon/second.h"
#include "daemon/takeover.h"
#include "model/names.h"
#include "spawn/explain.h"
#include "spawn/recipe.h"
#include "stackfile/describe.h"

/* Set in field 9 of /proc/PID/stat between fork and exec: PF_FORKNOEXEC of the kernel's sched.h. */
enum { FORKED_NOT_EXECED = 0x40 };

static int64_t world_now(void *self)
{
	return ((struct instance *)self)->now_ms;
}

static uint32_t world_random(void *self)
{
	struct instance *in = self;
	in->random = in->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(in->random >> 32);
}

/* Of a start: with where it is, NOTIFY_SOCKET, and HOME, USER, LOGNAME of its `user`. In scratch. */
static char *const *environment_for(struct instance *in, int service, struct arena *scratch)
{
	struct pair pairs[6];
	struct environment_extra extra = {.pairs = pairs};
	const struct service *s = service_at(in, service);
	const struct passwd *user = s->user ? getpwnam(s->user) : NULL;
	const char *run = arena_format(scratch, "%llu",
		(unsigned long long)keeper_run(in->keeper, service)->generation);
	pairs[extra.count++] = (struct pair){"STACKUP_RUN", run, "injected"};
	pairs[extra.count++] = (struct pair){"PWD", s->dir, "injected"};
	if (s->policy.readiness == READY_NOTIFY)
		pairs[extra.count++] = (struct pair){"NOTIFY_SOCKET", in->notify_path, "injected"};
	if (user) {
		pairs[extra.count++] = (struct pair){"HOME", user->pw_dir, "user"};
		pairs[extra.count++] = (struct pair){"USER", user->pw_name, "user"};
		pairs[extra.count++] = (struct pair){"LOGNAME", user->pw_name, "user"};
	}
	const int index = service == second_row(in) ? in->second.service : service;
	return environment_of(loaded_at(in, service)->environments, scratch, index, &extra).envp;
}

/* What one start needs until the child has been forked. */
struct start {
	struct arena *arena; /* owns */
	struct recipe_made made; /* owns */
	int listen_fds[SLOTS * 2];
	size_t listen_count;
	struct text listen_names; /* owns */
	bool built;
};

static void start_release(struct start *start)
{
	if (start->built)
		recipe_release(&start->made);
	text_release(&start->listen_names);
	arena_free(start->arena);
}

/*
 * Servers expect of a passed socket that accept(2) waits; whoever wants it otherwise says so. Later
 * processes share it with the one before, whose choice it then is.
 */
static void let_wait(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

/* Lets the child have its ports, each in its way. */
static int relax_ports(struct instance *in, const struct service *s, struct start *start,
	struct error *e)
{
	for (size_t i = 0; i < s->port_count; i++) {
		const struct port *port = port_at(in, s->index, i);
		struct hold *hold = instance_hold(in, port);
		enum hold_mode mode = port->hold == HOLD_AUTO ? in->io[s->index]->run.hold : port->hold;
		if (!hold)
			continue;
		if (lost_check(in, s, port, hold, e))
			return -1;
		bool first = hold->state != HOLD_IS_LISTENING;
		if (hold_relax(hold, mode, e))
			return fail_while(e, "port %u", port->number);
		if (first && mode == HOLD_LISTEN)
			let_wait(hold->fd);
		if (mode != HOLD_LISTEN || start->listen_count == (size_t)SLOTS * 2)
			continue;
		if (start->listen_count)
			text_add_char(&start->listen_names, ':');
		text_add(&start->listen_names, port->name);
		start->listen_fds[start->listen_count++] = hold->fd;
	}
	return 0;
}

static int build(struct instance *in, const struct service *s, const struct command *command,
	struct start *start, struct error *e)
{
	start->arena = arena_new();
	if (!start->arena)
		goto no_memory;
	if (setjmp(*arena_on_failure(start->arena)))
		goto no_memory;
	struct recipe_request request = {.label = s->name,
		.command = command,
		.env = environment_for(in, s->index, start->arena),
		.dir = s->dir,
		.user = s->user,
		.files_max = s->files_max,
		.listen_fds = start->listen_fds,
		.listen_count = start->listen_count,
		.listen_names = start->listen_count ? text_string(&start->listen_names) : NULL};
	if (recipe_build(&start->made, &request, e))
		return -1;
	start->built = true;
	return 0;
no_memory:
	fail(e, EXIT_FAILED, "out of memory");
	e->number = ENOMEM;
	return -1;
}

static int world_spawn(void *self, int service, uint64_t generation, struct child *child,
	struct error *e)
{
	struct instance *in = self;
	const struct service *s = service_at(in, service);
	struct start start = {0};
	OWNED_FD slave = -1;
	int rc = relax_ports(in, s, &start, e);
	resume_ports(in);
	if (!rc)
		rc = build(in, s, &s->command, &start, e);
	if (!rc)
		rc = io_begin(in->io[service], generation, s, &start.made.recipe, &slave, e);
	if (!rc)
		rc = spawner_start(&in->spawner, &start.made.recipe, child, e);
	if (!rc) {
		resume_started(in, service, child->pid);
		tree_started(&in->tree, service, child->pid, generation);
		tree_outputs(&in->tree, service, in->io[service]->log->intake.pipe_write);
		roster_add(&in->roster, s->name, child->pid, child->pidfd,
			in->io[service]->log->intake.pipe_write);
		in->io[service]->run.started_wall_ms = clock_wall_ms();
		in->io[service]->run.ready_wall_ms = 0;
	}
	start_release(&start);
	return rc;
}

static int world_spawn_stop_command(void *self, int service, struct child *child, struct error *e)
{
	struct instance *in = self;
	const struct service *s = service_at(in, service);
	struct start start = {0};
	int rc = build(in, s, &s->stop_command, &start, e);
	if (!rc) {
		const struct intake *intake = &in->io[service]->log->intake;
		start.made.recipe.stdout_fd = intake->pipe_write[0];
		start.made.recipe.stderr_fd = intake->pipe_write[0];
		rc = spawner_start(&in->spawner, &start.made.recipe, child, e);
	}
	if (!rc) {
		resume_helper(in, child->pid);
		tree_helper(&in->tree, child->pid);
	}
	start_release(&start);
	return rc;
}

pid_t world_start_check(void *self, int service, const struct command *command, int output_fd,
	struct error *e)
{
	struct instance *in = self;
	struct start start = {0};
	struct child child = {.pidfd = -1};
	int rc = build(in, service_at(in, service), command, &start, e);
	if (!rc) {
		start.made.recipe.stdout_fd = output_fd;
		start.made.recipe.stderr_fd = output_fd;
		rc = spawner_start(&in->spawner, &start.made.recipe, &child, e);
	}
	pid_t pid = child.pid;
	if (!rc) {
		resume_helper(in, pid);
		tree_helper(&in->tree, pid);
		child_forget(&child);
	}
	start_release(&start);
	return rc ? -1 : pid;
}

void world_kill_check(void *self, int service, pid_t pid)
{
	struct instance *in = self;
	(void)service;
	tree_signal_helper(&in->tree, pid, SIGKILL, NULL);
}

/* A program, a directory, a word of it: whatever is named may be made of a secret. */
static void hide_secrets(struct instance *in, int service, char *text, size_t size)
{
	OWNED_TEXT shown = {0};
	secret_add_shown(&shown, loaded_at(in, service)->stack, service_at(in, service), text);
	snprintf(text, size, "%s", text_string(&shown));
}

void world_explain(struct instance *in, int service, const struct command *command,
	const struct exit_status *status, struct error *e)
{
	struct start start = {0};
	if (!build(in, service_at(in, service), command, &start, e))
		explain_failure(&start.made.recipe, status->stage, status->number, e);
	hide_secrets(in, service, e->text, sizeof e->text);
	hide_secrets(in, service, e->hint, sizeof e->hint);
	start_release(&start);
}

static int world_signal(void *self, int service, const struct child *child, enum signal_scope scope,
	int signal)
{
	struct instance *in = self;
	switch (scope) {
	case SIGNAL_LEADER:
		return child_signal(child, signal);
	case SIGNAL_GROUP:
		return child_signal_group(child, signal);
	case SIGNAL_HOOK:
		return tree_signal_helper(&in->tree, child->pid, signal, NULL);
	case SIGNAL_STRAYS:
		return tree_signal_strays(&in->tree, service, signal, NULL);
	case SIGNAL_TREE:
		return tree_signal(&in->tree, service, signal, NULL);
	}
	return 0;
}

static bool world_withstands(void *self, int service, char *why, size_t size)
{
	struct instance *in = self;
	return tree_withstands(&in->tree, service, why, size);
}

static void world_census(void *self, struct tree_mark *marks, size_t count)
{
	struct instance *in = self;
	tree_census(&in->tree, marks, count);
}

static void world_forget(void *self, int service, struct child *child)
{
	(void)self;
	(void)service;
	child_forget(child);
}

/* It was for one stop, which is over. */
static void forget_bound(struct instance *in, int row)
{
	struct service *services = in->loaded.rows->services;
	services[row].policy.stop.has_bound = false;
	if (row == second_row(in))
		services[in->second.service].policy.stop.has_bound = false;
}

static void world_tree_gone(void *self, int service)
{
	struct instance *in = self;
	const struct service *s = service_at(in, service);
	forget_bound(in, service);
	io_end_generation(in->io[service]);
	roster_drop(&in->roster, in->tree.leaders[service].pid);
	for (size_t i = 0; i < s->port_count; i++) {
		const struct port *port = port_at(in, service, i);
		struct hold *hold = instance_hold(in, port);
		struct error e = {0};
		if (hold && port->hold != HOLD_LISTEN && hold_rearm(hold, &e)) {
			char text[REASON_SIZE];
			reason_format(text, "port %u is not held while it is down: %.300s",
				port->number, e.text);
			tell_event(in, service, EVENT_PORT, text);
		}
	}
}

/* Between fork and exec the child is not the program yet. */
static bool has_execed(pid_t pid)
{
	char path[64];
	OWNED_TEXT stat = {0};
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (!file_read_proc(path, &stat))
		return false;
	const char *at = strrchr(text_string(&stat), ')');
	unsigned flags = 0;
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) != 1) /* NOLINT(cert-err34-c) */
		return false;
	return !(flags & FORKED_NOT_EXECED);
}

static void answer(struct instance *in, int service, uint64_t generation, enum probe_purpose purpose,
	enum probe_result result, const char *reason)
{
	keeper_feed(in->keeper, service,
		&(struct service_event){.kind = ON_PROBE, .generation = generation,
			.purpose = purpose, .result = result, .reason = reason,
			.cheap = result == PROBE_FAILED
				&& in->io[service]->run.last_look == LISTENER_NOBODY});
}

static void world_probe(void *self, int service, uint64_t generation, enum probe_purpose purpose,
	int64_t timeout_ms)
{
	struct instance *in = self;
	const struct service *s = service_at(in, service);
	if (purpose == PROBE_FOR_READY && s->policy.readiness == READY_STARTED) {
		in->io[service]->run.last_look = LISTENER_NOBODY;
		bool execed = has_execed(keeper_run(in->keeper, service)->leader.pid);
		answer(in, service, generation, purpose, execed ? PROBE_OK : PROBE_FAILED, NULL);
		return;
	}
	bool own = purpose == PROBE_FOR_READY && s->ready.kind != PROBE_NONE;
	const struct probe *probe = own ? &s->ready : &s->health;
	in->io[service]->run.last_look = LISTENER_UNKNOWN;
	if (!prober_begin(in->prober, service, generation, purpose, probe, timeout_ms))
		answer(in, service, generation, purpose, PROBE_UNKNOWN, "out of memory");
}

static void world_probe_cancel(void *self, int service)
{
	struct instance *in = self;
	prober_cancel(in->prober, service);
}

static void world_listen_ready(void *self, int service, uint64_t generation)
{
	struct instance *in = self;
	(void)generation;
	if (service_at(in, service)->policy.readiness == READY_LOG)
		io_wait_for_line(in->io[service], false);
	else
		in->io[service]->run.waits_for_notify = true;
}

/* It works: that outlives a supervisor that is killed. */
static void remember_hold(struct instance *in, int service)
{
	struct run_io *run = &in->io[service]->run;
	if (!run->hold_learned || run->hold_works || !in->recorder)
		return;
	run->hold_works = true;
	recorder_hold(in->recorder, service_at(in, service)->name, run->hold);
}

/* Who sees it start wants to go there next. */
static void tell_ready(struct instance *in, int service, const char *text)
{
	const struct service *s = service_at(in, service);
	char line[REASON_SIZE];
	if (s->url)
		reason_format(line, "%s, %s", text, s->url_shown);
	else if (s->has_main_port)
		reason_format(line, "%s, port %u", text, port_at(in, service, 0)->number);
	else
		reason_format(line, "%s", text);
	tell_event(in, service, EVENT_READY, line);
}

static void world_tell(void *self, int service, enum event_kind kind, const char *text)
{
	struct instance *in = self;
	struct service_io *io = in->io[service];
	/* What ends well without ever having been ready, a task, is ready by that. */
	if (kind == EVENT_READY || (kind == EVENT_DONE && !io->run.ready_wall_ms))
		io->run.ready_wall_ms = clock_wall_ms();
	if (kind == EVENT_READY) {
		spawner_born(&in->spawner, keeper_run(in->keeper, service)->leader.pid);
		remember_hold(in, service);
	}
	if (service == second_row(in)) {
		second_tell(in, text);
		return;
	}
	if (kind == EVENT_READY)
		tell_ready(in, service, text);
	else
		tell_event(in, service, kind, text);
}

struct sys world_sys(struct instance *in)
{
	return (struct sys){.self = in,
		.now_ms = world_now,
		.spawn = world_spawn,
		.spawn_stop_command = world_spawn_stop_command,
		.signal = world_signal,
		.withstands = world_withstands,
		.census = world_census,
		.forget = world_forget,
		.tree_gone = world_tree_gone,
		.probe = world_probe,
		.probe_cancel = world_probe_cancel,
		.listen_ready = world_listen_ready,
		.tell = world_tell,
		.random = world_random};
}
