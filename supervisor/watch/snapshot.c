#include "watch/snapshot.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "base/utf8.h"

enum kind { NUMBER, FLAG, WORD, TEXT, BUDGET, PAST };

struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	size_t size;
	int64_t least; /* NUMBER */
	const char *const *words; /* WORD */
	size_t word_count;
};

#define X(name, word) [name] = word,
static const char *const states[] = {SERVICE_STATES(X)};
static const char *const events[] = {SERVICE_EVENTS(X)};
static const char *const afters[] = {AFTERS(X)};
static const char *const causes[] = {FAIL_CAUSES(X)};
static const char *const healths[] = {HEALTHS(X)};
#undef X
static const char *const wants[] = {[WANT_DOWN] = "down", [WANT_UP] = "up"};
static const char *const purposes[] = {[PROBE_FOR_READY] = "ready", [PROBE_FOR_HEALTH] = "health"};

#define SIZE_OF(type, member) sizeof(((type *)NULL)->member)
#define ROW(type, member, kind_, ...)                                                              \
	{.name = #member, .kind = kind_, .offset = offsetof(type, member),                         \
		.size = SIZE_OF(type, member), __VA_ARGS__}
#define NUMBER_FROM(type, member, least_) ROW(type, member, NUMBER, .least = least_)
#define WORD_OF(type, member, table)                                                               \
	ROW(type, member, WORD, .words = table, .word_count = sizeof(table) / sizeof *(table))

#define RUN_NUMBER(member) NUMBER_FROM(struct service_run, member, 0)
#define RUN_FLAG(member)   ROW(struct service_run, member, FLAG, .least = 0)
#define RUN_TEXT(member)   ROW(struct service_run, member, TEXT, .least = 0)
static const struct field run_fields[] = {
	WORD_OF(struct service_run, state, states),
	WORD_OF(struct service_run, want, wants),
	RUN_TEXT(reason),
	RUN_NUMBER(generation),
	RUN_NUMBER(leader.pid),
	RUN_NUMBER(session),
	RUN_NUMBER(hook.pid),
	RUN_FLAG(stop_free),
	RUN_FLAG(start_free),
	RUN_FLAG(spread),
	RUN_FLAG(was_ready),
	RUN_FLAG(waits_for_tree),
	RUN_FLAG(unkillable),
	RUN_NUMBER(started_ms),
	RUN_NUMBER(ready_ms),
	RUN_NUMBER(deadline_ms),
	RUN_NUMBER(probe_at_ms),
	RUN_NUMBER(probe_until_ms),
	WORD_OF(struct service_run, probe_purpose, purposes),
	RUN_NUMBER(quick_probes),
	RUN_NUMBER(backoff.attempt),
	WORD_OF(struct service_run, verdict.health, healths),
	RUN_NUMBER(verdict.failures),
	RUN_NUMBER(verdict.successes),
	RUN_FLAG(verdict.succeeded_once),
	RUN_FLAG(escalation.active),
	RUN_FLAG(escalation.command_running),
	RUN_FLAG(escalation.signalled),
	RUN_FLAG(escalation.group_asked),
	RUN_FLAG(escalation.remnants_signalled),
	RUN_FLAG(escalation.killing),
	RUN_FLAG(escalation.refused),
	RUN_NUMBER(escalation.kills),
	RUN_NUMBER(escalation.deadline_ms),
	WORD_OF(struct service_run, after, afters),
	WORD_OF(struct service_run, cause, causes),
	RUN_TEXT(after_reason),
	RUN_NUMBER(restarts),
	RUN_FLAG(has_exit),
	NUMBER_FROM(struct service_run, exit_code, -1),
	RUN_NUMBER(exit_signal),
	RUN_NUMBER(transition_count), /* before those themselves */
	ROW(struct service_run, budget, BUDGET, .least = 0),
	ROW(struct service_run, transitions, PAST, .least = 0),
};
enum { RUN_FIELDS = sizeof run_fields / sizeof *run_fields };

static const struct field transition_fields[] = {
	NUMBER_FROM(struct transition, at_ms, 0),
	NUMBER_FROM(struct transition, wall_ms, 0),
	WORD_OF(struct transition, from, states),
	WORD_OF(struct transition, to, states),
	WORD_OF(struct transition, event, events),
	ROW(struct transition, reason, TEXT, .least = 0),
};
enum { TRANSITION_FIELDS = sizeof transition_fields / sizeof *transition_fields };

/* ---- out ---- */

static json_t *whole_or_null(json_t *value, bool whole)
{
	if (whole)
		return value;
	json_decref(value);
	return NULL;
}

/* A reason may quote a file or a process whose name is no UTF-8. */
static json_t *text_value(const char *text)
{
	char copy[REASON_SIZE];
	size_t length = strnlen(text, sizeof copy);
	memcpy(copy, text, length);
	for (size_t at = 0; (at += utf8_text_span(copy + at, length - at)) < length;)
		copy[at] = '?';
	return json_stringn(copy, length);
}

static json_t *number_value(const void *at, size_t size)
{
	if (size == sizeof(int))
		return json_integer(*(const int *)at);
	return json_integer((json_int_t)*(const int64_t *)at);
}

static json_t *budget_value(const struct budget *b)
{
	json_t *list = json_array();
	bool whole = list;
	for (int i = b->count; i > 0; i--)
		whole &= !json_array_append_new(list,
			json_integer(b->times[(b->next - i + BUDGET_MOST) % BUDGET_MOST]));
	return whole_or_null(list, whole);
}

static json_t *object_of(const struct field *fields, size_t count, const void *record);

static json_t *past_value(const struct service_run *run)
{
	json_t *list = json_array();
	bool whole = list;
	for (size_t i = 0; i < service_transitions(run); i++)
		whole &= !json_array_append_new(list,
			object_of(transition_fields, TRANSITION_FIELDS, service_transition(run, i)));
	return whole_or_null(list, whole);
}

static json_t *value_of(const struct field *f, const void *record)
{
	const void *at = (const char *)record + f->offset;
	unsigned index;
	switch (f->kind) {
	case NUMBER:
		return number_value(at, f->size);
	case FLAG:
		return json_boolean(*(const bool *)at);
	case WORD:
		index = *(const unsigned *)at;
		return index < f->word_count ? json_string(f->words[index]) : NULL;
	case TEXT:
		return text_value(at);
	case BUDGET:
		return budget_value(at);
	case PAST:
		return past_value(record);
	}
	return NULL;
}

static json_t *object_of(const struct field *fields, size_t count, const void *record)
{
	json_t *object = json_object();
	bool whole = object;
	for (size_t i = 0; i < count; i++)
		whole &= !json_object_set_new(object, fields[i].name, value_of(&fields[i], record));
	return whole_or_null(object, whole);
}

json_t *snapshot_of(const struct keeper *keeper, int service)
{
	return object_of(run_fields, RUN_FIELDS, keeper_run(keeper, service));
}

/* ---- and back ---- */

static int wrong(struct error *e, const struct field *f, const char *what)
{
	return fail(e, EXIT_FAILED, "'%s' %s", f->name, what);
}

static int read_number(const struct field *f, void *at, const json_t *value, struct error *e)
{
	json_int_t number = json_integer_value(value);
	json_int_t most = f->size == sizeof(int) ? INT_MAX : INT64_MAX;
	if (!json_is_integer(value) || number < f->least || number > most)
		return wrong(e, f, "is not a number that it can be");
	if (f->size == sizeof(int))
		*(int *)at = (int)number;
	else
		*(int64_t *)at = number;
	return 0;
}

static int read_flag(const struct field *f, void *at, const json_t *value, struct error *e)
{
	if (!json_is_boolean(value))
		return wrong(e, f, "is neither true nor false");
	*(bool *)at = json_is_true(value);
	return 0;
}

static int read_word(const struct field *f, void *at, const json_t *value, struct error *e)
{
	const char *word = json_is_string(value) ? json_string_value(value) : "";
	for (unsigned i = 0; i < f->word_count; i++) {
		if (strcmp(f->words[i], word) != 0)
			continue;
		*(unsigned *)at = i;
		return 0;
	}
	return wrong(e, f, "has a value that this version does not know");
}

static int read_text(const struct field *f, void *at, const json_t *value, struct error *e)
{
	size_t length = json_string_length(value);
	if (!json_is_string(value) || length >= f->size)
		return wrong(e, f, "is not a text of its length");
	memcpy(at, json_string_value(value), length + 1);
	return 0;
}

/* Oldest first; where in the ring it begins is all the same. */
static int read_budget(const struct field *f, struct budget *b, const json_t *list, struct error *e)
{
	if (!json_is_array(list) || json_array_size(list) > BUDGET_MOST)
		return wrong(e, f, "is not a list of so many restarts");
	b->count = (int)json_array_size(list);
	b->next = b->count % BUDGET_MOST;
	for (int i = 0; i < b->count; i++) {
		const json_t *at = json_array_get(list, (size_t)i);
		if (!json_is_integer(at))
			return wrong(e, f, "has something in it that is no time");
		b->times[i] = json_integer_value(at);
	}
	return 0;
}

static int read_object(const struct field *fields, size_t count, void *record, const json_t *object,
	struct error *e);

static int read_past(const struct field *f, struct service_run *run, const json_t *list,
	struct error *e)
{
	size_t count = service_transitions(run);
	uint64_t first = run->transition_count - count;
	if (!json_is_array(list) || json_array_size(list) != count)
		return wrong(e, f, "does not have as many as there were");
	for (size_t i = 0; i < count; i++)
		if (read_object(transition_fields, TRANSITION_FIELDS,
			    &run->transitions[(first + i) % TRANSITIONS], json_array_get(list, i), e))
			return fail_while(e, "'%s'", f->name);
	return 0;
}

static int read_field(const struct field *f, void *record, const json_t *value, struct error *e)
{
	void *at = (char *)record + f->offset;
	switch (f->kind) {
	case NUMBER:
		return read_number(f, at, value, e);
	case FLAG:
		return read_flag(f, at, value, e);
	case WORD:
		return read_word(f, at, value, e);
	case TEXT:
		return read_text(f, at, value, e);
	case BUDGET:
		return read_budget(f, at, value, e);
	case PAST:
		return read_past(f, record, value, e);
	}
	return 0;
}

static int read_object(const struct field *fields, size_t count, void *record, const json_t *object,
	struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_object_get(object, fields[i].name);
		if (!value)
			return wrong(e, &fields[i], "is missing");
		if (read_field(&fields[i], record, value, e))
			return -1;
	}
	if (json_object_size(object) != count)
		return fail(e, EXIT_FAILED, "there is more in it than this version knows");
	return 0;
}

int snapshot_restore(struct keeper *keeper, int service, const json_t *snapshot, struct error *e)
{
	struct service_run run = {.leader = {.pidfd = -1}, .hook = {.pidfd = -1}};
	int rc = read_object(run_fields, RUN_FIELDS, &run, snapshot, e);
	if (!rc && service_running(&run) && !run.leader.pid)
		rc = fail(e, EXIT_FAILED, "it runs and has no process");
	if (rc)
		return fail_while(e, "what it did last cannot be continued");
	keeper_restore(keeper, service, &run);
	return 0;
}
