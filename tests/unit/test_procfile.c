/* rooms: base model stackfile */
#include "cases.h"

#include "stackfile/procfile.h"

struct result {
	struct arena *arena;
	struct procfile procfile;
	struct complaints complaints;
};

static struct result parsed(const char *content, size_t length)
{
	struct result r = {.arena = arena_new()};
	bool good =
		procfile_parse(r.arena, "Procfile", content, length, &r.complaints, &r.procfile);
	assert_int_equal(good, r.complaints.errors == 0);
	return r;
}

static void release(struct result *r)
{
	complaints_release(&r->complaints);
	arena_free(r->arena);
}

/* "name|command" a line, "*" behind tasks' names. */
static void describe(const struct result *r, struct text *out)
{
	for (size_t i = 0; i < r->procfile.count; i++)
		text_addf(out, "%s|%s\n", r->procfile.entries[i].name,
			r->procfile.entries[i].command);
}

static void describe_expected(json_t *entries, struct text *out)
{
	size_t index;
	json_t *entry;
	json_array_foreach(entries, index, entry)
		text_addf(out, "%s|%s\n", json_string_value(json_array_get(entry, 0)),
			json_string_value(json_array_get(entry, 1)));
}

static size_t check_complaints(const struct result *r, json_t *expected, const char *id)
{
	size_t wrong = 0;
	for (size_t i = 0; i < r->complaints.list.count || i < json_array_size(expected); i++) {
		const char *want = json_string_value(json_array_get(expected, i));
		OWNED_TEXT got = {0};
		if (i < r->complaints.list.count) {
			const struct complaint *c = &r->complaints.list.items[i];
			text_addf(&got, "%d: %s: %s; %s", c->line, severity_word(c->severity),
				c->text, c->hint);
			assert_true(*c->hint);
		}
		if (want && strstr(text_string(&got), want))
			continue;
		print_error("%s: complaint %zu is '%s', expected '%s'\n", id, i, text_string(&got),
			want ? want : "(none)");
		wrong++;
	}
	return wrong;
}

static size_t run_case(json_t *item, json_t *expected)
{
	OWNED_TEXT got = {0};
	OWNED_TEXT want = {0};
	json_t *input = json_object_get(item, "input");
	const char *id = cases_text(item, "id");
	struct result r = parsed(json_string_value(input), json_string_length(input));
	describe(&r, &got);
	describe_expected(json_object_get(expected, "entries"), &want);
	size_t wrong = strcmp(text_string(&got), text_string(&want)) != 0;
	if (wrong)
		print_error("%s\n  got\n%s  want\n%s", id, text_string(&got), text_string(&want));
	json_t *complaints = json_object_get(expected, "complaints");
	if (complaints)
		wrong += check_complaints(&r, complaints, id);
	/* What foreman passes over in silence, and an empty file, we speak about. */
	if (!r.procfile.count && !r.complaints.errors)
		wrong++;
	release(&r);
	return wrong;
}

static void run_cases(json_t *root, const char *who)
{
	size_t wrong = 0;
	size_t index;
	json_t *item;
	json_array_foreach(json_object_get(root, "cases"), index, item) wrong +=
		run_case(item, json_object_get(json_object_get(item, "expected"), who));
	assert_int_equal(wrong, 0);
	assert_true(index > 10);
	json_decref(root);
}

/* All of them: the line rule is foreman's. */
static void public_procfiles_have_the_entries_foreman_sees(void **state)
{
	(void)state;
	json_t *root = cases_load_public("procfile.json");
	if (root)
		run_cases(root, "foreman");
}

static void own_cases(void **state)
{
	(void)state;
	run_cases(cases_load(TEST_DATA "/cases", "procfile.json"), "stackup");
}

static void release_and_postdeploy_are_tasks(void **state)
{
	(void)state;
	static const char text[] = "release: a\nweb: b\npostdeploy: c\nreleases: d\n";
	struct result r = parsed(text, strlen(text));
	assert_int_equal(r.procfile.count, 4);
	assert_true(r.procfile.entries[0].is_task && r.procfile.entries[2].is_task);
	assert_false(r.procfile.entries[1].is_task || r.procfile.entries[3].is_task);
	assert_int_equal(r.procfile.entries[3].line, 4);
	release(&r);
}

static void nul_and_bytes_that_are_no_text_are_refused(void **state)
{
	(void)state;
	struct result r = parsed("web: a\0b\nb: \xff\nc: d", 18);
	assert_int_equal(r.complaints.errors, 2);
	assert_int_equal(r.complaints.list.items[0].line, 1);
	assert_non_null(strstr(r.complaints.list.items[0].text, "NUL"));
	assert_int_equal(r.complaints.list.items[1].line, 2);
	assert_non_null(strstr(r.complaints.list.items[1].text, "0xff"));
	release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_procfiles_have_the_entries_foreman_sees),
		cmocka_unit_test(own_cases),
		cmocka_unit_test(release_and_postdeploy_are_tasks),
		cmocka_unit_test(nul_and_bytes_that_are_no_text_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
