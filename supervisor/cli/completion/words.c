#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cli/completion/offers.h"
#include "cli/completion/verbs.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/subcommands.h"
#include "cli/verbs/verb.h"

/* The n-th word of a usage text without its brackets; the last one stands for all that follow its dots. */
static void usage_word(const char *usage, size_t n, struct text *word)
{
	for (;; n--) {
		usage += strspn(usage, " ");
		size_t length = strcspn(usage, " ");
		bool repeats = length >= 3 && strstr(usage, "...") && strstr(usage, "...") < usage + length;
		if (n && length && !repeats) {
			usage += length;
			continue;
		}
		for (size_t i = 0; i < length; i++)
			if (!strchr("[].", usage[i]))
				text_add_char(word, usage[i]);
		return;
	}
}

/* Different things are called NAME and N in the help. */
static const char *metavar_of(enum option option)
{
	if (option == OPTION_INSTANCE)
		return "NUMBER|auto|new";
	if (option == OPTION_PROJECT)
		return "PROJECT";
	if (option == OPTION_ENV)
		return "ENVIRONMENT";
	if (option == OPTION_PROFILE)
		return "PROFILE";
	return option_rows[option].metavar;
}

/* "--name=" and what was typed of the value. */
static void offer_glued_value(struct offers *o, const char *equals)
{
	OWNED_TEXT before = {0};
	text_add_bytes(&before, o->typed, (size_t)(equals - o->typed + 1));
	for (enum option id = 0; id < OPTION_COUNT; id++) {
		const struct command_row *command = o->context->line.command;
		bool accepted = option_rows[id].flags & GLOBAL ||
			(command && command->options & OPTION_BIT(id));
		size_t length = strlen(option_rows[id].name);
		if (!accepted || before.length != length + 3 ||
			strncmp(o->typed + 2, option_rows[id].name, length) != 0)
			continue;
		o->before = text_string(&before);
		o->typed = equals + 1;
		offer_metavar(o, metavar_of(id));
		o->before = "";
		return;
	}
}

static void offer_argument(struct offers *o)
{
	const struct command_line *line = &o->context->line;
	const struct subcommands *family = subcommands_of(line->command);
	const struct subcommand *row =
		family && line->word_count ? subcommand_find(family, line->words[0]) : NULL;
	struct error ignored;
	if (family && !line->word_count)
		offer_subcommands(o, line->command);
	if (line->command->run == verb_help && line->word_count == 1) {
		const struct command_row *asked = command_find(line->words[0], &ignored);
		if (asked)
			offer_subcommands(o, asked);
	}
	if (family && !row)
		return;
	OWNED_TEXT word = {0};
	usage_word(row ? row->arguments : line->command->arguments, line->word_count - (row ? 1 : 0), &word);
	offer_metavar(o, text_string(&word));
}

static bool options_are_over(const struct command_line *line, char **words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], "--") == 0)
			return true;
	return line->command && line->command->words == FIRST_WORD_ENDS && line->word_count;
}

static void offer_next(struct offers *o, bool options_over)
{
	const struct command_line *line = &o->context->line;
	const char *equals = strchr(o->typed, '=');
	const struct subcommands *family = line->command ? subcommands_of(line->command) : NULL;
	if (line->unfinished != OPTION_COUNT)
		offer_metavar(o, metavar_of(line->unfinished));
	else if (o->typed[0] == '-' && !options_over && equals)
		offer_glued_value(o, equals);
	else if (o->typed[0] == '-' && !options_over)
		offer_options(o, family && line->word_count ? subcommand_find(family, line->words[0]) : NULL);
	else if (line->command)
		offer_argument(o);
	else
		offer_verbs(o);
}

/* `words` is the line from the program's name on; its last word is the one that is typed. */
static void answer(struct context *inner, char **words, size_t count)
{
	struct error ignored;
	struct offers o = {.context = inner, .typed = words[count - 1], .before = ""};
	bool understood = command_line_parse((int)count - 1, words, &inner->line, &ignored) == 0;
	bool known = understood || inner->line.unfinished != OPTION_COUNT;
	if (known && context_init(inner, &ignored) == 0)
		offer_next(&o, options_are_over(&inner->line, words, count - 1));
	out_text(&o.lines);
	text_release(&o.lines);
}

int verb_completion_words(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	size_t count = line->word_count - 1;
	if (!count)
		return EXIT_DONE;
	OWNED(char *) words = calloc(count + 1, sizeof *words);
	if (!words)
		return fail(e, EXIT_FAILED, "out of memory");
	/* The parser only reads them. */
	for (size_t i = 0; i < count; i++)
		words[i] = (char *)(uintptr_t)line->words[i + 1];
	struct context inner = {0};
	answer(&inner, words, count);
	context_release(&inner);
	return EXIT_DONE;
}
