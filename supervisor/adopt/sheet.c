#include "adopt/sheet.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "stackfile/schema.h"

void sheet_init(struct sheet *sheet, struct arena *arena, struct complaints *complaints)
{
	*sheet = (struct sheet){.arena = arena, .complaints = complaints};
}

const char *sheet_literal(struct arena *arena, const char *text)
{
	OWNED_TEXT out = {0};
	for (; *text; text++)
		text_add(&out, *text == '$' ? "$$" : (char[]){*text, '\0'});
	return arena_string(arena, text_string(&out));
}

const char *sheet_name(struct arena *arena, const char *text)
{
	OWNED_TEXT out = {0};
	for (; *text && out.length < NAME_MOST; text++) {
		char c = *text;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		bool letter = c >= 'a' && c <= 'z';
		bool allowed = letter || (out.length && ((c >= '0' && c <= '9') || c == '_' || c == '-'));
		if (allowed)
			text_add_char(&out, c);
		else if (c >= '0' && c <= '9')
			text_addf(&out, "s%c", c);
		else if (out.length && out.data[out.length - 1] != '-')
			text_add_char(&out, '-');
	}
	while (out.length && out.data[out.length - 1] == '-')
		text_cut(&out, out.length - 1);
	return arena_string(arena, out.length ? text_string(&out) : "service");
}

static bool is_taken(const struct sheet *sheet, const char *name)
{
	for (size_t i = 0; i < sheet->count; i++)
		if (!strcmp(sheet->services[i]->name, name))
			return true;
	return false;
}

static const char *free_name(const struct sheet *sheet, const char *original)
{
	const char *wanted = sheet_name(sheet->arena, original);
	const char *name = wanted;
	for (int i = 2; is_taken(sheet, name); i++)
		name = arena_format(sheet->arena, "%.*s-%d", NAME_MOST - 5, wanted, i);
	return name;
}

struct sheet_service *sheet_add(struct sheet *sheet, const char *original, const char *file, int line)
{
	struct sheet_service *s = arena_new_object(sheet->arena, struct sheet_service);
	s->name = free_name(sheet, original);
	s->original = original;
	s->file = file;
	s->line = line;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	*arena_append(sheet->arena, sheet->services, sheet->count) = s;
	if (strcmp(s->name, original) != 0)
		sheet_note(sheet, s, "There it is called '%s'.", original);
	return s;
}

struct sheet_service *sheet_find(const struct sheet *sheet, const char *original)
{
	for (size_t i = 0; i < sheet->count; i++)
		if (!strcmp(sheet->services[i]->original, original))
			return sheet->services[i];
	return NULL;
}

/* ---- keys ---- */

static struct sheet_entry *find_entry(const struct sheet_service *service, const char *key)
{
	for (size_t i = 0; i < service->count; i++)
		if (!strcmp(service->entries[i].key, key))
			return &service->entries[i];
	return NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

/* What the reader gives back as it was: see reader.h. A command may have several lines. */
static const char *unwritable(const char *key, const char *value)
{
	size_t length = strlen(value);
	bool script = !strcmp(key, "command");
	if (length && !script && (is_blank(value[0]) || is_blank(value[length - 1])))
		return "its value begins or ends with a blank";
	if (strchr(value, '\r') || (!script && strchr(value, '\n')))
		return "its value has a line break";
	return length > LINE_MOST / 2 ? "its value is too long" : NULL;
}

static void leave_value(struct sheet *sheet, struct sheet_service *service, const char *key, const char *why)
{
	struct sheet_place place = {service ? service->file : "", service ? service->line : 0, key};
	sheet_leave(sheet, service, place, "%s, which a stack file cannot say; put it into an env file", why);
}

/* That it is a task is said before what it runs. */
static int rank_of(enum section_kind kind, const char *key)
{
	if (!strcmp(key, "type"))
		return -1;
	const struct key *row = schema_find(kind, key, NULL);
	return row ? (int)row->id : KEY_COUNT;
}

void sheet_set(struct sheet *sheet, struct sheet_service *service, const char *key, const char *value)
{
	const char *why = unwritable(key, value);
	if (why) {
		leave_value(sheet, service, key, why);
		return;
	}
	struct sheet_entry entry = {.key = key, .value = value};
	entry.rank = rank_of(service ? SECTION_SERVICE : SECTION_STACK, key);
	struct sheet_entry *there = service ? find_entry(service, key) : NULL;
	if (there)
		there->value = value;
	else if (service)
		*arena_append(sheet->arena, service->entries, service->count) = entry;
	else
		*arena_append(sheet->arena, sheet->stack, sheet->stack_count) = entry;
}

const char *sheet_value(const struct sheet_service *service, const char *key)
{
	const struct sheet_entry *entry = find_entry(service, key);
	return entry ? entry->value : NULL;
}

void sheet_unset(struct sheet_service *service, const char *key)
{
	struct sheet_entry *entry = find_entry(service, key);
	if (!entry)
		return;
	size_t after = service->count - (size_t)(entry - service->entries) - 1;
	memmove(entry, entry + 1, after * sizeof *entry);
	service->count--;
}

void sheet_note_key(struct sheet_service *service, const char *key, const char *note)
{
	struct sheet_entry *entry = find_entry(service, key);
	if (entry)
		entry->note = note;
}

void sheet_append(struct sheet *sheet, struct sheet_service *service, const char *key, const char *item)
{
	const char *there = sheet_value(service, key);
	sheet_set(sheet, service, key, there ? arena_format(sheet->arena, "%s, %s", there, item) : item);
}

/* ---- comments ---- */

/* One line of text that cannot end a comment. */
__attribute__((format(printf, 2, 0)))
static const char *vformat_line(struct arena *arena, const char *format, va_list args)
{
	OWNED_TEXT out = {0};
	text_vaddf(&out, format, args);
	for (size_t i = 0; i < out.length; i++)
		if ((unsigned char)out.data[i] < ' ')
			out.data[i] = ' ';
	return arena_string(arena, text_string(&out));
}

void sheet_note(struct sheet *sheet, struct sheet_service *service, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	*arena_append(sheet->arena, service->notes, service->note_count) =
		vformat_line(sheet->arena, format, args);
	va_end(args);
}

void sheet_leave(struct sheet *sheet, struct sheet_service *service, struct sheet_place place,
	const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const char *why = vformat_line(sheet->arena, format, args);
	va_end(args);
	const char *of = service ? arena_format(sheet->arena, "'%s': ", service->original) : "";
	complaint_warning(sheet->complaints, place.file, place.line, place.key, "%s%s%snot taken over: %s", of,
		place.key ? place.key : "", place.key ? " is " : "", why);
	const char *line = place.line ? arena_format(sheet->arena, " (line %d)", place.line) : "";
	const char *text = place.key ? arena_format(sheet->arena, "%s%s: %s", place.key, line, why)
				     : arena_format(sheet->arena, "%s%s", why, line);
	if (service)
		*arena_append(sheet->arena, service->left, service->left_count) = text;
	else
		*arena_append(sheet->arena, sheet->left, sheet->left_count) = text;
}

void sheet_want_port(struct sheet *sheet, struct sheet_service *service, const char *name)
{
	if (!name) {
		service->wants_main = true;
		return;
	}
	for (size_t i = 0; i < service->port_count; i++)
		if (!strcmp(service->ports[i], name))
			return;
	*arena_append(sheet->arena, service->ports, service->port_count) = name;
}
