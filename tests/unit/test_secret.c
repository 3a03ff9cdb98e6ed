/* rooms: base model stackfile */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "stackfile/describe.h"

#include <cmocka.h>

static void promise_P13_some_names_are_always_secret(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool secret;
	} rows[] = {{"CLIENT_SECRET", true}, {"API_TOKEN", true}, {"PGPASSWORD", true},
		{"PASSPHRASE", true}, {"AWS_ACCESS_KEY_ID", true}, {"SENTRY_DSN", true},
		{"mixedToken", true}, {"dsn", true}, {"PORT", false}, {"DATABASE_URL", false},
		{"HOME", false}, {"", false}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(secret_name(NULL, rows[i].name), rows[i].secret);
}

static void others_are_where_the_service_says_so(void **state)
{
	(void)state;
	static const char *const secrets[] = {"CANARY", "MINE"};
	const struct service service = {.secrets = secrets, .secret_count = 2};
	assert_true(secret_name(&service, "MINE"));
	assert_true(secret_name(&service, "CANARY"));
	assert_false(secret_name(&service, "MINE2"));
	assert_false(secret_name(&service, "mine"));
	assert_false(secret_name(NULL, "MINE"));
}

static void promise_P13_the_password_of_a_url_is_masked(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *shown;
	} rows[] = {
		{"postgres://u:pw@h/db", "postgres://u:***@h/db"},
		{"redis://:pw@h", "redis://:***@h"},
		{"amqp://u:p@w@h/x", "amqp://u:***@h/x"},
		{"a://u:1@h b://u:2@i", "a://u:***@h b://u:***@i"},
		{"http://h:80/x?a=b@c", "http://h:80/x?a=b@c"},
		{"http://u@h/", "http://u@h/"},
		{"u:pw@h", "u:pw@h"},
		{"://", "://"},
		{"", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		OWNED_TEXT out = {0};
		secret_add_masked(&out, NULL, "ADDRESS", rows[i].text);
		assert_string_equal(text_string(&out), rows[i].shown);
	}
	OWNED_TEXT masked = {0};
	secret_add_masked(&masked, NULL, "ADDRESS_KEY", "http://h");
	secret_add_masked(&masked, NULL, "EMPTY_KEY", "");
	assert_string_equal(text_string(&masked), "***");
}

static void promise_P13_values_are_masked_in_other_texts(void **state)
{
	(void)state;
	static const struct pair env[] = {{.name = "TOKEN", .value = "abcdef"},
		{.name = "LONG_TOKEN", .value = "abcdefgh"}, {.name = "PIN_KEY", .value = "12345"},
		{.name = "PLAIN", .value = "visible"}};
	static const struct pair files[] = {{.name = "FILE_KEY", .value = "from-file"}};
	static const struct pair shared[] = {{.name = "SHARED_KEY", .value = "shared-one"}};
	const struct stack stack = {.env = shared, .env_count = 1};
	const struct service service = {
		.env = env, .env_count = 4, .env_files = files, .env_file_count = 1};
	OWNED_TEXT out = {0};
	secret_add_shown(&out, &stack, &service,
		"abcdefghi abcdef 12345 visible from-file shared-one x://u:pw@h");
	assert_string_equal(text_string(&out), "***i *** 12345 visible *** *** x://u:***@h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(promise_P13_some_names_are_always_secret),
		cmocka_unit_test(others_are_where_the_service_says_so),
		cmocka_unit_test(promise_P13_the_password_of_a_url_is_masked),
		cmocka_unit_test(promise_P13_values_are_masked_in_other_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
