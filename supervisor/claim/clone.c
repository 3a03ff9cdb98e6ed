#include "claim/clone.h"

#include <string.h>

#include "base/file.h"
#include "base/own.h"

#define ORIGIN "[remote \"origin\"]"

enum { CONFIG_MOST = 64 * 1024 };

/* What an address may end with and still be the same. */
static void cut_ends(struct text *url)
{
	static const char *const ends[] = {"/", "/.", ".git"};
	for (size_t i = 0; i < sizeof ends / sizeof *ends;) {
		size_t length = strlen(ends[i]);
		bool found = url->length > length && !strcmp(url->data + url->length - length, ends[i]);
		if (found)
			text_cut(url, url->length - length);
		i = found ? 0 : i + 1;
	}
}

static void take_url(const char *line, struct text *out)
{
	line += strlen("url");
	line += strspn(line, " \t");
	if (*line++ != '=')
		return;
	line += strspn(line, " \t");
	if (!strncmp(line, "file://", strlen("file://")))
		line += strlen("file://");
	text_clear(out);
	text_add_bytes(out, line, strcspn(line, "\r\n"));
	cut_ends(out);
}

static void read_origin(const char *directory, struct text *out)
{
	OWNED_TEXT path = {0}, config = {0};
	bool origin = false;
	text_addf(&path, "%s/.git/config", directory);
	if (!text_ok(&path) || file_read(text_string(&path), CONFIG_MOST, &config, NULL))
		return;
	for (const char *line = text_string(&config); line; line = strchr(line, '\n')) {
		line += strspn(line, "\n \t");
		if (*line == '[')
			origin = !strncmp(line, ORIGIN, strlen(ORIGIN));
		else if (origin && !strncmp(line, "url", strlen("url")))
			take_url(line, out);
	}
}

bool clone_of_one(const char *directory, const char *other)
{
	OWNED_TEXT ours = {0}, theirs = {0};
	read_origin(directory, &ours);
	read_origin(other, &theirs);
	if (!text_ok(&ours) || !text_ok(&theirs))
		return false;
	return (ours.length && !strcmp(text_string(&ours), text_string(&theirs))) ||
		!strcmp(text_string(&ours), other) || !strcmp(text_string(&theirs), directory);
}
