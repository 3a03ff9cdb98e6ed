#include "stackfile/user_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/number.h"
#include "model/names.h"
#include "stackfile/document.h"

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

static uint16_t read_base(const char *path)
{
	struct complaints unsaid = {0};
	struct document *document = document_read_users(path, &unsaid);
	const struct section *ports =
		document ? document_section(document, SECTION_PORTS, "") : NULL;
	const struct entry *entry = ports ? section_entry(ports, "base") : NULL;
	int64_t base = 0;
	if (entry && !number_parse(entry->value, PORTS_BASE_LEAST, PORTS_BASE_MOST, &base))
		base = 0;
	document_free(document);
	complaints_release(&unsaid);
	return (uint16_t)base;
}

uint16_t user_file_ports_base(const char *const *environment)
{
	struct arena *arena = arena_new();
	if (!arena)
		return 0;
	const char *path = user_file_path(
		arena, value_of(environment, "XDG_CONFIG_HOME"), value_of(environment, "HOME"));
	uint16_t base = path ? read_base(path) : 0;
	arena_free(arena);
	return base;
}
