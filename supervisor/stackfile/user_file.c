#include "stackfile/user_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/number.h"
#include "base/text.h"
#include "model/names.h"
#include "stackfile/document.h"

/* As the rows of [registry] in keys.def say. */
enum { KEEP_DAYS_MOST = 3650 };

const char *user_file_path(struct arena *arena, const char *config_home, const char *home)
{
	const char *path = NULL;
	if (config_home && *config_home == '/')
		path = arena_format(arena, "%s/stackup/config.ini", config_home);
	else if (home && *home == '/')
		path = arena_format(arena, "%s/.config/stackup/config.ini", home);
	bool absent = path && access(path, F_OK) && (errno == ENOENT || errno == ENOTDIR);
	return absent ? NULL : path;
}

static const char *value_of(const char *const *environment, const char *name)
{
	size_t length = strlen(name);
	for (; environment && *environment; environment++)
		if (!strncmp(*environment, name, length) && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

/* NULL: there is none, or it cannot be read. */
static struct document *read_users(const char *const *environment)
{
	struct arena *arena = arena_new();
	struct complaints unsaid = {0};
	const char *path = arena ? user_file_path(arena, value_of(environment, "XDG_CONFIG_HOME"),
					   value_of(environment, "HOME"))
				 : NULL;
	struct document *document = path ? document_read_users(path, &unsaid) : NULL;
	complaints_release(&unsaid);
	arena_free(arena);
	return document;
}

static bool read_number(const struct document *document, enum section_kind kind, const char *key,
	int64_t least, int64_t most, int64_t *out)
{
	const struct section *section = document ? document_section(document, kind, "") : NULL;
	const struct entry *entry = section ? section_entry(section, key) : NULL;
	return entry && number_parse(entry->value, least, most, out);
}

uint16_t user_file_ports_base(const char *const *environment)
{
	struct document *document = read_users(environment);
	int64_t base = 0;
	read_number(document, SECTION_PORTS, "base", PORTS_BASE_LEAST, PORTS_BASE_MOST, &base);
	document_free(document);
	return (uint16_t)base;
}

void user_file_keep_days(const char *const *environment, const char *const *names, int *days,
	size_t count)
{
	struct document *document = read_users(environment);
	for (size_t i = 0; i < count; i++) {
		OWNED_TEXT key = {0};
		int64_t value;
		text_addf(&key, "keep.%s", names[i]);
		if (read_number(document, SECTION_REGISTRY, text_string(&key), 0, KEEP_DAYS_MOST, &value))
			days[i] = (int)value;
	}
	document_free(document);
}
