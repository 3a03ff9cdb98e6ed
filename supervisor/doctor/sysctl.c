#include "doctor/sysctl.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/list.h"
#include "base/number.h"
#include "base/own.h"

enum { FILE_MOST = 1 << 20 };

void port_set_add(struct port_set *set, uint16_t low, uint16_t high)
{
	memset(set->has + low, true, (size_t)(high - low) + 1);
}

bool port_set_parse(struct port_set *set, const char *text)
{
	bool fine = true;
	for (text += strspn(text, ", \t\n"); *text; text += strspn(text, ", \t\n")) {
		size_t length = strcspn(text, ", \t\n");
		OWNED(char) item = strndup(text, length);
		uint16_t low, high;
		if (item && number_port_range(item, &low, &high))
			port_set_add(set, low, high);
		else
			fine = false;
		text += length;
	}
	return fine;
}

void port_set_print(const struct port_set *set, const char *separator, struct text *out)
{
	const char *between = "";
	for (int low = 1; low <= UINT16_MAX; low++) {
		int high = low;
		if (!set->has[low])
			continue;
		while (high < UINT16_MAX && set->has[high + 1])
			high++;
		text_addf(out, "%s%d", between, low);
		if (high > low)
			text_addf(out, "-%d", high);
		between = separator;
		low = high;
	}
}

size_t port_set_count(const struct port_set *set)
{
	size_t count = 0;
	for (int port = 1; port <= UINT16_MAX; port++)
		count += set->has[port];
	return count;
}

/* Dots and slashes mean the same in a key, and a dash before it that errors do not matter. */
static bool is_key(const char *line, size_t length, const char *key)
{
	size_t i = 0;
	if (length && *line == '-') {
		line++;
		length--;
	}
	for (; i < length && key[i]; i++)
		if (line[i] != key[i] && !(line[i] == '/' && key[i] == '.'))
			return false;
	return i == length && !key[i];
}

/* The value of the last line "key = value" of a text; NULL. */
static const char *value_in(const char *text, const char *key, struct arena *arena)
{
	const char *found = NULL;
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *at = text + strspn(text, " \t");
		size_t length = strcspn(at, " \t=\n");
		if (!is_key(at, length, key))
			continue;
		at += length;
		at += strspn(at, " \t");
		if (*at != '=')
			continue;
		at += 1 + strspn(at + 1, " \t");
		length = strcspn(at, "\n");
		while (length && strchr(" \t\r", at[length - 1]))
			length--;
		found = arena_string_n(arena, at, length);
	}
	return found;
}

static void try_file(const char *root, const char *path, const char *key, struct arena *arena,
	struct sysctl_line *line)
{
	OWNED_TEXT text = {0};
	if (file_read(arena_format(arena, "%s%s", root, path), FILE_MOST, &text, NULL))
		return;
	const char *value = value_in(text_string(&text), key, arena);
	if (value)
		*line = (struct sysctl_line){.file = path, .value = value};
}

struct sysctl_file {
	const char *name; /* in its directory */
	const char *path; /* without the root */
};
struct sysctl_files {
	struct sysctl_file *items;
	size_t count;
};

static bool is_listed(const struct sysctl_files *files, const char *name)
{
	for (size_t i = 0; i < files->count; i++)
		if (!strcmp(files->items[i].name, name))
			return true;
	return false;
}

static void list_directory(
	const char *root, const char *path, struct arena *arena, struct sysctl_files *files)
{
	DIR *directory = opendir(arena_format(arena, "%s%s", root, path));
	struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		size_t length = strlen(entry->d_name);
		if (length < 6 || strcmp(entry->d_name + length - 5, ".conf") != 0 ||
			is_listed(files, entry->d_name))
			continue;
		*arena_append(arena, files->items, files->count) =
			(struct sysctl_file){.name = arena_string(arena, entry->d_name),
				.path = arena_format(arena, "%s/%s", path, entry->d_name)};
	}
	if (directory)
		closedir(directory);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sysctl_file *)a)->name, ((const struct sysctl_file *)b)->name);
}

struct sysctl_line sysctl_find(const char *root, const char *key, struct arena *arena)
{
	static const char *const directories[] = {"/etc/sysctl.d", "/run/sysctl.d",
		"/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"};
	static const char last[] = "/etc/sysctl.conf";
	struct sysctl_files files = {0};
	struct sysctl_line line = {0};
	for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++)
		list_directory(root, directories[i], arena, &files);
	if (files.count)
		qsort(files.items, files.count, sizeof *files.items, by_name);
	for (size_t i = 0; i < files.count; i++)
		try_file(root, files.items[i].path, key, arena, &line);
	try_file(root, last, key, arena, &line);
	return line;
}
