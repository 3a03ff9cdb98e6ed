#include "daemon/reload_order.h"

#include <string.h>

#include "control/wire.h"
#include "stackfile/document.h"

/* Services run meanwhile: who is to be waited for was waited for before (clearing.h), or the service moves. */
enum { NO_WAIT_MS = 1 };

void reload_order_release(struct reload_order *order)
{
	document_free(order->document);
	text_release(&order->environment);
	arena_free(order->arena);
}

static const char **strings(struct arena *arena, const json_t *array, size_t *count)
{
	const json_t *item;
	size_t i;
	const char **all = arena_take(arena, (json_array_size(array) + 1) * sizeof *all);
	*count = 0;
	json_array_foreach(array, i, item)
		if (json_is_string(item))
			all[(*count)++] = arena_string(arena, json_string_value(item));
	return all;
}

static const char *string_of(struct arena *arena, const json_t *body, const char *key)
{
	const char *value = json_string_value(json_object_get(body, key));
	return value ? arena_string(arena, value) : NULL;
}

/* Our own working directory is none of the caller's. */
static void make_absolute(struct arena *arena, const char **paths, size_t count, const char *dir)
{
	for (size_t i = 0; i < count; i++)
		if (paths[i][0] != '/')
			paths[i] = arena_format(arena, "%s/%s", dir, paths[i]);
}

static char *const *caller_environment(struct instance *in, struct reload_order *order, const json_t *body)
{
	size_t count = 0;
	if (!wire_unpack_environment(json_object_get(body, "environ"), &order->environment, &count))
		return in->loaded.caller;
	char **environment = arena_take(order->arena, (count + 1) * sizeof *environment);
	char *at = order->environment.data;
	for (size_t i = 0; i < count; i++, at += strlen(at) + 1)
		environment[i] = at;
	return environment;
}

/* Of this `up`, else of the one that launched; NULL: as the file says. */
static const enum port_strategy *strategy_of(const struct instance *in, struct reload_order *order,
	const json_t *body)
{
	const char *word = json_string_value(json_object_get(body, "strategy"));
	order->strategy = in->strategy;
	return (word && port_strategy_parse(word, &order->strategy)) || in->has_strategy ? &order->strategy
										     : NULL;
}

int reload_order_read(struct instance *in, const json_t *body, struct reload_order *order,
	struct complaints *c, struct error *e)
{
	order->arena = arena_new();
	if (!order->arena || setjmp(*arena_on_failure(order->arena)))
		return fail(e, EXIT_FAILED, "out of memory");
	const char *file = string_of(order->arena, body, "file");
	const char *shown = string_of(order->arena, body, "shown");
	const char *dir = string_of(order->arena, body, "dir");
	const char *text = json_string_value(json_object_get(body, "text"));
	file = file ? file : in->loaded.stack->file;
	dir = dir ? dir : in->loaded.stack->dir;
	if (text)
		order->document = document_parse(text, strlen(text), "-", dir, c);
	else
		order->document = document_read_as(file, shown ? shown : file, c);
	if (!order->document)
		return fail(e, EXIT_BAD_FILE, "%s cannot be read", file);
	struct load_request *r = &order->request;
	size_t count;
	*r = (struct load_request){.document = order->document,
		.environment = string_of(order->arena, body, "environment"),
		.stack_name = in->stack_name,
		.main_dir = in->main_dir,
		.branch = in->branch,
		.no_deps = json_is_true(json_object_get(body, "no_deps")),
		.purpose = string_of(order->arena, body, "purpose"),
		.strict_ports = json_is_true(json_object_get(body, "strict_ports")) || in->strict_ports,
		.strategy = strategy_of(in, order, body),
		.wait_ms = NO_WAIT_MS,
		.check_programs = true,
		.caller_env = caller_environment(in, order, body)};
	r->services = strings(order->arena, json_object_get(body, "services"), &r->service_count);
	r->profiles = strings(order->arena, json_object_get(body, "profiles"), &r->profile_count);
	const char **env_files = strings(order->arena, json_object_get(body, "env_files"), &count);
	make_absolute(order->arena, env_files, count, dir);
	r->env_files = env_files;
	r->env_file_count = count;
	return c->errors ? fail(e, EXIT_BAD_FILE, "%s has mistakes", order->document->label) : 0;
}
