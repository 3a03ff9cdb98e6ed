/* rooms: base model stackfile */
#include "cases.h"

#include "stackfile/dotenv.h"

struct result {
	struct arena *arena;
	struct dotenv env;
	struct complaints complaints;
};

static void parse(struct result *r, const char *name, const char *content, size_t length,
	char *const *environment)
{
	if (!r->arena) {
		r->arena = arena_new();
		r->env = (struct dotenv){.arena = r->arena,
			.complaints = &r->complaints,
			.environment = (const char *const *)environment};
	}
	size_t errors = r->complaints.errors;
	bool good = dotenv_parse(&r->env, name, content, length);
	assert_int_equal(good, r->complaints.errors == errors);
}

static void release(struct result *r)
{
	complaints_release(&r->complaints);
	arena_free(r->arena);
}

static struct result parsed(const char *content)
{
	struct result r = {0};
	parse(&r, ".env", content, strlen(content), NULL);
	return r;
}

static const char *value_of(const struct result *r, const char *name)
{
	for (size_t i = 0; i < r->env.count; i++)
		if (!strcmp(r->env.vars[i].name, name))
			return r->env.vars[i].value;
	return NULL;
}

/* The result in one text, to be compared with what a case says. */
static void describe(const struct result *r, struct text *out)
{
	if (r->complaints.errors) {
		text_add(out, "error");
		return;
	}
	json_t *vars = json_object();
	for (size_t i = 0; i < r->env.count; i++)
		json_object_set_new(vars, r->env.vars[i].name, json_string(r->env.vars[i].value));
	char *dump = json_dumps(vars, JSON_SORT_KEYS);
	text_add(out, dump);
	free(dump);
	json_decref(vars);
}

static void describe_expected(json_t *expected, struct text *out)
{
	if (json_object_get(expected, "error")) {
		text_add(out, "error");
		return;
	}
	char *dump = json_dumps(json_object_get(expected, "vars"), JSON_SORT_KEYS);
	text_add(out, dump);
	free(dump);
}

/* Every "LINE: text; hint" of a severity, each of which must contain its turn of `expected`. */
static size_t check_complaints(
	const struct result *r, enum severity severity, json_t *expected, const char *id)
{
	size_t seen = 0;
	size_t wrong = 0;
	for (size_t i = 0; i < r->complaints.list.count; i++) {
		const struct complaint *c = &r->complaints.list.items[i];
		if (c->severity != severity)
			continue;
		OWNED_TEXT line = {0};
		text_addf(&line, "%d: %s; %s", c->line, c->text, c->hint);
		const char *want = json_string_value(json_array_get(expected, seen++));
		if (want && strstr(text_string(&line), want) && *c->hint)
			continue;
		print_error("%s: %s '%s', expected '%s'\n", id, severity_word(severity),
			text_string(&line), want ? want : "(none)");
		wrong++;
	}
	if (seen < json_array_size(expected)) {
		print_error("%s: %zu %ss, expected %zu\n", id, seen, severity_word(severity),
			json_array_size(expected));
		wrong++;
	}
	return wrong;
}

static bool run_case(json_t *item, json_t *expected, struct text *got, struct text *want)
{
	struct result r = {0};
	char **environment = cases_environment(json_object_get(item, "process_env"));
	json_t *input = json_object_get(item, "input");
	parse(&r, ".env", json_string_value(input), json_string_length(input), environment);
	describe(&r, got);
	describe_expected(expected, want);
	bool same = !strcmp(text_string(got), text_string(want));
	if (json_object_get(expected, "errors") || json_object_get(expected, "warnings")) {
		const char *id = cases_text(item, "id");
		same &= !check_complaints(
			&r, SEVERITY_ERROR, json_object_get(expected, "errors"), id);
		same &= !check_complaints(
			&r, SEVERITY_WARNING, json_object_get(expected, "warnings"), id);
	}
	cases_free_environment(environment);
	release(&r);
	return same;
}

/* FORMATS: "compose's dialect, said precisely" decides these otherwise than compose-go does. */
static const struct excluded excluded[] = {
	{"dotenv-193", "a '#' after a blank begins a comment, also as the first thing of a value"},
	{"dotenv-194", "a '#' after a blank begins a comment, also as the first thing of a value"},
	{"dotenv-196", "a tab is a blank, so '#' after a tab begins a comment"},
};
enum { EXCLUDED_COUNT = sizeof excluded / sizeof *excluded };

static void run_cases(json_t *root, const char *who)
{
	size_t wrong = 0;
	size_t left_out = 0;
	size_t index;
	json_t *item;
	json_array_foreach(json_object_get(root, "cases"), index, item)
	{
		OWNED_TEXT got = {0};
		OWNED_TEXT want = {0};
		const char *id = cases_text(item, "id");
		const struct excluded *other = cases_excluded(excluded, EXCLUDED_COUNT, id);
		bool same = run_case(
			item, json_object_get(json_object_get(item, "expected"), who), &got, &want);
		left_out += other != NULL;
		if (same == !other)
			continue;
		wrong++;
		print_error("%s %s: %s\n  got  %s\n  want %s\n", id,
			other ? "is no longer different, take it off the list" : "differs",
			cases_text(item, "input"), text_string(&got), text_string(&want));
	}
	assert_int_equal(wrong, 0);
	assert_true(index > 20);
	if (!strcmp(who, "compose-go"))
		assert_int_equal(left_out, EXCLUDED_COUNT);
	json_decref(root);
}

static void fault_I15_public_cases_read_as_compose_reads_them(void **state)
{
	(void)state;
	json_t *root = cases_load_public("dotenv.json");
	if (root)
		run_cases(root, "compose-go");
}

static void fault_I15_own_cases(void **state)
{
	(void)state;
	run_cases(cases_load(TEST_DATA "/cases", "dotenv.json"), "stackup");
}

static void later_files_win_and_see_earlier_ones(void **state)
{
	(void)state;
	char from[] = "FROM=caller";
	char *const environment[] = {from, NULL};
	struct result r = {0};
	static const char first[] = "A=1\nB=$FROM\nC=c\n";
	static const char second[] = "B=two\nD=$A$C\n";
	parse(&r, ".env", first, strlen(first), environment);
	parse(&r, "more/.env.local", second, strlen(second), environment);
	assert_int_equal(r.complaints.errors + r.complaints.warnings, 0);
	assert_int_equal(r.env.count, 4);
	assert_string_equal(r.env.vars[0].name, "A");
	assert_string_equal(r.env.vars[1].value, "two");
	assert_string_equal(r.env.vars[1].origin, "more/.env.local:1");
	assert_string_equal(r.env.vars[2].origin, ".env:3");
	assert_string_equal(value_of(&r, "D"), "1c");
	release(&r);
}

static void nul_and_bytes_that_are_no_text_are_refused(void **state)
{
	(void)state;
	struct result r = {0};
	parse(&r, "a.env", "A=1\nB=\0x", 8, NULL);
	parse(&r, "b.env", "A=1\n\nB=\xff\n", 9, NULL);
	parse(&r, "c.env", "A=\xc0\x80", 4, NULL);
	assert_int_equal(r.complaints.errors, 3);
	assert_int_equal(r.complaints.list.items[0].line, 2);
	assert_non_null(strstr(r.complaints.list.items[0].text, "NUL"));
	assert_int_equal(r.complaints.list.items[1].line, 3);
	assert_non_null(strstr(r.complaints.list.items[1].text, "0xff"));
	assert_int_equal(r.env.count, 0);
	release(&r);
}

static void complaints_never_hold_a_value(void **state)
{
	(void)state;
	static const char *const inputs[] = {"K=\"hunter2", "K='hunter2' hunter2", "K=#hunter2",
		"K=`hunter2`", "K: hunter2", "K=hunter2$nope", "K=1\nK=hunter2",
		"K=\"\\0000hunter2\""};
	for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
		struct result r = parsed(inputs[i]);
		OWNED_TEXT line = {0};
		assert_true(r.complaints.list.count > 0);
		complaint_show(&r.complaints.list.items[0], &line);
		assert_null(strstr(text_string(&line), "hunter2"));
		release(&r);
	}
}

static void an_octal_byte_may_be_any_but_nul(void **state)
{
	(void)state;
	struct result r = parsed("A=\"\\0377\\0200\"");
	assert_string_equal(value_of(&r, "A"), "\xff\x80");
	release(&r);
}

static void ten_thousand_keys_are_quick(void **state)
{
	(void)state;
	OWNED_TEXT content = {0};
	for (int i = 0; i < 10000; i++)
		text_addf(&content, "KEY_%d=${KEY_%d:-x}\n", i, i ? i - 1 : 99999);
	struct result r = parsed(text_string(&content));
	assert_int_equal(r.complaints.errors + r.complaints.warnings, 0);
	assert_int_equal(r.env.count, 10000);
	assert_string_equal(value_of(&r, "KEY_9999"), "x");
	release(&r);
}

static void a_value_that_doubles_on_every_line_is_bounded(void **state)
{
	(void)state;
	OWNED_TEXT content = {0};
	text_add(&content, "A=xxxxxxxxxxxxxxxx\n");
	for (int i = 0; i < 40; i++)
		text_add(&content, "A=$A$A\n");
	struct result r = parsed(text_string(&content));
	assert_true(r.complaints.errors > 0);
	assert_true(strlen(value_of(&r, "A")) <= 1024 * 1024);
	release(&r);
}

static void first_entry_of_the_environment_counts(void **state)
{
	(void)state;
	static const char *const environment[] = {"AB=2", "odd", "A=1", "A=2", NULL};
	assert_string_equal(dotenv_environment(environment, "A"), "1");
	assert_null(dotenv_environment(environment, "odd"));
	assert_null(dotenv_environment(NULL, "A"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fault_I15_public_cases_read_as_compose_reads_them),
		cmocka_unit_test(fault_I15_own_cases),
		cmocka_unit_test(later_files_win_and_see_earlier_ones),
		cmocka_unit_test(nul_and_bytes_that_are_no_text_are_refused),
		cmocka_unit_test(complaints_never_hold_a_value),
		cmocka_unit_test(an_octal_byte_may_be_any_but_nul),
		cmocka_unit_test(ten_thousand_keys_are_quick),
		cmocka_unit_test(a_value_that_doubles_on_every_line_is_bounded),
		cmocka_unit_test(first_entry_of_the_environment_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
