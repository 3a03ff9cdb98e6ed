/* rooms: base model cli */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command_line.h"
#include "cli/habits.h"

#include <cmocka.h>

enum { WORDS_MOST = 16 };

/* Splits at blanks; a command line of tests has none inside. */
static int parse(const char *text, struct command_line *line, struct error *e)
{
	static char copy[512];
	static char *argv[WORDS_MOST];
	int argc = 0;
	assert_true(strlen(text) < sizeof copy);
	memcpy(copy, text, strlen(text) + 1);
	for (char *at = copy, *rest; argc < WORDS_MOST && (rest = at); argc++) {
		at = strchr(at, ' ');
		if (at)
			*at++ = '\0';
		argv[argc] = rest;
	}
	return command_line_parse(argc, argv, line, e);
}

static void assert_line(const char *text, const char *command, const char *words)
{
	struct command_line line;
	struct error e = {0};
	if (parse(text, &line, &e) < 0)
		fail_msg("'%s': %s", text, e.text);
	assert_non_null(line.command);
	assert_string_equal(line.command->name, command);
	char joined[256] = "";
	for (size_t i = 0; i < line.word_count; i++) {
		if (i)
			strncat(joined, " ", sizeof joined - strlen(joined) - 1);
		strncat(joined, line.words[i], sizeof joined - strlen(joined) - 1);
	}
	assert_string_equal(joined, words);
	command_line_release(&line);
}

static void assert_option(const char *text, enum option option, const char *value)
{
	struct command_line line;
	struct error e = {0};
	if (parse(text, &line, &e) < 0)
		fail_msg("'%s': %s", text, e.text);
	if (!option_given(&line, option))
		fail_msg("'%s' has no --%s", text, option_rows[option].name);
	if (value)
		assert_string_equal(option_value(&line, option), value);
	command_line_release(&line);
}

static void assert_wrong(const char *text, const char *reason, const char *hint)
{
	struct command_line line;
	struct error e = {0};
	assert_int_equal(parse(text, &line, &e), -1);
	assert_int_equal(e.code, EXIT_USAGE);
	if (!strstr(e.text, reason) || !strstr(e.hint, hint))
		fail_msg("'%s' gives '%s'; '%s'", text, e.text, e.hint);
	command_line_release(&line);
}

static void test_verbs_and_words(void **state)
{
	(void)state;
	assert_line("stackup up", "up", "");
	assert_line("stackup up api web", "up", "api web");
	assert_line("stackup ps", "status", "");
	assert_line("stackup -q up -d api", "up", "api");
	assert_line("stackup logs -- -strange", "logs", "-strange");
	assert_line("stackup up - api", "up", "- api");
}

static void test_options_in_every_shape(void **state)
{
	(void)state;
	assert_option("stackup up --instance 3", OPTION_INSTANCE, "3");
	assert_option("stackup up --instance=3", OPTION_INSTANCE, "3");
	assert_option("stackup --instance=3 up", OPTION_INSTANCE, "3");
	assert_option("stackup -i3 up", OPTION_INSTANCE, "3");
	assert_option("stackup -i 3 up", OPTION_INSTANCE, "3");
	assert_option("stackup -qyi 3 up", OPTION_INSTANCE, "3");
	assert_option("stackup -i 3 -i 4 up", OPTION_INSTANCE, "4");
	assert_option("stackup up --file=", OPTION_FILE, "");
	assert_option("stackup -f - up", OPTION_FILE, "-");
	assert_option("stackup env --explain", OPTION_EXPLAIN, NULL);
	assert_option("stackup env --explain=PATH", OPTION_EXPLAIN, "PATH");
	assert_option("stackup env --explain PATH", OPTION_EXPLAIN, "PATH");
	assert_option("stackup up -dt5", OPTION_TIMEOUT, "5");
}

static void test_letter_of_a_verb_hides_the_global_one(void **state)
{
	(void)state;
	assert_option("stackup -f other.ini logs", OPTION_FILE, "other.ini");
	assert_option("stackup logs -f", OPTION_FOLLOW, NULL);
	assert_line("stackup logs -f api", "logs", "api");
	assert_option("stackup events -f", OPTION_FOLLOW, NULL);
	assert_option("stackup -f other.ini logs -f", OPTION_FOLLOW, NULL);
	assert_option("stackup logs --file other.ini", OPTION_FILE, "other.ini");
}

static void test_first_word_ends_options_of_run_and_exec(void **state)
{
	(void)state;
	assert_line("stackup run ls -l --json", "run", "ls -l --json");
	assert_line("stackup run -i 3 ls -i 4", "run", "ls -i 4");
	assert_option("stackup run -i 3 ls -i 4", OPTION_INSTANCE, "3");
	assert_line("stackup exec --json api psql --help", "exec", "api psql --help");
	assert_line("stackup exec -- api sh -- x", "exec", "api sh -- x");
}

static void test_many(void **state)
{
	(void)state;
	struct command_line line;
	struct error e = {0};
	size_t count;
	assert_int_equal(parse("stackup --profile a up --profile=b --env-file x", &line, &e), 0);
	const char **values = option_values(&line, OPTION_PROFILE, &count);
	assert_int_equal(count, 2);
	assert_string_equal(values[0], "a");
	assert_string_equal(values[1], "b");
	assert_null(values[2]);
	free(values);
	command_line_release(&line);
}

static void test_mistakes_have_the_nearest_name(void **state)
{
	(void)state;
	assert_wrong("stackup statsu", "no verb 'statsu'", "status");
	assert_wrong("stackup xyzzy", "no verb 'xyzzy'", "stackup help");
	assert_wrong("stackup up --detahc", "no option --detahc", "--detach");
	assert_wrong("stackup logs --detach", "`logs` has no option --detach", "stackup help logs");
	assert_wrong("stackup up -Z", "-Z", "stackup help up");
	assert_wrong("stackup --follow logs", "before a verb", "after it");
	assert_wrong("stackup up --instance", "needs a value", "");
	assert_wrong("stackup up -i", "needs a value", "");
	assert_wrong("stackup up --json=yes", "takes no value", "");
	/* Of later releases: absent, not ignored. */
	assert_wrong("stackup top", "no verb", "");
}

static void test_no_verb(void **state)
{
	(void)state;
	struct command_line line;
	struct error e = {0};
	assert_int_equal(parse("stackup --version", &line, &e), 0);
	assert_null(line.command);
	assert_true(option_given(&line, OPTION_VERSION));
	command_line_release(&line);
}

static void test_seconds(void **state)
{
	(void)state;
	struct command_line line;
	struct error e = {0};
	int64_t ms;
	assert_int_equal(parse("stackup wait -t 0.5", &line, &e), 0);
	assert_int_equal(option_seconds(&line, OPTION_PATIENCE, &ms, &e), 0);
	assert_int_equal(ms, 500);
	command_line_release(&line);
	assert_int_equal(parse("stackup wait", &line, &e), 0);
	assert_int_equal(option_seconds(&line, OPTION_PATIENCE, &ms, &e), 0);
	assert_int_equal(ms, -1);
	command_line_release(&line);
	assert_int_equal(parse("stackup wait --timeout soon", &line, &e), 0);
	assert_int_equal(option_seconds(&line, OPTION_PATIENCE, &ms, &e), -1);
	assert_int_equal(e.code, EXIT_USAGE);
	command_line_release(&line);
}

static void test_words_of_other_programs_lead_to_ours(void **state)
{
	(void)state;
	assert_wrong("stackup top", "no verb 'top'", "`stackup status`");
	assert_wrong("stackup up --build", "no option --build", "a task that others depend on");
	assert_wrong("stackup ps -a", "`status` has no option -a", "--all is every instance");
	assert_wrong("stackup exec -T api id", "`exec` has no option -T", "a terminal is passed on");
	assert_wrong("stackup logs -t", "`logs` has no option -t", "--timestamps");
}

/* A word that means something here is no stranger's. */
static void test_no_habit_is_ours(void **state)
{
	(void)state;
	for (size_t i = 0; i < habit_count; i++) {
		const struct habit *habit = &habits[i];
		char text[64];
		if (*habit->verb)
			snprintf(text, sizeof text, "stackup %s %s%s", habit->verb,
				habit->word[1] ? "--" : "-", habit->word);
		else
			snprintf(text, sizeof text, "stackup %s", habit->word);
		assert_wrong(text, habit->word, habit->instead);
	}
}

/* No two options that a verb accepts share a letter or a name, but for a verb's own over a global. */
static void test_tables_are_consistent(void **state)
{
	(void)state;
	for (size_t c = 0; c < command_count; c++) {
		const struct command_row *row = &command_rows[c];
		assert_non_null(row->run);
		assert_true(row->summary[0] && row->summary[strlen(row->summary) - 1] != '.');
		for (int a = 0; a < OPTION_COUNT; a++) {
			for (int b = a + 1; b < OPTION_COUNT; b++) {
				bool both_own = row->options >> a & 1 && row->options >> b & 1;
				bool has_a = row->options >> a & 1 || option_rows[a].flags & GLOBAL;
				bool has_b = row->options >> b & 1 || option_rows[b].flags & GLOBAL;
				if (both_own && option_rows[a].letter)
					assert_int_not_equal(option_rows[a].letter, option_rows[b].letter);
				if (has_a && has_b)
					assert_string_not_equal(option_rows[a].name, option_rows[b].name);
			}
		}
		for (int o = 0; o < OPTION_COUNT; o++)
			assert_false(row->options >> o & 1 && option_rows[o].flags & GLOBAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verbs_and_words),
		cmocka_unit_test(test_options_in_every_shape),
		cmocka_unit_test(test_letter_of_a_verb_hides_the_global_one),
		cmocka_unit_test(test_first_word_ends_options_of_run_and_exec),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_mistakes_have_the_nearest_name),
		cmocka_unit_test(test_no_verb),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_words_of_other_programs_lead_to_ours),
		cmocka_unit_test(test_no_habit_is_ours),
		cmocka_unit_test(test_tables_are_consistent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
