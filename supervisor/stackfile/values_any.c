/* Any value by the type of its key. */
#include <string.h>

#include "base/number.h"
#include "model/names.h"
#include "stackfile/values.h"

/* A directory called '~' in the project is never meant, and dangerous to remove. */
static bool accepts_path(const struct site *site, const char *text)
{
	if (*text != '~')
		return *text || value_refuse(site, text);
	value_refuse(site, text);
	if (text[1] && text[1] != '/')
		complaint_hint(site->complaints, "write the whole path: '~' is for shells");
	else
		complaint_hint(site->complaints, "write ${HOME}%s: '~' is for shells", text + 1);
	return false;
}

/* Lower limits of a list: one item; '?' alone is no path. */
static bool accepts_files(const struct site *site, const char *text)
{
	struct words paths = value_list(site->arena, text);
	for (size_t i = 0; i < paths.count; i++) {
		bool optional = *paths.items[i] == '?';
		if (optional && !paths.items[i][1])
			return value_refuse(site, paths.items[i]);
		if (!accepts_path(site, paths.items[i] + optional))
			return false;
	}
	return true;
}

static bool accepts_name(const struct site *site, const char *text)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	int64_t most = NAME_MOST;
	number_parse(site->row->limits, 1, KEY_MOST, &most);
	size_t length = strlen(text);
	bool plain = strspn(text, letters) == length && *text && !strchr("._-", *text);
	if (plain && length <= (size_t)most)
		return true;
	value_refuse(site, text);
	if (plain)
		complaint_hint(site->complaints, "names have at most %lld characters",
			(long long)most);
	else
		complaint_hint(site->complaints,
			"write letters, digits, '.', '_' and '-', a letter or digit first");
	return false;
}

static bool accepts_range(const struct site *site, const char *text)
{
	uint16_t low;
	uint16_t high;
	return name_is_service(text) || value_port_range(site, text, &low, &high);
}

static bool accepts_time(const struct site *site, const char *text)
{
	int64_t number;
	int limit;
	if (site->row->type == VALUE_LIMIT)
		return value_limit(site, text, &limit, &number);
	return value_duration(site, text, &number);
}

static bool accepts_list(const struct site *site, const char *text)
{
	struct words words;
	struct status_range *ranges;
	struct wanted_dependency *dependencies;
	struct requirement *requirements;
	size_t count;
	switch ((int)site->row->type) {
	case VALUE_NAMES:
		return value_names(site, text, &words);
	case VALUE_VARIABLES:
		return value_variables(site, text, &words);
	case VALUE_PORT_LIST:
		return value_port_list(site, text, &words);
	case VALUE_STATUSES:
		return value_statuses(site, text, &ranges, &count);
	case VALUE_DEPENDENCIES:
		return value_dependencies(site, text, &dependencies, &count);
	case VALUE_REQUIREMENTS:
		return value_requirements(site, text, &requirements, &count);
	default:
		return accepts_files(site, text);
	}
}

bool value_accepts(const struct site *site, const char *text)
{
	bool boolean;
	int64_t number;
	int index;
	uint16_t low;
	uint16_t high;
	struct wish wish;
	struct check check;
	switch (site->row->type) {
	case VALUE_TEXT:
		return true;
	case VALUE_PATH:
		return accepts_path(site, text);
	case VALUE_COMMAND:
		return *text || value_refuse(site, text);
	case VALUE_NAME:
		return accepts_name(site, text);
	case VALUE_WORD:
		return name_is_service(text) || value_refuse(site, text);
	case VALUE_NUMBER:
		return value_number(site, text, &number);
	case VALUE_BOOLEAN:
		return value_boolean(site, text, &boolean);
	case VALUE_SIZE:
		return value_size(site, text, &number);
	case VALUE_CHOICE:
		return value_choice(site, text, &index);
	case VALUE_VARIABLE:
		return value_variable(site, text);
	case VALUE_REGEX:
		return value_regex(site, text);
	case VALUE_SLOT:
	case VALUE_PORT:
	case VALUE_SLOT_OR_PORT:
		return value_wish(site, text, &wish);
	case VALUE_RANGE:
		return accepts_range(site, text);
	case VALUE_PORT_RANGE:
		return value_port_range(site, text, &low, &high);
	case VALUE_READY:
	case VALUE_HEALTH:
		return value_check(site, text, &check);
	case VALUE_SIGNAL:
		return value_signal(site, text, &index);
	case VALUE_DURATION:
	case VALUE_DURATION_ABOVE_ZERO:
	case VALUE_LIMIT:
		return accepts_time(site, text);
	case VALUE_FILES:
	case VALUE_NAMES:
	case VALUE_VARIABLES:
	case VALUE_REQUIREMENTS:
	case VALUE_PORT_LIST:
	case VALUE_DEPENDENCIES:
	case VALUE_STATUSES:
		return accepts_list(site, text);
	}
	return true;
}
