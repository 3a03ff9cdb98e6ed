/*
 * resume_boot.c - the boot of a supervisor that goes on where another one of the same run was.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/own.h"
#include "daemon/origin.h"
#include "daemon/recorder.h"
#include "daemon/resume.h"
#include "listeners/owner.h"
#include "spawn/proc.h"
#include "watch/snapshot.h"

/* ---- what the guardian has handed over ---- */

struct kept_pipe {
	int slot;
	int fd; /* owns; -1: taken */
};

struct inherited {
	struct resume_state state; /* owns */
	struct guardian_cause cause;
	LIST(struct kept_pipe) pipes;
	int places[GUARDIAN_PLACES]; /* owns; stored plus one */
	int place_count; /* the last one with something, plus one */
};

static void on_log(void *self, int slot, int pipe_fd, int log_fd)
{
	struct inherited *all = self;
	struct kept_pipe pipe = {slot, pipe_fd};
	close(log_fd); /* it is opened again */
	if (!list_push(&all->pipes, pipe))
		close(pipe_fd);
}

static void on_other(void *self, int place, int fd)
{
	struct inherited *all = self;
	if (all->places[place])
		close(all->places[place] - 1);
	all->places[place] = fd + 1;
	if (place >= all->place_count)
		all->place_count = place + 1;
}

int inherited_take(struct instance *in, enum resume_place place)
{
	if (!in->inherited)
		return -1;
	int fd = in->inherited->places[place] - 1;
	in->inherited->places[place] = 0;
	return fd;
}

int inherited_slot(const struct instance *in, const char *service)
{
	const json_t *line = in->inherited ? json_object_get(in->inherited->state.services, service) : NULL;
	return line ? (int)json_integer_value(json_object_get(line, "slot")) : -1;
}

int inherited_pipe(struct instance *in, int slot)
{
	for (size_t i = 0; in->inherited && i < in->inherited->pipes.count; i++) {
		struct kept_pipe *pipe = &in->inherited->pipes.items[i];
		if (pipe->slot == slot)
			return take_fd(&pipe->fd);
	}
	return -1;
}

/* What nobody has taken is of no use any more, also to the guardian. */
static void release(struct instance *in)
{
	struct inherited *all = in->inherited;
	in->inherited = NULL;
	in->inherited_places = all->place_count;
	for (size_t i = 0; i < all->pipes.count; i++) {
		if (all->pipes.items[i].fd < 0)
			continue;
		close(all->pipes.items[i].fd);
		guardian_drop(&in->guardian, all->pipes.items[i].slot, NULL);
	}
	for (int i = 0; i < GUARDIAN_PLACES; i++)
		if (all->places[i])
			close(all->places[i] - 1);
	list_release(&all->pipes);
	resume_state_release(&all->state);
	free(all);
}

/* ---- the stack and its ports ---- */

static int load(struct instance *in, struct origin *origin, struct error *e)
{
	const json_t *ports = json_object_get(in->inherited->state.head, "ports");
	size_t count = json_array_size(ports);
	OWNED(uint16_t) numbers = calloc(count + 1, sizeof *numbers);
	OWNED(uint16_t) before = calloc(count + 1, sizeof *before);
	if (!numbers || !before)
		return fail(e, EXIT_FAILED, "out of memory");
	for (size_t i = 0; i < count; i++) {
		const json_t *port = json_array_get(ports, i);
		numbers[i] = (uint16_t)json_integer_value(json_object_get(port, "number"));
		before[i] = (uint16_t)json_integer_value(json_object_get(port, "moved_from"));
	}
	if (load_past(in, &origin->request, &origin->past, numbers, before, count, &in->loaded, e))
		return -1;
	in->loaded.own_document = origin->document;
	origin->document = NULL;
	return 0;
}

static int take_holds(struct instance *in, struct error *e)
{
	OWNED(struct hold) holds = calloc(GUARDIAN_PLACES, sizeof *holds);
	size_t count = 0;
	if (!holds)
		return fail(e, EXIT_FAILED, "out of memory");
	for (int place = PLACE_HOLDS; place < GUARDIAN_PLACES; place++) {
		int fd = inherited_take(in, (enum resume_place)place);
		if (fd >= 0 && !hold_adopt(&holds[count], fd))
			count++;
	}
	if (claim_restore_holds(&in->claim, in->loaded.stack->ports, (size_t)in->loaded.stack->port_count,
		    holds, count, e))
		return -1;
	return head_read_places(in, in->inherited->state.head, e);
}

/* ---- services ---- */

static int64_t member(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void take_more(struct instance *in, int row, const json_t *more)
{
	struct run_io *run = &in->io[row]->run;
	struct stop_policy *stop = &in->loaded.stack->services[row].policy.stop;
	run->generation = (uint64_t)member(more, "generation");
	run->hold = (enum hold_mode)member(more, "hold");
	run->hold_learned = json_is_true(json_object_get(more, "hold_learned"));
	run->hold_works = json_is_true(json_object_get(more, "hold_works"));
	run->lost = json_is_true(json_object_get(more, "lost"));
	run->started_wall_ms = member(more, "started_wall_ms");
	run->ready_wall_ms = member(more, "ready_wall_ms");
	run->line_part = (uint64_t)member(more, "line_part");
	run->line_from = (uint64_t)member(more, "line_from");
	stop->timeout_ms = member(more, "stop_timeout_ms");
	stop->has_bound = json_is_true(json_object_get(more, "stop_bound"));
	stop->bound_ms = member(more, "stop_bound_ms");
	intake_generation(&in->io[row]->intake, (uint32_t)run->generation);
	in->io[row]->told_state = service_state_word(keeper_run(in->keeper, row)->state);
}

/* The number is its own until we let the guardian reap it. */
static bool is_fostered(const struct instance *in, pid_t pid)
{
	struct proc_stat stat;
	return pid > 0 && pid != getpid() && proc_stat(pid, &stat) && stat.parent == in->guardian.pid;
}

/* The last supervisor has reaped it and died before it could say what follows from that. */
static void tell_lost_end(struct instance *in, int row, pid_t pid, bool is_hook)
{
	char number[24];
	snprintf(number, sizeof number, "%d", (int)pid);
	const json_t *line = json_object_get(in->inherited->state.ended, number);
	struct keeper_exit exit = {.service = row, .is_hook = is_hook,
		.status = {.pid = pid, .code = -1, .signal = SIGKILL},
		.reason = "it ended in the moment in which the supervisor died"};
	if (line) {
		exit.reason = NULL;
		exit.status.code = (int)member(line, "code");
		exit.status.signal = (int)member(line, "signal");
		exit.status.core_dumped = json_is_true(json_object_get(line, "core"));
		exit.status.by_oom_killer = json_is_true(json_object_get(line, "oom"));
	}
	keeper_exits(in->keeper, &exit, 1);
}

static void take_processes(struct instance *in, int row)
{
	const struct service_run *run = keeper_run(in->keeper, row);
	pid_t leader = run->leader.pid;
	pid_t hook = run->hook.pid;
	tree_outputs(&in->tree, row, in->io[row]->log->intake.pipe_write);
	if (run->session)
		tree_started(&in->tree, row, run->session, run->generation);
	if (run->session && !is_fostered(in, leader))
		tree_reaped(&in->tree, run->session);
	if (hook)
		tree_helper(&in->tree, hook);
	if (is_fostered(in, leader))
		keeper_reach(in->keeper, row, false, child_reach(leader));
	else if (leader)
		tell_lost_end(in, row, leader, false);
	if (is_fostered(in, hook))
		keeper_reach(in->keeper, row, true, child_reach(hook));
	else if (hook)
		tell_lost_end(in, row, hook, true);
}

static void listen_again(struct instance *in, int row)
{
	enum readiness readiness = service_at(in, row)->policy.readiness;
	if (keeper_run(in->keeper, row)->state != STATE_STARTING)
		return;
	if (readiness == READY_LOG)
		io_wait_for_line(in->io[row], true);
	in->io[row]->run.waits_for_notify = readiness == READY_NOTIFY;
}

static int take_service(struct instance *in, int row, struct error *e)
{
	const char *name = service_at(in, row)->name;
	const json_t *line = json_object_get(in->inherited->state.services, name);
	if (!line)
		return fail(e, EXIT_FAILED, "service '%s': the last supervisor has said nothing of it", name);
	if (snapshot_restore(in->keeper, row, json_object_get(line, "run"), e))
		return fail_while(e, "service '%s'", name);
	take_more(in, row, json_object_get(line, "more"));
	take_processes(in, row);
	listen_again(in, row);
	return 0;
}

/* ---- what is nobody's any more ---- */

static bool is_taken(const struct instance *in, pid_t pid)
{
	for (int row = 0; row < second_row(in); row++) {
		const struct service_run *run = keeper_run(in->keeper, row);
		if (run->leader.pid == pid || run->hook.pid == pid)
			return true;
	}
	return false;
}

/* With all that is below it; gone when this returns, unless it cannot be killed. */
static void end_process(struct instance *in, pid_t pid)
{
	enum { PATIENCE_MS = 500 };
	if (!is_fostered(in, pid) || is_taken(in, pid))
		return;
	tree_helper(&in->tree, pid);
	tree_signal_helper(&in->tree, pid, SIGKILL, NULL);
	child_await_end(pid, PATIENCE_MS);
}

/* A process of a start says so in its environment, as do its children. 0: it is of none of ours. */
static uint64_t start_of(const struct instance *in, pid_t pid, const struct text *environment)
{
	OWNED_TEXT run = {0};
	int64_t number = 0;
	if (!proc_environ_has(environment, in->tree.id) || !owner_variable(pid, "STACKUP_RUN", &run)
		|| !number_parse(text_string(&run), 1, INT64_MAX, &number))
		return 0;
	return (uint64_t)number;
}

/*
 * The row of a process of a start that comes after the last one we know of: the last supervisor died
 * before it could say that it was made. -1: it is of none.
 */
static int row_of_untold(const struct instance *in, pid_t pid)
{
	OWNED_TEXT environment = {0};
	uint64_t start = proc_environ(pid, &environment) ? start_of(in, pid, &environment) : 0;
	for (int row = 0; start && row < second_row(in); row++) {
		OWNED_TEXT service = {0};
		text_addf(&service, "STACKUP_SERVICE=%s", service_at(in, row)->name);
		if (text_ok(&service) && proc_environ_has(&environment, service.data))
			return start > keeper_run(in->keeper, row)->generation ? row : -1;
	}
	return -1;
}

static bool end_untold(void *self, pid_t child)
{
	struct instance *in = self;
	int row = child != getpid() ? row_of_untold(in, child) : -1;
	if (row < 0)
		return true;
	char text[REASON_SIZE];
	reason_format(text, "pid %d was ended: it was being started when the supervisor died", (int)child);
	end_process(in, child);
	tell_event(in, row, EVENT_WARNING, text);
	return true;
}

/* Checks, a second run of a service, and what was started in the last supervisor's last moment. */
static void end_strangers(struct instance *in)
{
	const struct resume_state *state = &in->inherited->state;
	const json_t *second = json_object_get(state->second, "run");
	const char *number;
	json_t *line;
	end_process(in, (pid_t)member(second, "leader.pid"));
	json_object_foreach(state->begun, number, line)
	{
		end_process(in, (pid_t)member(line, "helper"));
		end_process(in, (pid_t)member(line, "started"));
	}
	proc_children(in->guardian.pid, end_untold, in);
}

/* ---- the steps ---- */

static void begin(struct instance *in)
{
	prctl(PR_SET_NAME, "stackup");
	in->events_fd = in->lifeline_fd = in->roster.fd = -1;
	in->exit_code_from = in->state = -1;
	in->now_ms = clock_now_ms();
	claim_init(&in->claim);
	if (getrandom(&in->random, sizeof in->random, 0) != sizeof in->random)
		in->random = (uint64_t)in->now_ms;
}

static int take_head(struct instance *in, struct error *e)
{
	struct inherited *all = in->inherited;
	const struct guardian_heir heir = {.self = all, .on_log = on_log, .on_other = on_other};
	if (guardian_inherit(&in->guardian, &heir, &all->cause, e))
		return -1;
	OWNED_FD state = inherited_take(in, PLACE_STATE);
	if (resume_state_read(state, &all->state, e) || head_read(in, all->state.head, e))
		return -1;
	in->claim.lock_fd = inherited_take(in, PLACE_LOCK);
	in->lifeline_fd = inherited_take(in, PLACE_LIFELINE);
	return 0;
}

static int take_stack(struct instance *in, struct error *e)
{
	struct origin origin = {0};
	int rc = origin_read(json_object_get(in->inherited->state.head, "origin"), &origin, e);
	const struct load_request *r = &origin.request;
	if (!rc)
		rc = boot_process(in, r->main_dir, r->stack_name, r->branch, e) || boot_places(in, e);
	/* What the registry knows besides is for changes of the stack. */
	if (!rc && claim_restore(in->paths.state, &in->claim, e))
		text_addf(&in->claim.notices, "%s\n", e->text);
	if (!rc)
		rc = load(in, &origin, e) || take_holds(in, e);
	origin_release(&origin);
	return rc ? -1 : 0;
}

static void take_limits(struct instance *in)
{
	const json_t *files = json_object_get(json_object_get(in->inherited->state.head, "run"), "files");
	in->spawner.files = (struct rlimit){(rlim_t)json_integer_value(json_array_get(files, 0)),
		(rlim_t)json_integer_value(json_array_get(files, 1))};
}

static json_t *cause_json(const struct instance *in)
{
	const struct guardian_cause *c = &in->inherited->cause;
	char iso[CLOCK_ISO_SIZE];
	return json_pack("{s:i, s:i, s:i, s:s}", "why", (int)c->why, "signal", c->signal, "status", c->status,
		"time", clock_iso(clock_wall_ms(), iso));
}

int instance_resume(struct instance *in, struct error *e)
{
	begin(in);
	in->inherited = calloc(1, sizeof *in->inherited);
	if (!in->inherited)
		return fail(e, EXIT_FAILED, "out of memory");
	if (take_head(in, e) || take_stack(in, e))
		return -1;
	head_read_instance(in, in->inherited->state.instance);
	if (boot_open(in, false, e))
		return -1;
	take_limits(in);
	foster_begin(in);
	for (int row = 0; row < second_row(in); row++)
		if (take_service(in, row, e))
			return -1;
	end_strangers(in);
	in->resumed = cause_json(in);
	release(in);
	return 0;
}

static void add_end(const json_t *cause, struct text *out)
{
	int signal = (int)member(cause, "signal");
	if (signal && sigabbrev_np(signal))
		text_addf(out, "was killed by SIG%s", sigabbrev_np(signal));
	else if (signal)
		text_addf(out, "was killed by signal %d", signal);
	else
		text_addf(out, "ended with exit code %d", (int)member(cause, "status"));
}

static void add_cause(const struct instance *in, enum guardian_why why, struct text *out)
{
	switch (why) {
	case GUARDIAN_WHY_ASKED:
		text_addf(out, "the supervisor is version %s now, and ", STACKUP_VERSION);
		break;
	case GUARDIAN_WHY_DIED:
		text_add(out, "the supervisor ");
		add_end(in->resumed, out);
		text_add(out, "; another one has taken its place, and ");
		break;
	case GUARDIAN_WHY_NOT_TAKEN:
		text_add(out, "the one that was to take the supervisor's place could not, and ");
		add_end(in->resumed, out);
		text_addf(out, " (see %s/supervisor.log.1); version %s goes on in its stead, and ",
			in->claim.state_dir, STACKUP_VERSION);
		break;
	}
}

void resume_tell(struct instance *in)
{
	OWNED_TEXT text = {0};
	int alive = 0;
	if (!in->resumed)
		return;
	for (int row = 0; row < second_row(in); row++)
		alive += keeper_run(in->keeper, row)->leader.pid != 0;
	enum guardian_why why = (enum guardian_why)member(in->resumed, "why");
	bool asked = why == GUARDIAN_WHY_ASKED;
	add_cause(in, why, &text);
	text_addf(&text, "%d service%s on", alive, alive == 1 ? " goes" : "s go");
	json_object_set_new(in->resumed, "text", json_string(text_string(&text)));
	if (in->state >= 0)
		in->told_state = instance_state_word((enum instance_state)in->state);
	tell_event(in, -1, asked ? EVENT_RELOADED : EVENT_WARNING, text_string(&text));
	if (in->recorder)
		recorder_owner(in->recorder);
	if (in->recorder && !asked)
		recorder_incident(in->recorder, INCIDENT_RESUMED, text_string(&text));
}
