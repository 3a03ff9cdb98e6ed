#include "claim/clone.h"

#include <stdlib.h>
#include <string.h>

#include "base/git_files.h"
#include "base/own.h"

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

/* Of a main worktree, or of a bare repository whose worktrees are all linked. */
static bool find_origin(const char *directory, struct text *out)
{
	static const char section[] = "[remote \"origin\"]";
	OWNED_TEXT inside = {0}, elsewhere = {0};
	text_addf(&inside, "%s/.git", directory);
	return (text_ok(&inside) && git_setting(text_string(&inside), section, "url", out)) ||
		(git_names(directory, ".git", "gitdir: ", &elsewhere) &&
			git_setting(text_string(&elsewhere), section, "url", out)) ||
		git_setting(directory, section, "url", out);
}

/* "" where it has none. */
static void read_origin(const char *directory, struct text *out)
{
	static const char scheme[] = "file://";
	OWNED_TEXT url = {0};
	if (!find_origin(directory, &url))
		return;
	bool is_file = !strncmp(text_string(&url), scheme, sizeof scheme - 1);
	const char *address = text_string(&url) + (is_file ? sizeof scheme - 1 : 0);
	/* git writes a path as it was given, made absolute: /home/u/shop/../hub.git. */
	OWNED(char) real = *address == '/' ? realpath(address, NULL) : NULL;
	text_add(out, real ? real : address);
	cut_ends(out);
}

/* An address may leave out what the name of a bare repository ends with. */
static bool is_address_of(const struct text *url, const char *directory)
{
	OWNED_TEXT path = {0};
	text_add(&path, directory);
	cut_ends(&path);
	return url->length && text_ok(&path) && !strcmp(text_string(url), text_string(&path));
}

bool clone_of_one(const char *directory, const char *other)
{
	OWNED_TEXT ours = {0}, theirs = {0};
	read_origin(directory, &ours);
	read_origin(other, &theirs);
	if (!text_ok(&ours) || !text_ok(&theirs))
		return false;
	return (ours.length && !strcmp(text_string(&ours), text_string(&theirs))) ||
		is_address_of(&ours, other) || is_address_of(&theirs, directory);
}
