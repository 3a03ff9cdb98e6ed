/* rooms: base model stackfile */
/*
 * What libinih makes of its own test suite and of other texts (ini.json, read with long lines,
 * without inline comments, with continued values), against our reader. It may refuse more than inih
 * does, and says so; what it takes it takes as inih does. Nothing is read in silence as something
 * else.
 */
#include "cases.h"

#include <ctype.h>

#include "base/list.h"
#include "stackfile/reader.h"

static const char setting[] = "safe-multiline";

/* inih takes these, we do not. */
static const struct excluded refused[] = {
	{"suite-normal", "text behind the bracket of a section is an error"},
	{"suite-bracket-in-section", "a ']' ends the name, and the rest is text behind it"},
	{"suite-bracket-in-comment", "text behind the bracket of a section is an error"},
	{"continuation-looks-like-section", "inih swallows the section into the value above"},
	{"indented-first-key", "an indented line goes on with a value, and there is none"},
	{"indented-after-section-change", "the same behind a new section"},
	{"colon-separator", "':' is no separator: a key would end at the first colon of a URL"},
	{"empty-name", "a key has a name"},
	{"empty-value", "one of its lines has ':' for '='"},
	{"key-before-section", "a key belongs to a section"},
	{"junk-after-section", "text behind the bracket of a section is an error"},
	{"section-blanks", "a section has a name"},
	{"comments", "text behind the bracket of a section is an error, a comment too"},
	{"bom-second-line", "a byte-order mark inside the text is no part of a key"},
	{"cr-only", "a carriage return ends no line by itself; inih sees one line and no key"},
	{"nul", "inih drops the rest of the line"},
	{"nul-line", "inih drops the line"},
	{"inner-blanks-name", "a key has no blanks in it"},
	{"non-ascii", "names are ASCII"},
	{"non-breaking-space", "names are ASCII"},
	{"form-feed", "a control character is no blank"},
	{"long-line-70000", "a line has at most 65536 bytes"},
};
/* Not ours to decide. */
static const struct excluded without[] = {
	{"handler-rejects", "our handler refuses nothing; what a key may say is the schema's"},
	{"section-50", "inih cuts names at 49 bytes and takes the two sections for one"},
	{"name-60", "inih cuts the name of a continued value at 49 bytes"},
};

static int wrong; /* cases that are not as they should be; all are shown */

#define WRONG(...) (wrong++, print_error(__VA_ARGS__))

enum {
	REFUSED_COUNT = sizeof refused / sizeof *refused,
	WITHOUT_COUNT = sizeof without / sizeof *without,
};

struct call {
	char *section;
	char *key;
	char *value;
};

struct seen {
	struct text section;
	LIST(struct call) calls;
};

static char *trimmed(const char *text, size_t length)
{
	while (length && isspace((unsigned char)*text))
		text++, length--;
	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	return strndup(text, length);
}

static void add_call(struct seen *seen, const char *section, const char *key, const char *value,
	size_t length)
{
	struct call call = {trimmed(section, strlen(section)), strdup(key), strndup(value, length)};
	assert_true(list_push(&seen->calls, call));
}

static void release(struct seen *seen)
{
	for (size_t i = 0; i < seen->calls.count; i++) {
		free(seen->calls.items[i].section);
		free(seen->calls.items[i].key);
		free(seen->calls.items[i].value);
	}
	list_release(&seen->calls);
	text_release(&seen->section);
}

static void on_section(void *self, int line, const char *header)
{
	struct seen *seen = self;
	(void)line;
	text_clear(&seen->section);
	text_add(&seen->section, header);
}

/* inih calls once for each line of a value. */
static void on_entry(void *self, int line, const char *key, const char *value)
{
	struct seen *seen = self;
	(void)line;
	for (;;) {
		size_t length = strcspn(value, "\n");
		add_call(seen, text_string(&seen->section), key, value, length);
		if (!value[length])
			return;
		value += length + 1;
	}
}

static bool is_key(void *self, const char *key)
{
	(void)self, (void)key;
	return false;
}

static void build_input(const json_t *item, struct text *out)
{
	const json_t *input = json_object_get(item, "input");
	const json_t *build = json_object_get(item, "input_build");
	if (input)
		text_add_bytes(out, json_string_value(input), json_string_length(input));
	const char *hex = cases_text(item, "input_hex");
	for (; *hex; hex += 2)
		text_add_char(out, (char)strtol((char[]){hex[0], hex[1], '\0'}, NULL, 16));
	text_add(out, cases_text(build, "prefix"));
	for (json_int_t i = 0; i < json_integer_value(json_object_get(build, "times")); i++)
		text_add(out, cases_text(build, "repeat"));
	text_add(out, cases_text(build, "suffix"));
	assert_true(text_ok(out));
}

/* "same as debian-defaults" stands for another of its members. */
static const json_t *observed_of(const json_t *item)
{
	const json_t *all = json_object_get(item, "observed");
	const json_t *one = json_object_get(all, setting);
	while (json_is_string(one))
		one = json_object_get(all, json_string_value(one) + sizeof "same as " - 1);
	return one;
}

/* Long values are {"length", "starts"}. */
static bool same_value(const json_t *wanted, const char *value)
{
	if (json_is_string(wanted))
		return !strcmp(json_string_value(wanted), value);
	const char *starts = cases_text(wanted, "starts");
	return (size_t)json_integer_value(json_object_get(wanted, "length")) == strlen(value) &&
		!strncmp(value, starts, strlen(starts));
}

static bool same_call(const json_t *wanted, const struct call *call)
{
	const char *header = json_string_value(json_array_get(wanted, 0));
	char *section = trimmed(header, strlen(header));
	bool same = !strcmp(section, call->section) &&
		!strcmp(json_string_value(json_array_get(wanted, 1)), call->key) &&
		same_value(json_array_get(wanted, 2), call->value);
	free(section);
	return same;
}

static void compare(const char *id, const json_t *calls, const struct seen *seen)
{
	if (json_array_size(calls) != seen->calls.count)
		WRONG("%s: %zu values, inih finds %zu\n", id, seen->calls.count,
			json_array_size(calls));
	for (size_t i = 0; i < seen->calls.count; i++)
		if (!same_call(json_array_get(calls, i), &seen->calls.items[i]))
			WRONG("%s: value %zu is [%s] %s=%.60s\n", id, i,
				seen->calls.items[i].section, seen->calls.items[i].key,
				seen->calls.items[i].value);
}

/* 1: compared, 0: both or only we refuse it. */
static int run_case(const json_t *item)
{
	const char *id = cases_text(item, "id");
	const json_t *observed = observed_of(item);
	struct seen seen = {0};
	struct complaints complaints = {0};
	OWNED_TEXT input = {0};
	const struct reader_sink sink = {.self = &seen, .label = id, .complaints = &complaints,
		.on_section = on_section, .on_entry = on_entry, .is_key = is_key};
	build_input(item, &input);
	reader_run(text_string(&input), input.length, &sink);

	bool theirs = json_integer_value(json_object_get(observed, "rc")) == 0;
	bool ours = complaints.errors == 0;
	const struct excluded *stricter = cases_excluded(refused, REFUSED_COUNT, id);
	if (ours && !theirs)
		WRONG("%s: inih refuses it, we do not\n", id);
	if (!ours && theirs && !stricter)
		WRONG("%s:%d: %s\n", id, complaints.list.items[0].line,
			complaints.list.items[0].text);
	if ((ours || !theirs) && stricter)
		WRONG("%s: is not refused by us alone: %s\n", id, stricter->reason);
	if (ours)
		compare(id, json_object_get(observed, "calls"), &seen);
	release(&seen);
	complaints_release(&complaints);
	return ours;
}

static void fault_I1_I2_what_is_taken_is_taken_as_inih_takes_it(void **state)
{
	(void)state;
	json_t *root = cases_load_public("ini.json");
	size_t index;
	json_t *item;
	int compared = 0;
	json_array_foreach(json_object_get(root, "cases"), index, item)
		if (!cases_excluded(without, WITHOUT_COUNT, cases_text(item, "id")))
			compared += run_case(item);
	json_decref(root);
	assert_int_equal(wrong, 0);
	assert_true(compared >= 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fault_I1_I2_what_is_taken_is_taken_as_inih_takes_it),
	};
	return cmocka_run_group_tests_name("ini cases", tests, NULL, NULL);
}
