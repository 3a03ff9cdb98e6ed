#include "export/exported.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stackfile/describe.h"

void exported_init(struct exported *x, const struct export_request *request, struct arena *arena)
{
	*x = (struct exported){.request = request, .stack = request->stack, .arena = arena};
	secrets_collect(&x->secrets, arena, request->stack);
}

void exported_release(struct exported *x)
{
	for (size_t i = 0; i < x->file_count; i++)
		text_release(&x->files[i].content);
	x->file_count = 0;
}

struct text *exported_file(struct exported *x, const char *name)
{
	struct export_file *file = arena_append(x->arena, x->files, x->file_count);
	file->name = name;
	return &file->content;
}

void exported_note(struct exported *x, const struct service *service, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	*arena_append(x->arena, x->notes, x->note_count) = service
		? arena_format(x->arena, "service '%s': %s", service->name, text) : arena_string(x->arena, text);
}

void exported_note_stack(struct exported *x)
{
	const struct stack *stack = x->stack;
	if (stack->port_count)
		exported_note(x, NULL, "ports are those of instance %d; none is found another number when it is taken",
			stack->instance);
	if (stack->require_command_count + stack->require_variable_count + stack->require_file_count ||
		stack->require_disk)
		exported_note(x, NULL, "what the stack requires is not checked before the start");
	if (stack->log_total)
		exported_note(x, NULL, "log.total is not kept");
}

void exported_add_notes(const struct exported *x, struct text *out)
{
	for (size_t i = 0; i < x->note_count; i++)
		text_addf(out, "# - %s\n", x->notes[i]);
}

/* ---- env files ---- */

static const struct pair *find_pair(const struct pair *pairs, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(pairs[i].name, name) == 0)
			return &pairs[i];
	return NULL;
}

bool exported_is_in_files(const struct exported *x, const struct service *s, const char *variable)
{
	return find_pair(x->stack->env_files, x->stack->env_file_count, variable) ||
		find_pair(s->env_files, s->env_file_count, variable);
}

bool exported_gets_strange_port(const struct exported *x, const struct service *s)
{
	return !s->has_main_port && !find_pair(s->env, s->env_count, "PORT") && exported_is_in_files(x, s, "PORT");
}

/* The value of a password in .env is in it: such a file is often kept out of the repository. */
static bool has_secret_of(const struct pair *pairs, size_t count, const char *value)
{
	enum { LEAST = 4 }; /* shorter ones stand in too many places */
	for (size_t i = 0; i < count; i++)
		if (strlen(pairs[i].value) >= LEAST && secret_name(NULL, pairs[i].name) &&
			strstr(value, pairs[i].value))
			return true;
	return false;
}

static bool has_file_secret(const struct exported *x, const struct service *s, const char *value)
{
	return has_secret_of(x->stack->env_files, x->stack->env_file_count, value) ||
		has_secret_of(s->env_files, s->env_file_count, value);
}

/* ---- variables ---- */

static bool is_wanted(const struct variable *variable)
{
	const struct definition *top = variable->top;
	if (!top || (top->layer != LAYER_ENV && top->layer != LAYER_EXPORT && top->layer != LAYER_INJECTED))
		return false;
	return top->layer != LAYER_INJECTED || strncmp(variable->name, "STACKUP", 7) != 0;
}

size_t exported_variables(struct exported *x, const struct service *service, const char *where,
	const struct pair **out)
{
	struct environment env = environment_of(x->request->environments, x->arena, service->index, NULL);
	struct pair *pairs = NULL;
	size_t count = 0;
	for (size_t i = 0; i < env.count; i++) {
		const struct variable *v = &env.vars[i];
		if (!is_wanted(v))
			continue;
		if (v->secret || secret_name(service, v->name) || has_file_secret(x, service, v->top->value))
			exported_note(x, service, "the value of %s may be a secret and is not written; set it %s",
				v->name, where);
		else
			*arena_append(x->arena, pairs, count) = (struct pair){.name = v->name,
				.value = v->top->value, .origin = layer_word(v->top->layer)};
	}
	*out = pairs;
	return count;
}

size_t exported_env_paths(struct exported *x, const struct service *service, const char *const **out)
{
	const char **paths = NULL;
	size_t count = 0;
	for (size_t i = 0; i < x->stack->env_path_count; i++)
		*arena_append(x->arena, paths, count) = x->stack->env_paths[i];
	for (size_t i = 0; i < service->env_path_count; i++)
		*arena_append(x->arena, paths, count) = service->env_paths[i];
	*out = paths;
	return count;
}

/* ---- paths and commands ---- */

const char *exported_path(const struct exported *x, const char *path)
{
	size_t length = strlen(x->stack->dir);
	if (strncmp(path, x->stack->dir, length) != 0 || (path[length] && path[length] != '/'))
		return path;
	return path[length] ? path + length + 1 : ".";
}

static int check_words(const struct exported *x, const struct service *service, const struct command *command,
	const char *key, struct error *e)
{
	for (size_t i = 0; command->text && command->argv[i]; i++) {
		if (!secrets_hide(&x->secrets, command->argv[i]) && !has_file_secret(x, service, command->argv[i]))
			continue;
		fail(e, EXIT_BAD_FILE, "service '%s': its %s has the value of a secret in it, which is not written",
			service->name, key);
		error_hint(e, "hand it over in a variable, by env.NAME");
		return -1;
	}
	return 0;
}

int exported_check_command(const struct exported *x, const struct service *service, struct error *e)
{
	return check_words(x, service, &service->command, "command", e) ||
		check_words(x, service, &service->stop_command, "stop.command", e) ||
		check_words(x, service, &service->ready.command, "ready", e) ||
		check_words(x, service, &service->health.command, "health", e) ? -1 : 0;
}
