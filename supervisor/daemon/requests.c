#include "daemon/requests.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "control/wire.h"
#include "daemon/pending.h"
#include "daemon/reload.h"
#include "daemon/takeover.h"
#include "stackfile/describe.h"

static int64_t timeout_of(const json_t *body)
{
	const json_t *value = json_object_get(body, "timeout_ms");
	return json_is_integer(value) ? json_integer_value(value) : -1;
}

static bool is_set(const json_t *body, const char *key)
{
	return json_is_true(json_object_get(body, key));
}

static void ask_for_progress(struct pending *p, const json_t *body)
{
	p->progress = true;
	p->steps = is_set(body, "steps");
}

int no_such_service(const struct instance *in, const char *name, struct error *e)
{
	struct nearest near = {.wanted = name};
	for (int i = 0; i < in->loaded.stack->service_count; i++)
		nearest_offer(&near, service_at(in, i)->name);
	fail(e, EXIT_NOT_FOUND, "there is no service '%.64s' in this instance", name);
	if (near.best)
		error_hint(e, "did you mean '%s'?", near.best);
	return -1;
}

/* Marks what the patterns name, everything enabled without patterns. */
static int mark_named(struct instance *in, const json_t *patterns, bool *marks, struct error *e)
{
	const json_t *item;
	size_t i;
	int count = in->loaded.stack->service_count;
	if (!json_array_size(patterns)) {
		for (int s = 0; s < count; s++)
			marks[s] = service_at(in, s)->enabled
				|| keeper_run(in->keeper, s)->want == WANT_UP;
		return 0;
	}
	json_array_foreach(patterns, i, item)
	{
		const char *pattern = json_string_value(item);
		bool found = false;
		for (int s = 0; pattern && s < count; s++) {
			bool hit = !fnmatch(pattern, service_at(in, s)->name, 0);
			marks[s] |= hit;
			found |= hit;
		}
		if (!found)
			return no_such_service(in, pattern ? pattern : "", e);
	}
	return 0;
}

static int find_service(struct instance *in, const json_t *body, struct error *e)
{
	const char *name = json_string_value(json_object_get(body, "service"));
	const struct service *s = name ? stack_service(in->loaded.stack, name) : NULL;
	return s ? s->index : no_such_service(in, name ? name : "", e);
}

enum action { ACTION_START, ACTION_STOP, ACTION_RESTART, ACTION_KILL };

static void note(json_t *notes, const char *name, const char *what)
{
	char text[128];
	snprintf(text, sizeof text, "'%s' %s", name, what);
	json_array_append_new(notes, json_string(text));
}

static bool is_up_already(const struct service_run *run)
{
	return run->want == WANT_UP && run->state != STATE_FAILED;
}

static bool is_down_already(const struct service_run *run)
{
	return run->want == WANT_DOWN && !service_occupied(run);
}

/* One direction in which an action goes beyond what was named, and whom it passes over there. */
struct reach {
	void (*mark)(const struct graph *graph, struct arena *scratch, bool *marks);
	bool (*is_done)(const struct service_run *run);
	const char *note;
};
static const struct reach needs = {
	graph_mark_needs, is_up_already, "is started first: it is needed"};
static const struct reach stopped = {
	graph_mark_dependents, is_down_already, "is stopped first: it depends on that"};
static const struct reach restarted = {
	graph_mark_dependents, is_down_already, "is restarted, too: it depends on that"};

static void extend(struct instance *in, const struct reach *reach, struct arena *scratch,
	bool *marks, json_t *notes)
{
	size_t count = (size_t)in->loaded.stack->service_count;
	bool *reached = arena_take(scratch, count + 1);
	memcpy(reached, marks, count * sizeof *reached);
	reach->mark(in->loaded.graph, scratch, reached);
	for (size_t i = 0; i < count; i++) {
		if (marks[i] || !reached[i] || reach->is_done(keeper_run(in->keeper, (int)i)))
			continue;
		marks[i] = true;
		note(notes, service_at(in, (int)i)->name, reach->note);
	}
}

/* What the action reaches beyond what was named. */
static void widen(struct instance *in, enum action action, const json_t *body, bool *marks,
	json_t *notes)
{
	struct arena *scratch = arena_new();
	if (!scratch || setjmp(*arena_on_failure(scratch))) {
		arena_free(scratch);
		return;
	}
	bool alone = is_set(body, "no_deps");
	if (action == ACTION_STOP && !alone)
		extend(in, &stopped, scratch, marks, notes);
	if (action == ACTION_RESTART && is_set(body, "with_dependents"))
		extend(in, &restarted, scratch, marks, notes);
	if ((action == ACTION_START || action == ACTION_RESTART) && !alone)
		extend(in, &needs, scratch, marks, notes);
	arena_free(scratch);
}

static void act_on(struct instance *in, enum action action, int service, bool no_deps)
{
	switch (action) {
	case ACTION_START:
		keeper_start(in->keeper, service, no_deps, "asked to start");
		break;
	case ACTION_STOP:
		keeper_stop(in->keeper, service, no_deps, "asked to stop");
		break;
	case ACTION_RESTART:
		keeper_set_no_deps(in->keeper, service, no_deps);
		if (takeover_fits(in, service))
			takeover_restart(in, service);
		else
			keeper_restart(in->keeper, service, "asked to restart");
		break;
	case ACTION_KILL:
		keeper_kill(in->keeper, service, "asked to be killed");
		break;
	}
}

static void set_timeouts(struct instance *in, const bool *marks, int64_t timeout_ms)
{
	for (int i = 0; timeout_ms >= 0 && i < in->loaded.stack->service_count; i++)
		if (!marks || marks[i])
			in->loaded.stack->services[i].policy.stop.timeout_ms = timeout_ms;
}

static void act_on_one(struct instance *in, enum action action, int service, bool no_deps,
	struct pending *waits)
{
	const struct service_run *run = keeper_run(in->keeper, service);
	bool up = action == ACTION_START || action == ACTION_RESTART;
	bool again = action == ACTION_RESTART && service_occupied(run);
	act_on(in, action, service, no_deps);
	if (waits)
		pending_goal(waits, service, up ? GOAL_UP : GOAL_DOWN, CONDITION_READY,
			run->generation + (again ? 1 : 0));
}

/* Who waits is answered when all have settled, the others at once. */
static void act_on_all(struct instance *in, struct control_ticket ticket, const json_t *body,
	enum action action, bool *marks)
{
	json_t *names = json_array();
	json_t *notes = json_array();
	json_t *reply = json_pack("{s:o, s:o}", "services", names, "notes", notes);
	bool ends = action == ACTION_STOP || action == ACTION_KILL;
	bool waits = is_set(body, "wait");
	widen(in, action, body, marks, notes);
	if (action == ACTION_STOP)
		set_timeouts(in, marks, timeout_of(body));
	struct pending *p = waits
		? pending_new(in, ticket, PENDING_GOALS, ends ? -1 : timeout_of(body)) : NULL;
	for (int i = 0; i < in->loaded.stack->service_count; i++) {
		if (!marks[i])
			continue;
		json_array_append_new(names, json_string(service_at(in, i)->name));
		act_on_one(in, action, i, is_set(body, "no_deps"), p);
	}
	if (p) {
		ask_for_progress(p, body);
		p->reply = reply;
	} else if (!waits) {
		control_reply(in->server, ticket, reply);
	} else {
		json_decref(reply);
	}
}

static void act(struct instance *in, struct control_ticket ticket, const json_t *body,
	enum action action)
{
	struct error e = {0};
	bool *marks = calloc((size_t)in->loaded.stack->service_count + 1, sizeof *marks);
	int rc = !marks ? fail(&e, EXIT_FAILED, "out of memory")
		: in->stopping ? fail(&e, EXIT_FAILED, "the instance is being stopped")
			       : mark_named(in, json_object_get(body, "services"), marks, &e);
	if (rc)
		control_refuse(in->server, ticket, &e);
	else
		act_on_all(in, ticket, body, action, marks);
	free(marks);
}

static void on_start(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	act(in, ticket, body, ACTION_START);
}

static void on_stop(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	act(in, ticket, body, ACTION_STOP);
}

static void on_restart(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	act(in, ticket, body, ACTION_RESTART);
}

static void on_kill(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	act(in, ticket, body, ACTION_KILL);
}

static void on_ping(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	(void)body;
	control_reply(in->server, ticket, json_pack("{s:i}", "pid", (int)getpid()));
}

static void on_status(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	(void)body;
	control_reply(in->server, ticket, show_status(in));
}

static void on_why(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	struct error e = {0};
	int service = find_service(in, body, &e);
	if (service < 0)
		control_refuse(in->server, ticket, &e);
	else
		control_reply(in->server, ticket, show_why(in, service));
}

static void on_down(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	struct pending *p = pending_new(in, ticket, PENDING_DOWN, -1);
	if (!p)
		return;
	int left = 0;
	for (int i = 0; i < in->loaded.stack->service_count; i++)
		left += service_occupied(keeper_run(in->keeper, i));
	ask_for_progress(p, body);
	p->reply = json_pack("{s:i, s:i}", "left", 0, "stopped", left);
	set_timeouts(in, NULL, timeout_of(body));
	instance_stop(in, is_set(body, "kill"), "asked to stop");
}

static int add_target(struct instance *in, struct pending *p, const char *text, struct error *e)
{
	char name[128];
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	snprintf(name, sizeof name, "%.*s", (int)length, text);
	const struct service *s = stack_service(in->loaded.stack, name);
	if (!s)
		return no_such_service(in, name, e);
	enum condition condition =
		s->policy.type == TYPE_TASK ? CONDITION_COMPLETED : CONDITION_READY;
	bool known = !colon;
	for (int c = CONDITION_STARTED; colon && c <= CONDITION_COMPLETED; c++) {
		if (!strcmp(condition_word((enum condition)c), colon + 1)) {
			condition = (enum condition)c;
			known = true;
		}
	}
	if (!known) {
		fail(e, EXIT_USAGE, "unknown condition '%.64s'", colon + 1);
		error_hint(e, "write started, ready, healthy or completed");
		return -1;
	}
	if (condition == CONDITION_HEALTHY && !s->policy.health.present) {
		fail(e, EXIT_USAGE, "service '%s' has no health check, so it can never be healthy", name);
		error_hint(e, "wait for %s:ready, or give it a health check", name);
		return -1;
	}
	pending_goal(p, s->index, GOAL_CONDITION, condition, 0);
	return 0;
}

static void on_wait(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	struct error e = {0};
	const json_t *targets = json_object_get(body, "targets");
	struct pending *p = pending_new(in, ticket, PENDING_GOALS, timeout_of(body));
	if (!p)
		return;
	ask_for_progress(p, body);
	const json_t *item;
	size_t i;
	int rc = 0;
	json_array_foreach(targets, i, item)
		if (!rc)
			rc = add_target(in, p, json_is_string(item) ? json_string_value(item) : "", &e);
	for (int s = 0; !json_array_size(targets) && s < in->loaded.stack->service_count; s++)
		if (keeper_run(in->keeper, s)->want == WANT_UP && !service_at(in, s)->policy.optional)
			pending_goal(p, s, GOAL_UP, CONDITION_READY, 0);
	if (!rc)
		return;
	control_refuse(in->server, ticket, &e);
	pending_drop(in, p);
}

static void on_follow(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	struct error e = {0};
	const char *from = json_string_value(json_object_get(body, "exit_code_from"));
	const struct service *s = from ? stack_service(in->loaded.stack, from) : NULL;
	if (from && !s) {
		no_such_service(in, from, &e);
		control_refuse(in->server, ticket, &e);
		return;
	}
	struct pending *p = pending_new(in, ticket, PENDING_FOLLOW, -1);
	if (!p)
		return;
	if (!is_set(body, "owner"))
		return;
	in->has_owner = true;
	in->abort_on_failure = is_set(body, "abort_on_failure");
	in->exit_code_from = s ? s->index : -1;
}

static json_t *environment_json(struct instance *in, int service, struct arena *scratch)
{
	const struct service *s = service >= 0 ? service_at(in, service) : NULL;
	struct environment env = environment_of(in->loaded.environments, scratch, service, NULL);
	json_t *secrets = json_array();
	json_t *origins = json_object();
	for (size_t i = 0; i < env.count; i++) {
		const struct variable *v = &env.vars[i];
		if (!v->top)
			continue;
		json_object_set_new(origins, v->name, json_string(v->top->origin));
		if (v->secret || secret_name(s, v->name))
			json_array_append_new(secrets, json_string(v->name));
	}
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "service", s ? s->name : "", "dir",
		s ? s->dir : in->loaded.stack->dir, "user", s && s->user ? s->user : "", "secrets",
		secrets, "environ", wire_pack_environment(env.envp), "origins", origins);
}

static void on_env(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	struct error e = {0};
	const int service = json_object_get(body, "service") ? find_service(in, body, &e) : -1;
	if (e.code) {
		control_refuse(in->server, ticket, &e);
		return;
	}
	struct arena *scratch = arena_new();
	if (!scratch || setjmp(*arena_on_failure(scratch))) {
		fail(&e, EXIT_FAILED, "out of memory");
		control_refuse(in->server, ticket, &e);
	} else {
		control_reply(in->server, ticket, environment_json(in, service, scratch));
	}
	arena_free(scratch);
}

static const struct {
	const char *verb;
	void (*handle)(struct instance *in, struct control_ticket ticket, const json_t *body);
} verbs[] = {
	{"ping", on_ping},
	{"status", on_status},
	{"start", on_start},
	{"stop", on_stop},
	{"restart", on_restart},
	{"kill", on_kill},
	{"down", on_down},
	{"wait", on_wait},
	{"follow", on_follow},
	{"why", on_why},
	{"reload", reload_request},
	{"move", takeover_request},
	{"env", on_env},
	{"attach", attach_request},
	{"input", attach_input},
	{"winch", attach_winch},
};

static void on_request(void *self, struct control_ticket ticket, const char *verb,
	const json_t *body)
{
	struct instance *in = self;
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (!strcmp(verbs[i].verb, verb)) {
			verbs[i].handle(in, ticket, body);
			return;
		}
	}
	struct error e;
	fail(&e, EXIT_USAGE, "this supervisor does not know the request '%.64s'", verb);
	error_hint(&e, "it is version %s; restart the instance after an upgrade", STACKUP_VERSION);
	control_refuse(in->server, ticket, &e);
}

static void on_gone(void *self, uint64_t client, bool lifeline)
{
	struct instance *in = self;
	pending_drop_client(in, client);
	attach_drop_client(in, client);
	if (lifeline)
		instance_stop(in, false, "the command that owned it is gone");
}

static void on_trouble(void *self, const char *text)
{
	tell_event(self, -1, EVENT_WARNING, text);
}

struct control_handler requests_handler(struct instance *in)
{
	return (struct control_handler){.self = in,
		.on_request = on_request,
		.on_gone = on_gone,
		.on_trouble = on_trouble};
}
