/* rooms: base model registry */
/*
 * The small files from which a lost registry is made anew, as anything but us may have left them: parts
 * divided by lines "%%" are the record of an instance, the rows of the machine, the ports of a run and its
 * end. A registry comes out of it in any case, and its file is sound.
 */
#include <sys/stat.h>

#include "fuzz.h"
#include "registry/integrity.h"

static void must_be_sound(const char *state)
{
	struct integrity found = {0};
	struct error e = {0};
	struct arena *arena = arena_new();
	MUST(!registry_integrity(state, arena, &found, &e));
	for (size_t i = 0; i < found.count; i++) {
		const char *check = found.problems[i].check;
		MUST(strcmp(check, "file") && strcmp(check, "pages") && strcmp(check, "foreign_key"));
	}
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const files[] = {"state/locks/p1-1.json", "state/locks/machine.json",
		"state/locks/p1-1.leases", "state/locks/p1-1.ended"};
	struct tape tape = tape_of(data, size);
	OWNED_TEXT notices = {0};
	struct error e = {0};
	char state[128];
	snprintf(state, sizeof state, "%s/state", scratch());
	MUST(!file_remove_tree(state, NULL));
	for (int i = 0; i < 4; i++) {
		struct tape part = tape_part(&tape);
		if (part.left)
			scratch_write(files[i], part);
	}
	struct registry *r = registry_open(state, REGISTRY_WRITE, 1000, &notices, &e);
	if (!r)
		fprintf(stderr, "%s\n", e.text);
	MUST(r);
	registry_close(r);
	must_be_sound(state);
	return 0;
}
