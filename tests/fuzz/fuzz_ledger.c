/* rooms: base model registry ports ledger */
/*
 * Any bytes as a document of the registry, in each format: no crash, every complaint and every row
 * has a line, and what was read and contradicts nothing, written down again, reads back the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/judge.h"

static const struct ledger nothing;

static bool exists(void *self, const char *path)
{
	(void)self;
	return strlen(path) % 7 != 0;
}

static bool runs(void *self, int64_t project_id, int instance)
{
	(void)self;
	return (project_id + instance) % 2;
}

static const struct ledger_facts facts = {
	.now = &nothing, .ports_base = 30000, .exists = exists, .runs = runs};

/* The rows that would be written, as a registry would have them. */
static struct ledger kept(struct arena *arena, const struct ledger *read)
{
	struct ledger out = {.ports_base = 30000};
	for (size_t i = 0; i < read->project_count; i++)
		if (read->projects[i].fate == FATE_ADD)
			*arena_append(arena, out.projects, out.project_count) = read->projects[i];
	for (size_t i = 0; i < read->instance_count; i++)
		if (read->instances[i].fate == FATE_ADD)
			*arena_append(arena, out.instances, out.instance_count) =
				read->instances[i];
	return out;
}

static int read_into(struct arena *arena, struct complaints *complaints, enum ledger_format format,
	const char *bytes, size_t length, struct ledger *out)
{
	const struct ledger_reading reading = {.arena = arena,
		.label = "fuzz",
		.complaints = complaints,
		.ledger = out,
		.home = "/home/u",
		.now_ms = 1767323045678};
	struct error e = {0};
	if (ledger_read(&reading, format, bytes, length, &e))
		return -1;
	ledger_judge(&reading, &facts);
	return 0;
}

/* Markdown says least: what it says must not change on the way. */
static void read_back(struct arena *arena, const struct ledger *first)
{
	struct complaints complaints = {0};
	struct ledger second = {0};
	OWNED_TEXT one = {0}, other = {0};
	ledger_write(first, LEDGER_MARKDOWN, &one);
	if (read_into(arena, &complaints, LEDGER_MARKDOWN, text_string(&one), one.length, &second))
		abort();
	struct ledger again = kept(arena, &second);
	ledger_write(&again, LEDGER_MARKDOWN, &other);
	if (complaints.errors != 0 || strcmp(text_string(&one), text_string(&other)) != 0)
		abort();
	complaints_release(&complaints);
}

static void feed(enum ledger_format format, const char *data, size_t size)
{
	struct arena *arena = arena_new();
	struct complaints complaints = {0};
	struct ledger ledger = {0};
	if (!read_into(arena, &complaints, format, data, size, &ledger)) {
		const struct ledger added = kept(arena, &ledger);
		for (size_t i = 0; i < complaints.list.count; i++)
			if (complaints.list.items[i].line < 1 && format != LEDGER_JSON)
				abort();
		for (enum ledger_format f = LEDGER_JSON; f <= LEDGER_CSV; f++) {
			OWNED_TEXT out = {0};
			ledger_write(&added, f, &out);
		}
		read_back(arena, &added);
	}
	complaints_release(&complaints);
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (enum ledger_format f = LEDGER_JSON; f <= LEDGER_CSV; f++)
		feed(f, (const char *)data, size);
	return 0;
}
