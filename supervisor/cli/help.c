#include "cli/help.h"

#include "base/error.h"
#include "base/text.h"
#include "cli/command_line.h"
#include "cli/out.h"
#include "cli/subcommands.h"

enum { HELP_COLUMN = 32 };

/* The verb has an option of its own with this letter. */
static bool letter_is_hidden(const struct command_row *command, enum option option)
{
	if (!command || !(option_rows[option].flags & GLOBAL))
		return false;
	for (enum option o = 0; o < OPTION_COUNT; o++)
		if (command->options & OPTION_BIT(o) &&
			option_rows[o].letter == option_rows[option].letter)
			return true;
	return false;
}

static void add_option(struct text *out, const struct command_row *command, enum option option)
{
	const struct option_row *row = &option_rows[option];
	size_t start = out->length;
	if (row->letter && !letter_is_hidden(command, option))
		text_addf(out, "  -%c, ", row->letter);
	else
		text_add(out, "      ");
	text_addf(out, "--%s", row->name);
	if (row->argument == REQUIRED)
		text_addf(out, " %s", row->metavar);
	else if (row->argument == OPTIONAL)
		text_addf(out, "[=%s]", row->metavar);
	size_t width = out->length - start;
	if (width >= HELP_COLUMN)
		text_addf(out, "\n%*s", HELP_COLUMN, "");
	else
		text_addf(out, "%*s", (int)(HELP_COLUMN - width), "");
	text_addf(out, "%s%s\n", row->help, row->flags & MANY ? "; may be repeated" : "");
}

static void add_globals(struct text *out, const struct command_row *command)
{
	text_add(out, "\nOptions of every verb:\n");
	for (enum option o = 0; o < OPTION_COUNT; o++)
		if (option_rows[o].flags & GLOBAL)
			add_option(out, command, o);
}

static void add_verb(struct text *out, const struct command_row *row)
{
	text_addf(out, "Usage: stackup [OPTION...] %s%s%s%s\n\n  %s.\n", row->name,
		row->options ? " [OPTION...]" : "", row->arguments[0] ? " " : "", row->arguments,
		row->summary);
	if (row->alias[0])
		text_addf(out, "  `stackup %s` is the same.\n", row->alias);
	const struct subcommands *family = subcommands_of(row);
	if (family) {
		text_add(out, "\nSubcommands:\n");
		subcommands_add_help(out, family);
	}
	if (row->options)
		text_add(out, "\nOptions:\n");
	for (enum option o = 0; o < OPTION_COUNT; o++)
		if (row->options & OPTION_BIT(o))
			add_option(out, row, o);
}

static void add_subcommand(struct text *out, const struct command_row *verb, const struct subcommand *row)
{
	text_addf(out, "Usage: stackup [OPTION...] %s %s%s%s%s\n\n  %s.\n", verb->name, row->name,
		row->options ? " [OPTION...]" : "", row->arguments[0] ? " " : "", row->arguments,
		row->summary);
	if (row->options)
		text_add(out, "\nOptions:\n");
	for (enum option o = 0; o < OPTION_COUNT; o++)
		if (row->options & OPTION_BIT(o))
			add_option(out, verb, o);
}

static void add_overview(struct text *out)
{
	text_add(out, "stackup starts, watches and stops the services of a stack file.\n\n"
		      "Usage: stackup [OPTION...] VERB [OPTION...] [ARGUMENT...]\n\n");
	for (size_t i = 0; i < command_count; i++)
		text_addf(out, "  %-10s %s\n", command_rows[i].name, command_rows[i].summary);
	add_globals(out, NULL);
	text_add(out, "\n`stackup help VERB` and `stackup help KEY` tell more; `stackup help service` lists the "
		      "keys of a service.\n");
}

int help_print(const struct command_row *command)
{
	OWNED_TEXT out = {0};
	if (command) {
		add_verb(&out, command);
		add_globals(&out, command);
	} else {
		add_overview(&out);
	}
	out_text(&out);
	return EXIT_DONE;
}

int help_print_subcommand(const struct command_row *command, const char *name, struct error *e)
{
	OWNED_TEXT out = {0};
	const struct subcommands *family = subcommands_of(command);
	const struct subcommand *row = family ? subcommand_find(family, name) : NULL;
	if (!family)
		return fail(e, EXIT_USAGE, "`help` wants one verb or one key, not '%s' as well", name);
	if (!row)
		return subcommand_unknown(family, command->name, name, e);
	add_subcommand(&out, command, row);
	text_addf(&out, "\n`stackup help %s` lists its other subcommands and the options of every verb.\n",
		command->name);
	out_text(&out);
	return EXIT_DONE;
}
