#include "base/clock.h"
#include "base/json_text.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/registry/report_show.h"
#include "cli/registry/verbs.h"
#include "cli/shared/idle_show.h"
#include "cli/shared/inventory_show.h"
#include "cli/shared/tail_options.h"

static const int64_t WINDOW_MS = INT64_C(30) * 24 * 60 * 60 * 1000;

/* null where there is nothing of which it could be a share */
static void add_percent(struct text *out, const char *key, int64_t part, int64_t whole)
{
	int permille = report_permille(part, whole);
	if (permille < 0)
		json_text_string(out, key, NULL);
	else
		json_text_decimal(out, key, permille / 10.0, 1);
}

static void add_now(struct text *out, const struct figures *f)
{
	json_text_number(out, "active_ports", f->active_ports);
	json_text_number(out, "leased_ports", f->leased_ports);
	json_text_number(out, "moved_ports", f->moved_ports);
	json_text_number(out, "conflicts_now", f->conflicts_now);
	json_text_open(out, "projects", '{');
	json_text_number(out, "total", f->projects);
	json_text_number(out, "active", f->active_projects);
	json_text_number(out, "reserved", f->reserved_projects);
	json_text_number(out, "legacy", f->legacy_projects);
	json_text_number(out, "archived", f->archived_projects);
	json_text_close(out, '}');
	json_text_open(out, "instances", '{');
	json_text_number(out, "total", f->instances);
	json_text_number(out, "running", f->running_instances);
	json_text_number(out, "idle", (int64_t)f->idle.count);
	json_text_close(out, '}');
}

static void add_launches(struct text *out, const struct launch_figures *l)
{
	json_text_open(out, "launches", '{');
	json_text_number(out, "count", l->count);
	json_text_number(out, "without_conflict", l->undisturbed);
	json_text_number(out, "failed", l->failed);
	add_percent(out, "success_percent", l->undisturbed, l->count);
	json_text_decimal(out, "assign_ms_median", (double)l->median_us / 1000, 3);
	json_text_decimal(out, "assign_ms_p99", (double)l->p99_us / 1000, 3);
	json_text_close(out, '}');
}

static void add_truth(struct text *out, const struct verification *found)
{
	json_text_open(out, "registry", '{');
	json_text_decimal(out, "accuracy", verify_permille(found) / 10.0, 1);
	json_text_number(out, "examined", (int64_t)found->examined);
	json_text_number(out, "true", (int64_t)found->is_true);
	json_text_close(out, '}');
}

static void add_blocks(struct text *out, const struct figures *f)
{
	json_text_number(out, "blocks_owned", f->blocks_owned);
	json_text_number(out, "blocks_left", f->blocks_left);
	json_text_open(out, "blocks", '[');
	for (size_t i = 0; i < f->block_count; i++) {
		json_text_open(out, NULL, '{');
		json_text_number(out, "block", f->blocks[i].block);
		json_text_number(out, "base_port", f->blocks[i].base_port);
		json_text_string(out, "project", f->blocks[i].project);
		json_text_number(out, "instances", f->blocks[i].instances);
		json_text_number(out, "running", f->blocks[i].running);
		json_text_number(out, "active_ports", f->blocks[i].active_ports);
		json_text_close(out, '}');
	}
	json_text_close(out, ']');
}

static void add_months(struct text *out, const struct figures *f)
{
	json_text_open(out, "months", '[');
	for (size_t i = 0; i < f->month_count; i++) {
		const struct month_figures *month = &f->months[i];
		json_text_open(out, NULL, '{');
		json_text_string(out, "month", month->month);
		json_text_number(out, "launches", month->launches);
		json_text_number(out, "conflicts", month->conflicts);
		json_text_decimal(out, "conflicts_per_launch",
			month->launches ? (double)month->conflicts / (double)month->launches : 0,
			3);
		add_percent(out, "success_percent", month->undisturbed, month->launches);
		json_text_close(out, '}');
	}
	json_text_close(out, ']');
}

static void add_busiest(struct text *out, const struct figures *f)
{
	json_text_open(out, "busiest", '[');
	for (size_t i = 0; i < f->busiest_count; i++) {
		json_text_open(out, NULL, '{');
		json_text_string(out, "project", f->busiest[i].project);
		json_text_number(out, "instance", f->busiest[i].instance);
		json_text_number(out, "launches", f->busiest[i].launches);
		json_text_number(out, "active_ports", f->busiest[i].active_ports);
		json_text_close(out, '}');
	}
	json_text_close(out, ']');
}

static void add_ports(struct text *out, const struct figures *f)
{
	json_text_open(out, "conflicting_ports", '[');
	for (size_t i = 0; i < f->port_count; i++) {
		json_text_open(out, NULL, '{');
		json_text_number(out, "port", f->ports[i].port);
		json_text_number(out, "conflicts", f->ports[i].times);
		json_text_string(out, "last_holder", f->ports[i].holder);
		json_text_close(out, '}');
	}
	json_text_close(out, ']');
}

static void add_incident(struct text *out, const struct incident_row *row)
{
	json_text_open(out, NULL, '{');
	json_text_string(out, "time", row->time);
	json_text_string(out, "project", row->project);
	json_text_number(out, "instance", row->instance);
	json_text_string(out, "kind", row->kind);
	json_text_string(out, "text", row->text);
	json_text_close(out, '}');
}

static void add_incidents(struct text *out, const struct figures *f)
{
	json_text_open(out, "incidents", '{');
	json_text_open(out, "kinds", '[');
	for (size_t i = 0; i < f->incident_kind_count; i++) {
		json_text_open(out, NULL, '{');
		json_text_string(out, "kind", f->incident_kinds[i].kind);
		json_text_number(out, "count", f->incident_kinds[i].times);
		json_text_close(out, '}');
	}
	json_text_close(out, ']');
	json_text_open(out, "last", '[');
	for (size_t i = 0; i < f->incident_count; i++)
		add_incident(out, &f->incidents[i]);
	json_text_close(out, ']');
	json_text_close(out, '}');
}

static void print_json(const struct report *report)
{
	const struct figures *f = &report->figures;
	OWNED_TEXT out = {0};
	json_text_open(&out, NULL, '{');
	json_text_number(&out, "version", 1);
	json_text_string(&out, "since", report->since);
	add_now(&out, f);
	add_launches(&out, &f->launches);
	add_truth(&out, &report->truth.found);
	add_blocks(&out, f);
	add_months(&out, f);
	add_busiest(&out, f);
	idle_add_json(&out, &f->idle);
	add_ports(&out, f);
	add_incidents(&out, f);
	json_text_close(&out, '}');
	inventory_print_json(&out);
}

static int find(struct context *context, struct report *report, struct error *e)
{
	struct tail_options options;
	int64_t now_ms = clock_wall_ms();
	if (tail_options(context, &options, e))
		return -1;
	clock_iso(options.since_ms ? options.since_ms : now_ms - WINDOW_MS, report->since);
	if (truth_find(context, &report->truth, e))
		return -1;
	return figures_read(context->paths.state, report->since, now_ms, &report->truth.facts,
		&report->truth.found, report->truth.facts.arena, &report->figures, e);
}

int verb_registry_report(struct context *context, struct error *e)
{
	struct report report = {0};
	int result = find(context, &report, e);
	if (!result && context->json)
		print_json(&report);
	else if (!result)
		report_show(context, &report);
	truth_release(&report.truth);
	return result;
}
