/* rooms: base model cli */
/*
 * Lines as the words of a command line: it is understood, or refused with one sentence that drives no
 * terminal. No word is lost, none is made up, and values belong to options that have one.
 */
#include "cli/command_line.h"
#include "fuzz.h"

enum { WORDS_MOST = 64 };

static size_t split(char *text, char **argv)
{
	size_t count = 0;
	argv[count++] = (char[]){"stackup"};
	for (char *word; count < WORDS_MOST && (word = strsep(&text, "\n"));)
		argv[count++] = word;
	argv[count] = NULL;
	return count;
}

static void must_be_well(const struct command_line *line, size_t argc)
{
	MUST(line->word_count + line->given_count <= argc * 8);
	MUST(!line->words || !line->words[line->word_count]);
	for (size_t i = 0; i < line->word_count; i++)
		MUST(line->words[i]);
	for (size_t i = 0; i < line->given_count; i++) {
		const struct given_option *given = &line->given[i];
		const struct option_row *row = &option_rows[given->option];
		MUST((row->flags & GLOBAL) || (line->command &&
			line->command->options & OPTION_BIT(given->option)));
		MUST(row->argument == OPTIONAL || (row->argument == REQUIRED) == (given->value != NULL));
		MUST(option_given(line, given->option));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape tape = tape_of(data, size);
	char *text = tape_string(tape);
	char *argv[WORDS_MOST + 1];
	struct command_line line = {0};
	struct error e = {0};
	size_t argc = split(text, argv);
	if (command_line_parse((int)argc, argv, &line, &e))
		MUST(e.code == EXIT_USAGE && *e.text);
	else
		must_be_well(&line, argc);
	command_line_release(&line);
	free(text);
	return 0;
}
