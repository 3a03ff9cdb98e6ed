#include "cli/command_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/number.h"
#include "base/utf8.h"
#include "cli/habits.h"
#include "cli/verbs/verb.h"

const struct option_row option_rows[OPTION_COUNT] = {
#define OPTION(id, name, letter, argument, metavar, flags, help)                                   \
	[OPTION_##id] = {name, letter, argument, metavar, flags, help},
#include "cli/options.def"
#undef OPTION
};

#define O(id) OPTION_BIT(OPTION_##id)
const struct command_row command_rows[] = {
#define COMMAND(name, alias, options, words, arguments, summary)                                   \
	{#name, alias, options, words, arguments, summary, verb_##name},
#include "cli/commands.def"
#undef COMMAND
};
#undef O
const size_t command_count = sizeof command_rows / sizeof command_rows[0];

const struct command_row *command_find(const char *name, struct error *e)
{
	struct nearest near = {.wanted = name};
	for (size_t i = 0; i < command_count; i++) {
		const struct command_row *row = &command_rows[i];
		if (strcmp(row->name, name) == 0 || (row->alias[0] && strcmp(row->alias, name) == 0))
			return row;
		nearest_offer(&near, row->name);
	}
	fail(e, EXIT_USAGE, "there is no verb '%s'", name);
	const char *instead = habit_instead("", name);
	if (instead)
		error_hint(e, "%s", instead);
	else if (near.best)
		error_hint(e, "did you mean '%s'?", near.best);
	else
		error_hint(e, "`stackup help` lists them");
	return NULL;
}

/* ---- looking options up ---- */

static bool is_accepted(const struct command_row *command, enum option option)
{
	if (option_rows[option].flags & GLOBAL)
		return true;
	return command && command->options & OPTION_BIT(option);
}

/* OPTION_COUNT when there is none. A verb's own letter hides a global one. */
static enum option find_letter(const struct command_row *command, char letter)
{
	enum option found = OPTION_COUNT;
	for (enum option o = 0; o < OPTION_COUNT; o++)
		if (option_rows[o].letter == letter && is_accepted(command, o) &&
			(found == OPTION_COUNT || !(option_rows[o].flags & GLOBAL)))
			found = o;
	return found;
}

static enum option find_name(const struct command_row *command, const char *name, size_t length)
{
	for (enum option o = 0; o < OPTION_COUNT; o++)
		if (strncmp(option_rows[o].name, name, length) == 0 &&
			option_rows[o].name[length] == '\0' && is_accepted(command, o))
			return o;
	return OPTION_COUNT;
}

/* What does it here, or where the options are listed. */
static void hint_options(const struct command_row *command, const char *name, struct error *e)
{
	const char *instead = command ? habit_instead(command->name, name) : NULL;
	if (instead)
		error_hint(e, "%s", instead);
	else if (command)
		error_hint(e, "`stackup help %s` lists them", command->name);
	else
		error_hint(e, "options of a verb come after it; `stackup help` lists the verbs");
}

static int unknown_letter(const struct command_row *command, char letter, struct error *e)
{
	if (command)
		fail(e, EXIT_USAGE, "`%s` has no option -%c", command->name, letter);
	else
		fail(e, EXIT_USAGE, "there is no option -%c before a verb", letter);
	hint_options(command, (char[]){letter, '\0'}, e);
	return -1;
}

static int unknown_name(const struct command_row *command, const char *name, struct error *e)
{
	struct nearest near = {.wanted = name};
	for (enum option o = 0; o < OPTION_COUNT; o++)
		if (is_accepted(command, o))
			nearest_offer(&near, option_rows[o].name);
	if (command)
		fail(e, EXIT_USAGE, "`%s` has no option --%s", command->name, name);
	else
		fail(e, EXIT_USAGE, "there is no option --%s before a verb", name);
	if (near.best && !(command && habit_instead(command->name, name)))
		error_hint(e, "did you mean --%s?", near.best);
	else
		hint_options(command, name, e);
	return -1;
}

/* ---- parsing ---- */

struct parser {
	int argc;
	char **argv;
	int at; /* the next argument */
	struct command_line *line;
	const char **words;
};

static void give(struct parser *p, enum option option, const char *value)
{
	p->line->given[p->line->given_count++] =
		(struct given_option){.option = option, .value = value};
}

/* The argument of an option that needs one and did not bring it along. */
static int take_argument(struct parser *p, enum option option, const char **value, struct error *e)
{
	const struct option_row *row = &option_rows[option];
	if (p->at >= p->argc) {
		p->line->unfinished = option;
		return fail(e, EXIT_USAGE, "--%s needs a value: %s", row->name, row->metavar);
	}
	*value = p->argv[p->at++];
	return 0;
}

static int parse_long(struct parser *p, const char *text, struct error *e)
{
	const char *equals = strchr(text, '=');
	size_t length = equals ? (size_t)(equals - text) : strlen(text);
	enum option option = find_name(p->line->command, text, length);
	if (option == OPTION_COUNT) {
		char *name = strndup(text, length);
		int result = unknown_name(p->line->command, name ? name : text, e);
		free(name);
		return result;
	}
	const struct option_row *row = &option_rows[option];
	const char *value = equals ? equals + 1 : NULL;
	if (row->argument == NONE && equals)
		return fail(e, EXIT_USAGE, "--%s takes no value", row->name);
	if (row->argument == REQUIRED && !equals && take_argument(p, option, &value, e) < 0)
		return -1;
	if (row->argument == OPTIONAL && !equals && p->at < p->argc && p->argv[p->at][0] != '-')
		value = p->argv[p->at++];
	give(p, option, value);
	return 0;
}

/* "-qy", "-n5", "-n 5": letters until one takes the rest or the next argument. */
static int parse_letters(struct parser *p, const char *letters, struct error *e)
{
	for (; *letters; letters++) {
		enum option option = find_letter(p->line->command, *letters);
		if (option == OPTION_COUNT)
			return unknown_letter(p->line->command, *letters, e);
		if (option_rows[option].argument == NONE) {
			give(p, option, NULL);
			continue;
		}
		const char *value = letters + 1;
		if (!*value && take_argument(p, option, &value, e) < 0)
			return -1;
		give(p, option, value);
		return 0;
	}
	return 0;
}

/* True when the word ends our options. */
static bool add_word(struct parser *p, const char *word)
{
	p->words[p->line->word_count++] = word;
	return p->line->command->words == FIRST_WORD_ENDS;
}

static int parse_all(struct parser *p, struct error *e)
{
	bool options_end = false;
	while (p->at < p->argc) {
		const char *argument = p->argv[p->at++];
		int result = 0;
		if (!options_end && strcmp(argument, "--") == 0)
			options_end = true;
		else if (!options_end && strncmp(argument, "--", 2) == 0)
			result = parse_long(p, argument + 2, e);
		else if (!options_end && argument[0] == '-' && argument[1])
			result = parse_letters(p, argument + 1, e);
		else if (!p->line->command)
			result = (p->line->command = command_find(argument, e)) ? 0 : -1;
		else if (add_word(p, argument))
			options_end = true;
		if (result < 0)
			return -1;
	}
	return 0;
}

/* What is stored, shown or sent to the supervisor. A command gets bytes, and a log may hold any. */
static int check_text(const struct command_line *line, struct error *e)
{
	for (size_t i = 0; i < line->given_count; i++) {
		const struct given_option *given = &line->given[i];
		if (given->value && given->option != OPTION_GREP && !utf8_is_text(given->value))
			return fail(e, EXIT_USAGE, "the value of --%s is not UTF-8: '%s'",
				option_rows[given->option].name, given->value);
	}
	bool is_ours = line->command && line->command->words != FIRST_WORD_ENDS;
	for (size_t i = 0; is_ours && i < line->word_count; i++)
		if (!utf8_is_text(line->words[i]))
			return fail(e, EXIT_USAGE, "an argument is not UTF-8: '%s'", line->words[i]);
	return 0;
}

int command_line_parse(int argc, char **argv, struct command_line *line, struct error *e)
{
	*line = (struct command_line){.unfinished = OPTION_COUNT};
	/* One argument can hold many one-letter options. */
	size_t most = 1;
	for (int i = 1; i < argc; i++)
		most += strlen(argv[i]) + 1;
	const char **words = calloc((size_t)argc + 1, sizeof *words);
	line->given = calloc(most, sizeof *line->given);
	line->words = words;
	if (!words || !line->given)
		return fail(e, EXIT_FAILED, "out of memory");
	struct parser p = {.argc = argc, .argv = argv, .at = 1, .line = line, .words = words};
	return parse_all(&p, e) || check_text(line, e) ? -1 : 0;
}

void command_line_release(struct command_line *line)
{
	free(line->given);
	/* The array is ours, only what it points to is not. */
	free((void *)(uintptr_t)line->words);
	*line = (struct command_line){0};
}

/* ---- asking ---- */

bool option_given(const struct command_line *line, enum option option)
{
	for (size_t i = 0; i < line->given_count; i++)
		if (line->given[i].option == option)
			return true;
	return false;
}

const char *option_value(const struct command_line *line, enum option option)
{
	const char *value = NULL;
	for (size_t i = 0; i < line->given_count; i++)
		if (line->given[i].option == option)
			value = line->given[i].value;
	return value;
}

const char **option_values(const struct command_line *line, enum option option, size_t *count)
{
	const char **values = calloc(line->given_count + 1, sizeof *values);
	*count = 0;
	for (size_t i = 0; values && i < line->given_count; i++)
		if (line->given[i].option == option)
			values[(*count)++] = line->given[i].value;
	return values;
}

int option_seconds(
	const struct command_line *line, enum option option, int64_t *ms, struct error *e)
{
	const char *text = option_value(line, option);
	*ms = -1;
	if (!text || number_seconds(text, ms))
		return 0;
	return fail(e, EXIT_USAGE, "--%s wants seconds, like 5 or 0.5, or %s, not '%s'",
		option_rows[option].name, NUMBER_DURATION_FORM, text);
}
