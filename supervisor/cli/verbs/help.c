#include <string.h>

#include "base/nearest.h"
#include "cli/context.h"
#include "cli/habits.h"
#include "cli/help.h"
#include "cli/out.h"
#include "cli/verbs/verb.h"
#include "model/names.h"
#include "stackfile/schema.h"
#include "stackfile/templates.h"

static void add_fact(struct text *out, const char *label, const char *value)
{
	if (value && value[0])
		text_addf(out, "  %-9s %s\n", label, value);
}

/* Which service gets which by its name. */
static void add_slots(struct text *out)
{
	text_add(out, "\n  number  name          names of services that get it, too\n");
	for (int slot = 0; slot < SLOTS; slot++)
		text_addf(out, "  %-7d %-13s %s\n", slot, slot_name(slot), slot_aliases(slot));
}

/* The first sentence of the comment that begins it. */
static void add_template(struct text *out, const struct template *template)
{
	const char *at = template->text;
	text_addf(out, "  %-12s", template->name);
	while (*at == '#') {
		size_t length = strcspn(at, "\n");
		const char *end = memchr(at, '.', length);
		while (end && end[1] != '\n' && end[1] != ' ')
			end = memchr(end + 1, '.', length - (size_t)(end + 1 - at));
		text_add_bytes(out, at + 1, end ? (size_t)(end - at - 1) : length - 1);
		if (end)
			break;
		at += length + 1;
	}
	text_add_char(out, '\n');
}

static void add_templates(struct text *out)
{
	text_add(out, "\n  `stackup help template NAME` shows one of these:\n");
	for (size_t i = 0; i < template_count; i++)
		add_template(out, &template_rows[i]);
}

static void add_key(struct text *out, const struct key *key)
{
	text_addf(out, "%s%s in [%s%s]\n\n  %s\n\n", out->length ? "\n" : "", key->name,
		section_kind_word(key->section), key->section == SECTION_SERVICE ? " NAME" : "",
		key->summary);
	add_fact(out, "value", schema_form(key->type));
	add_fact(out, "limits", key->limits);
	add_fact(out, "default", key->fallback);
	if (key->example && key->example[0])
		text_addf(out, "  %-9s %s = %s\n", "example", key->name, key->example);
	if (key->type == VALUE_SLOT)
		add_slots(out);
	if (key->id == KEY_TEMPLATE)
		add_templates(out);
}

/* A key can exist in several kinds of section. */
static void add_keys(struct text *out, const char *name)
{
	const char *rest;
	for (int kind = 0; kind < SECTION_KIND_COUNT; kind++) {
		const struct key *key = schema_find((enum section_kind)kind, name, &rest);
		if (key && key->section == (enum section_kind)kind)
			add_key(out, key);
	}
}

/* A section's name lists its keys. */
static void add_section(struct text *out, const char *name)
{
	size_t before = out->length;
	for (int id = 0; id < KEY_COUNT; id++) {
		const struct key *key = schema_key((enum key_id)id);
		if (strcmp(section_kind_word(key->section), name) != 0)
			continue;
		if (out->length == before)
			text_addf(out, "%sKeys of [%s]; `stackup help KEY` tells more:\n\n",
				out->length ? "\n" : "", name);
		text_addf(out, "  %-24s %s\n", key->name, key->summary);
	}
}

static int unknown(const char *name, struct error *e)
{
	struct nearest near = {.wanted = name};
	for (size_t i = 0; i < command_count; i++)
		nearest_offer(&near, command_rows[i].name);
	for (int id = 0; id < KEY_COUNT; id++)
		nearest_offer(&near, schema_key((enum key_id)id)->name);
	for (int kind = 0; kind < SECTION_KIND_COUNT; kind++)
		nearest_offer(&near, section_kind_word((enum section_kind)kind));
	fail(e, EXIT_USAGE, "'%s' is neither a verb nor a key of the stack file", name);
	const char *instead = habit_instead("", name);
	if (instead)
		error_hint(e, "%s", instead);
	else if (near.best)
		error_hint(e, "did you mean '%s'?", near.best);
	else
		error_hint(e, "`stackup help` lists the verbs, `stackup help service` the keys");
	return -1;
}

static int show_template(const char *name, struct error *e)
{
	const struct template *template = template_find(name);
	if (template) {
		out_bytes(template->text, strlen(template->text));
		return EXIT_DONE;
	}
	fail(e, EXIT_USAGE, "there is no template '%s'", name);
	error_hint(e, "`stackup help template` lists them");
	return -1;
}

int verb_help(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	if (!line->word_count)
		return help_print(NULL);
	const char *name = line->words[0];
	struct error ignored;
	const struct command_row *command = command_find(name, &ignored);
	if (line->word_count == 2 && command)
		return help_print_subcommand(command, line->words[1], e);
	if (line->word_count == 2 && !strcmp(name, schema_key(KEY_TEMPLATE)->name))
		return show_template(line->words[1], e);
	if (line->word_count > 1)
		return fail(e, EXIT_USAGE, "`help` wants one verb or one key, not '%s' as well",
			line->words[line->word_count - 1]);
	OWNED_TEXT out = {0};
	if (command)
		help_print(command);
	add_keys(&out, name);
	add_section(&out, name);
	if (command && out.length)
		out_bytes("\n", 1);
	if (out.length)
		out_text(&out);
	return command || out.length ? EXIT_DONE : unknown(name, e);
}
