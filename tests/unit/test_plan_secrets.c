/* rooms: base model plan */
#include "plan/environment.h"
#include "plan/secrets.h"

#include "stack_builder.h"

static const char *const secrets[] = {"TOKEN", "PIN", "OWN", "FILE"};

/* Service "a" says what is secret; "b" is another one. */
static struct stack *guarded(void)
{
	struct stack *s = build("a | b");
	struct service *a = service_of(s, "a");
	a->secrets = secrets;
	a->secret_count = 4;
	SET_PAIRS(s, s->env, s->env_count, "TOKEN=hunter2@.env:1", "PIN=12345@.env:2",
		"PLAIN=seen@.env:3");
	SET_PAIRS(s, a->env, a->env_count, "OWN=own-value@stack.ini:4");
	SET_PAIRS(s, a->env_files, a->env_file_count, "FILE=from-file@a.env:1");
	return s;
}

static void promise_P13_values_hide_what_is_made_of_them(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		bool hidden;
	} rows[] = {{"hunter2", true}, {"http://u:hunter2@h/", true}, {"own-value", true},
		{"a from-file b", true}, {"hunter", false}, {"12345", false}, {"seen", false},
		{"", false}};
	struct stack *s = guarded();
	struct secrets all;
	secrets_collect(&all, s->arena, s);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(secrets_hide(&all, rows[i].value), rows[i].hidden);
	assert_true(secrets_name(&all, "PIN"));
	assert_false(secrets_name(&all, "PLAIN"));
	stack_free(s);
}

static bool is_secret(const struct stack *s, const char *service, const char *variable)
{
	static const struct environment_facts facts = {
		.project = "shop", .instance = 1, .state_dir = "/s", .slug = "shop"};
	static const char *const caller[] = {"HELD=x hunter2", "COVERED=hunter2", "SHARED=1", NULL};
	struct environment env = environment_of(environments_new(s->arena, s, &facts, caller),
		s->arena, service_of(s, service)->index, NULL);
	return environment_find(&env, variable)->secret;
}

static void promise_P13_every_service_keeps_them(void **state)
{
	(void)state;
	struct stack *s = guarded();
	struct service *b = service_of(s, "b");
	SET_PAIRS(s, b->env, b->env_count, "MADE=with own-value@stack.ini:9",
		"PLAIN=1@stack.ini:10", "COVERED=1@stack.ini:11");
	assert_true(is_secret(s, "b", "MADE"));
	assert_true(is_secret(s, "b", "HELD"));
	assert_true(is_secret(s, "b", "COVERED"));
	assert_false(is_secret(s, "b", "PLAIN"));
	assert_false(is_secret(s, "b", "SHARED"));
	stack_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(promise_P13_values_hide_what_is_made_of_them),
		cmocka_unit_test(promise_P13_every_service_keeps_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
