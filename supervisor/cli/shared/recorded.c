#include "cli/shared/recorded.h"

#include <string.h>

#include "base/lookup.h"
#include "base/nearest.h"
#include "cli/context.h"
#include "cli/shared/event_tail.h"
#include "logs/reader.h"
#include "model/event.h"
#include "orphans/death.h"

enum { EVENTS_MOST = 32, LINES_MOST = 10 };

/* The last run, as far as it concerns one service. */
struct recorded {
	struct arena *arena; /* borrows */
	struct lookup names; /* of every run there is a record of */
	struct nearest near;
	int64_t began_ms; /* wall clock */
	json_t *events; /* owns: the service's last ones, as transitions */
	const char *state; /* after the last one of them; NULL where there is none */
	bool alive; /* in a state that somebody must end */
	json_t *failure; /* owns: the event that says that the launch failed; NULL */
};

struct after {
	const char *state; /* NULL: the event changes none */
	bool alive;
};

static struct after after(enum event_kind kind)
{
	switch (kind) {
	case EVENT_STARTING:
		return (struct after){"starting", true};
	case EVENT_READY:
	case EVENT_RECOVERED:
		return (struct after){"ready", true};
	case EVENT_UNHEALTHY:
		return (struct after){"unhealthy", true};
	case EVENT_STOPPING:
		return (struct after){"stopping", true};
	case EVENT_KILLED:
		return (struct after){"killing", true};
	case EVENT_RESTARTING:
	case EVENT_SPAWN_FAILED:
		return (struct after){"cooling", true};
	case EVENT_WAITING:
		return (struct after){"blocked", true};
	case EVENT_DONE:
		return (struct after){"done", false};
	case EVENT_DOWN:
		return (struct after){"down", false};
	case EVENT_FAILED:
		return (struct after){"failed", false};
	case EVENT_INSTANCE:
	case EVENT_EXITED:
	case EVENT_IMPOSTER:
	case EVENT_PORT:
	case EVENT_HANDOVER:
	case EVENT_LOG:
	case EVENT_RELOADED:
	case EVENT_WARNING:
	case EVENT_CRASHED:
		break;
	}
	return (struct after){0};
}

static void begin_run(struct recorded *r, const json_t *event)
{
	json_array_clear(r->events);
	json_decref(r->failure);
	r->failure = NULL;
	r->state = NULL;
	r->alive = false;
	r->began_ms = event_time(event);
}

/* "failed: exited with code 1" is the reason "exited with code 1" of a state that says the rest. */
static const char *without_state(const char *text, const char *state)
{
	size_t length = strlen(state);
	bool begins = strncmp(text, state, length) == 0 && strncmp(text + length, ": ", 2) == 0;
	return begins ? text + length + 2 : text;
}

static void add_event(struct recorded *r, const json_t *event, enum event_kind kind)
{
	const struct after next = after(kind);
	const char *from = r->state ? r->state : "down";
	const char *to = next.state ? next.state : from;
	json_array_append_new(r->events,
		json_pack("{s:s, s:s, s:s, s:s, s:s}", "time", event_string(event, "time"), "from",
			from, "to", to, "event", event_kind_word(kind), "text",
			without_state(event_string(event, "text"), to)));
	if (json_array_size(r->events) > EVENTS_MOST)
		json_array_remove(r->events, 0);
	r->state = to;
	if (next.state)
		r->alive = next.alive;
}

static void note_name(struct recorded *r, const char *name)
{
	if (lookup_find(&r->names, name))
		return;
	const char *kept = arena_string(r->arena, name);
	lookup_add(&r->names, kept, 0);
	nearest_offer(&r->near, kept);
}

static void take_event(struct recorded *r, json_t *event)
{
	const json_t *seq = json_object_get(event, "seq");
	const char *service = event_string(event, "service");
	int kind = event_kind_named(event_string(event, "kind"));
	if (json_is_integer(seq) && json_integer_value(seq) == 0)
		begin_run(r, event);
	if (service[0])
		note_name(r, service);
	if (kind >= 0 && strcmp(service, r->near.wanted) == 0)
		add_event(r, event, (enum event_kind)kind);
	else if (kind == EVENT_FAILED && !service[0] && !r->failure)
		r->failure = json_incref(event);
}

static int read_events(const struct target *t, struct recorded *r, struct error *e)
{
	struct event_tail *tail = event_tail_open(t->events, false, e);
	json_t *event;
	while (tail && event_tail_next(tail, &event)) {
		take_event(r, event);
		json_decref(event);
	}
	event_tail_free(tail);
	return tail ? 0 : -1;
}

static json_t *last_lines(const struct target *t, const struct recorded *r)
{
	const char *const services[] = {r->near.wanted};
	const struct log_reader_options options = {.directory = t->log_dir,
		.services = services,
		.service_count = 1,
		.tail = LINES_MOST,
		.since_ms = r->began_ms};
	struct error ignored;
	struct log_line line;
	json_t *lines = json_array();
	struct log_reader *reader = log_reader_open(&options, &ignored);
	while (reader && log_reader_next(reader, &line)) {
		json_t *text = json_stringn(line.bytes, line.length);
		json_array_append_new(lines, text ? text : json_string("(binary)"));
	}
	log_reader_free(reader);
	return lines;
}

/* Why it is not what it was when the last event came. */
static void add_reason(const struct target *t, const struct recorded *r, struct text *out)
{
	size_t count = json_array_size(r->events);
	OWNED_TEXT log = {0};
	text_addf(&log, "%s/supervisor.log", t->state_dir);
	if (!count && r->failure)
		text_add(out, event_string(r->failure, "text"));
	else if (!r->alive)
		text_add(out, event_string(json_array_get(r->events, count - 1), "text"));
	else if (t->unclean || t->crashed)
		death_explain(text_string(&log), out);
	else
		text_add(out, "its supervisor has ended");
}

static json_t *answer(const struct target *t, const struct recorded *r)
{
	OWNED_TEXT reason = {0};
	add_reason(t, r, &reason);
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:[], s:O, s:o}", "service", r->near.wanted,
		"state", r->state && !r->alive ? r->state : "down", "health", "unknown", "reason",
		text_string(&reason), "wanted", 0, "waits_for", "transitions", r->events, "log",
		last_lines(t, r));
}

static int nothing(const struct target *t, const struct recorded *r, struct error *e)
{
	bool named = r->near.best && strcmp(r->near.best, r->near.wanted) != 0;
	fail(e, EXIT_NOT_FOUND, "nothing is recorded of '%s' in the last run of %s", r->near.wanted,
		target_name(t));
	if (named)
		error_hint(e, "did you mean '%s'?", r->near.best);
	else
		error_hint(e, "`stackup events` shows what is; `stackup up` starts it");
	return -1;
}

json_t *recorded_why(const struct target *t, const char *service, struct error *e)
{
	struct recorded r = {.arena = t->arena,
		.names = {.arena = t->arena},
		.near = {.wanted = service},
		.events = json_array()};
	int result = read_events(t, &r, e);
	if (result == 0 && !json_array_size(r.events) && !r.failure)
		result = nothing(t, &r, e);
	json_t *why = result == 0 ? answer(t, &r) : NULL;
	if (result == 0 && !why)
		fail(e, EXIT_FAILED, "out of memory");
	json_decref(r.events);
	json_decref(r.failure);
	return why;
}

const char *recorded_state(const struct target *t)
{
	struct error ignored;
	struct event_tail *tail = event_tail_open(t->events, false, &ignored);
	const char *state = "starting";
	json_t *event;
	while (tail && event_tail_next(tail, &event)) {
		if (strcmp(event_string(event, "kind"), event_kind_word(EVENT_INSTANCE)) == 0)
			state = arena_string(t->arena, event_string(event, "text"));
		json_decref(event);
	}
	event_tail_free(tail);
	return state;
}

/* What one that ended says of the end of all, or a launch that failed of itself; NULL: nothing. */
static const char *last_word(const struct target *t, const json_t *event)
{
	const char *service = event_string(event, "service");
	const char *text = event_string(event, "text");
	switch (event_kind_named(event_string(event, "kind"))) {
	case EVENT_DOWN:
		return arena_string(t->arena, without_state(text, "down"));
	case EVENT_DONE:
	case EVENT_FAILED:
		return *service ? arena_format(t->arena, "'%s' %s", service, text)
				: arena_string(t->arena, text);
	default:
		return NULL;
	}
}

/* The instance has stopped, or its launch has failed. */
static bool is_end(const json_t *event, enum event_kind kind)
{
	return kind == EVENT_INSTANCE ? strcmp(event_string(event, "text"), "stopped") == 0
				      : kind == EVENT_FAILED && !event_string(event, "service")[0];
}

const char *recorded_end(const struct target *t)
{
	struct error ignored;
	struct event_tail *tail = event_tail_open(t->events, false, &ignored);
	const char *why = NULL;
	const char *end = NULL;
	json_t *event;
	while (tail && event_tail_next(tail, &event)) {
		int kind = event_kind_named(event_string(event, "kind"));
		const char *word = last_word(t, event);
		why = word ? word : why;
		if (why && kind >= 0 && is_end(event, (enum event_kind)kind))
			end = arena_format(t->arena, "%s: %s", event_string(event, "time"), why);
		else if (kind == EVENT_INSTANCE)
			end = NULL;
		json_decref(event);
	}
	event_tail_free(tail);
	return end;
}
