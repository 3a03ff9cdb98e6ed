#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "control/wire.h"
#include "daemon/requests.h"
#include "stackfile/describe.h"
#include "watch/settle.h"

enum { PIDS_MOST = 1024, LAST_LINES = 10 };

/* Sums over a service's process tree, as ps(1) reckons them: CPU over the life of its leader. */
struct usage {
	double cpu_percent;
	int64_t memory_bytes;
};

static bool read_usage(pid_t pid, int64_t *ticks, int64_t *bytes)
{
	char path[64];
	OWNED_TEXT stat = {0};
	long long user = 0;
	long long kernel = 0;
	long long pages = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (!file_read_proc(path, &stat))
		return false;
	const char *at = strrchr(text_string(&stat), ')');
	/* Fields 14, 15 and 24 of proc(5): utime, stime, rss. */
	if (!at || sscanf(at + 1, /* NOLINT(cert-err34-c) */
			   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld %*d %*d %*d %*d"
			   " %*d %*d %*u %*u %lld", &user, &kernel, &pages) != 3)
		return false;
	*ticks += user + kernel;
	*bytes += pages * sysconf(_SC_PAGESIZE);
	return true;
}

static struct usage usage_of(struct instance *in, int service)
{
	static pid_t pids[PIDS_MOST];
	const struct service_run *run = keeper_run(in->keeper, service);
	struct usage usage = {0};
	int64_t ticks = 0;
	if (!service_running(run))
		return usage;
	size_t count = tree_pids(&in->tree, service, pids, PIDS_MOST);
	for (size_t i = 0; i < count && i < PIDS_MOST; i++)
		read_usage(pids[i], &ticks, &usage.memory_bytes);
	int64_t age = in->now_ms - run->started_ms;
	if (age > 0)
		usage.cpu_percent = 100.0 * (double)ticks / (double)sysconf(_SC_CLK_TCK)
			/ ((double)age / 1000.0);
	usage.cpu_percent = (double)(int64_t)(usage.cpu_percent * 10.0 + 0.5) / 10.0;
	return usage;
}

static json_t *time_or_null(int64_t wall_ms)
{
	char iso[CLOCK_ISO_SIZE];
	return wall_ms ? json_string(clock_iso(wall_ms, iso)) : json_null();
}

static json_t *ports_of(const struct stack *stack, const struct service *s)
{
	json_t *ports = json_object();
	for (size_t i = 0; i < s->port_count; i++) {
		const struct port *port = &stack->ports[s->ports[i]];
		json_object_set_new(ports, port->name, json_integer(port->number));
	}
	return ports;
}

void show_reason(const struct instance *in, int service, char *out, size_t size)
{
	const struct service_run *run = keeper_run(in->keeper, service);
	snprintf(out, size, "%s", run->reason);
	if (run->state == STATE_BLOCKED)
		settle_waits_for(in->loaded.stack, keeper_runs(in->keeper), service, out, size);
	else if (run->state == STATE_DOWN && !run->transition_count)
		snprintf(out, size, "not asked for");
	OWNED_TEXT trouble = {0};
	size_t length = strlen(out);
	intake_add_trouble(&in->io[service]->intake, &trouble);
	if (trouble.length)
		snprintf(out + length, size - length, "%s%s", length ? "; " : "",
			text_string(&trouble));
}

/* What was found of a process that has ended is nobody's health. */
static const char *health_of(const struct service_run *run)
{
	bool known = service_running(run) || run->verdict.health == HEALTH_NONE;
	return health_word(known ? run->verdict.health : HEALTH_UNKNOWN);
}

static json_t *service_json(struct instance *in, int i)
{
	const struct service *s = service_at(in, i);
	const struct service_run *run = keeper_run(in->keeper, i);
	struct usage usage = usage_of(in, i);
	bool alive = run->leader.pid != 0;
	char reason[REASON_SIZE];
	show_reason(in, i, reason, sizeof reason);
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", s->name, "type",
		service_type_word(s->policy.type), "state", service_state_word(run->state), "health",
		health_of(run), "reason", wire_string(reason));
	if (!o)
		return NULL;
	json_object_set_new(o, "pid", alive ? json_integer(run->leader.pid) : json_null());
	json_object_set_new(o, "ports", ports_of(in->loaded.stack, s));
	json_object_set_new(o, "url", s->url ? wire_string(s->url_shown) : json_null());
	json_object_set_new(o, "restarts", json_integer(run->restarts));
	json_object_set_new(o, "exit_code",
		run->has_exit && !run->exit_signal ? json_integer(run->exit_code) : json_null());
	json_object_set_new(o, "signal", run->has_exit && run->exit_signal
		? json_string(sigabbrev_np(run->exit_signal) ? sigabbrev_np(run->exit_signal) : "?")
		: json_null());
	json_object_set_new(o, "started_at", time_or_null(in->io[i]->run.started_wall_ms));
	json_object_set_new(o, "ready_at", time_or_null(in->io[i]->run.ready_wall_ms));
	json_object_set_new(o, "cpu_percent", json_real(usage.cpu_percent));
	json_object_set_new(o, "memory_bytes", json_integer(usage.memory_bytes));
	json_object_set_new(o, "_url", s->url ? wire_string(s->url) : json_null());
	json_object_set_new(o, "_wanted", json_boolean(run->want == WANT_UP));
	json_object_set_new(o, "_optional", json_boolean(s->policy.optional));
	return o;
}

static bool as_wanted(struct instance *in)
{
	for (int i = 0; i < in->loaded.stack->service_count; i++) {
		const struct service_run *run = keeper_run(in->keeper, i);
		bool good = run->state == STATE_READY || run->state == STATE_DONE;
		if (run->want == WANT_UP && !good && !service_at(in, i)->policy.optional)
			return false;
	}
	return !in->stopping;
}

json_t *show_status(struct instance *in)
{
	json_t *services = json_array();
	for (int i = 0; i < in->loaded.stack->service_count; i++)
		json_array_append_new(services, service_json(in, i));
	const struct stack *stack = in->loaded.stack;
	char iso[CLOCK_ISO_SIZE];
	json_t *instance = json_pack(
		"{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:o}", "project",
		in->claim.project, "dir", stack->dir, "instance", in->claim.instance, "id", in->run_id,
		"purpose", in->claim.purpose, "branch", stack->branch, "environment",
		stack->environment, "state", instance_state_word(instance_state_now(in)), "base_port",
		(int)in->claim.base_port, "pid", (int)getpid(), "guardian_pid", (int)in->guardian.pid,
		"started_at", clock_iso(in->started_wall_ms, iso), "services", services);
	json_t *status = json_pack("{s:b, s:s, s:s, s:s, s:o}", "as_wanted", as_wanted(in), "file", stack->file, "dir",
		stack->dir, "stackup", STACKUP_VERSION, "instance", instance);
	if (in->resumed)
		json_object_set(status, "resumed", in->resumed);
	return status;
}

static json_t *transitions_json(struct instance *in, const struct service_run *run)
{
	json_t *all = json_array();
	int64_t wall = clock_wall_ms();
	char iso[CLOCK_ISO_SIZE];
	for (size_t i = 0; i < service_transitions(run); i++) {
		const struct transition *t = service_transition(run, i);
		json_array_append_new(all,
			json_pack("{s:s, s:s, s:s, s:s, s:o}", "time",
				clock_iso(wall - (in->now_ms - t->at_ms), iso), "from",
				service_state_word(t->from), "to", service_state_word(t->to), "event",
				service_event_word(t->event), "text", wire_string(t->reason)));
	}
	return all;
}

static json_t *dependencies_json(struct instance *in, const struct service *s)
{
	json_t *all = json_array();
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct dependency *d = &s->dependencies[i];
		const struct service_run *run = keeper_run(in->keeper, d->service);
		json_array_append_new(all,
			json_pack("{s:s, s:s, s:s, s:b, s:o}", "service", service_at(in, d->service)->name,
				"condition", condition_word(d->condition), "state",
				service_state_word(run->state), "met", settle_met(d, run), "text",
				wire_string(run->reason)));
	}
	return all;
}

/* The file has what the service printed; here it is read by whoever asks why. */
static json_t *last_lines(struct instance *in, int service)
{
	OWNED_TEXT tail = {0}, shown = {0};
	json_t *lines = json_array();
	intake_tail(&in->io[service]->intake, LAST_LINES, &tail);
	secret_add_shown(&shown, loaded_at(in, service)->stack, service_at(in, service), text_string(&tail));
	const char *at = text_string(&shown);
	while (*at) {
		size_t length = strcspn(at, "\n");
		json_array_append_new(lines, wire_text(at, length));
		at += length + (at[length] == '\n');
	}
	return lines;
}

json_t *show_why(struct instance *in, int service)
{
	const struct service *s = service_at(in, service);
	const struct service_run *run = keeper_run(in->keeper, service);
	char reason[REASON_SIZE];
	show_reason(in, service, reason, sizeof reason);
	json_t *reply = json_pack("{s:s, s:s, s:s, s:o, s:b, s:o, s:o, s:o}", "service", s->name,
		"state", service_state_word(run->state), "health", health_of(run),
		"reason", wire_string(reason), "wanted", run->want == WANT_UP, "waits_for",
		dependencies_json(in, s), "transitions", transitions_json(in, run), "log",
		last_lines(in, service));
	int64_t next = service_next_time(run);
	if (reply && next != NO_DEADLINE && !service_running(run))
		json_object_set_new(reply, "deadline_ms",
			json_integer(next > in->now_ms ? next - in->now_ms : 0));
	return reply;
}

json_t *show_running(struct instance *in)
{
	json_t *services = json_array();
	for (int i = 0; i < in->loaded.stack->service_count; i++) {
		const struct service *s = service_at(in, i);
		const struct service_run *run = keeper_run(in->keeper, i);
		json_array_append_new(services, json_pack("{s:s, s:o, s:b, s:b, s:b}", "name", s->name,
			"fingerprint", wire_pack(s->fingerprint, strlen(s->fingerprint)),
			"wanted", run->want == WANT_UP, "done", run->state == STATE_DONE,
			"failed", run->state == STATE_FAILED));
	}
	return json_pack("{s:o}", "services", services);
}
