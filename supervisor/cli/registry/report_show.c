#include "cli/registry/report_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bar.h"
#include "base/number.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/idle_show.h"

enum { ROWS_MOST = 10, BUSIEST_MOST = 5, WINDOW_WIDTH = 80, TABLE_WIDTH = 56, BAR_LEAST = 8, BAR_MOST = 40 };

struct showing {
	const struct context *context;
	const struct report *report;
	struct text *out;
	int bar; /* columns; 0: no bars */
	bool utf8;
};

int report_permille(int64_t part, int64_t whole)
{
	return whole ? number_permille(part, whole) : -1;
}

/* ---- the terminal ---- */

static bool speaks_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	for (size_t i = 0; i < 3; i++) {
		const char *value = getenv(names[i]);
		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

static int bar_width(void)
{
	if (!out_is_terminal())
		return 0;
	int columns = (int)out_columns();
	int width = (columns ? columns : WINDOW_WIDTH) - TABLE_WIDTH;
	return width < BAR_LEAST ? 0 : width > BAR_MOST ? BAR_MOST : width;
}

/* ---- tables ---- */

static struct table *begin(
	const struct showing *s, const char *title, const char *const *headings, size_t columns)
{
	text_addf(s->out, "\n%s%s%s\n", colour_on(s->context->colour, COLOUR_BOLD), title,
		colour_off(s->context->colour));
	struct table *table = table_new(columns);
	for (size_t i = 0; i < columns; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	return table;
}

static void end(const struct showing *s, struct table *table, size_t shown, size_t count)
{
	table_print(table, s->context->colour, s->out);
	table_free(table);
	if (shown < count)
		text_addf(s->out, "... and %zu more; --json has all\n", count - shown);
}

static void number_cell(struct table *table, int64_t number)
{
	char digits[24];
	snprintf(digits, sizeof digits, "%lld", (long long)number);
	table_cell(table, COLOUR_NONE, digits);
}

static void percent_cell(struct table *table, int permille)
{
	char digits[24] = "";
	if (permille >= 0)
		snprintf(digits, sizeof digits, "%d.%d %%", permille / 10, permille % 10);
	table_cell(table, COLOUR_NONE, digits);
}

static void bar_cell(const struct showing *s, struct table *table, enum colour colour,
	int64_t value, int64_t most)
{
	OWNED_TEXT bar = {0};
	bar_add(&bar, value, most, s->bar, s->utf8);
	table_cell(table, colour, text_string(&bar));
}

static size_t at_most(size_t count, size_t most)
{
	return count < most ? count : most;
}

static void add_blocks(const struct showing *s)
{
	static const char *const headings[] = {
		"BLOCK", "PORTS FROM", "PROJECT", "INSTANCES", "RUNNING", "PORTS IN USE", ""};
	const struct figures *f = &s->report->figures;
	size_t shown = at_most(f->block_count, ROWS_MOST);
	if (!shown)
		return;
	struct table *table = begin(s, "Use of blocks", headings, 7);
	for (size_t i = 0; i < shown; i++) {
		const struct block_use *use = &f->blocks[i];
		number_cell(table, use->block);
		number_cell(table, use->base_port);
		table_cell(table, COLOUR_BOLD, use->project);
		number_cell(table, use->instances);
		number_cell(table, use->running);
		number_cell(table, use->active_ports);
		bar_cell(s, table, COLOUR_GREEN, use->instances, 10);
	}
	end(s, table, shown, f->block_count);
}

static void add_months(const struct showing *s)
{
	static const char *const headings[] = {
		"MONTH", "LAUNCHES", "CONFLICTS", "WITHOUT CONFLICT", ""};
	const struct figures *f = &s->report->figures;
	if (!f->month_count)
		return;
	struct table *table = begin(s, "Months", headings, 5);
	for (size_t i = 0; i < f->month_count; i++) {
		const struct month_figures *month = &f->months[i];
		table_cell(table, COLOUR_BOLD, month->month);
		number_cell(table, month->launches);
		number_cell(table, month->conflicts);
		percent_cell(table, report_permille(month->undisturbed, month->launches));
		bar_cell(s, table, COLOUR_GREEN, month->undisturbed, month->launches);
	}
	end(s, table, f->month_count, f->month_count);
}

static void add_busiest(const struct showing *s)
{
	static const char *const headings[] = {
		"PROJECT", "INSTANCE", "LAUNCHES", "PORTS IN USE", ""};
	const struct figures *f = &s->report->figures;
	size_t shown = at_most(f->busiest_count, BUSIEST_MOST);
	if (!shown)
		return;
	struct table *table = begin(s, "Busiest instances", headings, 5);
	for (size_t i = 0; i < shown; i++) {
		const struct instance_use *use = &f->busiest[i];
		table_cell(table, COLOUR_BOLD, use->project);
		number_cell(table, use->instance);
		number_cell(table, use->launches);
		number_cell(table, use->active_ports);
		bar_cell(s, table, COLOUR_CYAN, use->launches, f->busiest[0].launches);
	}
	end(s, table, shown, f->busiest_count);
}

static void add_ports(const struct showing *s)
{
	static const char *const headings[] = {"PORT", "CONFLICTS", "", "LAST HOLDER"};
	const struct figures *f = &s->report->figures;
	size_t shown = at_most(f->port_count, ROWS_MOST);
	if (!shown)
		return;
	struct table *table = begin(s, "Ports that conflict most", headings, 4);
	for (size_t i = 0; i < shown; i++) {
		number_cell(table, f->ports[i].port);
		number_cell(table, f->ports[i].times);
		bar_cell(s, table, COLOUR_RED, f->ports[i].times, f->ports[0].times);
		table_cell(table, COLOUR_GREY, f->ports[i].holder);
	}
	end(s, table, shown, f->port_count);
}

static void add_incidents(const struct showing *s)
{
	static const char *const headings[] = {"TIME (UTC)", "PROJECT", "INSTANCE", "INCIDENT", ""};
	const struct figures *f = &s->report->figures;
	if (!f->incident_count)
		return;
	struct table *table = begin(s, "Last incidents", headings, 5);
	for (size_t i = 0; i < f->incident_count; i++) {
		const struct incident_row *row = &f->incidents[i];
		char minute[] = "2026-01-01 00:00";
		snprintf(minute, sizeof minute, "%.10s %.5s", row->time, row->time + 11);
		table_cell(table, COLOUR_GREY, minute);
		table_cell(table, COLOUR_BOLD, row->project);
		number_cell(table, row->instance);
		table_cell(table, COLOUR_RED, row->kind);
		table_cell(table, COLOUR_NONE, row->text);
	}
	end(s, table, f->incident_count, f->incident_count);
}

static void add_idle(const struct showing *s)
{
	const struct idle_list *idle = &s->report->figures.idle;
	struct idle_list first = {.items = idle->items, .count = at_most(idle->count, ROWS_MOST)};
	if (!idle->count)
		return;
	text_addf(s->out, "\n%sIdle instances%s (not used for %d days)\n",
		colour_on(s->context->colour, COLOUR_BOLD), colour_off(s->context->colour),
		IDLE_DAYS);
	idle_show(s->context, &first, s->out);
	if (first.count < idle->count)
		text_addf(s->out,
			"... and %zu more; `stackup instances --unused --machine` has all\n",
			idle->count - first.count);
}

/* ---- sentences ---- */

static void add_now(const struct showing *s)
{
	const struct figures *f = &s->report->figures;
	const struct verification *found = &s->report->truth.found;
	int permille = verify_permille(found);
	text_addf(s->out,
		"Ports      %d of %d leased ones in use; %d taken by a stranger now, %d not where "
		"they belong\n",
		f->active_ports, f->leased_ports, f->conflicts_now, f->moved_ports);
	text_addf(s->out, "Projects   %d tracked: %d active, %d reserved, %d legacy, %d archived\n",
		f->projects, f->active_projects, f->reserved_projects, f->legacy_projects,
		f->archived_projects);
	text_addf(s->out, "Instances  %d: %d running, %zu idle\n", f->instances,
		f->running_instances, f->idle.count);
	text_addf(s->out, "Blocks     %d owned, %d left\n", f->blocks_owned, f->blocks_left);
	text_addf(s->out, "Registry   %d.%d %% accurate: %zu of %zu rows are true%s\n",
		permille / 10, permille % 10, found->is_true, found->examined,
		found->count ? "; `stackup registry verify` tells the others" : "");
}

static void add_launches(const struct showing *s)
{
	const struct launch_figures *l = &s->report->figures.launches;
	int permille = report_permille(l->undisturbed, l->count);
	text_addf(s->out, "Launches   %lld since %.10s", (long long)l->count, s->report->since);
	if (!l->count) {
		text_add_char(s->out, '\n');
		return;
	}
	text_addf(s->out, ": %d.%d %% without a conflict, %lld failed for want of a port\n",
		permille / 10, permille % 10, (long long)l->failed);
	text_addf(s->out, "Assigning  median %.1f ms, 99 %% within %.1f ms\n",
		(double)l->median_us / 1000, (double)l->p99_us / 1000);
}

static void add_incident_kinds(const struct showing *s)
{
	const struct figures *f = &s->report->figures;
	if (!f->incident_kind_count)
		return;
	text_add(s->out, "Incidents  ");
	for (size_t i = 0; i < f->incident_kind_count; i++)
		text_addf(s->out, "%s%lld %s", i ? ", " : "",
			(long long)f->incident_kinds[i].times, f->incident_kinds[i].kind);
	text_addf(s->out, " since %.10s\n", s->report->since);
}

void report_show(const struct context *context, const struct report *report)
{
	OWNED_TEXT out = {0};
	struct showing s = {.context = context,
		.report = report,
		.out = &out,
		.bar = bar_width(),
		.utf8 = speaks_utf8()};
	add_now(&s);
	add_launches(&s);
	add_incident_kinds(&s);
	add_blocks(&s);
	add_months(&s);
	add_busiest(&s);
	add_idle(&s);
	add_ports(&s);
	add_incidents(&s);
	out_text(&out);
}
