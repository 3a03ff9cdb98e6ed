#include "cli/registry/change.h"

#include <string.h>

#include "base/nearest.h"
#include "base/number.h"
#include "base/terminal.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/inventory_show.h"
#include "ports/policy.h"

static int read_block(const char *value, struct project_changes *changes, struct error *e)
{
	int64_t block;
	if (!number_parse(value, 0, BLOCK_MOST, &block))
		return fail(e, EXIT_USAGE, "'%s' is no block: use 0 to %d", value, BLOCK_MOST);
	changes->block = (int)block;
	return 0;
}

static int read_status(const char *value, struct project_changes *changes, struct error *e)
{
	(void)e;
	changes->status = value;
	return 0;
}

static int read_owner(const char *value, struct project_changes *changes, struct error *e)
{
	(void)e;
	changes->owner = value;
	return 0;
}

static int read_notes(const char *value, struct project_changes *changes, struct error *e)
{
	(void)e;
	changes->notes = value;
	return 0;
}

static const struct {
	const char *key;
	int (*read)(const char *value, struct project_changes *changes, struct error *e);
} settings[] = {{"status", read_status}, {"owner", read_owner}, {"notes", read_notes},
	{"block", read_block}};
enum { SETTINGS = sizeof settings / sizeof settings[0] };

static int fail_word(const char *word, const char *key, struct error *e)
{
	struct nearest near = {.wanted = key};
	for (size_t i = 0; i < SETTINGS; i++)
		nearest_offer(&near, settings[i].key);
	fail(e, EXIT_USAGE, "'%s' says nothing about a project", word);
	if (near.best)
		error_hint(e, "did you mean %s=...?", near.best);
	else
		error_hint(e, "write status=..., owner=..., notes=... or block=...");
	return -1;
}

static int read_word(const char *word, struct project_changes *changes, struct error *e)
{
	size_t length = strcspn(word, "=");
	OWNED_TEXT key = {0};
	text_add_bytes(&key, word, length);
	for (size_t i = 0; word[length] && i < SETTINGS; i++)
		if (!strcmp(settings[i].key, text_string(&key)))
			return settings[i].read(word + length + 1, changes, e);
	return fail_word(word, text_string(&key), e);
}

int registry_changes(const struct context *context, size_t first, struct project_changes *changes,
	struct error *e)
{
	*changes = (struct project_changes){.block = -1};
	for (size_t i = first; i < context->line.word_count; i++)
		if (read_word(context->line.words[i], changes, e))
			return -1;
	return 0;
}

static void tell_line(const struct inventory *all)
{
	const struct project *row = &all->projects[0].row;
	uint16_t first = block_port(all->ports_base, row->block);
	OWNED_TEXT out = {0};
	terminal_add_strict(&out, row->name, strlen(row->name));
	text_addf(&out, ": block %d, ports %u-%u, %s\n", row->block, first, first + BLOCK_PORTS - 1,
		row->status);
	out_text(&out);
}

int registry_tell(struct context *context, int64_t id, struct error *e)
{
	struct arena *arena = arena_new();
	struct inventory all;
	OWNED_TEXT json = {0};
	if (!arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int result = inventory_read(context->paths.state, id, arena, &all, e);
	if (!result && !all.project_count)
		result = fail(e, EXIT_NOT_FOUND, "the project was removed meanwhile");
	if (!result && context->json) {
		inventory_add_one(&json, &all);
		inventory_print_json(&json);
	} else if (!result && !context->quiet) {
		tell_line(&all);
	}
	arena_free(arena);
	return result;
}

int registry_change(struct context *context, const char *word,
	const struct project_changes *changes, struct error *e)
{
	struct arena *arena = arena_new();
	struct inventory all;
	if (!arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int result = inventory_here(context, word, arena, &all, e);
	int64_t id = result ? 0 : all.projects[0].row.id;
	arena_free(arena);
	return result || project_change(context->paths.state, id, changes, e)
		? -1 : registry_tell(context, id, e);
}
