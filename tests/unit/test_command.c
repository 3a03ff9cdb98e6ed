/* rooms: base model stackfile */
#include "cases.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "stackfile/command.h"

extern char **environ;

struct world {
	const char *value; /* of ${v} */
	char warned[32];
};

static enum interpolate_found find(void *self, const char *name, const char **value)
{
	*value = ((struct world *)self)->value;
	if (!strcmp(name, "v") || !strcmp(name, "api.port") || !strcmp(name, "VALUE"))
		return FOUND_VALUE;
	if (!strcmp(name, "none"))
		return FOUND_NOTHING;
	return name[0] >= 'a' && name[0] <= 'z' ? FOUND_UNKNOWN : FOUND_NOTHING;
}

static void warn(void *self, enum interpolate_warning warning, const char *name)
{
	assert_int_equal(warning, WARN_LEFT_TO_SHELL);
	snprintf(((struct world *)self)->warned, 32, "%s", name);
}

static int make(struct arena *arena, const char *text, struct world *w, struct command *out,
	struct error *e)
{
	struct interpolation rules = {
		.dialect = INTERPOLATE_COMMAND, .self = w, .find = find, .warn = warn};
	return command_make(arena, text, w ? &rules : NULL, "/bin/sh", out, e);
}

/* "argv[0]|argv[1]|..." of a direct command, "sh: TEXT" of one through the shell, "error: ...". */
static void describe(const char *text, struct world *w, struct text *out)
{
	struct arena *arena = arena_new();
	struct command command;
	struct error e;
	if (make(arena, text, w, &command, &e)) {
		text_addf(out, "error: %s; %s", e.text, e.hint);
	} else if (command.through_shell) {
		assert_string_equal(command.argv[0], "/bin/sh");
		assert_string_equal(command.argv[1], "-c");
		assert_null(command.argv[3]);
		text_addf(out, "sh: %s", command.argv[2]);
	} else {
		for (size_t i = 0; command.argv[i]; i++)
			text_addf(out, "%s%s", i ? "|" : "", command.argv[i]);
	}
	arena_free(arena);
}

#define assert_command(text, world, expected)                                                      \
	do {                                                                                       \
		OWNED_TEXT got_ = {0};                                                             \
		describe(text, world, &got_);                                                      \
		assert_string_equal(text_string(&got_), expected);                                 \
	} while (0)

static void plain_words_run_directly(void **state)
{
	(void)state;
	assert_command("node server.js --port 1", NULL, "node|server.js|--port|1");
	assert_command("  a\t'b c'  \"d e\" f\\ g \\\\ '' x\"\" ", NULL, "a|b c|d e|f g|\\||x");
	assert_command("a 'b\"c' \"d'e\" 'x'\"y\"z \"a\\\"b\" \"\\x\" 'a\\b'", NULL,
		"a|b\"c|d'e|xyz|a\"b|\\x|a\\b");
	assert_command("a b=c --x=y /p/q.r:s,t@u%v+w", NULL, "a|b=c|--x=y|/p/q.r:s,t@u%v+w");
	assert_command("a \\", NULL, "a|\\");
	assert_command("exec node x.js", NULL, "node|x.js");
	assert_command("executor x", NULL, "executor|x");
}

static void metacharacters_anywhere_need_the_shell(void **state)
{
	(void)state;
	static const char characters[] = "|&;<>()$`*?[]{}~!#\n";
	for (const char *c = characters; *c; c++) {
		char text[16];
		snprintf(text, sizeof text, "prog a%cb", *c);
		assert_true(command_needs_shell(text, true));
		snprintf(text, sizeof text, "prog 'a%cb'", *c);
		assert_true(command_needs_shell(text, true));
	}
	assert_false(command_needs_shell("prog %@+,./:=_-^ \\x", true));
}

static void keywords_builtins_and_assignments_need_the_shell(void **state)
{
	(void)state;
	static const char *const yes[] = {"if x", "A=1 prog", "./a=b c", "cd x", "echo a", ". env",
		"source env", "export A", "\"cd\" x", "time x", "exec", "exec -a x y", " while x",
		"test -f x", "wait"};
	static const char *const no[] = {"iff x", "prog A=1", "/bin/echo x", "sleep 1", "env A=1 x",
		"exec sleep 1", "exec A=1", "cdx", "true-ish"};
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(command_needs_shell(yes[i], true));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(command_needs_shell(no[i], true));
}

static void references_of_ours_do_not_need_the_shell(void **state)
{
	(void)state;
	struct world w = {.value = "8 0"};
	assert_false(command_needs_shell("prog ${v} ${api.port:-$(x)}", true));
	assert_true(command_needs_shell("prog ${v}", false));
	assert_true(command_needs_shell("prog ${PORT}", true));
	assert_true(command_needs_shell("prog $${v}", true));
	assert_command("prog --port=${v} ${none:-${VALUE}}", &w, "prog|--port=8 0|8 0");
	assert_command("${v} x", &w, "8 0|x");
	/* Without references of ours (a Procfile) all of it is the shell's. */
	assert_command("prog ${v} $$", NULL, "sh: prog ${v} $$");
}

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	struct world w = {.value = "x y"};
	static const struct {
		const char *text;
		const char *part;
	} rows[] = {
		{"", "the command is empty"},
		{" \t ", "the command is empty"},
		{"''", "the command is empty"},
		{"prog 'a b", "the quote ' that begins in ''a b' is not closed"},
		{"prog \"a", "is not closed; close it, or put a backslash"},
		{"prog ${nope}", "unknown name 'nope'"},
		{"prog ${nope} | x", "unknown name 'nope'"},
		{"prog ${none}", "'${none}' has no value here"},
		{"prog ${v", "has no closing brace"},
		{"prog \\${v}", "a backslash stands before"},
		{"prog \\${v} | x", "stands behind a backslash; write $${...}"},
		{"echo $((1 + ${v}))", "stands in $((...)); only a value of digits"},
		{"echo $((1${v}))", "stands in $((...))"},
		{"echo $'a ${v}'", "stands in $'...'"},
		{"echo $$${v}", "stands right behind a $"},
		{"echo \"${A:-$B${v}}\"",
			"part of a variable's name; put the name before it in braces"},
		{"echo ${A_${v}}", "part of a variable's name"},
		{"cat <<EOF\n$A${v}\nEOF", "part of a variable's name"},
		{"cat <<${v}\nEOF", "a here-document ends with a word that has a $ in it"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		OWNED_TEXT got = {0};
		describe(rows[i].text, &w, &got);
		if (strncmp(text_string(&got), "error: ", 7) ||
			!strstr(text_string(&got), rows[i].part))
			fail_msg("%s\n  got  %s\n  want %s", rows[i].text, text_string(&got),
				rows[i].part);
	}
	struct world eof = {.value = "EOF"};
	OWNED_TEXT got = {0};
	describe("cat <<EOF\n${v}\nEOF", &eof, &got);
	assert_non_null(strstr(text_string(&got), "makes a line of a here-document its end"));
}

static void numbers_stand_in_arithmetic(void **state)
{
	(void)state;
	struct world w = {.value = "30521"};
	assert_command("echo $((${v} + 1))", &w, "sh: echo $((30521 + 1))");
	assert_command("echo \"$(( (1 + ${v}) * 2 ))\"${v}", &w,
		"sh: echo \"$(( (1 + 30521) * 2 ))\"'30521'");
}

static void a_forgotten_brace_is_warned_about(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *warned;
	} rows[] = {{"echo $v", "v"}, {"echo \"$v\"", "v"}, {"echo '$v'", ""},
		{"echo $v1 $f $V", ""}, {"for v in a; do echo $v; done", ""}, {"v=1; echo $v", ""},
		{"read v; echo $v", ""}, {"echo # $v", ""}, {"echo ${v} $PATH", ""}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct world w = {.value = "1"};
		OWNED_TEXT got = {0};
		describe(rows[i].text, &w, &got);
		assert_string_equal(w.warned, rows[i].warned);
	}
}

static void one_word_is_quoted(void **state)
{
	(void)state;
	OWNED_TEXT out = {0};
	static const char *const words[] = {"plain-1.0/x:y", "", "a b", "it's", "-x", "~"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		command_quote(&out, words[i]);
		text_add_char(&out, ' ');
	}
	assert_string_equal(text_string(&out), "plain-1.0/x:y '' 'a b' 'it'\\''s' -x '~' ");
}

static void the_text_is_what_can_be_typed(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct world w = {.value = "a b"};
	struct command command;
	assert_int_equal(make(arena, "exec prog --x=${v}  'y'", &w, &command, NULL), 0);
	assert_string_equal(command.text, "prog '--x=a b' y");
	assert_int_equal(make(arena, "prog ${v} | y", &w, &command, NULL), 0);
	assert_string_equal(command.text, "prog 'a b' | y");
	arena_free(arena);
}

/* ---- the corpus: every template with every value, through real shells ---- */

static void replace(struct text *out, const char *pattern, const char *value)
{
	for (; *pattern; pattern++)
		if (*pattern == '@')
			text_add(out, value);
		else
			text_add_char(out, *pattern);
}

static void run_shell(const char *shell, const char *script, struct text *out)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	OWNED_TEXT own = {0};
	text_add(&own, script);
	char dash_c[] = "-c";
	OWNED_TEXT name = {0};
	text_add(&name, shell);
	char *argv[] = {name.data, dash_c, own.data, NULL};
	pid_t pid;
	assert_int_equal(posix_spawnp(&pid, shell, &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	assert_int_equal(file_read_fd(ends[0], shell, 1 << 20, out, NULL), 0);
	close(ends[0]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

struct batch {
	struct text script;
	struct text want; /* each part ends with \001 */
	size_t refused;
};

static void add_to_batch(struct batch *b, json_t *row, const char *value)
{
	struct arena *arena = arena_new();
	struct world w = {.value = value};
	struct command command;
	struct error e;
	if (make(arena, cases_text(row, "text"), &w, &command, &e)) {
		if (!json_is_true(json_object_get(row, "may_refuse")) || !*e.hint)
			fail_msg("%s with '%s' is refused: %s", cases_text(row, "text"), value,
				e.text);
		b->refused++;
	} else {
		assert_true(command.through_shell);
		/* A subshell, so that no variable or function reaches the next one. */
		text_addf(&b->script, "(\n%s\n)\nprintf '\\001'\n", command.argv[2]);
		replace(&b->want, cases_text(row, "want"), value);
		text_add_char(&b->want, '\001');
	}
	arena_free(arena);
}

static void check_template(json_t *row, json_t *values, const char *shell)
{
	struct batch b = {0};
	size_t index;
	json_t *value;
	json_array_foreach(values, index, value) add_to_batch(&b, row, json_string_value(value));
	OWNED_TEXT got = {0};
	run_shell(shell, text_string(&b.script), &got);
	if (strcmp(text_string(&got), text_string(&b.want)) != 0) {
		size_t at = 0;
		while (got.length > at && text_string(&got)[at] == text_string(&b.want)[at])
			at++;
		fail_msg("%s: %s\n  differs at byte %zu\n  got  %.60s\n  want %.60s", shell,
			cases_text(row, "text"), at, text_string(&got) + at,
			text_string(&b.want) + at);
	}
	/* Plain values are never refused. */
	assert_true(b.refused + 8 <= json_array_size(values));
	text_release(&b.script);
	text_release(&b.want);
}

static void every_value_stays_one_word_in_real_shells(void **state)
{
	(void)state;
	unsetenv("NOPE");
	json_t *root = cases_load(TEST_DATA "/cases", "command.json");
	bool has_bash = !access("/bin/bash", X_OK);
	size_t index;
	json_t *row;
	json_array_foreach(json_object_get(root, "shell"), index, row)
	{
		check_template(row, json_object_get(root, "values"), "sh");
		if (has_bash)
			check_template(row, json_object_get(root, "values"), "bash");
	}
	assert_true(index > 40);
	json_decref(root);
}

static void check_direct(json_t *row, const char *value)
{
	struct arena *arena = arena_new();
	struct world w = {.value = value};
	struct command command;
	struct error e;
	if (make(arena, cases_text(row, "text"), &w, &command, &e))
		fail_msg("%s with '%s': %s", cases_text(row, "text"), value, e.text);
	assert_false(command.through_shell);
	size_t index;
	json_t *word;
	json_array_foreach(json_object_get(row, "argv"), index, word)
	{
		OWNED_TEXT want = {0};
		replace(&want, json_string_value(word), value);
		assert_non_null(command.argv[index]);
		assert_string_equal(command.argv[index], text_string(&want));
	}
	assert_null(command.argv[index]);
	arena_free(arena);
}

static void every_value_stays_one_word_directly(void **state)
{
	(void)state;
	json_t *root = cases_load(TEST_DATA "/cases", "command.json");
	size_t r;
	size_t v = 0;
	json_t *row;
	json_t *value;
	json_array_foreach(json_object_get(root, "direct"), r, row)
		json_array_foreach(json_object_get(root, "values"), v, value)
			check_direct(row, json_string_value(value));
	assert_true(r > 4 && v > 40);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_words_run_directly),
		cmocka_unit_test(metacharacters_anywhere_need_the_shell),
		cmocka_unit_test(keywords_builtins_and_assignments_need_the_shell),
		cmocka_unit_test(references_of_ours_do_not_need_the_shell),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(numbers_stand_in_arithmetic),
		cmocka_unit_test(a_forgotten_brace_is_warned_about),
		cmocka_unit_test(one_word_is_quoted),
		cmocka_unit_test(the_text_is_what_can_be_typed),
		cmocka_unit_test(every_value_stays_one_word_in_real_shells),
		cmocka_unit_test(every_value_stays_one_word_directly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
