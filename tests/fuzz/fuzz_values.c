/* rooms: base model stackfile */
/*
 * The first byte chooses a key of keys.def, the rest is its value: it is accepted, or there is a complaint
 * that says where, what and what helps. What `check` finds is the same twice.
 */
#include "fuzz.h"
#include "stackfile/values.h"

static size_t judge(const struct key *key, const char *text)
{
	struct complaints complaints = {0};
	struct arena *arena = arena_new();
	const struct site site = {.arena = arena, .complaints = &complaints, .file = "stack.ini",
		.line = 7, .key = key->name, .row = key};
	bool good = value_accepts(&site, text);
	MUST(good == !complaints.errors);
	for (size_t i = 0; i < complaints.list.count; i++) {
		OWNED_TEXT shown = {0};
		MUST(*complaints.list.items[i].text && complaints.list.items[i].line == 7);
		complaint_show(&complaints.list.items[i], &shown);
		must_be_tame(&shown);
	}
	size_t said = complaints.list.count;
	complaints_release(&complaints);
	arena_free(arena);
	return said;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape tape = tape_of(data, size);
	const struct key *key = schema_key((enum key_id)(tape_byte(&tape) % KEY_COUNT));
	char *text = tape_string(tape);
	MUST(judge(key, text) == judge(key, text));
	MUST(judge(key, key->example) == 0);
	free(text);
	return 0;
}
