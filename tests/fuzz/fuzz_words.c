/* rooms: base model stackfile spawn doctor */
/*
 * Any two words (the second behind a line "%%") as numbers, times, sizes, ranges, versions, names, lists
 * of ports and values to mask: what is taken lies within what was allowed, and what is written down
 * reads back the same.
 */
#include <ctype.h>

#include "base/number.h"
#include "base/terminal.h"
#include "base/utf8.h"
#include "doctor/sysctl.h"
#include "fuzz.h"
#include "model/names.h"
#include "spawn/version.h"
#include "stackfile/describe.h"

static void numbers(const char *text)
{
	char shown[NUMBER_DURATION_SIZE];
	int64_t value = -7;
	uint16_t low = 0, high = 0;
	bool boolean;
	if (number_parse(text, 3, 70000, &value))
		MUST(value >= 3 && value <= 70000 && isdigit((unsigned char)*text));
	else
		MUST(value == -7);
	if (number_parse(text, 0, INT64_MAX, &value))
		MUST(value >= 0 && value == strtoll(text, NULL, 10));
	if (number_duration(text, &value))
		MUST(value >= 0 && *number_show_duration(value, shown));
	if (number_seconds(text, &value))
		MUST(value >= 0 && *number_show_duration(value, shown));
	if (number_size(text, &value))
		MUST(value >= 0);
	if (number_port_range(text, &low, &high))
		MUST(low >= 1 && low <= high);
	(void)number_boolean(text, &boolean);
}

static void versions(const char *one, const char *other)
{
	size_t length = 0;
	int order = version_compare(one, other), back = version_compare(other, one);
	MUST((order > 0) == (back < 0) && (order < 0) == (back > 0));
	MUST(version_compare(one, one) == 0);
	const char *found = version_find(one, &length);
	MUST(!found || (length && found >= one && length <= strlen(found)));
	MUST(!found || isdigit((unsigned char)*found));
}

static void names(const char *text)
{
	char slug[64], again[64];
	name_to_slug(text, slug);
	name_to_slug(slug, again);
	MUST(*slug && strcmp(slug, again) == 0);
	MUST(slug[strspn(slug, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0');
	MUST(slug[0] != '-' && slug[strlen(slug) - 1] != '-');
	if (name_is_service(text))
		MUST(strlen(text) <= NAME_MOST && name_is_procfile_entry(text));
	char *variable = malloc(strlen(text) + 1);
	MUST(variable);
	name_to_variable(text, variable);
	MUST(!name_is_service(text) || name_is_variable(variable));
	free(variable);
	int slot = slot_by_name(text);
	MUST(slot == NO_SLOT || (slot >= 0 && slot < SLOTS));
	MUST(slot_by_exact_name(text) == NO_SLOT || slot_by_exact_name(text) == slot);
}

static void port_sets(const char *text)
{
	static struct port_set set, again;
	OWNED_TEXT printed = {0};
	memset(&set, 0, sizeof set);
	memset(&again, 0, sizeof again);
	if (!port_set_parse(&set, text))
		return;
	port_set_print(&set, ",", &printed);
	MUST(port_set_parse(&again, text_string(&printed)));
	MUST(memcmp(&set, &again, sizeof set) == 0);
}

static void masks(const char *text)
{
	OWNED_TEXT once = {0}, twice = {0};
	secret_add_text(&once, text);
	secret_add_text(&twice, text_string(&once));
	MUST(strcmp(text_string(&once), text_string(&twice)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape tape = tape_of(data, size);
	char *one = tape_string(tape_part(&tape));
	char *other = tape_string(tape);
	numbers(one);
	versions(one, other);
	names(one);
	port_sets(one);
	masks(one);
	free(one);
	free(other);
	return 0;
}
