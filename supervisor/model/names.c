#include "model/names.h"

#include <string.h>

static const struct {
	const char *name;
	const char *aliases;
} slots[SLOTS] = {
#define X(number, name, aliases) [number] = {name, aliases},
	SLOT_TABLE(X)
#undef X
};

bool name_is_among(const char *words, const char *word)
{
	size_t length = strlen(word);
	if (!length || strchr(word, ' '))
		return false;
	for (const char *at = words; (at = strstr(at, word)); at++) {
		bool begins = at == words || at[-1] == ' ';
		if (begins && (at[length] == ' ' || at[length] == '\0'))
			return true;
	}
	return false;
}

int slot_by_exact_name(const char *name)
{
	for (int i = 0; i < SLOTS; i++)
		if (!strcmp(slots[i].name, name))
			return i;
	return NO_SLOT;
}

int slot_by_name(const char *name)
{
	int slot = slot_by_exact_name(name);
	for (int i = 0; slot == NO_SLOT && i < SLOTS; i++)
		if (name_is_among(slots[i].aliases, name))
			slot = i;
	return slot;
}

const char *slot_name(int slot)
{
	return slot >= 0 && slot < SLOTS ? slots[slot].name : "";
}

const char *slot_aliases(int slot)
{
	return slot >= 0 && slot < SLOTS ? slots[slot].aliases : "";
}

const char *instance_default_purpose(int instance)
{
	switch (instance) {
#define X(number, purpose)                                                                         \
	case number:                                                                               \
		return purpose;
		PURPOSE_TABLE(X)
#undef X
	default:
		return "";
	}
}

static bool lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool letter(char c)
{
	return lower(c) || (c >= 'A' && c <= 'Z');
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

bool name_is_service(const char *name)
{
	if (!lower(name[0]) || strlen(name) > NAME_MOST)
		return false;
	for (const char *c = name; *c; c++)
		if (!lower(*c) && !digit(*c) && *c != '_' && *c != '-')
			return false;
	return true;
}

bool name_is_procfile_entry(const char *name)
{
	if (!*name || strlen(name) > NAME_MOST)
		return false;
	for (const char *c = name; *c; c++)
		if (!letter(*c) && !digit(*c) && *c != '_' && *c != '-')
			return false;
	return true;
}

bool name_is_variable(const char *name)
{
	if (!letter(name[0]) && name[0] != '_')
		return false;
	for (const char *c = name; *c; c++)
		if (!letter(*c) && !digit(*c) && *c != '_')
			return false;
	return true;
}

void name_to_variable(const char *name, char *out)
{
	for (; *name; name++, out++)
		*out = lower(*name) ? (char)(*name - 'a' + 'A') : letter(*name) || digit(*name) ? *name : '_';
	*out = '\0';
}

void name_to_slug(const char *text, char out[64])
{
	size_t used = 0;
	for (; *text && used < 63; text++) {
		char c = *text;
		if (letter(c) || digit(c))
			out[used++] = (char)(digit(c) || lower(c) ? c : c - 'A' + 'a');
		else if (used && out[used - 1] != '-')
			out[used++] = '-';
	}
	while (used && out[used - 1] == '-')
		used--;
	if (!used)
		out[used++] = 'x';
	out[used] = '\0';
}
