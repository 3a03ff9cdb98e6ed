/* rooms: base model plan */
/*
 * Any bytes as a file of which a part is ours: what was written and is written again stays the
 * same, and nothing before the block changes; in supabase's config.toml nothing but digits does.
 */
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plan/block.h"
#include "plan/supabase.h"

static const char lines[] = "API_PORT=30101\n# secret\nDB_URL=\n";

static void write_block(struct arena *arena, const char *bytes, size_t length)
{
	OWNED_TEXT once = {0}, twice = {0};
	struct error e = {0};
	const char *const *names;
	block_doubles(arena, bytes, length, lines, &names);
	if (marked_replace(&block_marks, "fuzz", bytes, length, lines, &once, &e))
		return;
	if (marked_replace(&block_marks, "fuzz", once.data, once.length, lines, &twice, &e))
		abort();
	if (once.length != twice.length || memcmp(once.data, twice.data, once.length) != 0)
		abort();
}

static void write_supabase(struct arena *arena, const char *bytes, size_t length)
{
	static const struct port ports[] = {{.service = "supabase",
						    .name = "main",
						    .number = 30103,
						    .source = PORT_SLOT,
						    .slot = 3},
		{.service = "supabase",
			.name = "db",
			.number = 30102,
			.source = PORT_SLOT,
			.slot = 2},
		{.service = "supabase",
			.name = "smtp",
			.number = 30105,
			.source = PORT_AUTO,
			.slot = 5},
		{.service = "pooler",
			.name = "main",
			.number = 30108,
			.source = PORT_AUTO,
			.slot = 8}};
	int count = sizeof ports / sizeof ports[0];
	struct supabase_key *keys;
	OWNED_TEXT once = {0}, twice = {0};
	supabase_write(arena, bytes, length, ports, count, &keys, &once);
	supabase_write(arena, text_string(&once), once.length, ports, count, &keys, &twice);
	if (once.length != twice.length ||
		memcmp(text_string(&once), text_string(&twice), once.length) != 0)
		abort();
	const char *written = text_string(&once), *end = written + once.length;
	for (size_t i = 0; i < length; i++) {
		if (isdigit((unsigned char)bytes[i]) || bytes[i] == '_')
			continue;
		while (written < end && (isdigit((unsigned char)*written) || *written == '_'))
			written++;
		if (written == end || *written++ != bytes[i])
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	write_block(arena, (const char *)data, size);
	write_supabase(arena, (const char *)data, size);
	arena_free(arena);
	return 0;
}
