/* rooms: stackfile model base */
#include "stackfile_fixture.h"


#include "model/policy.h"
#include "stackfile/schema.h"
#include "stackfile/templates.h"
#include "stackfile/values.h"

static bool accepted(const struct key *key, const char *text)
{
	struct complaints complaints = {0};
	struct arena *arena = arena_new();
	struct site site = {.arena = arena, .complaints = &complaints, .file = "f", .line = 1,
		.key = key->name, .row = key};
	bool fine = value_accepts(&site, text);
	assert_int_equal(fine, complaints.errors == 0);
	if (!fine)
		assert_true(complaints.list.items[0].hint[0] != '\0');
	complaints_release(&complaints);
	arena_free(arena);
	return fine;
}

static void every_default_and_example_passes_its_own_parser(void **state)
{
	(void)state;
	for (enum key_id id = 0; id < KEY_COUNT; id++) {
		const struct key *key = schema_key(id);
		if (*key->fallback && !accepted(key, key->fallback))
			fail_msg("%s: default '%s' is refused", key->name, key->fallback);
		if (!*key->example || !accepted(key, key->example))
			fail_msg("%s: example '%s' is refused", key->name, key->example);
		assert_true(strlen(key->summary) > 8);
	}
}

static void every_type_refuses_something_and_says_what_to_write(void **state)
{
	(void)state;
	static const char *const nonsense[] = {"", "\x01 ?,:(", "-", "?", "a b c d"};
	for (enum key_id id = 0; id < KEY_COUNT; id++) {
		const struct key *key = schema_key(id);
		bool refuses = false;
		for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++)
			refuses = !accepted(key, nonsense[i]) || refuses;
		if (!refuses && key->type != VALUE_TEXT)
			fail_msg("%s accepts everything", key->name);
	}
}

static void every_example_passes_in_a_file(void **state)
{
	(void)state;
	for (enum key_id id = 0; id < KEY_COUNT; id++) {
		const struct key *key = schema_key(id);
		const char *rest;
		struct text name = {0};
		text_add(&name, key->name);
		if (key->stem) {
			text_cut(&name, key->stem);
			text_add(&name,
				id == KEY_PORTS_RESERVE_PORT ? "5432"
					: key->type == VALUE_TEXT && key->section != SECTION_PORTS
					? "NAME"
					: "name");
		}
		assert_ptr_equal(schema_find(key->section, text_string(&name), &rest), key);
		text_release(&name);
	}
}

static void names_are_unique_in_their_section(void **state)
{
	(void)state;
	for (enum key_id a = 0; a < KEY_COUNT; a++)
		for (enum key_id b = 0; b < a; b++)
			if (schema_key(a)->section == schema_key(b)->section)
				assert_string_not_equal(schema_key(a)->name, schema_key(b)->name);
}

/* value_choice returns an index that is used as the enum. */
static void expect_choices(enum key_id id, const char *words)
{
	assert_string_equal(schema_key(id)->limits, words);
}

static void choices_are_the_words_of_the_model_in_its_order(void **state)
{
	(void)state;
	struct text all = {0};
#define X(name, word) text_addf(&all, "%s%s", all.length ? " " : "", word);
#define EXPECT(id, TABLE) text_clear(&all); TABLE(X) expect_choices(id, text_string(&all))
	EXPECT(KEY_TYPE, SERVICE_TYPES);
	EXPECT(KEY_RESTART, RESTART_RULES);
	EXPECT(KEY_HEALTH_ACTION, HEALTH_ACTIONS);
	EXPECT(KEY_STOP_TO, STOP_SCOPES);
	EXPECT(KEY_ON_DEPENDENCY, DEPENDENCY_RULES);
	EXPECT(KEY_IDENTITY, IDENTITIES);
	EXPECT(KEY_ON_CONFLICT, PORT_CONFLICT_RULES);
	EXPECT(KEY_STACK_STRATEGY, PORT_STRATEGIES);
	EXPECT(KEY_HOLD, HOLD_MODES);
	EXPECT(KEY_PROTOCOL, PROTOCOLS);
#undef EXPECT
#undef X
	text_release(&all);
}

static void families_need_a_name(void **state)
{
	(void)state;
	const char *rest = NULL;
	assert_null(schema_find(SECTION_SERVICE, "env.", &rest));
	assert_null(schema_find(SECTION_SERVICE, "env", &rest));
	const struct key *key = schema_find(SECTION_SERVICE, "env.A.B", &rest);
	assert_int_equal(key->id, KEY_ENV_NAME);
	assert_string_equal(rest, "A.B");
	assert_int_equal(schema_find(SECTION_SERVICE, "port", &rest)->id, KEY_PORT);
	assert_string_equal(rest, "");
	assert_int_equal(schema_find(SECTION_DEFAULTS, "restart", &rest)->id, KEY_RESTART);
	assert_null(schema_find(SECTION_ENVIRONMENT, "restart", &rest));
}

static void quotes_and_comments_that_belong_to_a_value_are_noted(void **state)
{
	(void)state;
	struct fixture f = {0};
	assert_non_null(load(&f, "[service web]\ncommand = true\nenv.A = \"x y\"\nenv.B = 'b'\n"
		"env.C = a # b\nexport.D = d ; e\nenv.E = \"a\",\"b\"\nenv.F = a#b;c\nenv.G = \"\n"
		"env.H = it's\n"));
	assert_string_equal(said(&f),
		"stack.ini:3: notice: env.A: the quotes belong to the value; write it without them unless "
		"they are meant\n"
		"stack.ini:4: notice: env.B: the quotes belong to the value; write it without them unless "
		"they are meant\n"
		"stack.ini:5: notice: env.C: what looks like a comment belongs to the value; a comment has a "
		"line of its own\n"
		"stack.ini:6: notice: export.D: what looks like a comment belongs to the value; a comment has "
		"a line of its own");
	unload(&f);
}

static void fault_I7_unknown_keys_name_the_nearest(void **state)
{
	(void)state;
	expect_said("[service web]\ncomand = true\n",
		"stack.ini:2: unknown key 'comand' in [service web]; did you mean 'command'?");
	expect_said("[service web]\ncommand = true\nhealth.intervall = 1s\n",
		"stack.ini:3: unknown key 'health.intervall' in [service web]; did you mean "
		"'health.interval'?");
	expect_said("[service web]\ncommand = true\nblock = 3\n",
		"stack.ini:3: unknown key 'block' in [service web]; 'block' belongs under [stack]");
	expect_said("[stack]\ncommand = true\n[service web]\ncommand = true\n",
		"stack.ini:2: unknown key 'command' in [stack]; 'command' belongs under [service "
		"NAME]");
	expect_said("[service web]\ncommand = true\nzzzzzzzz = 3\n",
		"stack.ini:3: unknown key 'zzzzzzzz' in [service web]; remove it; 'stackup help "
		"service' "
		"lists the keys");
	expect_said("[service web]\ncommand = true\nenv = A=1\nport. = 80\n",
		"stack.ini:3: unknown key 'env' in [service web]; did you mean 'env.NAME'?\n"
		"stack.ini:4: unknown key 'port.' in [service web]; did you mean 'port.NAME'?");
	expect_said("[defaults]\nrestrat = no\n[service web]\ncommand = true\n",
		"stack.ini:2: unknown key 'restrat' in [defaults]; did you mean 'restart'?");
	expect_said("[service web]\ncommand = true\n[service web @staging]\nrestar = no\n",
		"stack.ini:4: unknown key 'restar' in [service web @staging]; did you mean "
		"'restart'?");
}

static void keys_of_later_issues_are_absent(void **state)
{
	(void)state;
	static const char *const keys[] = {"watch", "watch.ignore", "watch.delay", "watch.action",
		"memory_max", "memory_action", "cpu_max", "replicas"};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		for (enum section_kind kind = 0; kind < SECTION_KIND_COUNT; kind++)
			assert_null(schema_find(kind, keys[i], NULL));
}

static void fault_I10_a_template_that_is_none_is_an_error(void **state)
{
	(void)state;
	expect_said("[service web]\ncommand = true\ntemplate = redsi\n",
		"stack.ini:3: there is no template 'redsi'; did you mean 'redis'?");
}

/* What a template is made of is known when the program is built. */
static void fault_I10_no_template_names_another_or_itself(void **state)
{
	(void)state;
	for (size_t i = 0; i < template_count; i++)
		assert_null(strstr(template_rows[i].text, "\ntemplate"));
	assert_true(template_count > 30);
}

static void members_of_families_have_proper_names(void **state)
{
	(void)state;
	expect_said("[service web]\ncommand = true\nenv.A-B = x\n",
		"stack.ini:3: 'A-B' is not the name of a variable; write letters, digits and '_', "
		"no "
		"digit first");
	expect_said("[service web]\ncommand = true\nenv.STACKUP_ID = x\n",
		"stack.ini:3: STACKUP_ID is set by stackup itself; take another name");
	expect_said("[service web]\ncommand = true\nexport.1A = x\n",
		"stack.ini:3: '1A' is not the name of a variable; write letters, digits and '_', "
		"no "
		"digit first");
	expect_said("[service web]\ncommand = true\nport.main = auto\n",
		"stack.ini:3: 'main' is the name of the service's own port; write 'slot = ...' or "
		"'port = "
		"...' for it, or take another name");
	expect_said("[service web]\ncommand = true\nport.Admin = auto\n",
		"stack.ini:3: 'Admin' is not a name; write a lower-case letter, then lower-case "
		"letters, "
		"digits, '_' or '-', at most 32");
	expect_said("[ports]\nreserve.http = x\n[service web]\ncommand = true\n",
		"stack.ini:2: 'http' is not a port; write reserve.PORT with a number 1 to 65535");
}

static void expect_refused(const char *line, const char *complaint)
{
	struct text file = {0};
	struct text expected = {0};
	text_addf(&file, "[service web]\ncommand = true\nslot = 1\nhealth = tcp\n%s\n", line);
	text_addf(&expected, "stack.ini:5: %s", complaint);
	expect_said(text_string(&file), text_string(&expected));
	text_release(&file);
	text_release(&expected);
}

static void bad_values_name_the_accepted_form(void **state)
{
	(void)state;
	expect_refused("health.interval = 10",
		"health.interval cannot be '10'; write a duration above zero "
		"like 500ms, 30s, 2m or 1h");
	expect_refused("health.interval = 0s",
		"health.interval cannot be '0s'; write a duration above zero "
		"like 500ms, 30s, 2m or 1h");
	expect_refused("stop.timeout = soon",
		"stop.timeout cannot be 'soon'; write a duration like 500ms, 30s, 2m or 1h");
	expect_refused("stop.timeout =",
		"stop.timeout has no value; write a duration like 500ms, 30s, 2m "
		"or 1h");
	expect_refused("log.max_size = 10 pages",
		"log.max_size cannot be '10 pages'; write a size like 512K, 64M or 2G");
	expect_refused("tty = maybe", "tty cannot be 'maybe'; write yes or no");
	expect_refused("restart = alway", "restart cannot be 'alway'; did you mean 'always'?");
	expect_refused("restart = sometimes",
		"restart cannot be 'sometimes'; write on-failure, always or no");
	expect_refused(
		"health.retries = 0", "health.retries cannot be '0'; write a number 1 to 1000");
	expect_refused("restart.limit = 10",
		"restart.limit cannot be '10'; write a number of restarts in a "
		"time like 10 in 5m");
	expect_refused("restart.limit = 10 in 0s",
		"restart.limit cannot be '10 in 0s'; write a number of "
		"restarts in a time like 10 in 5m");
	expect_refused("stop.signal = KILLL",
		"stop.signal cannot be 'KILLL'; write a signal like TERM, "
		"INT, QUIT, HUP or USR1");
	expect_refused("ready = htp /x", "ready cannot be 'htp /x'; did you mean 'http'?");
	expect_refused("ready = http", "ready cannot be 'http'; write 'ready = http /healthz'");
	expect_refused("ready = tcp 80", "ready cannot be 'tcp 80'; write 'ready = tcp'");
	expect_refused("ready = none",
		"ready cannot be 'none'; write started, port, http PATH, tcp, log "
		"REGEX, command CMD, or notify");
	expect_refused("ready = log (",
		"ready: '(' is not a regular expression: Unmatched ( or \\(; write "
		"an extended regular expression (regex(7))");
	/* The library writes out what repeats: these would be millions of copies, and gigabytes. */
	expect_refused("ready = log a{1,30000}{1,30000}",
		"ready: 'a{1,30000}{1,30000}' repeats too much; write it with smaller numbers "
		"in braces, and fewer repetitions within repetitions");
	expect_refused("ready = log (((((((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+",
		"ready: '(((((((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)' repeats too much; "
		"write it with smaller numbers in braces, and fewer repetitions within repetitions");
	expect_refused("ready = http healthz",
		"ready cannot be 'http healthz'; write 'http /healthz', or "
		"a URL with http:// or https://");
	expect_refused("secret = A, B-C", "secret cannot be 'B-C'; write a list of variables like "
		"API_TOKEN, REGION");
	expect_refused("files_max = 3", "files_max cannot be '3'; write a number 16 to 1048576");
	expect_refused("depends_on = a b",
		"depends_on cannot be 'a b'; write a comma between two services");
	expect_refused("depends_on = db:",
		"depends_on cannot be 'db:'; write a list of services like db, "
		"migrate:completed, cache:ready?");
}

static void what_is_meant_by_a_bad_value_is_said_where_it_is_plain(void **state)
{
	(void)state;
	expect_said("[service job]\ncommand = true\nport = 3000-3010\n",
		"stack.ini:3: port cannot be '3000-3010'; write 'port = 3000' and 'range = 3000-3010'");
	expect_said("[service job]\ncommand = true\nport = auto\n",
		"stack.ini:3: port cannot be 'auto'; write 'slot = auto'");
	expect_said("[service job]\ncommand = true\nport = api\n",
		"stack.ini:3: port cannot be 'api'; write 'slot = api'");
	expect_said("[service job]\ncommand = true\nport = 0\n",
		"stack.ini:3: port cannot be '0'; write a port number 1 to 65535, or pool");
	expect_refused("ready = /up", "ready cannot be '/up'; write 'ready = http /up'");
	expect_refused("ready = http://localhost/x",
		"ready cannot be 'http://localhost/x'; write 'ready = http http://localhost/x'");
	expect_refused("dir = ~/x", "dir cannot be '~/x'; write ${HOME}/x: '~' is for shells");
	expect_refused("log.file = ~", "log.file cannot be '~'; write ${HOME}: '~' is for shells");
	expect_refused("env_file = a.env, ?~ann/.env",
		"env_file cannot be '~ann/.env'; write the whole path: '~' is for shells");
	struct fixture f = {0};
	load_well(&f, "[service web]\ncommand = ls ~\ndir = a~\n");
	unload(&f);
}

static void long_and_strange_values_are_cut_and_escaped(void **state)
{
	(void)state;
	expect_refused(
		"tty = 1234567890123456789012345678901234567890123456789012345678901234567890",
		"tty cannot be '123456789012345678901234567890123456789012345678901234567890...'; "
		"write "
		"yes or no");
	expect_refused("tty = y\033[2J", "tty cannot be 'y\xe2\x90\x9b[2J'; write yes or no");
	expect_refused("tty = yes\n  no", "tty cannot be 'yes...'; write yes or no");
}

static void signals_have_names_with_and_without_sig(void **state)
{
	(void)state;
	const struct key *key = schema_key(KEY_STOP_SIGNAL);
	assert_true(accepted(key, "INT"));
	assert_true(accepted(key, "SIGINT"));
	assert_false(accepted(key, "int"));
	assert_false(accepted(key, "STOP"));
	assert_false(accepted(key, "15"));
}

static void statuses_are_ranges(void **state)
{
	(void)state;
	const struct key *key = schema_key(KEY_HEALTH_STATUS);
	assert_true(accepted(key, "204"));
	assert_true(accepted(key, "200-299, 401"));
	assert_false(accepted(key, "299-200"));
	assert_false(accepted(key, "2xx"));
	assert_false(accepted(key, "99"));
	assert_false(accepted(key, "200-"));
	assert_false(accepted(key, "200-600"));
}

static void requirements_have_versions(void **state)
{
	(void)state;
	const struct key *key = schema_key(KEY_STACK_REQUIRE_COMMANDS);
	assert_true(accepted(key, "node >= 18.2, psql"));
	assert_false(accepted(key, "node>18"));
	assert_false(accepted(key, "node==18"));
	assert_false(accepted(key, "node>=new"));
	assert_false(accepted(key, ">=18"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_default_and_example_passes_its_own_parser),
		cmocka_unit_test(every_type_refuses_something_and_says_what_to_write),
		cmocka_unit_test(every_example_passes_in_a_file),
		cmocka_unit_test(names_are_unique_in_their_section),
		cmocka_unit_test(choices_are_the_words_of_the_model_in_its_order),
		cmocka_unit_test(families_need_a_name),
		cmocka_unit_test(fault_I7_unknown_keys_name_the_nearest),
		cmocka_unit_test(quotes_and_comments_that_belong_to_a_value_are_noted),
		cmocka_unit_test(keys_of_later_issues_are_absent),
		cmocka_unit_test(fault_I10_a_template_that_is_none_is_an_error),
		cmocka_unit_test(fault_I10_no_template_names_another_or_itself),
		cmocka_unit_test(members_of_families_have_proper_names),
		cmocka_unit_test(bad_values_name_the_accepted_form),
		cmocka_unit_test(what_is_meant_by_a_bad_value_is_said_where_it_is_plain),
		cmocka_unit_test(long_and_strange_values_are_cut_and_escaped),
		cmocka_unit_test(signals_have_names_with_and_without_sig),
		cmocka_unit_test(statuses_are_ranges),
		cmocka_unit_test(requirements_have_versions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
