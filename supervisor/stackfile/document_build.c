#include "stackfile/document_build.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/nearest.h"
#include "base/number.h"
#include "model/names.h"
#include "stackfile/procfile.h"
#include "stackfile/reader.h"
#include "stackfile/schema.h"

struct building {
	struct document *document;
	struct complaints *complaints;
	struct section *sections; /* in the arena */
	size_t section_count;
	struct section *current; /* NULL in a section that was refused */
	struct entry *entries; /* of the current one */
	size_t errors; /* before the current one */
	size_t services;
};

/* "service api @test" in its three words; missing ones are empty. */
struct header {
	struct section section;
	const char *kind;
	const char *more; /* a fourth word, which should not be there */
};

static const char *next_word(struct arena *arena, const char **at)
{
	const char *start = *at + strspn(*at, " \t");
	size_t length = strcspn(start, " \t");
	*at = start + length;
	return arena_string_n(arena, start, length);
}

static struct header split_header(struct arena *arena, const char *text, int line)
{
	struct header h = {.section = {.line = line}};
	h.kind = next_word(arena, &text);
	h.section.name = next_word(arena, &text);
	const char *environment = next_word(arena, &text);
	h.more = next_word(arena, &text);
	const char *at = strchr(h.section.name, '@');
	if (at && !*environment) {
		environment = at;
		h.section.name =
			arena_string_n(arena, h.section.name, (size_t)(at - h.section.name));
	}
	if (*environment == '@')
		h.section.environment = environment + 1;
	else if (*environment)
		h.more = environment;
	h.section.header = arena_format(arena, "%s%s%s%s%s", h.kind, *h.section.name ? " " : "",
		h.section.name, h.section.environment ? " @" : "",
		h.section.environment ? h.section.environment : "");
	return h;
}

#define COMPLAIN(b, line, ...)                                                                     \
	complaint_error((b)->complaints, (b)->document->label, (line), NULL, __VA_ARGS__)
#define HINT(b, ...) complaint_hint((b)->complaints, __VA_ARGS__)

static bool find_kind(struct building *b, struct header *h)
{
	struct nearest near = {.wanted = h->kind};
	for (enum section_kind kind = 0; kind < SECTION_KIND_COUNT; kind++) {
		if (!strcmp(h->kind, section_kind_word(kind))) {
			h->section.kind = kind;
			return true;
		}
		nearest_offer(&near, section_kind_word(kind));
	}
	COMPLAIN(b, h->section.line, "unknown section [%.64s]", h->section.header);
	if (near.best)
		HINT(b, "did you mean [%s%s]?", near.best,
			h->section.header + strlen(h->kind));
	else
		HINT(b,
			"sections are [stack], [defaults], [service NAME], [ports], [environment "
			"NAME] "
			"and [instance N]");
	return false;
}

static bool name_is_fine(struct building *b, const char *what, const char *name, int line)
{
	if (name_is_service(name))
		return true;
	if (strlen(name) > NAME_MOST) {
		COMPLAIN(b, line, "the name of the %s has %zu characters", what, strlen(name));
		HINT(b, "names have at most %d", NAME_MOST);
		return false;
	}
	COMPLAIN(b, line, "'%s' is not a name for a%s %s", name, *what == 'e' ? "n" : "", what);
	HINT(b, "write a lower-case letter, then lower-case letters, digits, '_' or '-'");
	return false;
}

static bool instance_is_fine(struct building *b, const char *name, int line)
{
	int64_t number;
	if (number_parse(name, 1, INSTANCE_MOST, &number) && *name != '0')
		return true;
	COMPLAIN(b, line, "'%.32s' is not an instance", name);
	HINT(b, "write a number 1 to %d", INSTANCE_MOST);
	return false;
}

static bool needs_name(enum section_kind kind)
{
	return kind == SECTION_SERVICE || kind == SECTION_ENVIRONMENT || kind == SECTION_INSTANCE;
}

static bool words_are_fine(struct building *b, const struct header *h)
{
	const struct section *s = &h->section;
	if (needs_name(s->kind) && !*s->name) {
		COMPLAIN(b, s->line, "[%s] has no name", h->kind);
		HINT(b, "write [%s %s]", h->kind, s->kind == SECTION_INSTANCE ? "3"
			: s->kind == SECTION_SERVICE ? "web" : "test");
		return false;
	}
	if (!needs_name(s->kind) && (*s->name || s->environment || *h->more)) {
		COMPLAIN(b, s->line, "[%s] takes no name", h->kind);
		HINT(b, "write [%s]", h->kind);
		return false;
	}
	if (*h->more || (s->environment && s->kind != SECTION_SERVICE)) {
		COMPLAIN(b, s->line, "too many words in [%.64s]", s->header);
		HINT(b, "write [%s NAME]%s", h->kind,
			s->kind == SECTION_SERVICE ? " or [service NAME @ENVIRONMENT]" : "");
		return false;
	}
	return true;
}

static bool header_is_fine(struct building *b, const struct header *h)
{
	const struct section *s = &h->section;
	if (!words_are_fine(b, h))
		return false;
	if (s->kind == SECTION_INSTANCE)
		return instance_is_fine(b, s->name, s->line);
	if (s->kind == SECTION_ENVIRONMENT)
		return name_is_fine(b, "environment", s->name, s->line);
	if (s->kind != SECTION_SERVICE)
		return true;
	bool fine = name_is_fine(b, "service", s->name, s->line);
	return (!s->environment || name_is_fine(b, "environment", s->environment, s->line)) && fine;
}

/* The first service too many is complained about, the rest is left out. */
static bool counts(struct building *b, const struct section *section)
{
	if (section->kind != SECTION_SERVICE || section->environment)
		return true;
	if (++b->services == SERVICES_MOST + 1) {
		COMPLAIN(b, section->line, "more than %d services", SERVICES_MOST);
		HINT(b, "split the stack into several files");
	}
	return b->services <= SERVICES_MOST;
}

static void close_section(struct building *b)
{
	if (b->current) {
		b->current->entries = b->entries;
		b->current->is_partial = b->complaints->errors > b->errors;
	}
	b->entries = NULL;
	b->current = NULL;
}

static void open_section(struct building *b, const struct section *section)
{
	struct section *next = arena_append(b->document->arena, b->sections, b->section_count);
	*next = *section;
	b->current = next;
	b->errors = b->complaints->errors;
}

static void on_section(void *self, int line, const char *text)
{
	struct building *b = self;
	close_section(b);
	struct header h = split_header(b->document->arena, text, line);
	if (find_kind(b, &h) && header_is_fine(b, &h) && counts(b, &h.section))
		open_section(b, &h.section);
}

static void on_entry(void *self, int line, const char *key, const char *value)
{
	struct building *b = self;
	if (!b->current)
		return;
	struct arena *arena = b->document->arena;
	struct entry *entry = arena_append(arena, b->entries, b->current->entry_count);
	*entry = (struct entry){arena_string(arena, key), arena_string(arena, value), line};
}

static bool is_key(void *self, const char *key)
{
	struct building *b = self;
	return b->current && schema_find(b->current->kind, key, NULL);
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = *(const struct entry *const *)a;
	const struct entry *y = *(const struct entry *const *)b;
	int order = strcmp(x->key, y->key);
	return order ? order : (x->line > y->line) - (x->line < y->line);
}

static int compare_sections(const void *a, const void *b)
{
	const struct section *x = *(const struct section *const *)a;
	const struct section *y = *(const struct section *const *)b;
	int order = strcmp(x->header, y->header);
	return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* Sorted pointers find what is written twice without comparing each with each. */
static void complain_entries(struct building *b, const struct section *section)
{
	struct arena *arena = b->document->arena;
	size_t count = section->entry_count;
	const struct entry **sorted = arena_take(arena, count * sizeof(const struct entry *));
	for (size_t i = 0; i < count; i++)
		sorted[i] = &section->entries[i];
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are sorted */
	qsort(sorted, count, sizeof *sorted, compare_entries);
	for (size_t i = 1, first = 0; i < count; i++) {
		if (strcmp(sorted[i]->key, sorted[first]->key) != 0) {
			first = i;
			continue;
		}
		complaint_error(b->complaints, b->document->label, sorted[i]->line, sorted[i]->key,
			"'%s' is there already, in line %d", sorted[i]->key, sorted[first]->line);
		HINT(b, "keep one of the two");
	}
}

static void complain_sections(struct building *b)
{
	struct arena *arena = b->document->arena;
	size_t count = b->section_count;
	const struct section **sorted = arena_take(arena, count * sizeof(const struct section *));
	for (size_t i = 0; i < count; i++)
		sorted[i] = &b->sections[i];
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are sorted */
	qsort(sorted, count, sizeof *sorted, compare_sections);
	for (size_t i = 1, first = 0; i < count; i++) {
		if (strcmp(sorted[i]->header, sorted[first]->header) != 0) {
			first = i;
			continue;
		}
		COMPLAIN(b, sorted[i]->line, "[%s] is there already, in line %d", sorted[i]->header,
			sorted[first]->line);
		HINT(b, "put the keys of both under one of them");
	}
}

static void finish(struct building *b)
{
	close_section(b);
	for (size_t i = 0; i < b->section_count; i++)
		complain_entries(b, &b->sections[i]);
	complain_sections(b);
	b->document->sections = b->sections;
	b->document->section_count = b->section_count;
}

void document_build(struct document *document, const char *text, size_t length,
	struct complaints *complaints)
{
	struct building b = {.document = document, .complaints = complaints};
	struct reader_sink sink = {
		.self = &b,
		.label = document->label,
		.complaints = complaints,
		.on_section = on_section,
		.on_entry = on_entry,
		.is_key = is_key,
	};
	reader_run(text, length, &sink);
	finish(&b);
	if (!b.services && !document->is_users && !complaints->errors) {
		COMPLAIN(&b, 0, "there is no service in it");
		HINT(&b, "write [service NAME] and below it command = ...");
	}
}

static void add_service(struct building *b, const struct procfile_entry *entry)
{
	struct arena *arena = b->document->arena;
	struct section section = {
		.kind = SECTION_SERVICE,
		.header = arena_format(arena, "service %s", entry->name),
		.name = entry->name,
		.line = entry->line,
	};
	if (!counts(b, &section))
		return;
	struct entry *entries = arena_take(arena, 2 * sizeof *entries);
	entries[0] = (struct entry){"command", entry->command, entry->line};
	entries[1] = (struct entry){"type", "task", entry->line};
	section.entries = entries;
	section.entry_count = entry->is_task ? 2 : 1;
	*arena_append(arena, b->sections, b->section_count) = section;
}

void document_build_procfile(struct document *document, const char *text, size_t length,
	struct complaints *complaints)
{
	struct building b = {.document = document, .complaints = complaints};
	struct procfile procfile = {0};
	procfile_parse(document->arena, document->label, text, length, complaints, &procfile);
	for (size_t i = 0; i < procfile.count; i++)
		add_service(&b, &procfile.entries[i]);
	document->sections = b.sections;
	document->section_count = b.section_count;
}
