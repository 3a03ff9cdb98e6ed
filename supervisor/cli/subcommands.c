#include "cli/subcommands.h"

#include <string.h>

#include "base/nearest.h"
#include "cli/context.h"

const struct subcommand *subcommand_find(const struct subcommands *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->rows[i].name, name) == 0)
			return &all->rows[i];
	return NULL;
}

int subcommand_unknown(const struct subcommands *all, const char *verb, const char *name, struct error *e)
{
	struct nearest near = {.wanted = name};
	OWNED_TEXT names = {0};
	for (size_t i = 0; i < all->count; i++) {
		nearest_offer(&near, all->rows[i].name);
		text_addf(&names, "%s%s", i ? ", " : "", all->rows[i].name);
	}
	if (*name)
		fail(e, EXIT_USAGE, "`%s` cannot '%s'", verb, name);
	else
		fail(e, EXIT_USAGE, "`%s` wants to know what to do", verb);
	if (near.best)
		error_hint(e, "did you mean `stackup %s %s`?", verb, near.best);
	else
		error_hint(e, "it can: %s; `stackup help %s` tells more", text_string(&names), verb);
	return -1;
}

static int check_options(
	const struct subcommand *row, const struct command_line *line, struct error *e)
{
	for (size_t i = 0; i < line->given_count; i++) {
		enum option option = line->given[i].option;
		bool accepted = option_rows[option].flags & GLOBAL ||
			row->options & OPTION_BIT(option);
		if (accepted)
			continue;
		fail(e, EXIT_USAGE, "`%s %s` has no option --%s", line->command->name, row->name,
			option_rows[option].name);
		error_hint(e, "`stackup help %s` lists them", line->command->name);
		return -1;
	}
	return 0;
}

static int check_words(
	const struct subcommand *row, const struct command_line *line, struct error *e)
{
	size_t count = line->word_count - 1;
	if (count >= row->least && count <= row->most)
		return 0;
	if (!row->most)
		return fail(e, EXIT_USAGE, "`%s %s` takes no argument, not '%s'",
			line->command->name, row->name, line->words[1]);
	return fail(e, EXIT_USAGE, "`%s %s` wants %s", line->command->name, row->name,
		row->arguments);
}

int subcommands_run(const struct subcommands *all, struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	const char *name = line->word_count ? line->words[0] : "";
	const struct subcommand *row = subcommand_find(all, name);
	if (!row)
		return subcommand_unknown(all, line->command->name, name, e);
	if (check_options(row, line, e) || check_words(row, line, e))
		return -1;
	return row->run(context, e);
}

static void add_options(struct text *out, const struct subcommand *row)
{
	for (enum option o = 0; o < OPTION_COUNT; o++)
		if (row->options & OPTION_BIT(o))
			text_addf(out, " [--%s%s%s]", option_rows[o].name,
				option_rows[o].argument == REQUIRED ? " " : "",
				option_rows[o].argument == REQUIRED ? option_rows[o].metavar : "");
}

void subcommands_add_help(struct text *out, const struct subcommands *all)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct subcommand *row = &all->rows[i];
		text_addf(out, "  %s%s%s", row->name, row->arguments[0] ? " " : "", row->arguments);
		add_options(out, row);
		text_addf(out, "\n        %s\n", row->summary);
	}
}
