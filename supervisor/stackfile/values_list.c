#include "stackfile/values_list.h"

#include <string.h>

#include "base/number.h"
#include "model/names.h"

static struct words split(struct arena *arena, const char *text, const char *separators)
{
	struct words words = {0};
	while (*text) {
		text += strspn(text, separators);
		size_t length = strcspn(text, separators);
		const char *end = text + length;
		const char *next = end;
		text += strspn(text, " \t");
		while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		if (end > text)
			*arena_append(arena, words.items, words.count) =
				arena_string_n(arena, text, (size_t)(end - text));
		text = next;
	}
	return words;
}

struct words value_words(struct arena *arena, const char *text)
{
	return split(arena, text, " \t\n");
}

struct words value_list(struct arena *arena, const char *text)
{
	return split(arena, text, ",\n");
}

/* A list whose items all pass, and that has one. */
static bool list_of(const struct site *site, const char *text, bool (*passes)(const char *),
	struct words *out)
{
	struct words words = value_list(site->arena, text);
	for (size_t i = 0; i < words.count; i++)
		if (!passes(words.items[i]))
			return value_refuse(site, words.items[i]);
	*out = words;
	return true;
}

bool value_variables(const struct site *site, const char *text, struct words *out)
{
	return list_of(site, text, name_is_variable, out);
}

bool value_names(const struct site *site, const char *text, struct words *out)
{
	return list_of(site, text, name_is_service, out);
}

static bool is_port(const char *text)
{
	int64_t number;
	return number_parse(text, 1, 65535, &number);
}

bool value_port_list(const struct site *site, const char *text, struct words *out)
{
	return list_of(site, text, is_port, out);
}

static bool status_range(const char *text, struct status_range *out)
{
	size_t length = strcspn(text, "-");
	char low[8] = "";
	int64_t first;
	int64_t last;
	if (length >= sizeof low)
		return false;
	memcpy(low, text, length);
	const char *high = text[length] ? text + length + 1 : low;
	if (!number_parse(low, 100, 599, &first) || !number_parse(high, 100, 599, &last) ||
		first > last)
		return false;
	*out = (struct status_range){(int)first, (int)last};
	return true;
}

bool value_statuses(const struct site *site, const char *text, struct status_range **out,
	size_t *count)
{
	struct words words = value_list(site->arena, text);
	struct status_range *ranges = arena_take(site->arena, words.count * sizeof *ranges);
	for (size_t i = 0; i < words.count; i++)
		if (!status_range(words.items[i], &ranges[i]))
			return value_refuse(site, words.items[i]);
	if (!words.count)
		return value_refuse(site, text);
	*out = ranges;
	*count = words.count;
	return true;
}

/* "db", "db:ready", "db:ready?", "db?" */
static struct wanted_dependency dependency(struct arena *arena, const char *text)
{
	size_t length = strlen(text);
	bool optional = length && text[length - 1] == '?';
	char *copy = arena_string_n(arena, text, optional ? length - 1 : length);
	char *colon = strchr(copy, ':');
	if (colon)
		*colon++ = '\0';
	return (struct wanted_dependency){copy, colon, optional};
}

bool value_dependencies(const struct site *site, const char *text,
	struct wanted_dependency **out, size_t *count)
{
	struct words words = value_list(site->arena, text);
	struct wanted_dependency *all = arena_take(site->arena, words.count * sizeof *all);
	for (size_t i = 0; i < words.count; i++) {
		all[i] = dependency(site->arena, words.items[i]);
		bool several = strpbrk(all[i].name, " \t");
		if (*all[i].name && !several && (!all[i].condition || *all[i].condition))
			continue;
		value_refuse(site, words.items[i]);
		if (several)
			complaint_hint(site->complaints, "write a comma between two services");
		return false;
	}
	*out = all;
	*count = words.count;
	return true;
}

static bool requirement(struct arena *arena, const char *text, struct requirement *out)
{
	const char *operator = strpbrk(text, "<>=! \t");
	if (!operator) {
		out->name = text;
		return true;
	}
	const char *name_end = operator;
	operator += strspn(operator, " \t");
	if (strncmp(operator, ">=", 2) != 0)
		return false;
	const char *version = operator + 2 + strspn(operator + 2, " \t");
	if (name_end == text || !*version || strspn(version, "0123456789.") != strlen(version))
		return false;
	out->name = arena_string_n(arena, text, (size_t)(name_end - text));
	out->version = version;
	return true;
}

bool value_requirements(const struct site *site, const char *text, struct requirement **out,
	size_t *count)
{
	struct words words = value_list(site->arena, text);
	struct requirement *all = arena_take(site->arena, words.count * sizeof *all);
	for (size_t i = 0; i < words.count; i++) {
		all[i].line = site->line;
		if (!requirement(site->arena, words.items[i], &all[i]))
			return value_refuse(site, words.items[i]);
	}
	*out = all;
	*count = words.count;
	return true;
}
