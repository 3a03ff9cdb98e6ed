#include "base/marked.h"

#include <ctype.h>
#include <string.h>

static bool next_line(const char *content, size_t length, struct marked_line *line)
{
	const char *from = line->at ? line->at + line->length : content;
	size_t left = length - (size_t)(from - content);
	if (!left)
		return false;
	const char *newline = memchr(from, '\n', left);
	*line = (struct marked_line){.at = from,
		.length = newline ? (size_t)(newline - from) + 1 : left,
		.number = line->number + 1};
	return true;
}

/* Blanks before it do no harm; what comes behind it is somebody's remark. */
static bool is_marker(const struct marked_line *line, const char *marker)
{
	size_t length = strlen(marker), blanks = 0;
	while (blanks < line->length && (line->at[blanks] == ' ' || line->at[blanks] == '\t'))
		blanks++;
	if (line->length - blanks < length || memcmp(line->at + blanks, marker, length) != 0)
		return false;
	return blanks + length == line->length ||
		!isalnum((unsigned char)line->at[blanks + length]);
}

bool marked_next(
	const struct marks *marks, const char *content, size_t length, struct marked_line *line)
{
	bool before = line->is_ours && !is_marker(line, marks->end);
	if (!next_line(content, length, line))
		return false;
	line->is_ours = before || is_marker(line, marks->begin);
	return true;
}

bool marked_is_there(const struct marks *marks, const char *content, size_t length)
{
	struct marked_line line = {0};
	while (next_line(content, length, &line))
		if (is_marker(&line, marks->begin) || is_marker(&line, marks->end))
			return true;
	return false;
}

struct place {
	int begin; /* line; 0: none */
	int end;
	size_t from; /* what is between the two lines */
	size_t to;
};

static int find_place(const struct marks *marks, const char *name, const char *content,
	size_t length, struct place *place, struct error *e)
{
	struct marked_line line = {0};
	*place = (struct place){0};
	while (next_line(content, length, &line)) {
		bool begins = is_marker(&line, marks->begin), ends = is_marker(&line, marks->end);
		if (begins && place->begin)
			return fail(e, EXIT_FAILED,
				"%s:%d: there is a block of stackup in line %d already; "
				"remove one of the two",
				name, line.number, place->begin);
		if (ends && (!place->begin || place->end))
			return fail(e, EXIT_FAILED,
				"%s:%d: this ends a block of stackup that does not begin; "
				"remove the line",
				name, line.number);
		if (begins) {
			place->begin = line.number;
			place->from = (size_t)(line.at - content) + line.length;
		}
		if (ends) {
			place->end = line.number;
			place->to = (size_t)(line.at - content);
		}
	}
	if (place->begin && !place->end)
		return fail(e, EXIT_FAILED,
			"%s:%d: the block of stackup has no end; write a line '%s' below it",
			name, place->begin, marks->end);
	return 0;
}

/* ---- writing ---- */

static const char *ending_of(const char *content, size_t length)
{
	const char *newline = memchr(content, '\n', length);
	const char *last = newline ? newline : content + length;
	return last > content && last[-1] == '\r' ? "\r\n" : "\n";
}

static void add_lines(struct text *out, const char *lines, const char *ending)
{
	while (*lines) {
		size_t length = strcspn(lines, "\n");
		text_add_bytes(out, lines, length);
		text_add(out, ending);
		lines += length + (lines[length] == '\n');
	}
}

int marked_replace(const struct marks *marks, const char *name, const char *content, size_t length,
	const char *lines, struct text *out, struct error *e)
{
	struct place place;
	const char *ending = ending_of(content, length);
	if (find_place(marks, name, content, length, &place, e))
		return -1;
	if (place.begin) {
		text_add_bytes(out, content, place.from);
		add_lines(out, lines, ending);
		text_add_bytes(out, content + place.to, length - place.to);
		return 0;
	}
	text_add_bytes(out, content, length);
	if (length && content[length - 1] != '\n')
		text_add(out, content[length - 1] == '\r' ? "\n" : ending);
	if (length)
		text_add(out, ending);
	text_addf(out, "%s%s%s", marks->begin, marks->remark, ending);
	add_lines(out, lines, ending);
	text_addf(out, "%s%s", marks->end, ending);
	return 0;
}
