#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/terminal.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/leftovers.h"
#include "cli/shared/others.h"
#include "cli/shared/recorded.h"
#include "cli/verbs/verb.h"
#include "spawn/proc.h"

/* So long a supervisor may take to answer before it is looked at whether it can. */
enum { STOPPED_MS = 2000 };

/* ---- what to show ---- */

/* The object of an instance that does not run, or does not answer yet. */
static json_t *silent_instance(const struct target *t, const char *state)
{
	return json_pack("{s:s, s:s, s:i, s:s?, s:s, s:s, s:s, s:s, s:i, s:n, s:n, s:n, s:[]}",
		"project", t->project, "dir", t->worktree, "instance", t->instance, "id", t->run_id,
		"purpose", t->purpose, "branch", t->branch, "environment", t->environment, "state",
		state, "base_port", (int)t->base_port, "pid", "guardian_pid", "started_at",
		"services");
}

/* What the supervisor tells beyond the contract stays between it and us. */
static void remove_private(json_t *instance)
{
	size_t index;
	json_t *service;
	json_array_foreach(json_object_get(instance, "services"), index, service)
	{
		void *next;
		const char *key;
		json_t *value;
		json_object_foreach_safe(service, next, key, value)
		{
			if (key[0] == '_')
				json_object_del(service, key);
		}
	}
}

/* By a signal or a debugger: it will not answer, however long one waits. */
static bool is_stopped(pid_t pid)
{
	struct proc_stat stat;
	return proc_stat(pid, &stat) && (stat.state == 'T' || stat.state == 't');
}

static int ask(const struct target *t, json_t **reply, struct error *e)
{
	if (target_ask_within(t, json_pack("{s:s}", "verb", "status"), STOPPED_MS, reply, e) == 0)
		return 0;
	if (e->code != EXIT_TIMED_OUT || is_stopped(t->supervisor))
		return -1;
	return target_ask(t, json_pack("{s:s}", "verb", "status"), reply, e);
}

/* It lives and does not answer. */
static json_t *hung_instance(const struct target *t)
{
	json_t *instance = silent_instance(t, recorded_state(t));
	const int pid = (int)t->supervisor;
	OWNED_TEXT line = {0};
	text_addf(&line, "%s: its supervisor (pid %d) does not answer, this was recorded before; ",
		target_name(t), pid);
	if (is_stopped(t->supervisor))
		text_addf(&line, "it is stopped, `kill -CONT %d` lets it go on; ", pid);
	text_add(&line, "`stackup down` ends the instance");
	say("%s", text_string(&line));
	if (instance && pid)
		json_object_set_new(instance, "pid", json_integer(pid));
	if (instance && t->guardian)
		json_object_set_new(instance, "guardian_pid", json_integer(t->guardian));
	return instance;
}

static json_t *dead_instance(struct context *context, struct target *t)
{
	struct error why = {0};
	bool died = t->unclean || t->crashed;
	if (leftovers_clear(context, t, false, &why) < 0) {
		leftovers_tell(t);
		say("%s%s%s", why.text, why.hint[0] ? "; " : "", why.hint);
		t->crashed = died;
	}
	if (*t->elsewhere)
		say("%s runs on %s, not here", target_name(t), t->elsewhere);
	json_t *instance = silent_instance(t, t->crashed ? "failed" : "stopped");
	bool told = !t->crashed && !context->json && context_set(context) == SET_ONE;
	const char *end = told ? recorded_end(t) : NULL;
	if (instance && end)
		json_object_set_new(instance, "_ended", json_string(end));
	return instance;
}

/*
 * For people: an instance that runs since before an upgrade, or was upgraded by another program; and that its
 * supervisor is not the first one.
 */
static void note_supervisor(json_t *instance, const json_t *reply)
{
	const json_t *resumed = json_object_get(reply, "resumed");
	const char *version = json_string_value(json_object_get(reply, "stackup"));
	if (instance && version && strcmp(version, STACKUP_VERSION) != 0)
		json_object_set_new(instance, "_version", json_string(version));
	if (instance && resumed)
		json_object_set_new(instance, "_resumed", json_sprintf("%s, at %s",
			json_string_value(json_object_get(resumed, "text")),
			json_string_value(json_object_get(resumed, "time"))));
}

/* A new reference; *as_wanted tells for the exit code. NULL with e. */
static json_t *look_at(
	struct context *context, struct target *t, bool *as_wanted, struct error *e)
{
	*as_wanted = false;
	if (!t->alive)
		return dead_instance(context, t);
	json_t *reply = NULL;
	struct error why = {0};
	if (ask(t, &reply, &why) < 0) {
		if (why.code == EXIT_TIMED_OUT)
			return hung_instance(t);
		/* It ended meanwhile, or has no socket yet. */
		if (why.code == EXIT_NOT_FOUND)
			return silent_instance(t, target_is_alive(t) ? "starting" : "stopped");
		*e = why;
		return NULL;
	}
	*as_wanted = json_is_true(json_object_get(reply, "as_wanted"));
	json_t *instance = json_incref(json_object_get(reply, "instance"));
	remove_private(instance);
	if (!context->json)
		note_supervisor(instance, reply);
	json_decref(reply);
	/* `instances describe` may have changed it since the supervisor read it. */
	if (t->purpose[0])
		json_object_set_new(instance, "purpose", json_string(t->purpose));
	return instance;
}

/* ---- for people ---- */

static const char *string_of(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

static enum colour state_colour(const char *state)
{
	static const struct {
		const char *state;
		enum colour colour;
	} table[] = {{"ready", COLOUR_GREEN}, {"done", COLOUR_GREEN}, {"starting", COLOUR_YELLOW},
		{"blocked", COLOUR_YELLOW}, {"cooling", COLOUR_YELLOW}, {"stopping", COLOUR_YELLOW},
		{"degraded", COLOUR_YELLOW}, {"unhealthy", COLOUR_RED}, {"killing", COLOUR_RED},
		{"failed", COLOUR_RED}, {"imposter", COLOUR_RED}, {"healthy", COLOUR_GREEN}};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(table[i].state, state) == 0)
			return table[i].colour;
	return COLOUR_GREY;
}

static void add_age(struct text *out, const json_t *object, const char *key)
{
	int64_t then;
	char shown[NUMBER_DURATION_SIZE];
	int64_t now = clock_wall_ms();
	const char *text = string_of(object, key);
	if (text[0] && clock_parse_since(text, now, &then) && now >= then)
		text_add(out, number_show_duration(now - then, shown));
}

static void add_ports(struct text *out, const json_t *service)
{
	const char *name;
	const json_t *port;
	json_object_foreach((json_t *)(uintptr_t)json_object_get(service, "ports"), name, port)
	{
		if (out->length)
			text_add_char(out, ' ');
		if (strcmp(name, "main") != 0)
			text_addf(out, "%s:", name);
		text_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(port));
	}
}

static void add_size(struct text *out, int64_t bytes)
{
	if (bytes >= INT64_C(1024) * 1024)
		text_addf(out, "%" PRId64 "M", bytes / (INT64_C(1024) * 1024));
	else if (bytes > 0)
		text_addf(out, "%" PRId64 "K", bytes / 1024);
}

static void text_cell(struct table *table, struct text *text)
{
	table_cell(table, COLOUR_NONE, text_string(text));
	text_clear(text);
}

static void integer_cell(struct table *table, const json_t *value, bool show_zero)
{
	char digits[24] = "";
	json_int_t number = json_integer_value(value);
	if (json_is_integer(value) && (number || show_zero))
		snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, number);
	table_cell(table, COLOUR_NONE, digits);
}

static void add_row(struct table *table, const json_t *service)
{
	OWNED_TEXT cell = {0};
	const char *state = string_of(service, "state");
	const char *health = string_of(service, "health");
	table_cell(table, COLOUR_BOLD, string_of(service, "name"));
	table_cell(table, state_colour(state), state);
	bool runs = json_integer_value(json_object_get(service, "pid")) > 0;
	table_cell(table, state_colour(health), runs && strcmp(health, "none") != 0 ? health : "");
	add_ports(&cell, service);
	text_cell(table, &cell);
	integer_cell(table, json_object_get(service, "pid"), false);
	if (runs)
		add_age(&cell, service, "started_at");
	text_cell(table, &cell);
	integer_cell(table, json_object_get(service, "restarts"), false);
	const json_t *cpu = json_object_get(service, "cpu_percent");
	if (runs && json_is_number(cpu))
		text_addf(&cell, "%.1f%%", json_number_value(cpu));
	text_cell(table, &cell);
	add_size(&cell, json_integer_value(json_object_get(service, "memory_bytes")));
	text_cell(table, &cell);
	table_cell(table, COLOUR_CYAN, string_of(service, "url"));
	table_cell(table, COLOUR_NONE, string_of(service, "reason"));
}

static void add_services(const struct context *context, const json_t *services, struct text *out)
{
	static const char *const headings[] = {"SERVICE", "STATE", "HEALTH", "PORT", "PID", "SINCE",
		"RESTARTS", "CPU", "MEMORY", "URL", "REASON"};
	size_t columns = sizeof headings / sizeof headings[0];
	struct table *table = table_new(columns);
	for (size_t i = 0; i < columns; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	size_t index;
	json_t *service;
	json_array_foreach(services, index, service) add_row(table, service);
	table_print_folding(table, context->colour, out);
	table_free(table);
}

static void add_safe(struct text *out, const char *before, const char *value)
{
	if (!value[0])
		return;
	text_add(out, before);
	terminal_add_strict(out, value, strlen(value));
}

static void add_version(struct text *out, const char *version)
{
	add_safe(out, "\nits supervisor is stackup ", version);
	if (version[0])
		text_add(out, ", this is " STACKUP_VERSION ": `stackup upgrade` puts this one in its place");
}

static void add_instance(const struct context *context, const json_t *instance, struct text *out)
{
	const char *state = string_of(instance, "state");
	json_int_t base = json_integer_value(json_object_get(instance, "base_port"));
	text_add(out, colour_on(context->colour, COLOUR_BOLD));
	add_safe(out, "", string_of(instance, "project"));
	text_addf(out, " instance %" JSON_INTEGER_FORMAT,
		json_integer_value(json_object_get(instance, "instance")));
	text_add(out, colour_off(context->colour));
	add_safe(out, " (", string_of(instance, "purpose"));
	text_add(out, string_of(instance, "purpose")[0] ? "): " : ": ");
	text_add(out, colour_on(context->colour, state_colour(state)));
	add_safe(out, "", state);
	text_add(out, colour_off(context->colour));
	if (base)
		text_addf(out, ", ports from %" JSON_INTEGER_FORMAT, base);
	add_safe(out, ", environment ", string_of(instance, "environment"));
	add_safe(out, ", branch ", string_of(instance, "branch"));
	add_safe(out, ", in ", string_of(instance, "dir"));
	add_safe(out, "\nended ", string_of(instance, "_ended"));
	add_safe(out, "\n", string_of(instance, "_resumed"));
	add_version(out, string_of(instance, "_version"));
	text_add_char(out, '\n');
	const json_t *services = json_object_get(instance, "services");
	if (json_array_size(services))
		add_services(context, services, out);
}

static void show(const struct context *context, json_t *instances)
{
	if (context->json) {
		out_json(json_pack("{s:i, s:o}", "version", 1, "instances", instances));
		return;
	}
	OWNED_TEXT out = {0};
	size_t index;
	json_t *instance;
	json_array_foreach(instances, index, instance)
	{
		if (index)
			text_add_char(&out, '\n');
		add_instance(context, instance, &out);
	}
	json_decref(instances);
	out_text(&out);
}

/* ---- the verb ---- */

/* Somebody who did not say which one may have another one in mind. */
static void tell_others(struct context *context, int number)
{
	OWNED_TEXT others = {0};
	if (!context->quiet && !context->json && others_run(context, number, &others))
		say("%s; `stackup status --all` shows every instance", text_string(&others));
}

static int status_of_one(struct context *context, struct error *e)
{
	struct target t;
	bool as_wanted = false;
	json_t *instance = NULL;
	if (context_target(context, &t, e) == 0)
		instance = look_at(context, &t, &as_wanted, e);
	bool alive = t.alive;
	int number = t.instance;
	target_release(&t);
	if (!instance)
		return e->text[0] ? -1 : fail(e, EXIT_FAILED, "out of memory");
	show(context, json_pack("[o]", instance));
	if (!alive)
		tell_others(context, number);
	return as_wanted ? EXIT_DONE : EXIT_NOT_AS_WANTED;
}

/* Where there is no project, every instance can only mean those of the machine. */
static int find_many(struct context *context, enum target_set set, struct target **targets,
	size_t *count, struct error *e)
{
	struct error why = {0};
	if (context_targets(context, set, targets, count, &why) == 0)
		return 0;
	bool nowhere = why.code == EXIT_BAD_FILE && set == SET_PROJECT &&
		!option_given(&context->line, OPTION_FILE);
	if (nowhere)
		return context_targets(context, SET_MACHINE, targets, count, e);
	*e = why;
	return -1;
}

/* Of many, one that was stopped is as wanted; one that runs must be complete, one that died is not. */
static int status_of_many(struct context *context, enum target_set set, struct error *e)
{
	struct target *targets;
	size_t count;
	bool all_well = true;
	json_t *instances = json_array();
	int result = find_many(context, set, &targets, &count, e);
	for (size_t i = 0; i < count; i++) {
		bool as_wanted;
		json_t *instance = result < 0 ? NULL : look_at(context, &targets[i], &as_wanted, e);
		bool counts = targets[i].alive || targets[i].crashed;
		if (!instance)
			result = -1;
		else if (json_array_append_new(instances, instance) == 0 && counts && !as_wanted)
			all_well = false;
		target_release(&targets[i]);
	}
	free(targets);
	if (result < 0) {
		json_decref(instances);
		return -1;
	}
	show(context, instances);
	return all_well ? EXIT_DONE : EXIT_NOT_AS_WANTED;
}

int verb_status(struct context *context, struct error *e)
{
	enum target_set set = context_set(context);
	if (context->line.word_count)
		return fail(e, EXIT_USAGE, "`status` takes no argument; --project and --instance choose");
	return set == SET_ONE ? status_of_one(context, e) : status_of_many(context, set, e);
}
