#include "model/complaint.h"

#include <stdint.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/terminal.h"
#include "base/words.h"

WORDS(severity_word, severity, SEVERITIES)

static void release_one(struct complaint *one)
{
	free(one->file);
	free(one->key);
	free(one->text);
	free(one->hint);
}

static char *formatted(const char *format, va_list args)
	__attribute__((format(printf, 1, 0)));

static char *formatted(const char *format, va_list args)
{
	struct text t = {0};
	text_vaddf(&t, format, args);
	return text_take(&t);
}

static bool keep(struct complaints *c, struct complaint one)
{
	if (c->list.count < COMPLAINTS_MOST && one.file && one.key && one.text && one.hint &&
		list_push(&c->list, one))
		return true;
	release_one(&one);
	c->dropped++;
	return false;
}

static bool is_same(const struct complaint *a, const struct complaint *b)
{
	return a->line == b->line && a->severity == b->severity && !strcmp(a->text, b->text) &&
		!strcmp(a->file, b->file) && !strcmp(a->key, b->key);
}

static bool is_known(const struct complaints *c, const struct complaint *one)
{
	for (size_t i = 0; i < c->list.count; i++)
		if (is_same(&c->list.items[i], one))
			return true;
	return false;
}

void complaint_add(struct complaints *c, enum severity severity, const char *file, int line,
	const char *key, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct complaint one = {
		.severity = severity,
		.file = strdup(file ? file : ""),
		.line = line,
		.key = strdup(key ? key : ""),
		.text = formatted(format, args),
		.hint = strdup(""),
		.order = c->order++,
	};
	va_end(args);
	if (one.file && one.key && one.text && is_known(c, &one)) {
		release_one(&one);
		c->last_kept = false;
		return;
	}
	c->errors += severity == SEVERITY_ERROR;
	c->warnings += severity == SEVERITY_WARNING;
	c->last_kept = keep(c, one);
}

void complaint_hint(struct complaints *c, const char *format, ...)
{
	if (!c->last_kept)
		return;
	va_list args;
	va_start(args, format);
	char *hint = formatted(format, args);
	va_end(args);
	if (!hint)
		return;
	struct complaint *last = &c->list.items[c->list.count - 1];
	free(last->hint);
	last->hint = hint;
}

/* Where a file is first spoken of decides its place, so that included files follow their parent. */
static size_t first_mention(const struct complaints *c, const char *file)
{
	size_t first = SIZE_MAX;
	for (size_t i = 0; i < c->list.count; i++)
		if (c->list.items[i].order < first && !strcmp(c->list.items[i].file, file))
			first = c->list.items[i].order;
	return first;
}

static int compare(const void *a, const void *b, void *context)
{
	const struct complaint *x = a;
	const struct complaint *y = b;
	const struct complaints *c = context;
	if (strcmp(x->file, y->file) != 0)
		return first_mention(c, x->file) < first_mention(c, y->file) ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void complaints_sort(struct complaints *c)
{
	/* qsort_r may move items while it compares: first mentions are looked up in a copy. */
	size_t size = c->list.count * sizeof *c->list.items;
	struct complaints copy = *c;
	if (!size || !(copy.list.items = malloc(size)))
		return;
	memcpy(copy.list.items, c->list.items, size);
	qsort_r(c->list.items, c->list.count, sizeof *c->list.items, compare, &copy);
	free(copy.list.items);
	c->last_kept = false;
}

void complaint_show(const struct complaint *complaint, struct text *out)
{
	if (*complaint->file) {
		terminal_add_strict(out, complaint->file, strlen(complaint->file));
		if (complaint->line)
			text_addf(out, ":%d", complaint->line);
		text_add(out, ": ");
	}
	if (complaint->severity != SEVERITY_ERROR)
		text_addf(out, "%s: ", severity_word(complaint->severity));
	terminal_add_strict(out, complaint->text, strlen(complaint->text));
	if (*complaint->hint) {
		text_add(out, "; ");
		terminal_add_strict(out, complaint->hint, strlen(complaint->hint));
	}
}

void complaints_print(const struct complaints *c, enum severity least, FILE *out)
{
	OWNED_TEXT line = {0};
	for (size_t i = 0; i < c->list.count; i++) {
		if (c->list.items[i].severity > least)
			continue;
		text_clear(&line);
		complaint_show(&c->list.items[i], &line);
		fprintf(out, "%s\n", text_string(&line));
	}
	if (c->dropped)
		fprintf(out, "and %zu more\n", c->dropped);
}

void complaints_move(struct complaints *to, struct complaints *from)
{
	for (size_t i = 0; i < from->list.count; i++) {
		struct complaint one = from->list.items[i];
		one.order = to->order++;
		keep(to, one);
	}
	to->errors += from->errors;
	to->warnings += from->warnings;
	to->dropped += from->dropped;
	to->last_kept = false;
	list_release(&from->list);
	*from = (struct complaints){0};
}

void complaints_release(struct complaints *c)
{
	for (size_t i = 0; i < c->list.count; i++)
		release_one(&c->list.items[i]);
	list_release(&c->list);
	*c = (struct complaints){0};
}
