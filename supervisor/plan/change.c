#include "plan/change.h"

#include <stdint.h>
#include <string.h>

#include "base/lookup.h"
#include "base/words.h"
#include "model/names.h"

WORDS(change_word, change, CHANGES)

/*
 * ---- what has changed: the keys of the records that differ, never their values ----
 *
 * A fingerprint is records, each of which is fields "LENGTH:BYTES", perhaps a number, and
 * a newline:
 *
 *	KEY MEMBER VALUE	MEMBER is empty where KEY is no family like env
 *	KEY WORD...		a command
 *	NAME number		a port of its own
 *	SERVICE NAME number	one of what it depends on
 *	url SERVICE URL		its URL; the MEMBER of its own is empty
 */

enum { NAMED_MOST = 3, FIELDS_MOST = 2 };

struct field {
	const char *bytes;
	size_t length;
};

struct record {
	const char *text; /* the whole, as a string: what is compared */
	struct field fields[FIELDS_MOST]; /* the first ones */
	size_t field_count;
	bool has_number;
};

struct records {
	struct record *items;
	size_t count;
};

/* "LENGTH:BYTES" at *at; false where none begins. */
static bool read_field(const char **at, const char *end, struct field *field)
{
	size_t length = 0;
	const char *c = *at;
	while (c < end && *c >= '0' && *c <= '9' && length < SIZE_MAX / 100)
		length = length * 10 + (size_t)(*c++ - '0');
	if (c == *at || c == end || *c != ':' || length > (size_t)(end - c - 1))
		return false;
	*field = (struct field){c + 1, length};
	*at = c + 1 + length;
	return true;
}

static struct record read_record(struct arena *arena, const char **at, const char *end)
{
	struct record record = {0};
	const char *begin = *at;
	struct field field;
	while (read_field(at, end, &field)) {
		if (record.field_count < FIELDS_MOST)
			record.fields[record.field_count] = field;
		record.field_count++;
	}
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));
	record.has_number = newline && newline > *at;
	*at = newline ? newline + 1 : end;
	record.text = arena_string_n(arena, begin, (size_t)(*at - begin));
	return record;
}

static struct records split(struct arena *arena, const char *text, struct lookup *index)
{
	struct records records = {0};
	const char *end = text + strlen(text);
	while (text < end) {
		struct record record = read_record(arena, &text, end);
		if (!lookup_find(index, record.text))
			lookup_add(index, record.text, records.count);
		*arena_append(arena, records.items, records.count) = record;
	}
	return records;
}

/* Only what looks like a key or a name is shown: whatever else a field may be stays unsaid. */
static bool is_key(const struct field *field)
{
	for (size_t i = 0; i < field->length; i++) {
		char c = field->bytes[i];
		bool letter =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!letter && !strchr("_.-", c))
			return false;
	}
	return field->length > 0 && field->length <= KEY_MOST;
}

static bool field_is(const struct field *field, const char *word)
{
	return field->length == strlen(word) && !memcmp(field->bytes, word, field->length);
}

/* The key's family as the stack file has it; NULL for a key without members. */
static const char *family_of(const struct field *key)
{
	if (field_is(key, "env") || field_is(key, "export") || field_is(key, "health.header"))
		return "";
	return field_is(key, "file") || field_is(key, "stackfile") ? "env_file" : NULL;
}

static const char *key_of(struct arena *arena, const struct record *record)
{
	const struct field *first = &record->fields[0];
	const struct field *second = &record->fields[1];
	if (!record->field_count || !is_key(first))
		return "";
	if (record->has_number && record->field_count == 1)
		return "port";
	if (record->has_number)
		return arena_format(arena, "a port of %.*s", (int)first->length, first->bytes);
	if (field_is(first, "url") && record->field_count > 2 && is_key(second))
		return arena_format(arena, "url of %.*s", (int)second->length, second->bytes);
	const char *family = family_of(first);
	if (!family || record->field_count < 2 || !is_key(second))
		return arena_string_n(arena, first->bytes, first->length);
	return arena_format(arena, "%.*s.%.*s", *family ? (int)strlen(family) : (int)first->length,
		*family ? family : first->bytes, (int)second->length, second->bytes);
}

/* Adds the keys of records that `other` does not have. */
static void add_keys(struct arena *arena, const struct records *records, const struct lookup *other,
	struct lookup *keys, const char **named)
{
	for (size_t i = 0; i < records->count; i++) {
		if (lookup_find(other, records->items[i].text))
			continue;
		const char *key = key_of(arena, &records->items[i]);
		if (!*key || lookup_find(keys, key))
			continue;
		if (keys->count < NAMED_MOST)
			named[keys->count] = key;
		lookup_add(keys, key, 0);
	}
}

static const char *what_changed(struct arena *arena, const char *before, const char *after)
{
	struct lookup old_index = {.arena = arena};
	struct lookup new_index = {.arena = arena};
	struct lookup keys = {.arena = arena};
	const char *named[NAMED_MOST] = {0};
	struct records old_records = split(arena, before, &old_index);
	struct records new_records = split(arena, after, &new_index);
	add_keys(arena, &new_records, &old_index, &keys, named);
	add_keys(arena, &old_records, &new_index, &keys, named);
	switch (keys.count) {
	case 0:
		return "changed";
	case 1:
		return arena_format(arena, "%s changed", named[0]);
	case 2:
		return arena_format(arena, "%s and %s changed", named[0], named[1]);
	case NAMED_MOST:
		return arena_format(arena, "%s, %s and %s changed", named[0], named[1], named[2]);
	default:
		return arena_format(arena, "%s, %s, %s and %zu more changed", named[0], named[1],
			named[2], keys.count - NAMED_MOST);
	}
}

/* ---- the plan ---- */

struct planning {
	struct arena *arena;
	const struct stack *stack;
	const bool *wanted;
	const struct running *running;
	struct changes *out;
};

/* Nothing to start. */
static bool is_up(const struct running *running)
{
	return running->done || (running->wanted && !running->failed);
}

static void decide(
	const struct planning *p, struct service_change *item, const struct service *service)
{
	const struct running *running =
		item->running_index >= 0 ? &p->running[item->running_index] : NULL;
	bool wanted = p->wanted ? p->wanted[service->index] : service->enabled;
	if (!wanted && running && running->wanted && !p->wanted) {
		item->change = CHANGE_STOP;
		item->reason = "its profile is not asked for any more";
	} else if (!wanted) {
		item->change = CHANGE_KEEP;
		item->reason = "not asked for";
	} else if (!running) {
		item->change = CHANGE_START;
		item->reason = "new";
	} else if (!is_up(running)) {
		item->change = CHANGE_START;
		item->reason = running->failed ? "it had failed" : "it was down";
	} else if (strcmp(running->fingerprint, service->fingerprint) != 0) {
		item->change = CHANGE_RESTART;
		item->reason = what_changed(p->arena, running->fingerprint, service->fingerprint);
	} else {
		item->change = CHANGE_KEEP;
		item->reason = "unchanged";
	}
}

/* A restart goes on to dependents that ask for it, and from them to theirs. */
static void spread(const struct planning *p, const struct graph *g)
{
	int *queue = arena_take(p->arena, ((size_t)g->count + 1) * sizeof *queue);
	int used = 0;
	for (int i = 0; i < g->count; i++)
		if (p->out->items[i].change == CHANGE_RESTART)
			queue[used++] = i;
	for (int at = 0; at < used; at++) {
		struct edges dependents = graph_dependents(g, queue[at]);
		for (size_t i = 0; i < dependents.count; i++) {
			int dependent = dependents.services[i];
			struct service_change *item = &p->out->items[dependent];
			bool up = item->running_index >= 0 && is_up(&p->running[item->running_index]);
			bool asks = p->stack->services[dependent].policy.on_dependency ==
				DEPENDENCY_RESTART;
			if (item->change != CHANGE_KEEP || !up || !asks)
				continue;
			item->change = CHANGE_RESTART;
			item->reason = arena_format(p->arena, "'%s', which it depends on, restarts",
				p->out->items[queue[at]].name);
			queue[used++] = dependent;
		}
	}
}

static void add_wanted(const struct planning *p, size_t running_count)
{
	struct lookup places = {.arena = p->arena};
	for (size_t i = 0; i < running_count; i++)
		if (!lookup_find(&places, p->running[i].name))
			lookup_add(&places, p->running[i].name, i);
	for (int i = 0; i < p->stack->service_count; i++) {
		const struct service *service = &p->stack->services[i];
		const size_t *place = lookup_find(&places, service->name);
		struct service_change *item = &p->out->items[p->out->count++];
		*item = (struct service_change){.name = service->name,
			.wanted_index = i,
			.running_index = place ? (int)*place : -1};
		decide(p, item, service);
	}
}

static void add_gone(const struct planning *p, size_t running_count)
{
	struct lookup places = {.arena = p->arena};
	for (int i = 0; i < p->stack->service_count; i++)
		lookup_add(&places, p->stack->services[i].name, (size_t)i);
	for (size_t i = 0; i < running_count; i++)
		if (!lookup_find(&places, p->running[i].name))
			p->out->items[p->out->count++] =
				(struct service_change){.name = p->running[i].name,
					.wanted_index = -1,
					.running_index = (int)i,
					.change = CHANGE_STOP,
					.reason = "no longer in the stack file"};
}

struct changes change_plan(struct arena *arena, const struct stack *stack, const struct graph *g,
	const bool *wanted, const struct running *running, size_t running_count)
{
	struct changes out = {0};
	struct planning p = {arena, stack, wanted, running, &out};
	out.items = arena_take(
		arena, ((size_t)stack->service_count + running_count + 1) * sizeof *out.items);
	add_wanted(&p, running_count);
	spread(&p, g);
	add_gone(&p, running_count);
	for (size_t i = 0; i < out.count; i++)
		out.of[out.items[i].change]++;
	return out;
}
