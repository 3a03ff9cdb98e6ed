#include "plan/block.h"

#include <ctype.h>
#include <string.h>

static const char begin_line[] = "# stackup: begin";
static const char end_line[] = "# stackup: end";

/* ---- lines ---- */

struct line {
	const char *at;
	size_t length; /* with its end */
	int number;
};

static bool next_line(const char *content, size_t length, struct line *line)
{
	const char *from = line->at ? line->at + line->length : content;
	size_t left = length - (size_t)(from - content);
	if (!left)
		return false;
	const char *newline = memchr(from, '\n', left);
	*line = (struct line){.at = from,
		.length = newline ? (size_t)(newline - from) + 1 : left,
		.number = line->number + 1};
	return true;
}

/* Blanks before it do no harm; what comes behind it is somebody's remark. */
static bool is_marker(const struct line *line, const char *marker)
{
	size_t length = strlen(marker), blanks = 0;
	while (blanks < line->length && (line->at[blanks] == ' ' || line->at[blanks] == '\t'))
		blanks++;
	if (line->length - blanks < length || memcmp(line->at + blanks, marker, length) != 0)
		return false;
	return blanks + length == line->length || !isalnum((unsigned char)line->at[blanks + length]);
}

struct place {
	int begin; /* line; 0: none */
	int end;
	size_t from; /* what is between the two lines */
	size_t to;
};

static int find_place(const char *name, const char *content, size_t length, struct place *place,
	struct error *e)
{
	struct line line = {0};
	*place = (struct place){0};
	while (next_line(content, length, &line)) {
		bool begins = is_marker(&line, begin_line), ends = is_marker(&line, end_line);
		if (begins && place->begin)
			return fail(e, EXIT_FAILED, "%s:%d: there is a block of stackup in line %d already; "
				"remove one of the two", name, line.number, place->begin);
		if (ends && (!place->begin || place->end))
			return fail(e, EXIT_FAILED, "%s:%d: this ends a block of stackup that does not begin; "
				"remove the line", name, line.number);
		if (begins) {
			place->begin = line.number;
			place->from = (size_t)(line.at - content) + line.length;
		}
		if (ends) {
			place->end = line.number;
			place->to = (size_t)(line.at - content);
		}
	}
	if (place->begin && !place->end)
		return fail(e, EXIT_FAILED, "%s:%d: the block of stackup has no end; write a line '%s' below "
			"it", name, place->begin, end_line);
	return 0;
}

/* ---- writing ---- */

static const char *ending_of(const char *content, size_t length)
{
	const char *newline = memchr(content, '\n', length);
	const char *last = newline ? newline : content + length;
	return last > content && last[-1] == '\r' ? "\r\n" : "\n";
}

static void add_lines(struct text *out, const char *lines, const char *ending)
{
	while (*lines) {
		size_t length = strcspn(lines, "\n");
		text_add_bytes(out, lines, length);
		text_add(out, ending);
		lines += length + (lines[length] == '\n');
	}
}

int block_replace(const char *name, const char *content, size_t length, const char *lines,
	struct text *out, struct error *e)
{
	struct place place;
	const char *ending = ending_of(content, length);
	if (find_place(name, content, length, &place, e))
		return -1;
	if (place.begin) {
		text_add_bytes(out, content, place.from);
		add_lines(out, lines, ending);
		text_add_bytes(out, content + place.to, length - place.to);
		return 0;
	}
	text_add_bytes(out, content, length);
	if (length && content[length - 1] != '\n')
		text_add(out, content[length - 1] == '\r' ? "\n" : ending);
	if (length)
		text_add(out, ending);
	text_addf(out, "%s (`stackup env --write` replaces what is between)%s", begin_line, ending);
	add_lines(out, lines, ending);
	text_addf(out, "%s%s", end_line, ending);
	return 0;
}

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
	struct line line = {0};
	size_t length = strlen(lines);
	while (next_line(lines, length, &line)) {
		const char *other = name_of(arena, line.at, line.length);
		if (other && !strcmp(other, name))
			return true;
	}
	return false;
}

size_t block_doubles(struct arena *arena, const char *content, size_t length, const char *lines,
	const char *const **names)
{
	struct line line = {0};
	const char **found = NULL;
	size_t count = 0;
	bool inside = false;
	while (next_line(content, length, &line)) {
		inside = (inside || is_marker(&line, begin_line)) && !is_marker(&line, end_line);
		const char *name = inside ? NULL : name_of(arena, line.at, line.length);
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
	return var->top && var->top->layer == LAYER_INJECTED && strncmp(var->name, "STACKUP_", 8) != 0;
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
	bare.env_file_count = 0;
	const struct environments *all = environments_new(arena, &bare, order->facts, NULL);
	const struct environment env = environment_of(all, arena, -1, NULL);
	struct environment shown = {.vars = arena_take(arena, (env.count + 1) * sizeof *shown.vars)};
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
