/* rooms: base model stackfile */
#include "cases.h"

#include "stackfile/interpolate.h"

/* A world of names: a JSON object; a lower-case name with null is known and has no value. */
struct world {
	json_t *names;
	int warnings;
	enum interpolate_warning last;
	char last_name[64];
};

static enum interpolate_found find(void *self, const char *name, const char **value)
{
	json_t *found = json_object_get(((struct world *)self)->names, name);
	*value = json_string_value(found);
	if (*value)
		return FOUND_VALUE;
	bool ours = name[0] >= 'a' && name[0] <= 'z';
	return ours && !found ? FOUND_UNKNOWN : FOUND_NOTHING;
}

/* compose knows no names of ours. */
static enum interpolate_found find_compose(void *self, const char *name, const char **value)
{
	*value = json_string_value(json_object_get(((struct world *)self)->names, name));
	return *value ? FOUND_VALUE : FOUND_NOTHING;
}

static void warn(void *self, enum interpolate_warning warning, const char *name)
{
	struct world *w = self;
	w->warnings++;
	w->last = warning;
	snprintf(w->last_name, sizeof w->last_name, "%s", name);
}

static const char *nearest(void *self, const char *name)
{
	(void)self;
	return strcmp(name, "api.prot") ? NULL : "api.port";
}

static struct interpolation rules_for(enum interpolate_dialect dialect, struct world *w)
{
	return (struct interpolation){.dialect = dialect,
		.self = w,
		.warn = warn,
		.nearest = nearest,
		.find = dialect == INTERPOLATE_COMPOSE ? find_compose : find};
}

/* "value" or "error: text; hint", and the number of warnings. */
static int run(enum interpolate_dialect dialect, const char *text, json_t *names, struct text *out)
{
	struct world w = {.names = names};
	struct interpolation rules = rules_for(dialect, &w);
	struct error e;
	if (interpolate(text, &rules, out, &e)) {
		text_clear(out);
		text_addf(out, "error: %s; %s", e.text, e.hint);
		assert_int_equal(e.code, EXIT_BAD_FILE);
	}
	return w.warnings;
}

static bool is_right(json_t *expected, const char *got, int warnings)
{
	const char *value = json_string_value(json_object_get(expected, "value"));
	if (!value)
		return !strncmp(got, "error: ", 7) && strstr(got, cases_text(expected, "text"));
	return !strcmp(got, value) &&
		warnings == (int)json_integer_value(json_object_get(expected, "warnings"));
}

static void run_cases(json_t *root, const char *who)
{
	size_t wrong = 0;
	size_t index;
	json_t *item;
	json_array_foreach(json_object_get(root, "cases"), index, item)
	{
		OWNED_TEXT got = {0};
		const char *dialect = cases_text(item, "dialect");
		json_t *expected = json_object_get(json_object_get(item, "expected"), who);
		int warnings = run(!strcmp(dialect, "stack")  ? INTERPOLATE_STACK
				: !strcmp(dialect, "command") ? INTERPOLATE_COMMAND
							      : INTERPOLATE_COMPOSE,
			cases_text(item, "template"), json_object_get(item, "env"), &got);
		if (is_right(expected, text_string(&got), warnings))
			continue;
		char *want = json_dumps(expected, 0);
		print_error("%s: %s\n  got  %s (%d warnings)\n  want %s\n", cases_text(item, "id"),
			cases_text(item, "template"), text_string(&got), warnings, want);
		free(want);
		wrong++;
	}
	assert_int_equal(wrong, 0);
	assert_true(index > 20);
	json_decref(root);
}

/* All of them: none is decided otherwise. */
static void public_templates_give_what_compose_gives(void **state)
{
	(void)state;
	json_t *root = cases_load_public("interpolation.json");
	if (root)
		run_cases(root, "compose-go");
}

static void own_templates(void **state)
{
	(void)state;
	run_cases(cases_load(TEST_DATA "/cases", "interpolation.json"), "stackup");
}

static void warnings_tell_what_they_are_about(void **state)
{
	(void)state;
	json_t *names = json_pack("{s:s}", "port", "1");
	struct world w = {.names = names};
	struct interpolation rules = rules_for(INTERPOLATE_COMPOSE, &w);
	OWNED_TEXT out = {0};
	assert_int_equal(interpolate("${A}", &rules, &out, NULL), 0);
	assert_int_equal(w.last, WARN_UNSET);
	assert_int_equal(interpolate("x$AB.", &rules, &out, NULL), 0);
	assert_int_equal(w.last, WARN_UNSET_BARE);
	assert_string_equal(w.last_name, "AB");
	rules = rules_for(INTERPOLATE_COMMAND, &w);
	assert_int_equal(interpolate("$port $file $PORT", &rules, &out, NULL), 0);
	assert_int_equal(w.last, WARN_LEFT_TO_SHELL);
	assert_string_equal(w.last_name, "port");
	assert_int_equal(w.warnings, 3);
	json_decref(names);
}

static void nesting_and_size_are_bounded(void **state)
{
	(void)state;
	json_t *names = json_object();
	OWNED_TEXT deep = {0};
	for (int i = 0; i < 5000; i++)
		text_add(&deep, "${A:-");
	for (int i = 0; i < 5000; i++)
		text_add(&deep, "}");
	OWNED_TEXT got = {0};
	run(INTERPOLATE_COMPOSE, text_string(&deep), names, &got);
	assert_non_null(strstr(text_string(&got), "nested too deeply"));

	OWNED_TEXT big = {0};
	for (int i = 0; i < 3000; i++)
		text_add(&big, "xxxxxxxxxx");
	json_object_set_new(names, "BIG", json_string(text_string(&big)));
	OWNED_TEXT many = {0};
	for (int i = 0; i < 50; i++)
		text_add(&many, "${BIG}");
	text_clear(&got);
	run(INTERPOLATE_STACK, text_string(&many), names, &got);
	assert_non_null(strstr(text_string(&got), "longer than"));
	json_decref(names);
}

/* A long run of '-' could be cut anywhere; looking each of them up must not take quadratic time. */
static void a_long_name_of_ours_is_quick(void **state)
{
	(void)state;
	json_t *names = json_object();
	OWNED_TEXT text = {0};
	text_add(&text, "${a");
	for (int i = 0; i < 500000; i++)
		text_add_char(&text, '-');
	text_add(&text, "}");
	OWNED_TEXT got = {0};
	run(INTERPOLATE_STACK, text_string(&text), names, &got);
	assert_non_null(strstr(text_string(&got), "unknown name"));
	json_decref(names);
}

static void a_reference_of_ours_is_measured(void **state)
{
	(void)state;
	assert_int_equal(interpolate_ours("${port} x"), 7);
	assert_int_equal(interpolate_ours("${a:-{x}${B}} x"), 13);
	assert_int_equal(interpolate_ours("${open"), 6);
	assert_int_equal(interpolate_ours("${PORT}"), 0);
	assert_int_equal(interpolate_ours("$port"), 0);
	assert_int_equal(interpolate_ours("$${port}"), 0);
	assert_int_equal(interpolate_ours(""), 0);
}

static void a_part_ends_where_it_is_told(void **state)
{
	(void)state;
	struct world w = {.names = json_object()};
	struct interpolation rules = rules_for(INTERPOLATE_COMPOSE, &w);
	OWNED_TEXT out = {0};
	assert_int_equal(interpolate_part("a$${A}", 2, &rules, &out, NULL), 0);
	assert_string_equal(text_string(&out), "a$");
	assert_int_equal(interpolate_part("${A}", 3, &rules, &out, NULL), -1);
	json_decref(w.names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_templates_give_what_compose_gives),
		cmocka_unit_test(own_templates),
		cmocka_unit_test(warnings_tell_what_they_are_about),
		cmocka_unit_test(nesting_and_size_are_bounded),
		cmocka_unit_test(a_long_name_of_ours_is_quick),
		cmocka_unit_test(a_reference_of_ours_is_measured),
		cmocka_unit_test(a_part_ends_where_it_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
