#include "daemon/requests.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "control/wire.h"
#include "daemon/pending.h"
#include "daemon/reload.h"
#include "daemon/resume.h"
#include "daemon/takeover.h"
#include "stackfile/describe.h"

/* Longer than anybody waits, and short enough to be added to any time. */
enum { TIMEOUT_MOST_MS = INT32_MAX };

int64_t request_timeout_ms(const json_t *body)
{
	const json_t *value = json_object_get(body, "timeout_ms");
	int64_t ms = json_is_integer(value) ? json_integer_value(value) : -1;
	return ms < 0 ? -1 : ms > TIMEOUT_MOST_MS ? TIMEOUT_MOST_MS : ms;
}

bool request_has(const json_t *body, const char *key)
{
	return json_is_true(json_object_get(body, key));
}

void request_progress(struct pending *p, const json_t *body)
{
	p->progress = true;
	p->steps = request_has(body, "steps");
}

int no_such_service(const struct instance *in, const char *name, struct error *e)
{
	struct nearest near = {.wanted = name};
	for (int i = 0; i < in->loaded.stack->service_count; i++)
		nearest_offer(&near, service_at(in, i)->name);
	fail(e, EXIT_NOT_FOUND, "there is no service '%.64s' in this instance", name);
	nearest_hint(&near, e);
	return -1;
}

static int find_service(struct instance *in, const json_t *body, struct error *e)
{
	const char *name = json_string_value(json_object_get(body, "service"));
	const struct service *s = name ? stack_service(in->loaded.stack, name) : NULL;
	return s ? s->index : no_such_service(in, name ? name : "", e);
}

static void on_ping(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	(void)body;
	control_reply(in->server, ticket, json_pack("{s:i, s:s}", "pid", (int)getpid(), "run", in->run_id));
}

static void on_status(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	(void)body;
	control_reply(in->server, ticket, show_status(in));
}

static void on_running(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	(void)body;
	control_reply(in->server, ticket, show_running(in));
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
	struct pending *p = pending_new(in, ticket, PENDING_GOALS, request_timeout_ms(body));
	if (!p)
		return;
	request_progress(p, body);
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
	if (!request_has(body, "owner"))
		return;
	in->has_owner = true;
	in->abort_on_failure = request_has(body, "abort_on_failure");
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
	{"start", action_start},
	{"stop", action_stop},
	{"restart", action_restart},
	{"kill", action_kill},
	{"down", action_down},
	{"wait", on_wait},
	{"follow", on_follow},
	{"why", on_why},
	{"reload", reload_request},
	{"running", on_running},
	{"move", takeover_request},
	{"upgrade", upgrade_request},
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
	error_hint(&e, "it is version %s; `stackup upgrade` puts another one in its place", STACKUP_VERSION);
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
