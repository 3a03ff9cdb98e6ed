#include "plan/block.h"

#include <string.h>

const struct marks block_marks = {.begin = "# stackup: begin",
	.end = "# stackup: end",
	.remark = " (`stackup env --write` replaces what is between)"};

/* ---- names that are there twice ---- */

/* NAME of "NAME=", with "export " before it or not; NULL: another line. */
static const char *name_of(struct arena *arena, const char *at, size_t length)
{
	static const char export[] = "export ";
	while (length && (*at == ' ' || *at == '\t')) {
		at++;
		length--;
	}
	if (length > sizeof export && !memcmp(at, export, sizeof export - 1)) {
		at += sizeof export - 1;
		length -= sizeof export - 1;
	}
	const char *equals = memchr(at, '=', length);
	if (!equals || *at == '#')
		return NULL;
	while (equals > at && (equals[-1] == ' ' || equals[-1] == '\t'))
		equals--;
	return arena_string_n(arena, at, (size_t)(equals - at));
}

static bool has_name(struct arena *arena, const char *lines, const char *name)
{
	struct marked_line line = {0};
	size_t length = strlen(lines);
	while (marked_next(&block_marks, lines, length, &line)) {
		const char *other = name_of(arena, line.at, line.length);
		if (other && !strcmp(other, name))
			return true;
	}
	return false;
}

size_t block_doubles(struct arena *arena, const char *content, size_t length, const char *lines,
	const char *const **names)
{
	struct marked_line line = {0};
	const char **found = NULL;
	size_t count = 0;
	while (marked_next(&block_marks, content, length, &line)) {
		const char *name = line.is_ours ? NULL : name_of(arena, line.at, line.length);
		if (name && has_name(arena, lines, name))
			*arena_append(arena, found, count) = name;
	}
	*names = found;
	return count;
}

/* ---- the lines ---- */

/* A line for a variable that only its user knows. */
static void add_empty(struct text *out, const struct environment *env, struct lookup *seen,
	const char *name, const char *why)
{
	if (environment_find(env, name) || lookup_find(seen, name))
		return;
	lookup_add(seen, name, 0);
	text_addf(out, "# %s\n%s=\n", why, name);
}

static void add_unknown(struct arena *arena, const struct block_order *order,
	const struct environment *env, struct lookup *seen, struct text *out)
{
	const struct stack *stack = order->stack;
	for (size_t i = 0; i < stack->require_variable_count; i++)
		add_empty(out, env, seen, stack->require_variables[i].name, "required");
	for (int s = 0; s < stack->service_count; s++)
		for (size_t i = 0; i < stack->services[s].secret_count; i++)
			add_empty(out, env, seen, stack->services[s].secrets[i],
				arena_format(arena, "secret of %s", stack->services[s].name));
}

/* What is the same for everybody who has this file: ports and addresses of services. */
static bool is_shared(const struct variable *var)
{
	return var->top && var->top->layer == LAYER_INJECTED &&
		strncmp(var->name, "STACKUP_", 8) != 0;
}

static bool is_hidden(const struct block_order *order, const struct variable *var)
{
	OWNED_TEXT seen = {0};
	if (!order->mask || var->secret)
		return order->mask != NULL;
	order->mask->add(order->mask->self, &seen, var->name, var->top->value);
	return strcmp(text_string(&seen), var->top->value) != 0;
}

size_t block_lines(struct arena *arena, const struct block_order *order, struct text *out)
{
	struct stack bare = *order->stack;
	bare.env_file_count = bare.command_env_count = 0;
	const struct environments *all = environments_new(arena, &bare, order->facts, NULL);
	const struct environment env = environment_of(all, arena, -1, NULL);
	struct environment shown = {
		.vars = arena_take(arena, (env.count + 1) * sizeof *shown.vars)};
	struct lookup seen = {.arena = arena};
	OWNED_TEXT empty = {0};
	for (size_t i = 0; i < env.count; i++)
		if (is_shared(&env.vars[i]) && order->example && is_hidden(order, &env.vars[i]))
			add_empty(&empty, &shown, &seen, env.vars[i].name, "secret");
		else if (is_shared(&env.vars[i]))
			shown.vars[shown.count++] = env.vars[i];
	size_t hidden = formats_write(
		&shown, order->sh ? ENV_FORMAT_SH : ENV_FORMAT_DOTENV, order->mask, out);
	if (order->example)
		add_unknown(arena, order, &shown, &seen, &empty);
	text_add(out, text_string(&empty));
	return hidden;
}
