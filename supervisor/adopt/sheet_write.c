/*
 * The sheet as text: slots first, then sections with their comments.
 */
#include <string.h>

#include "adopt/sheet.h"
#include "model/names.h"

enum { COMMENT_COLUMNS = 98 };

/* ---- slots ---- */

/* Who has the name of a free slot needs no key; who has that of a taken one, or of none, gets the next. */
static void choose_slots(struct sheet *sheet)
{
	bool taken[SLOTS] = {0};
	size_t ports = 0;
	for (size_t i = 0; i < sheet->count; i++) {
		struct sheet_service *s = sheet->services[i];
		int slot = slot_by_name(s->name);
		bool fixed = sheet_value(s, "port") || sheet_value(s, "slot");
		bool task = sheet_value(s, "type") != NULL;
		if (s->dropped || fixed || task)
			continue;
		if (slot != NO_SLOT && !taken[slot]) {
			/* The name alone gives it the port, whether it listens or not. */
			taken[slot] = true;
			ports++;
			if (!s->wants_main && !sheet_value(s, "template") && !sheet_value(s, "ready")) {
				sheet_set(sheet, s, "ready", "started");
				sheet_note_key(s, "ready", "It listens nowhere.");
			}
		} else if (slot != NO_SLOT || s->wants_main) {
			sheet_set(sheet, s, "slot", "auto");
			ports++;
		}
		for (size_t p = 0; p < s->port_count; p++, ports++)
			sheet_set(sheet, s, arena_format(sheet->arena, "port.%s", s->ports[p]), "auto");
	}
	if (ports <= SLOTS)
		return;
	size_t spans = (ports + SLOTS - 1) / SLOTS;
	sheet_set(sheet, NULL, "instances",
		arena_format(sheet->arena, "%zu", spans > INSTANCES ? (size_t)INSTANCES : spans));
}

/* ---- text ---- */

/* "# " and words, broken where the line ends. */
static void add_comment(struct text *out, const char *indent, const char *comment)
{
	size_t column = 0;
	while (*comment) {
		size_t word = strcspn(comment, " ");
		if (column && column + word + 1 > COMMENT_COLUMNS - strlen(indent)) {
			text_add_char(out, '\n');
			column = 0;
		}
		if (column)
			text_add_char(out, ' ');
		else
			text_addf(out, "#%s ", indent);
		text_add_bytes(out, comment, word);
		column += word + 1;
		comment += word + strspn(comment + word, " ");
	}
	text_add_char(out, '\n');
}

/* A value's further lines are indented; an empty one would end nothing and is left out. */
static void add_value(struct text *out, const char *value)
{
	for (const char *line = value; *line;) {
		size_t length = strcspn(line, "\n");
		if (line != value && length)
			text_add(out, "\n\t");
		text_add_bytes(out, line, length);
		line += length + (line[length] == '\n');
	}
	text_add_char(out, '\n');
}

/* Stable: members of a family like env.NAME have one rank and keep their order. */
static void sort_entries(struct sheet_entry *entries, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct sheet_entry entry = entries[i];
		size_t k = i;
		for (; k && entries[k - 1].rank > entry.rank; k--)
			entries[k] = entries[k - 1];
		entries[k] = entry;
	}
}

static void add_entries(struct text *out, struct sheet_entry *entries, size_t count)
{
	sort_entries(entries, count);
	for (size_t i = 0; i < count; i++) {
		if (entries[i].note)
			add_comment(out, "", entries[i].note);
		text_addf(out, "%s = ", entries[i].key);
		add_value(out, entries[i].value);
	}
}

static void add_left(struct text *out, const char *const *left, size_t count)
{
	if (!count)
		return;
	text_add(out, "# Not taken over:\n");
	for (size_t i = 0; i < count; i++)
		add_comment(out, "  ", left[i]);
}

static void add_service(struct text *out, struct sheet_service *s)
{
	if (s->line)
		text_addf(out, "\n# %s, line %d\n", s->file, s->line);
	else
		text_addf(out, "\n# %s\n", s->file);
	for (size_t i = 0; i < s->note_count; i++)
		add_comment(out, "", s->notes[i]);
	text_addf(out, "[service %s]\n", s->name);
	add_entries(out, s->entries, s->count);
	add_left(out, s->left, s->left_count);
}

void sheet_write(struct sheet *sheet, struct text *out)
{
	choose_slots(sheet);
	if (sheet->title)
		add_comment(out, "", sheet->title);
	add_left(out, sheet->left, sheet->left_count);
	if (sheet->name || sheet->stack_count)
		text_add(out, "[stack]\n");
	if (sheet->name)
		text_addf(out, "name = %s\n", sheet->name);
	add_entries(out, sheet->stack, sheet->stack_count);
	for (size_t i = 0; i < sheet->count; i++)
		if (!sheet->services[i]->dropped)
			add_service(out, sheet->services[i]);
}
