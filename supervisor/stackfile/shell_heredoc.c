#include <string.h>

#include "stackfile/shell_filler.h"
#include "stackfile/shell_text.h"

/*
 * One step through a word with quotes: the character it stands for, or 0 for a quote, or -1 at the
 * end of an unquoted word. *open is the quote that is open.
 */
static int word_step(const char **at, const char *end, char *open)
{
	if (*at == end || (!*open && strchr(" \t\n;&|<>()", **at)))
		return -1;
	char c = *(*at)++;
	if (c == *open || (!*open && (c == '\'' || c == '"'))) {
		*open = *open ? '\0' : c;
		return 0;
	}
	if (c == '\\' && !*open && *at < end)
		c = *(*at)++;
	return (unsigned char)c;
}

int filler_heredoc(struct filler *f)
{
	filler_copy(f, 2);
	if (*f->at == '<') {
		filler_copy(f, 1);
		return 0;
	}
	if (f->heredoc_count == HEREDOCS_MOST)
		return fail(f->e, EXIT_BAD_FILE, "more than %d here-documents in one line",
			HEREDOCS_MOST);
	struct heredoc *h = &f->heredocs[f->heredoc_count];
	h->strip_tabs = *f->at == '-';
	filler_copy(f, h->strip_tabs);
	filler_copy(f, strspn(f->at, " \t"));
	h->word = f->at;
	char open = '\0';
	const char *end = f->at;
	while (word_step(&end, f->at + strlen(f->at), &open) >= 0)
		;
	h->length = (size_t)(end - f->at);
	h->quoted = memchr(h->word, '\'', h->length) || memchr(h->word, '"', h->length) ||
		memchr(h->word, '\\', h->length);
	if (memchr(h->word, '$', h->length))
		return fail(
			f->e, EXIT_BAD_FILE, "a here-document ends with a word that has a $ in it");
	f->heredoc_count += h->length > 0;
	filler_copy(f, h->length);
	return 0;
}

static bool ends_heredoc(const struct heredoc *h, const char *line, size_t length)
{
	while (h->strip_tabs && length && *line == '\t')
		line++, length--;
	size_t used = 0;
	char open = '\0';
	int c;
	for (const char *at = h->word; (c = word_step(&at, h->word + h->length, &open)) >= 0;)
		if (c && (used == length || (unsigned char)line[used++] != c))
			return false;
	return used == length;
}

static int insert_into_body(struct filler *f, const struct heredoc *h, bool has_code)
{
	size_t length = interpolate_ours(f->at);
	if (filler_value(f, length))
		return -1;
	bool in_code = has_code && !h->quoted;
	if (in_code ? !shell_text_is_plain(text_string(&f->value))
		    : strchr(text_string(&f->value), '\n') != NULL)
		return filler_refuse(f, "has a value that cannot stand in a here-document",
			"use printf with \"...\" around it instead");
	if (!h->quoted && filler_ends_in_name(f))
		return filler_refuse(f, "would become a part of a variable's name",
			"put the name before it in braces: ${NAME}");
	filler_add_escaped(f, h->quoted ? "" : "\\$`");
	f->at += length;
	return 0;
}

static int fill_line(struct filler *f, const struct heredoc *h, const char *end, bool *has_code)
{
	size_t begin = f->out->length;
	bool filled = false;
	while (f->at < end) {
		if (interpolate_ours(f->at)) {
			filled = true;
			if (insert_into_body(f, h, *has_code))
				return -1;
			continue;
		}
		*has_code = *has_code || *f->at == '`' || (f->at[0] == '$' && f->at[1] == '(');
		bool doubled = f->at[0] == '$' && f->at[1] == '$';
		filler_copy(f, !h->quoted && *f->at == '\\' && f->at + 1 < end ? 2 : 1);
		f->at += doubled;
	}
	if (filled && ends_heredoc(h, text_string(f->out) + begin, f->out->length - begin))
		return fail(f->e, EXIT_BAD_FILE, "a value makes a line of a here-document its end");
	return 0;
}

static int fill_heredoc(struct filler *f, const struct heredoc *h)
{
	bool has_code = false;
	while (*f->at) {
		const char *end = strchrnul(f->at, '\n');
		bool last = ends_heredoc(h, f->at, (size_t)(end - f->at));
		if (last)
			filler_copy(f, (size_t)(end - f->at));
		else if (fill_line(f, h, end, &has_code))
			return -1;
		filler_copy(f, *f->at == '\n');
		if (last)
			break;
	}
	return 0;
}

int filler_bodies(struct filler *f)
{
	int count = f->heredoc_count;
	f->heredoc_count = 0;
	for (int i = 0; i < count; i++)
		if (fill_heredoc(f, &f->heredocs[i]))
			return -1;
	return 0;
}
