/*
 * Only what tells how the program is started: the last stage's ENTRYPOINT, CMD and WORKDIR
 * (docs.docker.com/reference/dockerfile). Texts come out with their '$' doubled, since compose does not
 * interpolate a Dockerfile.
 */
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "adopt/compose_inside.h"

struct form {
	const char **words; /* the exec form */
	size_t count;
	const char *script; /* the shell form */
};

struct stage {
	struct form entrypoint;
	struct form command;
	const char *workdir;
	bool builds;
};

/* One instruction, its continued lines joined and comments left out; NULL at the end. */
static const char *next_line(struct arena *arena, const char **at)
{
	OWNED_TEXT out = {0};
	bool more = true;
	if (!**at)
		return NULL;
	while (more && **at) {
		size_t length = strcspn(*at, "\n");
		const char *line = arena_string_n(arena, *at, length);
		*at += length + ((*at)[length] == '\n');
		line += strspn(line, " \t");
		size_t used = strlen(line);
		while (used && strchr(" \t\r", line[used - 1]))
			used--;
		if (*line == '#' || (!used && out.length))
			continue;
		more = used && line[used - 1] == '\\';
		text_add_bytes(&out, line, used - more);
		if (more)
			text_add_char(&out, ' ');
	}
	return arena_string(arena, text_string(&out));
}

static struct form form_of(struct arena *arena, const char *text)
{
	struct form form = {0};
	json_t *list = *text == '[' ? json_loads(text, 0, NULL) : NULL;
	size_t index;
	json_t *word;
	json_array_foreach(list, index, word) {
		if (json_is_string(word))
			*arena_append(arena, form.words, form.count) = compose_escape(arena, json_string_value(word));
	}
	if (!list)
		form.script = compose_escape(arena, text);
	json_decref(list);
	return form;
}

static const char *argument_of(const char *line, const char *instruction)
{
	size_t length = strlen(instruction);
	if (strncasecmp(line, instruction, length) != 0 || !line[length] || !strchr(" \t", line[length]))
		return NULL;
	return line + length + strspn(line + length, " \t");
}

/* "FROM x AS name": whether the stage is the one that is wanted. */
static bool is_target(const char *from, const char *target)
{
	const char *as = strcasestr(from, " as ");
	return target && as && !strcasecmp(as + 4 + strspn(as + 4, " "), target);
}

static void take(struct arena *arena, const char *line, struct stage *stage)
{
	const char *text;
	if ((text = argument_of(line, "ENTRYPOINT"))) {
		stage->entrypoint = form_of(arena, text);
		stage->command = (struct form){0};
	} else if ((text = argument_of(line, "CMD"))) {
		stage->command = form_of(arena, text);
	} else if ((text = argument_of(line, "WORKDIR"))) {
		stage->workdir = arena_string(arena, text);
	} else if (argument_of(line, "RUN")) {
		stage->builds = true;
	}
}

static void conclude(struct arena *arena, const struct stage *stage, struct dockerfile *out)
{
	out->workdir = stage->workdir;
	out->builds = stage->builds;
	out->script = stage->entrypoint.script ? stage->entrypoint.script
		: stage->entrypoint.count ? NULL : stage->command.script;
	if (out->script)
		return;
	for (size_t i = 0; i < stage->entrypoint.count; i++)
		*arena_append(arena, out->words, out->count) = stage->entrypoint.words[i];
	for (size_t i = 0; i < stage->command.count; i++)
		*arena_append(arena, out->words, out->count) = stage->command.words[i];
}

void dockerfile_read(struct arena *arena, const char *text, const char *target, struct dockerfile *out)
{
	struct stage stage = {0};
	bool found = false;
	const char *line;
	*out = (struct dockerfile){0};
	while ((line = next_line(arena, &text))) {
		const char *from = argument_of(line, "FROM");
		if (from && found)
			break;
		if (from) {
			stage = (struct stage){0};
			found = is_target(from, target);
		} else {
			take(arena, line, &stage);
		}
	}
	conclude(arena, &stage, out);
}
