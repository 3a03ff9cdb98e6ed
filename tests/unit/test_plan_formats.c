/* rooms: base model plan stackfile */
#include "stack_builder.h"

#include <jansson.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "plan/formats.h"
#include "stackfile/dotenv.h"

extern char **environ;

static const struct environment_facts facts = {.project = "shop",
	.instance = 3,
	.base_port = 30520,
	.state_dir = "/state/shop/3",
	.slug = "shop-main",
	.id = "the-uuid"};

/* Everything that has ever broken a quoting. */
static const char *const nasty[] = {"", " ", "plain-1.0/x:y@z%+,=", "two words", "it's", "'", "''",
	"\"", "\"'\"", "$HOME", "$$", "${X:-y}", "$(id)", "`id`", "a\\b", "\\", "\\\\", "x\\",
	"x\\\\", "\\'", "'\\", "a\nb", "\n", "line\r\nend", "\r", "tab\tx", "#c", "a #c", "a#c",
	"!x", "~", "*", "{a}", "a;b|c&d", "caf\xc3\xa9", "\xe2\x98\x83", "\x01\x1b[31m\x7f", "-n",
	"=", "\\n", "\\$X", "\xc2\x85", "\xc2\xa0", "\xe2\x80\xa8", " lead", "trail ", "%s",
	"key: value", "- x", "null", "yes", "0x10", "1e3", "@x"};
static const char *const no_text[] = {"\xff", "a\xc3", "\xed\xa0\x80", "\x80'\\\"$",
	("\xff"
	 "12")};
enum { NASTY = sizeof nasty / sizeof *nasty, NO_TEXT = sizeof no_text / sizeof *no_text };

/* N0=..., N1=... from the caller; B0=... with bytes that are no text when wanted. */
static struct environment nasty_environment(struct stack *s, bool with_bytes)
{
	const char **caller = arena_take(s->arena, (NASTY + NO_TEXT + 1) * sizeof *caller);
	size_t count = 0;
	for (size_t i = 0; i < NASTY; i++)
		caller[count++] = arena_format(s->arena, "N%zu=%s", i, nasty[i]);
	for (size_t i = 0; i < NO_TEXT && with_bytes; i++)
		caller[count++] = arena_format(s->arena, "B%zu=%s", i, no_text[i]);
	return environment_of(environments_new(s->arena, s, &facts, caller), s->arena, -1, NULL);
}

static const char *nth(const struct environment *env, char kind, size_t i)
{
	char name[16];
	snprintf(name, sizeof name, "%c%zu", kind, i);
	return environment_find(env, name)->top->value;
}

static void dotenv_reads_back_the_same(void **state)
{
	(void)state;
	struct stack *s = build("a");
	struct environment env = nasty_environment(s, true);
	OWNED_TEXT out = {0};
	formats_write(&env, ENV_FORMAT_DOTENV, NULL, &out);
	struct complaints complaints = {0};
	struct dotenv back = {.arena = s->arena, .complaints = &complaints};
	assert_true(dotenv_parse(&back, "x", text_string(&out), out.length));
	assert_int_equal(complaints.warnings, 0);
	assert_int_equal(back.count, env.envp_count);
	for (size_t i = 0; i < back.count; i++)
		assert_string_equal(
			back.vars[i].value, environment_find(&env, back.vars[i].name)->top->value);
	complaints_release(&complaints);
	stack_free(s);
}

/* The forms are those that compose reads; no others are ever written. */
static void dotenv_values_have_one_of_three_forms(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		const char *form;
	} rows[] = {{"", ""}, {"a-b/c:1", "a-b/c:1"}, {"a b", "'a b'"}, {"$x", "'$x'"},
		{"a#b", "'a#b'"}, {"a\nb", "'a\nb'"}, {"it's", "\"it's\""},
		{"it's $x \"y\" \\", "\"it's \\$x \\\"y\\\" \\\\\""}, {"a\\", "\"a\\\\\""},
		{"a\\\\", "'a\\\\'"}, {"\r\n", "\"\\r\n\""}, {"\xff", "\"\\0377\""}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		OWNED_TEXT out = {0};
		formats_dotenv_value(&out, rows[i].value);
		assert_string_equal(text_string(&out), rows[i].form);
	}
}

static void run_shell(const char *shell, const char *script, struct text *out)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	OWNED_TEXT own = {0};
	OWNED_TEXT name = {0};
	text_add(&own, script);
	text_add(&name, shell);
	char dash_c[] = "-c";
	char *argv[] = {name.data, dash_c, own.data, NULL};
	pid_t pid;
	assert_int_equal(posix_spawnp(&pid, shell, &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	assert_int_equal(file_read_fd(ends[0], shell, 1 << 20, out, NULL), 0);
	close(ends[0]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void sh_reads_back_the_same(void **state)
{
	(void)state;
	struct stack *s = build("a");
	struct environment env = nasty_environment(s, true);
	OWNED_TEXT script = {0};
	OWNED_TEXT want = {0};
	formats_write(&env, ENV_FORMAT_SH, NULL, &script);
	for (size_t i = 0; i < NASTY; i++) {
		text_addf(&script, "printf '<%%s>' \"$N%zu\"\n", i);
		text_addf(&want, "<%s>", nth(&env, 'N', i));
	}
	for (size_t i = 0; i < NO_TEXT; i++) {
		text_addf(&script, "printf '<%%s>' \"$B%zu\"\n", i);
		text_addf(&want, "<%s>", nth(&env, 'B', i));
	}
	static const char *const shells[] = {"sh", "bash"};
	for (size_t i = 0; i < 2; i++) {
		OWNED_TEXT got = {0};
		if (i && access("/bin/bash", X_OK))
			continue;
		run_shell(shells[i], text_string(&script), &got);
		assert_string_equal(text_string(&got), text_string(&want));
	}
	stack_free(s);
}

static void json_reads_back_the_same(void **state)
{
	(void)state;
	struct stack *s = build("a");
	struct environment env = nasty_environment(s, false);
	OWNED_TEXT out = {0};
	formats_write(&env, ENV_FORMAT_JSON, NULL, &out);
	json_error_t error;
	json_t *root = json_loads(text_string(&out), JSON_REJECT_DUPLICATES, &error);
	if (!root)
		fail_msg("%d: %s", error.line, error.text);
	assert_int_equal(json_object_size(root), env.envp_count);
	for (size_t i = 0; i < env.count; i++)
		assert_string_equal(json_string_value(json_object_get(root, env.vars[i].name)),
			env.vars[i].top->value);
	json_decref(root);
	env = nasty_environment(s, true);
	text_clear(&out);
	formats_write(&env, ENV_FORMAT_JSON, NULL, &out);
	root = json_loads(text_string(&out), 0, &error);
	assert_string_equal(json_string_value(json_object_get(root, "B0")), "\xef\xbf\xbd");
	json_decref(root);
	stack_free(s);
}

/* A YAML string in double quotes is a JSON string here; compose reads $$ as $. */
static void assert_yaml_value(const char *yaml, size_t length, const char *value)
{
	OWNED_TEXT plain = {0};
	for (size_t i = 0; i < length; i++) {
		text_add_char(&plain, yaml[i]);
		if (yaml[i] == '$')
			assert_int_equal(yaml[++i], '$');
	}
	json_t *got = json_loads(text_string(&plain), JSON_DECODE_ANY, NULL);
	assert_non_null(got);
	assert_string_equal(json_string_value(got), value);
	json_decref(got);
}

static void compose_reads_back_the_same(void **state)
{
	(void)state;
	struct stack *s = build("a");
	struct environment env = nasty_environment(s, false);
	OWNED_TEXT out = {0};
	formats_write(&env, ENV_FORMAT_COMPOSE, NULL, &out);
	static const char head[] = "environment:\n";
	assert_int_equal(strncmp(text_string(&out), head, sizeof head - 1), 0);
	const char *at = text_string(&out) + sizeof head - 1;
	for (size_t i = 0; i < env.count; i++) {
		OWNED_TEXT key = {0};
		text_addf(&key, "  \"%s\": ", env.vars[i].name);
		assert_int_equal(strncmp(at, text_string(&key), key.length), 0);
		at += key.length;
		assert_yaml_value(at, strcspn(at, "\n"), env.vars[i].top->value);
		at += strcspn(at, "\n") + 1;
	}
	assert_string_equal(at, "");
	stack_free(s);
}

static void names_that_do_not_fit_are_named(void **state)
{
	(void)state;
	static const char *const caller[] = {
		"BASH_FUNC_f%%=() { :; }", "A-B=1", "C.D=2", "X\nY=3", NULL};
	struct stack *s = build("a");
	struct environment env =
		environment_of(environments_new(s->arena, s, &facts, caller), s->arena, -1, NULL);
	OWNED_TEXT out = {0};
	formats_write(&env, ENV_FORMAT_SH, NULL, &out);
	assert_non_null(strstr(text_string(&out), "# left out, its name does not fit here: A-B\n"));
	assert_non_null(strstr(text_string(&out), "# left out, its name does not fit here: X?Y\n"));
	text_clear(&out);
	formats_write(&env, ENV_FORMAT_DOTENV, NULL, &out);
	assert_non_null(strstr(text_string(&out), "\nC.D=2\n"));
	assert_non_null(strstr(text_string(&out), "does not fit here: BASH_FUNC_f%%\n"));
	stack_free(s);
}

static void hide(void *self, struct text *out, const char *name, const char *value)
{
	(void)self;
	text_add(out, !strcmp(name, "URL") ? "masked" : value);
}

/* What reads these takes every value for the true one: a mask must not stand in for it. */
static void secrets_are_left_out(void **state)
{
	(void)state;
	static const char *const caller[] = {
		"TOKEN=hunter2", "URL=http://u:hunter2@h", "A=1", NULL};
	static const char *const secrets[] = {"TOKEN"};
	static const char *const expected[] = {[ENV_FORMAT_SH] = "# left out, it is secret: TOKEN\n",
		[ENV_FORMAT_DOTENV] = "# left out, it is secret: URL\n",
		[ENV_FORMAT_JSON] = "  \"TOKEN\": null,\n",
		[ENV_FORMAT_COMPOSE] = "  \"URL\": null\n"};
	struct stack *s = build("a");
	s->services[0].secrets = secrets;
	s->services[0].secret_count = 1;
	SET_PAIRS(s, s->env_files, s->env_file_count, "TOKEN=hunter2@.env:1");
	const struct env_mask mask = {.add = hide};
	struct environment env =
		environment_of(environments_new(s->arena, s, &facts, caller), s->arena, 0, NULL);
	for (int format = ENV_FORMAT_SH; format <= ENV_FORMAT_COMPOSE; format++) {
		OWNED_TEXT out = {0};
		assert_int_equal(formats_write(&env, (enum env_format)format, &mask, &out), 2);
		assert_null(strstr(text_string(&out), "hunter2"));
		assert_null(strstr(text_string(&out), "***"));
		assert_null(strstr(text_string(&out), "masked"));
		assert_non_null(strstr(text_string(&out), expected[format]));
	}
	OWNED_TEXT out = {0};
	assert_int_equal(formats_explain(&env, NULL, &mask, &out, NULL), 0);
	assert_null(strstr(text_string(&out), "hunter2"));
	assert_non_null(strstr(text_string(&out), "TOKEN=***"));
	assert_non_null(strstr(text_string(&out), "URL=masked"));
	stack_free(s);
}

static void explained_with_what_it_covers(void **state)
{
	(void)state;
	static const char *const caller[] = {"A=caller", "PORT=1", NULL};
	struct stack *s = build("api: db | db");
	SET_PAIRS(s, s->services[0].env, s->services[0].env_count, "A=mine@stack.ini:12");
	SET_PAIRS(s, s->env_files, s->env_file_count, "A=file@.env:3");
	add_port(s, "db", "main", 30522);
	struct environment env =
		environment_of(environments_new(s->arena, s, &facts, caller), s->arena, 0, NULL);
	OWNED_TEXT out = {0};
	assert_int_equal(formats_explain(&env, "A", NULL, &out, NULL), 0);
	assert_string_equal(text_string(&out),
		"A=mine\n    from stack.ini:12 (stack file)\n"
		"    instead of caller, from caller\n"
		"    instead of file, from .env:3 (env file)\n");
	text_clear(&out);
	assert_int_equal(formats_explain(&env, "PORT", NULL, &out, NULL), 0);
	assert_non_null(
		strstr(text_string(&out), "PORT is not set: not passed on from caller: it has no"));
	text_clear(&out);
	assert_int_equal(formats_explain(&env, "DB_PORT", NULL, &out, NULL), 0);
	assert_string_equal(text_string(&out), "DB_PORT=30522\n    from port of db (injected)\n");
	struct error e;
	assert_int_equal(formats_explain(&env, "NOPE", NULL, &out, &e), -1);
	assert_int_equal(e.code, EXIT_NOT_FOUND);
	stack_free(s);
}

static void ports_env_is_what_everybody_is_told(void **state)
{
	(void)state;
	struct stack *s = build("api: my-db | my-db");
	add_port(s, "api", "main", 30521);
	add_port(s, "my-db", "main", 30522);
	add_port(s, "my-db", "admin", 30524);
	service_of(s, "api")->url = "http://localhost:30521/?a=b&c";
	SET_PAIRS(s, s->env_files, s->env_file_count, "SECRET=x@.env:1");
	OWNED_TEXT out = {0};
	formats_ports_env(s->arena, s, &facts, ENV_FORMAT_DOTENV, &out);
	assert_string_equal(text_string(&out),
		"API_HOST=localhost\nAPI_PORT=30521\nAPI_URL='http://localhost:30521/?a=b&c'\n"
		"MY_DB_ADMIN_PORT=30524\nMY_DB_HOST=localhost\nMY_DB_PORT=30522\n"
		"STACKUP=1\nSTACKUP_BASE_PORT=30520\nSTACKUP_ID=the-uuid\nSTACKUP_INSTANCE=3\n"
		"STACKUP_PROJECT=shop\nSTACKUP_SLUG=shop-main\nSTACKUP_STATE_DIR=/state/shop/3\n");
	text_add(&out, "printf '<%s>' \"$API_URL\"");
	OWNED_TEXT got = {0};
	run_shell("sh", text_string(&out), &got);
	assert_string_equal(text_string(&got), "<http://localhost:30521/?a=b&c>");
	stack_free(s);
}

/* Exported, so that what is started from there knows them, too; every value arrives as it is. */
static void ports_sh_is_sourced(void **state)
{
	(void)state;
	static const char *const shells[] = {"sh", "bash"};
	for (size_t i = 0; i < NASTY; i++) {
		struct stack *s = build("api");
		add_port(s, "api", "main", 30521);
		service_of(s, "api")->url = nasty[i];
		OWNED_TEXT out = {0};
		formats_ports_env(s->arena, s, &facts, ENV_FORMAT_SH, &out);
		text_add(&out, "exec printenv API_URL API_PORT");
		OWNED_TEXT wanted = {0}, got = {0};
		text_addf(&wanted, "%s\n30521\n", nasty[i]);
		run_shell(shells[i % 2], text_string(&out), &got);
		assert_string_equal(text_string(&got), text_string(&wanted));
		stack_free(s);
	}
}

static void formats_are_known_by_name(void **state)
{
	(void)state;
	enum env_format format;
	struct error e;
	static const char *const words[] = {"sh", "dotenv", "json", "compose"};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(env_format_parse(words[i], &format, NULL), 0);
		assert_string_equal(env_format_word(format), words[i]);
	}
	assert_int_equal(env_format_parse("yaml", &format, &e), -1);
	assert_int_equal(e.code, EXIT_USAGE);
	assert_non_null(strstr(e.hint, "dotenv"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dotenv_reads_back_the_same),
		cmocka_unit_test(dotenv_values_have_one_of_three_forms),
		cmocka_unit_test(sh_reads_back_the_same),
		cmocka_unit_test(json_reads_back_the_same),
		cmocka_unit_test(compose_reads_back_the_same),
		cmocka_unit_test(names_that_do_not_fit_are_named),
		cmocka_unit_test(secrets_are_left_out),
		cmocka_unit_test(explained_with_what_it_covers),
		cmocka_unit_test(ports_sh_is_sourced),
		cmocka_unit_test(ports_env_is_what_everybody_is_told),
		cmocka_unit_test(formats_are_known_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
