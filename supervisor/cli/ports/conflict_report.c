#include "cli/ports/conflict_report.h"

#include <string.h>

#include "base/terminal.h"

static void add_who(struct text *out, const struct port_conflict *c)
{
	text_addf(out, "port %u", c->plan.port);
	if (!c->plan.row)
		return;
	text_addf(out, " of service '%s'", c->service);
	if (strcmp(c->name, "main") != 0)
		text_addf(out, " (port.%s)", c->name);
}

static void add_holder(struct text *out, const struct port_conflict *c)
{
	text_addf(out, ": %s", c->text);
	if (c->holder && c->holder->cwd)
		text_addf(out, ", in %s", c->holder->cwd);
}

static void add_action(struct text *out, const struct port_conflict *c)
{
	switch (c->plan.action) {
	case RESOLVE_IGNORE:
		text_add(out, "nothing is done");
		break;
	case RESOLVE_STOP:
		text_add(out, "who has it is stopped");
		break;
	case RESOLVE_WAIT:
		text_addf(out, "it is waited for, %u s", (unsigned)(c->plan.wait_ms + 999) / 1000);
		break;
	case RESOLVE_MOVE:
		text_addf(out, "%s moves to %s%u", c->service,
			c->plan.emergency ? "the emergency port " : "", c->plan.move_to);
		break;
	case RESOLVE_FAIL:
		if (resolve_is_fatal(&c->plan) || c->plan.is_left)
			text_add(out, "the start fails");
		else
			text_addf(out, "the others start without '%s', which is optional", c->service);
		break;
	case RESOLVE_ASK:
		text_add(out, "you are asked");
		break;
	}
	text_addf(out, ": %s", c->plan.reason);
}

static void add_options(struct text *out, const struct port_conflict *c, const char *file)
{
	const struct conflict *plan = &c->plan;
	const char *before = "";
	if (resolve_can_stop(plan)) {
		text_addf(out, "stop it (`stackup ports free %u`)", plan->port);
		before = "; ";
	}
	if (plan->row && plan->move_to) {
		text_addf(out, "%suse port %u (`stackup ports resolve --move`)", before, plan->move_to);
		before = "; ";
	}
	if (plan->row)
		text_addf(out, "%schange %s, line %d", before, file, c->line);
	else if (!*before)
		text_add(out, "none is needed");
}

/* Ends the line. */
static void add_safe(struct text *out, const char *before, const struct text *line)
{
	text_add(out, before);
	terminal_add_strict(out, text_string(line), line->length);
	text_add_char(out, '\n');
}

static void add_conflict(struct text *out, const struct port_conflict *c, const char *lead)
{
	OWNED_TEXT who = {0};
	OWNED_TEXT action = {0};
	add_who(&who, c);
	add_holder(&who, c);
	text_addf(&action, "class %s; %s", port_class_word(c->plan.class), lead);
	add_action(&action, c);
	add_safe(out, "", &who);
	add_safe(out, "  ", &action);
}

void conflict_report_add(struct text *out, const struct port_check *check, const char *file)
{
	for (size_t i = 0; i < check->count; i++) {
		OWNED_TEXT options = {0};
		add_conflict(out, &check->items[i], "by default ");
		add_options(&options, &check->items[i], file);
		add_safe(out, "  options: ", &options);
	}
}

void conflict_plan_add(struct text *out, const struct port_check *check)
{
	for (size_t i = 0; i < check->count; i++)
		if (check->items[i].plan.action != RESOLVE_IGNORE)
			add_conflict(out, &check->items[i], "");
}
