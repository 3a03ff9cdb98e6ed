#include "base/git_files.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"

enum { FILE_MOST = 1024 * 1024 };

static bool read_whole(const char *dir, const char *name, struct text *out)
{
	OWNED_TEXT path = {0};
	text_addf(&path, "%s/%s", dir, name);
	return text_ok(&path) && !file_read(text_string(&path), FILE_MOST, out, NULL);
}

bool git_names(const char *dir, const char *name, const char *prefix, struct text *out)
{
	OWNED_TEXT content = {0};
	if (!read_whole(dir, name, &content))
		return false;
	text_cut(&content, strcspn(text_string(&content), "\r\n"));
	const char *named = text_string(&content);
	if (strncmp(named, prefix, strlen(prefix)) != 0)
		return false;
	named += strlen(prefix);
	if (*named != '/')
		text_addf(out, "%s/", dir);
	text_add(out, named);
	return *named && text_ok(out);
}

/* Behind "KEY ="; NULL: the line is another one. Names of keys are of any case. */
static const char *value_in(const char *line, const char *key)
{
	size_t length = strlen(key);
	if (strncasecmp(line, key, length) != 0)
		return NULL;
	line += length + strspn(line + length, " \t");
	return *line == '=' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

bool git_setting(const char *dir, const char *section, const char *key, struct text *out)
{
	OWNED_TEXT config = {0};
	bool inside = false, found = false;
	if (!read_whole(dir, "config", &config))
		return false;
	for (const char *line = text_string(&config); line; line = strchr(line, '\n')) {
		line += strspn(line, "\n \t");
		if (*line == '[')
			inside = !strncmp(line, section, strlen(section));
		const char *value = inside ? value_in(line, key) : NULL;
		if (!value)
			continue;
		text_clear(out);
		text_add_bytes(out, value, strcspn(value, "\r\n"));
		found = true;
	}
	return found && text_ok(out);
}
