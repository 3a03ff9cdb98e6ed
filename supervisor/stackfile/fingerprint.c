#include <string.h>

#include "stackfile/describe.h"
#include "stackfile/describe_rows.h"

/*
 * Every text with its length, so that no value can look like the next key. Digits by hand: printf
 * was half the time of loading a stack of 500 services.
 */
static void add(struct text *out, const char *text)
{
	char digits[24];
	char *at = digits + sizeof digits;
	size_t length = strlen(text);
	*--at = ':';
	for (size_t left = length; left || at == digits + sizeof digits - 1; left /= 10)
		*--at = (char)('0' + left % 10);
	text_add_bytes(out, at, (size_t)(digits + sizeof digits - at));
	text_add_bytes(out, text, length);
}

/* What only people read, or what decides whether and how it is replaced, needs no restart. */
static bool is_cosmetic(const char *key)
{
	return !strcmp(key, "description") || !strcmp(key, "profile") || !strcmp(key, "move") ||
		!strcmp(key, "env_file"); /* what is in the files counts */
}

static void add_row(struct text *out, const char *key, const char *member, const char *value)
{
	add(out, key);
	add(out, member);
	add(out, value);
	text_add_char(out, '\n');
}

static void on_row(void *self, const char *key, const char *member, const char *value)
{
	if (!is_cosmetic(key))
		add_row(self, key, member ? member : "", value);
}

static void on_port(void *self, const char *name, uint16_t number)
{
	struct text *out = self;
	add(out, name);
	text_addf(out, "%u\n", number);
}

static void on_command(void *self, const char *key, const struct command *command,
	const char *before)
{
	(void)before;
	struct text *out = self;
	add(out, key);
	for (char *const *at = command->argv; at && *at; at++)
		add(out, *at);
	text_add_char(out, '\n');
}

static void add_pairs(struct text *out, const char *family, const struct pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_row(out, family, pairs[i].name, pairs[i].value);
}

/* What it is told about the services that it depends on. */
static void add_need(struct text *out, const struct stack *stack, const struct service *need)
{
	for (size_t i = 0; i < need->port_count; i++) {
		const struct port *port = &stack->ports[need->ports[i]];
		add(out, need->name);
		on_port(out, port->name, port->number);
	}
	if (need->url)
		add_row(out, "url", need->name, need->url);
	add_pairs(out, "export", need->exports, need->export_count);
}

void describe_fingerprint(const struct stack *stack, const struct service *service,
	struct text *out)
{
	struct row_sink sink = {
		.self = out, .on_row = on_row, .on_port = on_port, .on_command = on_command};
	rows_of_service(stack, service, &sink);
	add_pairs(out, "file", service->env_files, service->env_file_count);
	add_pairs(out, "stackfile", stack->env_files, stack->env_file_count);
	for (size_t i = 0; i < service->dependency_count; i++)
		add_need(out, stack, &stack->services[service->dependencies[i].service]);
}
