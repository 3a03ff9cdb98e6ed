#include "cli/shared/event_history.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/service_names.h"
#include "cli/shared/tail_options.h"
#include "registry/history_list.h"

struct rows {
	struct event_row *items; /* in the arena */
	size_t count;
};

static int take_rows(struct registry *r, const struct history_filter *filter, struct arena *arena,
	struct rows *rows, struct error *e)
{
	struct event_row *more;
	size_t count;
	if (history_events_of(r, filter, arena, &more, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++)
		*arena_append(arena, rows->items, rows->count) = more[i];
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct event_row *first = a, *second = b;
	int order = strcmp(first->time, second->time);
	return order ? order : (first->id > second->id) - (first->id < second->id);
}

/* Each service has its index: the rows of several are put in order here. */
static int read_services(struct registry *r, struct history_filter *filter,
	const struct service_names *chosen, struct arena *arena, struct rows *rows, struct error *e)
{
	if (!chosen->list.count)
		return take_rows(r, filter, arena, rows, e);
	for (size_t i = 0; i < chosen->list.count; i++) {
		filter->service = chosen->list.items[i];
		if (take_rows(r, filter, arena, rows, e))
			return -1;
	}
	if (rows->count)
		qsort(rows->items, rows->count, sizeof *rows->items, by_time);
	if (filter->most >= 0 && rows->count > (size_t)filter->most) {
		rows->items += rows->count - (size_t)filter->most;
		rows->count = (size_t)filter->most;
	}
	return 0;
}

static int choose(struct context *context, struct registry *r, const struct event_scope *scope,
	struct arena *arena, struct service_names *chosen, struct error *e)
{
	struct service_names known = {0};
	const char **names;
	size_t count;
	if (!context->line.word_count)
		return 0;
	if (!scope->project_id) {
		fail(e, EXIT_USAGE, "a service is one of a project, and --machine asks for all of them");
		error_hint(e, "leave --machine away, or say which project with -p NAME --all");
		return -1;
	}
	if (history_services(r, scope->project_id, arena, &names, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++) {
		char *name = strdup(names[i]);
		if (!name || !list_push(&known.list, name))
			free(name);
	}
	int result = service_names_choose(context, &known, chosen, e);
	service_names_release(&known);
	return result;
}

static json_t *event_of(const struct event_row *row)
{
	return json_pack("{s:s, s:I, s:s, s:i, s:o, s:s, s:s, s:s, s:s}", "time", row->time, "seq",
		(json_int_t)row->id, "project", row->project, "instance", row->instance, "service",
		row->service[0] ? json_string(row->service) : json_null(), "kind", row->kind, "old",
		row->old_value, "new", row->new_value, "text", row->text);
}

static int read_rows(struct context *context, const struct event_scope *scope,
	struct history_filter *filter, struct arena *arena, struct rows *rows, struct error *e)
{
	struct service_names chosen = {0};
	struct registry *r = context_registry(context, e);
	int result = r ? choose(context, r, scope, arena, &chosen, e) : -1;
	if (!result)
		result = read_services(r, filter, &chosen, arena, rows, e);
	registry_close(r);
	service_names_release(&chosen);
	return result;
}

int event_history(struct context *context, const struct event_scope *scope,
	const struct tail_options *options, void (*show)(const struct context *context, json_t *event),
	struct error *e)
{
	bool limited = option_given(&context->line, OPTION_TAIL) || options->since_ms;
	char since[CLOCK_ISO_SIZE] = "";
	struct rows rows = {0};
	struct history_filter filter = {.project_id = scope->project_id, .instance = scope->instance,
		.service = "", .since = since, .most = limited ? options->tail : HISTORY_SHOWN};
	struct arena *arena = arena_new();
	if (!arena)
		return fail(e, EXIT_FAILED, "out of memory");
	if (options->since_ms)
		clock_iso(options->since_ms, since);
	int result = read_rows(context, scope, &filter, arena, &rows, e);
	for (size_t i = 0; !result && i < rows.count; i++) {
		json_t *event = event_of(&rows.items[i]);
		if (event)
			show(context, event);
		json_decref(event);
	}
	if (!result && !limited && rows.count == HISTORY_SHOWN)
		say("these are the newest %d; -n all shows every one, --since TIME those since then",
			HISTORY_SHOWN);
	arena_free(arena);
	return result ? -1 : EXIT_DONE;
}
