#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/number.h"
#include "base/terminal.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/event_history.h"
#include "cli/shared/event_tail.h"
#include "cli/shared/here.h"
#include "cli/shared/service_names.h"
#include "cli/shared/tail_options.h"
#include "cli/verbs/verb.h"

static bool is_of_many(const struct context *context)
{
	return option_given(&context->line, OPTION_ALL) || option_given(&context->line, OPTION_MACHINE);
}

/* chosen: none, or the services that the words name. */
static bool is_wanted(
	const struct service_names *chosen, int64_t since_ms, const json_t *event)
{
	if (since_ms && event_time(event) < since_ms)
		return false;
	return !chosen->list.count || service_names_have(chosen, event_string(event, "service"));
}

/* Where it may be one of several instances. */
static void add_whose(struct text *out, const struct context *context, const json_t *event)
{
	const char *project = event_string(event, "project");
	if (!is_of_many(context))
		return;
	size_t start = out->length;
	terminal_add_strict(out, *project ? project : "?", *project ? strlen(project) : 1);
	text_addf(out, "/%d", (int)json_integer_value(json_object_get(event, "instance")));
	while (out->length - start < 14)
		text_add_char(out, ' ');
	text_add(out, "  ");
}

static void show(const struct context *context, json_t *event)
{
	if (context->json) {
		char *line = json_dumps(event, JSON_COMPACT);
		if (line) {
			out_bytes(line, strlen(line));
			out_bytes("\n", 1);
		}
		free(line);
		return;
	}
	OWNED_TEXT out = {0};
	const char *kind = event_string(event, "kind");
	const char *time = event_string(event, "time");
	text_add(&out, colour_on(context->colour, COLOUR_GREY));
	terminal_add_strict(&out, time, strlen(time));
	text_add(&out, colour_off(context->colour));
	text_add(&out, "  ");
	add_whose(&out, context, event);
	size_t start = out.length;
	terminal_add_strict(&out, kind, strlen(kind));
	for (size_t width = out.length - start; width < 14; width++)
		text_add_char(&out, ' ');
	event_add_line(&out, event);
	text_add_char(&out, '\n');
	out_text(&out);
}

/* The last `most` of what is there; all with -1. */
static void show_present(const struct context *context, struct event_tail *tail,
	const struct tail_options *options, const struct service_names *chosen)
{
	LIST(json_t *) kept = {0};
	json_t *event;
	while (event_tail_next(tail, &event)) {
		bool keep = is_wanted(chosen, options->since_ms, event);
		if (keep && options->tail >= 0 && kept.count && kept.count >= (size_t)options->tail) {
			json_decref(kept.items[0]);
			list_remove(&kept, 0);
		}
		if (!keep || options->tail == 0 || !list_push(&kept, event))
			json_decref(event);
	}
	for (size_t i = 0; i < kept.count; i++) {
		show(context, kept.items[i]);
		json_decref(kept.items[i]);
	}
	list_release(&kept);
}

static void follow(const struct context *context, struct event_tail *tail,
	const struct service_names *chosen)
{
	for (;;) {
		struct pollfd wait = {.fd = event_tail_fd(tail), .events = POLLIN};
		poll(&wait, 1, wait.fd < 0 ? 500 : -1);
		json_t *event;
		while (event_tail_next(tail, &event)) {
			if (is_wanted(chosen, 0, event))
				show(context, event);
			json_decref(event);
		}
	}
}

static int read_events(const struct context *context, const struct target *target,
	const struct tail_options *options, const struct service_names *chosen, struct error *e)
{
	struct event_tail *tail = event_tail_open(target->events, options->follow, e);
	if (!tail)
		return -1;
	show_present(context, tail, options, chosen);
	if (options->follow)
		follow(context, tail, chosen);
	event_tail_free(tail);
	return EXIT_DONE;
}

/* --all, --machine: what is asked for is in the registry only. */
static int read_many(struct context *context, const struct tail_options *options, struct error *e)
{
	struct event_scope scope = {0};
	struct project project;
	if (options->follow) {
		fail(e, EXIT_USAGE, "-f follows one instance, not several");
		error_hint(e, "leave --all and --machine away, or name one with -i N");
		return -1;
	}
	if (!option_given(&context->line, OPTION_MACHINE)) {
		struct arena *arena = arena_new();
		int found = arena ? project_here(context, arena, &project, e)
				  : fail(e, EXIT_FAILED, "out of memory");
		if (!found) {
			fail(e, EXIT_NOT_FOUND, "no project is registered for this directory");
			error_hint(e, "name one with -p NAME, or ask for all with --machine");
		}
		scope.project_id = found > 0 ? project.id : 0;
		if (arena)
			arena_free(arena);
		if (found <= 0)
			return -1;
	}
	return event_history(context, &scope, options, show, e);
}

/* What it wrote is gone, or it is from before: the registry remembers it. */
static bool is_history(const struct target *target, const struct tail_options *options)
{
	return target->project_id && !options->follow && access(target->events, F_OK);
}

static int read_one(struct context *context, const struct target *target,
	const struct tail_options *options, struct error *e)
{
	struct service_names known = {0};
	struct service_names chosen = {0};
	int result = 0;
	if (is_history(target, options)) {
		const struct event_scope scope = {target->project_id, target->instance};
		return event_history(context, &scope, options, show, e);
	}
	if (context->line.word_count) {
		service_names_of_events(&known, target);
		service_names_of_supervisor(&known, target);
		result = service_names_choose(context, &known, &chosen, e);
	}
	if (result == 0)
		result = read_events(context, target, options, &chosen, e);
	service_names_release(&known);
	service_names_release(&chosen);
	return result;
}

int verb_events(struct context *context, struct error *e)
{
	struct target target;
	struct tail_options options;
	if (tail_options(context, &options, e) < 0)
		return -1;
	if (is_of_many(context))
		return read_many(context, &options, e);
	int result = context_target(context, &target, e);
	if (result == 0)
		result = read_one(context, &target, &options, e);
	target_release(&target);
	return result;
}
