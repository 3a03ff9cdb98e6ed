/* rooms: base model stackfile plan registry listeners orphans ports claim spawn logs loop forward probe heal stop watch control daemon */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "daemon/origin.h"
#include "daemon/resume.h"
#include "stackfile/document.h"

/* After the project's: it has a macro of the name fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define HEAD "{\"format\":1,\"version\":\"0.1.0\"}\n"

static int read_lines(const char *lines, struct resume_state *state, struct error *e)
{
	OWNED_FD fd = memfd_create("state", MFD_CLOEXEC);
	assert_int_equal(write(fd, lines, strlen(lines)), strlen(lines));
	return resume_state_read(fd, state, e);
}

static json_int_t slot_of(const struct resume_state *state, const char *service)
{
	return json_integer_value(json_object_get(json_object_get(state->services, service), "slot"));
}

static void the_last_whole_line_of_a_service_counts(void **unused)
{
	struct resume_state state;
	(void)unused;
	assert_int_equal(read_lines(HEAD
		"{\"service\":\"api\",\"second\":false,\"slot\":1}\n"
		"{\"instance\":{\"stopping\":false}}\n"
		"{\"service\":\"db\",\"second\":false,\"slot\":2}\n"
		"{\"service\":\"api\",\"second\":true,\"slot\":9}\n"
		"{\"service\":\"api\",\"second\":false,\"slot\":3}\n"
		"{\"instance\":{\"stopping\":true}}\n"
		"{\"service\":\"db\",\"second\":false,\"slot\":4", &state, NULL), 0);
	assert_int_equal(slot_of(&state, "api"), 3);
	assert_int_equal(slot_of(&state, "db"), 2);
	assert_int_equal(json_integer_value(json_object_get(state.second, "slot")), 9);
	assert_true(json_is_true(json_object_get(state.instance, "stopping")));
	resume_state_release(&state);
}

static void a_number_means_who_had_it_last(void **unused)
{
	struct resume_state state;
	(void)unused;
	assert_int_equal(read_lines(HEAD
		"{\"started\":10,\"row\":0}\n{\"helper\":11}\n{\"ended\":10,\"code\":3}\n"
		"{\"ended\":11,\"code\":0}\n{\"helper\":11}\n{\"started\":12,\"row\":1}\n", &state, NULL), 0);
	assert_int_equal(json_object_size(state.begun), 2);
	assert_non_null(json_object_get(state.begun, "11"));
	assert_non_null(json_object_get(state.begun, "12"));
	assert_int_equal(json_object_size(state.ended), 1);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(state.ended, "10"), "code")), 3);
	resume_state_release(&state);
}

static void what_is_not_understood_is_said(void **unused)
{
	static const char *const lines[] = {"", "{\"format\":1", "nonsense\n",
		"{\"format\":99,\"version\":\"7.0\"}\n", "[]\n"};
	(void)unused;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct resume_state state;
		struct error e = {0};
		assert_int_equal(read_lines(lines[i], &state, &e), -1);
		assert_non_null(strstr(e.text, "format"));
		resume_state_release(&state);
	}
}

static struct document *parse(const char *text, const char *label)
{
	struct complaints c = {0};
	struct document *document = document_parse(text, strlen(text), label, "/somewhere", &c);
	assert_int_equal(c.errors, 0);
	complaints_release(&c);
	return document;
}

static void assert_same_document(const struct document *a, const struct document *b)
{
	assert_string_equal(a->file, b->file);
	assert_string_equal(a->label, b->label);
	assert_string_equal(a->dir, b->dir);
	assert_int_equal(a->is_procfile, b->is_procfile);
	assert_int_equal(a->section_count, b->section_count);
	for (size_t i = 0; i < a->section_count; i++) {
		const struct section *one = &a->sections[i], *other = &b->sections[i];
		assert_int_equal(one->kind, other->kind);
		assert_int_equal(one->line, other->line);
		assert_string_equal(one->name, other->name);
		assert_int_equal(!one->environment, !other->environment);
		assert_int_equal(one->entry_count, other->entry_count);
		for (size_t n = 0; n < one->entry_count; n++) {
			assert_string_equal(one->entries[n].key, other->entries[n].key);
			assert_string_equal(one->entries[n].value, other->entries[n].value);
			assert_int_equal(one->entries[n].line, other->entries[n].line);
		}
	}
}

static struct draft *draft_of(const struct load_request *r, const struct draft_past *past)
{
	struct complaints c = {0};
	const struct stackfile_request asked = {.document = r->document, .environment = r->environment,
		.instance = 1, .base_port = 30100, .profiles = r->profiles, .profile_count = r->profile_count,
		.env_files = r->env_files, .env_file_count = r->env_file_count,
		.caller_env = (const char *const *)(const void *)r->caller_env,
		.default_name = r->stack_name, .main_dir = r->main_dir, .past = past};
	struct draft *draft = draft_new(&asked, &c);
	assert_int_equal(c.errors, 0);
	complaints_release(&c);
	return draft;
}

/* By way of text, as it goes. */
static struct origin there_and_back(const struct load_request *request, const struct draft *draft)
{
	json_t *json = origin_of(request, draft);
	OWNED(char) line = json_dumps(json, JSON_COMPACT);
	json_t *again = json_loads(line, 0, NULL);
	struct origin origin = {0};
	assert_int_equal(origin_read(again, &origin, NULL), 0);
	json_decref(json);
	json_decref(again);
	return origin;
}

static void what_a_stack_was_loaded_from_comes_back(void **unused)
{
	static char word[] = "WORD=\xff\xfe not UTF-8", home[] = "HOME=/nowhere";
	char *environment[] = {word, home, NULL};
	const char *profiles[] = {"debug", "load"};
	char path[] = "/tmp/stackup-origin-XXXXXX";
	OWNED_FD file = mkstemp(path);
	const char *env_files[] = {path};
	(void)unused;
	assert_int_equal(write(file, "SECRET=first\n", 13), 13);
	struct document *document = parse("[stack]\nname = shop\n[service api]\ncommand = true\n"
		"env.X = ${SECRET}\nprofile = debug, load\n[service api @test]\ncommand = false\n", "stack.ini");
	const struct load_request request = {.document = document, .environment = "test", .profiles = profiles,
		.profile_count = 2, .env_files = env_files, .env_file_count = 1, .caller_env = environment,
		.stack_name = "shop", .main_dir = "/somewhere", .branch = "main"};
	struct draft *draft = draft_of(&request, NULL);
	struct origin origin = there_and_back(&request, draft);
	assert_same_document(document, origin.document);
	assert_string_equal(origin.request.environment, "test");
	assert_null(origin.request.purpose);
	assert_int_equal(origin.request.profile_count, 2);
	assert_string_equal(origin.request.profiles[1], "load");
	assert_string_equal(origin.request.caller_env[0], word);
	assert_null(origin.request.caller_env[2]);
	/* The file is another one now, or gone: the next draft has what it was. */
	unlink(path);
	struct draft *next = draft_of(&origin.request, &origin.past);
	struct draft_past past = draft_past(next);
	assert_int_equal(past.text_count, 1);
	assert_string_equal(past.texts[0].text, "SECRET=first\n");
	draft_free(next);
	origin_release(&origin);
	draft_free(draft);
	document_free(document);
}

static void an_origin_that_is_not_whole_is_refused(void **unused)
{
	static const char *const jsons[] = {"{}", "{\"document\": null, \"environ\": \"\"}",
		"{\"document\": {\"file\": \"L3g=\", \"sections\": [{\"kind\": 77}]}}"};
	(void)unused;
	for (size_t i = 0; i < sizeof jsons / sizeof *jsons; i++) {
		struct origin origin = {0};
		struct error e = {0};
		json_t *json = json_loads(jsons[i], 0, NULL);
		assert_int_equal(origin_read(json, &origin, &e), -1);
		assert_non_null(strstr(e.text, "not whole"));
		origin_release(&origin);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_whole_line_of_a_service_counts),
		cmocka_unit_test(a_number_means_who_had_it_last),
		cmocka_unit_test(what_is_not_understood_is_said),
		cmocka_unit_test(what_a_stack_was_loaded_from_comes_back),
		cmocka_unit_test(an_origin_that_is_not_whole_is_refused),
	};
	return cmocka_run_group_tests_name("resume state", tests, NULL, NULL);
}
