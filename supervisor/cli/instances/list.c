#include "base/clock.h"
#include "base/json_text.h"
#include "base/number.h"
#include "cli/context.h"
#include "cli/instances/verbs.h"
#include "cli/out.h"
#include "cli/shared/idle_show.h"
#include "cli/shared/inventory_show.h"

enum { DAYS_MOST = 36500 };

static void show(const struct context *context, const struct inventory *all)
{
	OWNED_TEXT out = {0};
	if (!all->projects[0].count)
		say("no instance of '%s' has been started yet", all->projects[0].row.name);
	inventory_show_instances(context, all, &all->projects[0], &out);
	out_text(&out);
}

static int list(struct context *context, struct arena *arena, struct error *e)
{
	struct inventory all;
	OWNED_TEXT json = {0};
	if (inventory_here(context, NULL, arena, &all, e))
		return -1;
	if (context->json) {
		inventory_add_instances(&json, &all);
		inventory_print_json(&json);
	} else {
		show(context, &all);
	}
	return EXIT_DONE;
}

static int list_machine(struct context *context, struct arena *arena, struct error *e)
{
	struct inventory all;
	OWNED_TEXT out = {0};
	if (inventory_of_machine(context, arena, &all, e))
		return -1;
	if (context->json) {
		inventory_add_machine(&out, &all);
		inventory_print_json(&out);
		return EXIT_DONE;
	}
	if (!all.instance_count)
		say("no instance has been started on this machine yet");
	inventory_show_instances(context, &all, NULL, &out);
	out_text(&out);
	return EXIT_DONE;
}

/* ---- those that nobody uses ---- */

static int read_days(const struct context *context, int *days, struct error *e)
{
	const char *value = option_value(&context->line, OPTION_UNUSED);
	int64_t number = IDLE_DAYS;
	if (value && !number_parse(value, 0, DAYS_MOST, &number))
		return fail(e, EXIT_USAGE, "--unused %s is no number of days: use 0 to %d", value,
			DAYS_MOST);
	*days = (int)number;
	return 0;
}

/* Where there is no project, those of the machine can only be meant. */
static int read_inventory(
	struct context *context, struct arena *arena, struct inventory *all, struct error *e)
{
	struct error why = {0};
	const struct command_line *line = &context->line;
	if (!option_given(line, OPTION_MACHINE) && !inventory_here(context, NULL, arena, all, &why))
		return 0;
	if (!option_given(line, OPTION_PROJECT))
		return inventory_read(context->paths.state, 0, arena, all, e);
	*e = why;
	return -1;
}

static int list_unused(struct context *context, struct arena *arena, struct error *e)
{
	struct inventory all;
	struct idle_list idle;
	OWNED_TEXT out = {0};
	int days = 0;
	if (read_days(context, &days, e) || read_inventory(context, arena, &all, e))
		return -1;
	idle_find(context->paths.state, &all, clock_wall_ms(), days, arena, &idle);
	if (context->json) {
		json_text_open(&out, NULL, '{');
		json_text_number(&out, "version", 1);
		json_text_number(&out, "days", days);
		idle_add_json(&out, &idle);
		json_text_close(&out, '}');
		inventory_print_json(&out);
		return EXIT_DONE;
	}
	if (!idle.count)
		say("every instance has been used within %d day%s", days, days == 1 ? "" : "s");
	idle_show(context, &idle, &out);
	out_text(&out);
	return EXIT_DONE;
}

int verb_instances_list(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	struct arena *arena = arena_new();
	if (!arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int result = option_given(line, OPTION_UNUSED) ? list_unused(context, arena, e)
		: option_given(line, OPTION_MACHINE) ? list_machine(context, arena, e)
						     : list(context, arena, e);
	arena_free(arena);
	return result;
}
