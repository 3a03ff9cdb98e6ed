#include "cli/completion/offers.h"

#include <string.h>

#include "base/terminal.h"
#include "cli/completion/sources.h"
#include "cli/context.h"
#include "cli/subcommands.h"
#include "stackfile/schema.h"

/* A key stands in several kinds of section, and many services have one profile. */
static bool is_offered(const struct offers *o, const char *line)
{
	const char *lines = text_string(&o->lines);
	const char *found = strstr(lines, line);
	while (found && found > lines && found[-1] != '\n')
		found = strstr(found + 1, line);
	return found != NULL;
}

void offer(struct offers *o, const char *word, const char *what)
{
	if (strncmp(word, o->typed, strlen(o->typed)) != 0)
		return;
	OWNED_TEXT line = {0};
	text_addf(&line, "%s%s\t", o->before, word);
	if (is_offered(o, text_string(&line)))
		return;
	text_add(&o->lines, text_string(&line));
	terminal_add_strict(&o->lines, what, strcspn(what, "\n"));
	text_add_char(&o->lines, '\n');
}

/* ---- of the tables ---- */

void offer_verbs(struct offers *o)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command_row *row = &command_rows[i];
		offer(o, row->name, row->summary);
		if (row->alias[0])
			offer(o, row->alias, row->summary);
	}
}

void offer_subcommands(struct offers *o, const struct command_row *command)
{
	const struct subcommands *family = subcommands_of(command);
	for (size_t i = 0; family && i < family->count; i++)
		offer(o, family->rows[i].name, family->rows[i].summary);
}

void offer_options(struct offers *o, const struct subcommand *subcommand)
{
	const struct command_line *line = &o->context->line;
	option_set own = subcommand ? subcommand->options : line->command ? line->command->options : 0;
	for (enum option id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *row = &option_rows[id];
		bool accepted = row->flags & GLOBAL || own & OPTION_BIT(id);
		if (!accepted || (option_given(line, id) && !(row->flags & MANY)))
			continue;
		OWNED_TEXT name = {0};
		text_addf(&name, "--%s", row->name);
		offer(o, text_string(&name), row->help);
	}
}

static void offer_keys(struct offers *o)
{
	for (int id = 0; id < KEY_COUNT; id++)
		offer(o, schema_key((enum key_id)id)->name, schema_key((enum key_id)id)->summary);
	for (int kind = 0; kind < SECTION_KIND_COUNT; kind++)
		offer(o, section_kind_word((enum section_kind)kind), "a section of the stack file");
}

/* ---- of the shell ---- */

static void offer_files(struct offers *o)
{
	text_add(&o->lines, ":files\n");
}

static void offer_directories(struct offers *o)
{
	text_add(&o->lines, ":directories\n");
}

static void offer_commands(struct offers *o)
{
	text_add(&o->lines, ":commands\n");
}

/* ---- by the words of a usage text ---- */

static const struct {
	const char *metavar;
	void (*offer)(struct offers *o);
} sources[] = {
	{"SERVICE", offer_services},
	{"SERVICE:CONDITION", offer_conditions},
	{"NAME", offer_port_names},
	{"ENVIRONMENT", offer_environments},
	{"PROFILE", offer_profiles},
	{"PROJECT", offer_projects},
	{"NUMBER", offer_instances},
	{"PORT", offer_ports},
	{"VERB", offer_verbs},
	{"KEY", offer_keys},
	{"FILE", offer_files},
	{"DIR", offer_directories},
	{"COMMAND", offer_commands},
	{"ARGUMENT", offer_files},
};

static void offer_one(struct offers *o, const char *word)
{
	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
		if (strcmp(sources[i].metavar, word) == 0)
			sources[i].offer(o);
	if (word[0] >= 'a' && word[0] <= 'z')
		offer(o, word, "");
}

void offer_metavar(struct offers *o, const char *metavar)
{
	while (*metavar) {
		size_t length = strcspn(metavar, "|");
		OWNED_TEXT word = {0};
		text_add_bytes(&word, metavar, length);
		offer_one(o, text_string(&word));
		metavar += length + (metavar[length] == '|');
	}
}
