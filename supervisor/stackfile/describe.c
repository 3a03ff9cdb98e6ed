#include "stackfile/describe.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "model/names.h"
#include "stackfile/command.h"
#include "stackfile/describe_rows.h"

struct showing {
	const struct stack *stack;
	const struct service *service; /* NULL in [stack] */
	struct text *out; /* INI */
	json_t *object; /* JSON: of the service or the stack */
	bool failed; /* JSON: memory is out */
};

static bool names_variable(const char *key)
{
	return !strcmp(key, "env") || !strcmp(key, "export");
}

/* A value as it may be seen. */
static void add_shown(const struct showing *s, struct text *out, const char *key,
	const char *member, const char *value)
{
	bool is_secret = member && *value && (names_variable(key) || !strcmp(key, "health.header"));
	if (is_secret && s->service &&
		(secret_name(s->service, member) || !strcasecmp(member, "authorization") ||
			!strcasecmp(member, "cookie")))
		text_add(out, "***");
	else if (s->service)
		secret_add_shown(out, s->stack, s->service, value);
	else
		secret_add_text(out, value);
}

/* As the text of a command that is read again: direct ones are quoted word by word. */
static void add_command(struct text *out, const struct command *command)
{
	if (command->through_shell) {
		text_add(out, command->text);
		return;
	}
	for (char *const *at = command->argv; at && *at; at++) {
		if (at != command->argv)
			text_add_char(out, ' ');
		command_quote(out, *at);
	}
}

/* ---- INI ---- */

/* So that it reads back: a '$' is one, and lines go on indented. */
static void add_value(struct text *out, const char *value, bool is_command)
{
	for (; *value; value++) {
		bool reference = value[0] == '$' &&
			(!is_command || value[1] == '$' || interpolate_ours(value));
		if (reference)
			text_add(out, "$$");
		else if (*value == '\n')
			text_add(out, "\n\t");
		else
			text_add_char(out, *value);
		if (reference && is_command && value[1] == '$') {
			text_add(out, "$$");
			value++;
		}
	}
}

static void add_line(struct text *out, const char *key, const char *member, const char *value,
	bool is_command)
{
	text_addf(out, "%s%s%s = ", key, member ? "." : "", member ? member : "");
	add_value(out, value, is_command);
	text_add_char(out, '\n');
}

static void ini_row(void *self, const char *key, const char *member, const char *value)
{
	struct showing *s = self;
	OWNED_TEXT shown = {0};
	add_shown(s, &shown, key, member, value);
	add_line(s->out, key, member, text_string(&shown), false);
}

static void ini_port(void *self, const char *name, uint16_t number)
{
	struct showing *s = self;
	if (!strcmp(name, "main"))
		text_addf(s->out, "# port %u\n", number);
	else
		text_addf(s->out, "# port %s %u\n", name, number);
}

static void ini_command(void *self, const char *key, const struct command *command,
	const char *before)
{
	struct showing *s = self;
	OWNED_TEXT plain = {0};
	OWNED_TEXT shown = {0};
	text_add(&plain, before);
	add_command(&plain, command);
	add_shown(s, &shown, key, NULL, text_string(&plain));
	add_line(s->out, key, NULL, text_string(&shown), true);
}

static void add_ports_section(const struct stack *stack, struct text *out)
{
	text_addf(out, "\n[ports]\nemergency = %u-%u\n", stack->emergency_low, stack->emergency_high);
	for (size_t i = 0; i < stack->reserved_count; i++) {
		const char *line = stack->reserved[i];
		size_t digits = strcspn(line, " ");
		text_addf(out, "reserve.%.*s = ", (int)digits, line);
		add_value(out, line[digits] ? line + digits + 1 : "", false);
		text_add_char(out, '\n');
	}
	for (size_t i = 0; i < stack->protect_count; i++)
		text_addf(out, "%s%u", i ? ", " : "protect = ", stack->protects[i]);
	if (stack->protect_count)
		text_add_char(out, '\n');
}

void describe_config(const struct stack *stack, struct text *out)
{
	struct showing s = {.stack = stack, .out = out};
	struct row_sink sink = {
		.self = &s, .on_row = ini_row, .on_port = ini_port, .on_command = ini_command};
	text_addf(
		out, "# instance %d, ports from %u\n[stack]\n", stack->instance, stack->base_port);
	rows_of_stack(stack, &sink);
	for (int i = 0; i < stack->service_count; i++) {
		s.service = &stack->services[i];
		text_addf(out, "\n[service %s]\n", s.service->name);
		rows_of_service(stack, s.service, &sink);
	}
	add_ports_section(stack, out);
}

/* ---- JSON ---- */

static void set(struct showing *s, json_t *object, const char *key, json_t *value)
{
	if (!object || json_object_set_new(object, key, value))
		s->failed = true;
}

static json_t *member_of(struct showing *s, const char *key)
{
	json_t *object = json_object_get(s->object, key);
	if (object)
		return object;
	set(s, s->object, key, json_object());
	return json_object_get(s->object, key);
}

static void json_row(void *self, const char *key, const char *member, const char *value)
{
	struct showing *s = self;
	OWNED_TEXT shown = {0};
	add_shown(s, &shown, key, member, value);
	bool is_port = member && !strcmp(key, "port");
	if (!is_port)
		set(s, member ? member_of(s, key) : s->object, member ? member : key,
			json_string(text_string(&shown)));
}

static void json_port(void *self, const char *name, uint16_t number)
{
	struct showing *s = self;
	set(s, member_of(s, "ports"), name, json_integer(number));
}

static void json_command(void *self, const char *key, const struct command *command,
	const char *before)
{
	struct showing *s = self;
	OWNED_TEXT plain = {0};
	OWNED_TEXT shown = {0};
	text_add(&plain, before);
	add_command(&plain, command);
	add_shown(s, &shown, key, NULL, text_string(&plain));
	set(s, s->object, key, json_string(text_string(&shown)));
	if (!strcmp(key, "command"))
		set(s, s->object, "through_shell", json_boolean(command->through_shell));
}

static json_t *service_json(struct showing *s, const struct row_sink *sink,
	const struct service *service)
{
	s->service = service;
	s->object = json_object();
	set(s, s->object, "name", json_string(service->name));
	set(s, s->object, "enabled", json_boolean(service->enabled));
	rows_of_service(s->stack, service, sink);
	return s->object;
}

static json_t *stack_json(struct showing *s, const struct row_sink *sink)
{
	const struct stack *stack = s->stack;
	s->object = json_object();
	set(s, s->object, "file", json_string(stack->file));
	set(s, s->object, "dir", json_string(stack->dir));
	set(s, s->object, "project", json_string(stack->project));
	set(s, s->object, "instance", json_integer(stack->instance));
	set(s, s->object, "base_port", json_integer(stack->base_port));
	rows_of_stack(stack, sink);
	return s->object;
}

struct json_t *describe_config_json(const struct stack *stack)
{
	struct showing s = {.stack = stack};
	struct row_sink sink = {
		.self = &s, .on_row = json_row, .on_port = json_port, .on_command = json_command};
	json_t *root = json_object();
	json_t *services = json_array();
	set(&s, root, "version", json_integer(1));
	set(&s, root, "stack", stack_json(&s, &sink));
	for (int i = 0; i < stack->service_count; i++)
		if (json_array_append_new(services, service_json(&s, &sink, &stack->services[i])))
			s.failed = true;
	set(&s, root, "services", services);
	if (!s.failed)
		return root;
	json_decref(root);
	return NULL;
}

static json_t *complaint_json(const struct complaint *complaint)
{
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s}", "file", complaint->file, "line",
		complaint->line, "key", complaint->key, "severity",
		severity_word(complaint->severity), "text", complaint->text, "hint",
		complaint->hint);
}

struct json_t *complaints_json(const struct complaints *complaints)
{
	json_t *all = json_array();
	for (size_t i = 0; i < complaints->list.count; i++) {
		if (!json_array_append_new(all, complaint_json(&complaints->list.items[i])))
			continue;
		json_decref(all);
		return NULL;
	}
	return all;
}
