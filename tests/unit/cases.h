/*
 * cases.h - conformance cases in JSON files: {"cases": [{"id", ..., "expected": {...}}]}.
 *
 * Two places hold files of one kind: tests/data/cases (ours, always there) and $STACKUP_CASES
 * (those collected from public test suites; tests that need them are skipped without it).
 */
#ifndef TESTS_CASES_H
#define TESTS_CASES_H

/* Before cmocka.h, whose macro fail() would take the name of the function. */
#include "base/error.h"
#include "base/text.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A case that is decided otherwise here, and why. */
struct excluded {
	const char *id;
	const char *reason;
};

static inline json_t *cases_load(const char *dir, const char *file)
{
	OWNED_TEXT path = {0};
	text_addf(&path, "%s/%s", dir, file);
	json_error_t error;
	json_t *root = json_load_file(text_string(&path), JSON_ALLOW_NUL, &error);
	if (!root)
		fail_msg("%s:%d: %s", text_string(&path), error.line, error.text);
	return root;
}

/* NULL, after skip(), where $STACKUP_CASES is not set. */
static inline json_t *cases_load_public(const char *file)
{
	const char *dir = getenv("STACKUP_CASES");
	if (!dir || !*dir) {
		skip();
		return NULL;
	}
	return cases_load(dir, file);
}

static inline const struct excluded *cases_excluded(
	const struct excluded *list, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i].id, id))
			return &list[i];
	return NULL;
}

static inline const char *cases_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* {"A": "1"} as {"A=1", NULL}; the caller frees it with cases_free_environment. */
static inline char **cases_environment(json_t *object)
{
	char **list = calloc(json_object_size(object) + 1, sizeof *list);
	assert_non_null(list);
	size_t count = 0;
	const char *name;
	json_t *value;
	json_object_foreach(object, name, value)
	{
		struct text entry = {0};
		text_addf(&entry, "%s=%s", name, json_string_value(value));
		list[count++] = text_take(&entry);
	}
	return list;
}

static inline void cases_free_environment(char **list)
{
	for (char **entry = list; *entry; entry++)
		free(*entry);
	free(list);
}

#endif
