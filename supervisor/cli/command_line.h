/*
 * command_line.h - argv as a row of commands.def, its options and its words.
 *
 * One generic parser for all verbs, driven by options.def:
 *
 *	- "--name=value", "--name value", "-n value", "-nvalue", "-qy"; "--" ends the options
 *	- global options stand before or after the verb; where a verb has an option of its own with the
 *	  same letter, the letter means that one after the verb (-f after `logs`)
 *	- after `run` and `exec` the first word ends our options: the rest belongs to the command
 *	- what does not exist is an error with the nearest name, and so is a value or word of ours that is not
 *	  UTF-8
 *
 * Strings borrow from argv.
 */
#ifndef CLI_COMMAND_LINE_H
#define CLI_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum option_argument { NONE, REQUIRED, OPTIONAL };
enum option_flag { VERB = 0, GLOBAL = 1, MANY = 2 };

enum option {
#define OPTION(id, name, letter, argument, metavar, flags, help) OPTION_##id,
#include "cli/options.def"
#undef OPTION
	OPTION_COUNT
};

/* Options of a verb: the bits OPTION_BIT(OPTION_...). */
__extension__ typedef unsigned __int128 option_set;
#define OPTION_BIT(option) ((option_set)1 << (option))
_Static_assert(OPTION_COUNT <= 128, "an option_set has a bit for each option");

struct option_row {
	const char *name;
	char letter;
	enum option_argument argument;
	const char *metavar;
	int flags;
	const char *help;
};
extern const struct option_row option_rows[OPTION_COUNT];

enum word_rule { PLAIN, FIRST_WORD_ENDS, NO_WORDS };

struct context;

struct command_row {
	const char *name;
	const char *alias;
	option_set options; /* its own */
	enum word_rule words;
	const char *arguments;
	const char *summary;
	/* Exit code; or -1 with e. */
	int (*run)(struct context *context, struct error *e);
};
extern const struct command_row command_rows[];
extern const size_t command_count;

/* By name or alias; NULL with a hint in e (EXIT_USAGE). */
const struct command_row *command_find(const char *name, struct error *e);

struct given_option {
	enum option option;
	const char *value; /* NULL where the option has none */
};

struct command_line {
	const struct command_row *command; /* NULL: none was given */
	struct given_option *given; /* owns; in order */
	size_t given_count;
	const char *const *words; /* owns; what is no option, NULL-terminated */
	size_t word_count;
	enum option unfinished; /* the arguments ended where its value should be; OPTION_COUNT: no such one */
};

/* -1 with EXIT_USAGE. Release it in any case; what was understood before the mistake is there. */
int command_line_parse(int argc, char **argv, struct command_line *line, struct error *e);
void command_line_release(struct command_line *line);

bool option_given(const struct command_line *line, enum option option);
/* Its last value, or NULL. */
const char *option_value(const struct command_line *line, enum option option);
/* All values of a MANY option: a heap array for the caller to free, NULL-terminated. */
const char **option_values(const struct command_line *line, enum option option, size_t *count);
/* A time in seconds (or a duration) as milliseconds; -1 where not given. Fails with EXIT_USAGE. */
int option_seconds(
	const struct command_line *line, enum option option, int64_t *ms, struct error *e);

#endif
