#include <string.h>

#include "stackfile/shell_filler.h"
#include "stackfile/shell_text.h"

int filler_refuse(const struct filler *f, const char *what, const char *hint)
{
	size_t ours = interpolate_ours(f->at);
	fail(f->e, EXIT_BAD_FILE, "'%.*s' %s", ours > 60 ? 60 : (int)ours, f->at, what);
	error_hint(f->e, "%s", hint);
	return -1;
}

int filler_value(struct filler *f, size_t length)
{
	text_clear(&f->value);
	return interpolate_part(f->at, length, f->rules, &f->value, f->e);
}

bool filler_in_backticks(const struct filler *f)
{
	for (int i = 0; i < f->depth; i++)
		if (f->frames[i].place == PLACE_BACKTICK)
			return true;
	return false;
}

bool filler_ends_in_name(const struct filler *f)
{
	const char *begin = text_string(f->out);
	const char *end = begin + f->out->length;
	while (end > begin && filler_is_name_part(end[-1]))
		end--;
	if (end > begin + 1 && end[-1] == '{')
		end--;
	return end > begin && end[-1] == '$';
}

bool shell_text_is_plain(const char *word)
{
	size_t length = 0;
	while (filler_is_name_part(word[length]) ||
		(word[length] && strchr("./:@%+,=-", word[length])))
		length++;
	return length && !word[length];
}

void filler_add_escaped(struct filler *f, const char *special)
{
	for (const char *c = text_string(&f->value); *c; c++) {
		if (strchr(special, *c))
			text_add_char(f->out, '\\');
		text_add_char(f->out, *c);
	}
}

static void add_inside_single(struct filler *f)
{
	for (const char *c = text_string(&f->value); *c; c++)
		if (*c == '\'')
			text_add(f->out, "'\\''");
		else
			text_add_char(f->out, *c);
}

static bool only_digits(const char *value)
{
	return *value && strspn(value, "0123456789") == strlen(value);
}

static int insert_arithmetic(struct filler *f)
{
	if (!only_digits(text_string(&f->value)) ||
		(f->out->length && filler_is_name_part(f->out->data[f->out->length - 1])))
		return filler_refuse(f, "is not a number of its own, and stands in $((...))",
			"only a value of digits can stand there");
	text_add(f->out, text_string(&f->value));
	return 0;
}

static int insert_quoted(struct filler *f)
{
	const struct frame *frame = filler_top(f);
	if (frame->place == PLACE_DOLLAR_SINGLE)
		return filler_refuse(f, "stands in $'...', where shells disagree on quoting",
			"use \"...\" or '...' around it");
	if (f->lone_dollar && frame->place != PLACE_SINGLE && frame->place != PLACE_DOUBLE)
		return filler_refuse(f, "stands right behind a $", "put the $ in single quotes");
	if ((frame->place == PLACE_PARAMETER || frame->quoted) && filler_ends_in_name(f))
		return filler_refuse(f, "would become a part of a variable's name",
			"put the name before it in braces: ${NAME}");
	if (frame->place == PLACE_SINGLE) {
		add_inside_single(f);
	} else if (frame->quoted) {
		/* In "${X:-...}" single quotes are text, but bash 5.2 wants them inside "...". */
		const char *around = frame->place == PLACE_DOUBLE ? "" : "\"";
		text_add(f->out, around);
		filler_add_escaped(f, "\\$`\"}");
		text_add(f->out, around);
	} else {
		/* Out of the double quotes and in again: "$A${port}" must not become "$A30521". */
		bool reopen = frame->place == PLACE_DOUBLE;
		text_add(f->out, reopen ? "\"'" : "'");
		add_inside_single(f);
		text_add(f->out, reopen ? "'\"" : "'");
	}
	return 0;
}

int filler_insert(struct filler *f, size_t length)
{
	if (filler_value(f, length))
		return -1;
	size_t before = f->out->length;
	bool arithmetic = filler_top(f)->place == PLACE_ARITHMETIC;
	if (arithmetic ? insert_arithmetic(f) : insert_quoted(f))
		return -1;
	if (filler_in_backticks(f) && strpbrk(text_string(f->out) + before, "\\`$"))
		return filler_refuse(f, "has a value that cannot be quoted inside `...`",
			"write $(...) instead of backticks");
	f->at += length;
	f->lone_dollar = false;
	filler_top(f)->word_start = filler_top(f)->command_start = false;
	return 0;
}
