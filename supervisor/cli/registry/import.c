#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/registry/verbs.h"
#include "ledger/apply.h"
#include "stackfile/describe.h"
#include "stackfile/user_file.h"

enum { DOCUMENT_MOST = 64 * 1024 * 1024 };

/* ---- the report ---- */

static const char *const fates[] = {[FATE_ADD] = "added",
	[FATE_CHANGE] = "changed",
	[FATE_SAME] = "unchanged",
	[FATE_LEFT_OUT] = "left_out"};
enum { FATES = sizeof fates / sizeof fates[0] };

static json_t *empty_fates(void)
{
	json_t *object = json_object();
	for (int i = 0; i < FATES; i++)
		json_object_set_new(object, fates[i], json_array());
	return object;
}

static void add_row(json_t *object, enum ledger_fate fate, json_t *row)
{
	json_array_append_new(json_object_get(object, fates[fate]), row);
}

static void show_json(
	const struct ledger *ledger, const struct complaints *complaints, bool dry_run)
{
	json_t *projects = empty_fates(), *instances = empty_fates(), *reservations = empty_fates();
	for (size_t i = 0; i < ledger->project_count; i++)
		add_row(projects, ledger->projects[i].fate,
			json_pack("{s:s, s:i, s:i}", "name", ledger->projects[i].row.name, "block",
				ledger->projects[i].row.block, "line", ledger->projects[i].line));
	for (size_t i = 0; i < ledger->instance_count; i++)
		add_row(instances, ledger->instances[i].fate,
			json_pack("{s:s, s:i, s:i}", "project", ledger->instances[i].row.project,
				"instance", ledger->instances[i].row.number, "line",
				ledger->instances[i].line));
	for (size_t i = 0; i < ledger->reservation_count; i++)
		add_row(reservations, ledger->reservations[i].fate,
			json_pack("{s:i, s:i}", "port", (int)ledger->reservations[i].row.port,
				"line", ledger->reservations[i].line));
	out_json(json_pack("{s:i, s:b, s:o, s:o, s:o, s:o}", "version", 1, "dry_run", (int)dry_run,
		"projects", projects, "instances", instances, "reservations", reservations,
		"complaints", complaints_json(complaints)));
}

struct count {
	const char *noun;
	size_t of[FATES];
};

static void add_counts(struct text *out, const struct count *counts, size_t kinds,
	enum ledger_fate fate, const char *what)
{
	size_t said = 0;
	for (size_t i = 0; i < kinds; i++) {
		size_t n = counts[i].of[fate];
		if (!n)
			continue;
		text_addf(out, "%s%zu %s%s", said++ ? ", " : what, n, counts[i].noun,
			n == 1 ? "" : "s");
	}
	if (said)
		text_add_char(out, '\n');
}

static void show(const struct ledger *ledger, size_t errors, bool dry_run)
{
	struct count counts[] = {
		{.noun = "project"}, {.noun = "instance"}, {.noun = "reservation"}};
	OWNED_TEXT out = {0};
	for (size_t i = 0; i < ledger->project_count; i++)
		counts[0].of[ledger->projects[i].fate]++;
	for (size_t i = 0; i < ledger->instance_count; i++)
		counts[1].of[ledger->instances[i].fate]++;
	for (size_t i = 0; i < ledger->reservation_count; i++)
		counts[2].of[ledger->reservations[i].fate]++;
	add_counts(&out, counts, 3, FATE_ADD, dry_run ? "would add: " : "added: ");
	add_counts(&out, counts, 3, FATE_CHANGE, dry_run ? "would change: " : "changed: ");
	add_counts(&out, counts, 3, FATE_SAME, "there already: ");
	if (errors)
		text_addf(&out, "contradictions: %zu; the rows that they name are left out\n",
			errors);
	out_text(&out);
}

/* ---- reading ---- */

static int read_document(const char *path, struct text *out, struct error *e)
{
	if (!strcmp(path, "-"))
		return file_read_fd(STDIN_FILENO, "standard input", DOCUMENT_MOST, out, e);
	return file_read(path, DOCUMENT_MOST, out, e);
}

static int import(const struct context *context, const char *path,
	const struct ledger_reading *reading, bool dry_run, struct error *e)
{
	OWNED_TEXT content = {0}, notices = {0};
	const char *word = option_value(&context->line, OPTION_DOCUMENT);
	if (read_document(path, &content, e))
		return -1;
	enum ledger_format format = ledger_format_of(path, text_string(&content), content.length);
	if ((word && ledger_format_parse(word, &format, e)) ||
		ledger_read(reading, format, text_string(&content), content.length, e))
		return -1;
	const struct ledger_import order = {.state = context->paths.state,
		.reading = reading,
		.ports_base = user_file_ports_base((const char *const *)environ),
		.dry_run = dry_run};
	int result = ledger_import(&order, &notices, e);
	say_lines(text_string(&notices));
	return result;
}

int verb_registry_import(struct context *context, struct error *e)
{
	const char *path = context->line.words[1];
	bool dry_run = option_given(&context->line, OPTION_DRY_RUN);
	struct complaints complaints = {0};
	struct ledger ledger = {0};
	const struct ledger_reading reading = {.arena = arena_new(),
		.label = strcmp(path, "-") != 0 ? path : "(standard input)",
		.complaints = &complaints,
		.ledger = &ledger,
		.home = getenv("HOME"),
		.now_ms = clock_wall_ms()};
	int code = reading.arena ? import(context, path, &reading, dry_run, e)
				 : fail(e, EXIT_FAILED, "out of memory");
	if (code == 0) {
		complaints_sort(&complaints);
		complaints_print(&complaints, SEVERITY_NOTICE, stderr);
		if (context->json)
			show_json(&ledger, &complaints, dry_run);
		else
			show(&ledger, complaints.errors, dry_run);
		code = complaints.errors ? EXIT_NOT_AS_WANTED : EXIT_DONE;
	}
	complaints_release(&complaints);
	arena_free(reading.arena);
	return code;
}
