/* rooms: stackfile model base */
#include "stackfile_fixture.h"

#include <jansson.h>

#include "stackfile/describe.h"

#define WEB "[service web]\ncommand = true\n"

/* ---- fingerprints ---- */

static char *fingerprint_of(const char *text, const char *service)
{
	struct fixture f = {0};
	load_well(&f, text);
	char *copy = strdup(stack_service(f.stack, service)->fingerprint);
	unload(&f);
	return copy;
}

static void expect_fingerprints(const char *a, const char *b, const char *service, bool equal)
{
	char *x = fingerprint_of(a, service);
	char *y = fingerprint_of(b, service);
	assert_int_equal(!strcmp(x, y), equal);
	free(x);
	free(y);
}

static void fault_I14_only_what_changed_has_another_fingerprint(void **state)
{
	(void)state;
	static const char base[] =
		"[service web]\ncommand = a b\nenv.A = 1\n[service db]\ncommand = x\n";
	expect_fingerprints(base, base, "web", true);
	expect_fingerprints(base,
		"[service db]\ncommand = y\n[service web]\ncommand = a  b\nenv.A = 1\n", "web",
		true);
	expect_fingerprints(
		base, "[service web]\ncommand = a b\nenv.A = 1\ndescription = new\n", "web", true);
	static const char *const changed[] = {
		"[service web]\ncommand = a c\nenv.A = 1\n",
		"[service web]\ncommand = 'a b'\nenv.A = 1\n",
		"[service web]\ncommand = a b\nenv.A = 2\n",
		"[service web]\ncommand = a b\nenv.A = 1\nenv.B = 1\n",
		"[service web]\ncommand = a b\nenv.A = 1\ndir = x\n",
		"[service web]\ncommand = a b\nenv.A = 1\nslot = 5\n",
		"[service web]\ncommand = a b\nenv.A = 1\nhealth = tcp\n",
		"[service web]\ncommand = a b\nenv.A = 1\nstop.timeout = 11s\n",
		"[service web]\ncommand = a b\nenv.A = 1\nrestart.delay = 1s\n",
		"[service web]\ncommand = a b\nenv.A = 1\ntty = yes\n",
	};
	for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++)
		expect_fingerprints(base, changed[i], "web", false);
}

static void a_fingerprint_knows_what_is_needed(void **state)
{
	(void)state;
	static const char base[] = WEB "depends_on = db\n[service db]\ncommand = x\nslot = 2\n";
	expect_fingerprints(
		base, WEB "depends_on = db\n[service db]\ncommand = y\nslot = 2\n", "web", true);
	expect_fingerprints(
		base, WEB "depends_on = db\n[service db]\ncommand = x\nslot = 3\n", "web", false);
	expect_fingerprints(base, WEB "depends_on = db\n[service db]\ncommand = x\nslot = 2\n"
		"export.DB = x\n", "web", false);
}

/* Each record is a line of its own: otherwise a changed one drags its neighbours along. */
static void what_is_needed_is_a_record_a_fact(void **state)
{
	(void)state;
	char *text = fingerprint_of(WEB "depends_on = db, log\n[service db]\ncommand = x\nslot = 2\n"
		"port.admin = 3\nurl = redis://h/0\nexport.DB = y\n[service log]\ncommand = z\n",
		"web");
	assert_non_null(strstr(text, "\n2:db4:main30522\n2:db5:admin30523\n"
		"3:url2:db11:redis://h/0\n6:export2:DB1:y\n"));
	free(text);
}

/* ---- showing ---- */

static const char secretive[] =
	"[service web]\ncommand = serve --token ${API_TOKEN} --dsn postgres://u:pw@h/db\n"
	"env.API_TOKEN = ${API_TOKEN}\nenv.PLAIN = seen\nenv.MINE = hidden-value\nsecret = MINE\n"
	"env.COPY = x hidden-value y\nenv.DATABASE_URL = postgres://u:pass@localhost/x?a=b@c\n"
	"env.EMPTY_KEY =\nhealth = http /x\nhealth.header.Authorization = Bearer abc\n";

static void secrets_are_masked_wherever_they_are_shown(void **state)
{
	(void)state;
	const char *caller[] = {"API_TOKEN=tok-123456", NULL};
	struct fixture f = {.request = {.caller_env = caller}};
	struct stack *stack = load_well(&f, secretive);
	struct text out = {0};
	describe_config(stack, &out);
	json_t *json = describe_config_json(stack);
	char *dumped = json_dumps(json, 0);
	static const char *const hidden[] = {
		"tok-123456", "hidden-value", "u:pw@", "u:pass@", "abc"};
	for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
		assert_null(strstr(text_string(&out), hidden[i]));
		assert_null(strstr(dumped, hidden[i]));
		if (i != 4)
			assert_non_null(strstr(stack->services[0].fingerprint, hidden[i]));
	}
	assert_non_null(strstr(text_string(&out), "command = serve --token ${API_TOKEN} --dsn "));
	assert_non_null(strstr(text_string(&out), "env.PLAIN = seen\n"));
	assert_non_null(strstr(text_string(&out), "env.COPY = x *** y\n"));
	assert_non_null(strstr(text_string(&out),
		"env.DATABASE_URL = postgres://u:***@localhost/x?a=b@c\n"));
	assert_non_null(strstr(text_string(&out), "env.EMPTY_KEY = \n"));
	free(dumped);
	json_decref(json);
	text_release(&out);
	unload(&f);
}

static void expect_reads_back(const char *text)
{
	struct fixture f = {0};
	struct fixture again = {0};
	load_well(&f, text);
	struct text out = {0};
	describe_config(f.stack, &out);
	load_well(&again, text_string(&out));
	assert_int_equal(f.stack->service_count, again.stack->service_count);
	for (int i = 0; i < f.stack->service_count; i++)
		assert_string_equal(
			f.stack->services[i].fingerprint, again.stack->services[i].fingerprint);
	text_release(&out);
	unload(&f);
	unload(&again);
}

static void a_resolved_file_reads_back_as_the_same_stack(void **state)
{
	(void)state;
	expect_reads_back("[stack]\ninstances = 2\nrequire.commands = sh>=1, ls\n[ports]\n"
			  "reserve.1234 = me\nprotect = 5432\n" WEB
			  "env.A = $$x $${port} $$$$ a\n  b\n[service t]\ntype = task\ncommand = "
			  "run 'a b' \"c'd\" $$5\n"
			  "[service s]\ncommand = echo $HOME ${X:-y} $$$$ | cat; echo "
			  "$${port}\ndepends_on = t, web\n"
			  "slot = 14\nport.more = 7000\nstop.command = halt $$$$ \n");
	expect_reads_back(WEB "health = command test -e /tmp && true\nready = log x$\n");
	expect_reads_back(WEB "health = http /x\nhealth.status = 200-204, 301\nhealth.body = a$\n"
		"health.header.X = y\n[service q]\ncommand = x\nport = 9000\nrange = 9000-9005\n"
		"env_var = Q\nimmutable = yes\nrestart = always\nrestart.limit = 1 in 90s\n"
		"stop.timeout = 1500ms\nlog.max_size = 1000\n");
}

static void json_of_a_stack(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct stack *stack = load_well(&f, WEB "port.admin = 9\nenv.A = b\n");
	json_t *json = describe_config_json(stack);
	json_t *service = json_array_get(json_object_get(json, "services"), 0);
	assert_int_equal(json_integer_value(json_object_get(json, "version")), 1);
	assert_string_equal(json_string_value(json_object_get(service, "name")), "web");
	assert_string_equal(json_string_value(json_object_get(service, "command")), "true");
	json_t *ports = json_object_get(service, "ports");
	assert_int_equal(json_integer_value(json_object_get(ports, "main")), 30520);
	assert_int_equal(json_integer_value(json_object_get(ports, "admin")), 30529);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(service, "env"), "A")), "b");
	json_decref(json);
	unload(&f);
}

static void json_of_complaints(void **state)
{
	(void)state;
	struct fixture f = {0};
	assert_null(load(&f, "[service web]\ncomand = true\ncommand = true\n"));
	json_t *json = complaints_json(&f.complaints);
	char *dumped = json_dumps(json, JSON_SORT_KEYS);
	assert_string_equal(dumped,
		"[{\"file\": \"stack.ini\", \"hint\": \"did you mean 'command'?\", "
		"\"key\": \"comand\", \"line\": 2, \"severity\": \"error\", \"text\": \"unknown "
		"key "
		"'comand' in [service web]\"}]");
	free(dumped);
	json_decref(json);
	unload(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fault_I14_only_what_changed_has_another_fingerprint),
		cmocka_unit_test(a_fingerprint_knows_what_is_needed),
		cmocka_unit_test(what_is_needed_is_a_record_a_fact),
		cmocka_unit_test(secrets_are_masked_wherever_they_are_shown),
		cmocka_unit_test(a_resolved_file_reads_back_as_the_same_stack),
		cmocka_unit_test(json_of_a_stack),
		cmocka_unit_test(json_of_complaints),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
