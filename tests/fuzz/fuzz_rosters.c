/* rooms: base model registry listeners orphans */
/*
 * A roster of another run, or what became of one. The first part is what differs from a good head and good
 * rows: pairs of a place (two bytes) and a byte. Its end cuts the file at that length when the last pair is
 * alone. What is read back has names that end, and nothing of it is removed by reading.
 */
#include "fuzz.h"
#include "orphans/roster.h"
#include "registry/instances.h"

enum { ROWS = 3 };

struct file {
	struct roster_head head;
	struct roster_row rows[ROWS];
};

static void fill(struct file *file)
{
	struct owner_mark self;
	owner_mark_self(&self);
	memset(file, 0, sizeof *file);
	memcpy(file->head.magic, "leaders2", sizeof file->head.magic);
	snprintf(file->head.run_id, sizeof file->head.run_id, "run");
	snprintf(file->head.boot_id, sizeof file->head.boot_id, "%s", self.boot_id);
	snprintf(file->head.project, sizeof file->head.project, "shop");
	file->head.project_id = file->head.instance = 1;
	file->head.pidns = self.pidns;
	for (int i = 0; i < ROWS; i++) {
		file->rows[i].pid = getpid();
		snprintf(file->rows[i].service, sizeof file->rows[i].service, "api");
	}
}

static void change(struct file *file, size_t *length, struct tape tape)
{
	unsigned char *bytes = (unsigned char *)file;
	while (tape.left) {
		size_t at = tape_byte(&tape);
		at = (at << 8 | tape_byte(&tape)) % sizeof *file;
		if (tape.left)
			bytes[at] = tape_byte(&tape);
		else
			*length = at;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct file file;
	size_t length = sizeof file;
	struct rosters found = {0};
	fill(&file);
	change(&file, &length, tape_of(data, size));
	scratch_write("locks/p1-1.leaders", (struct tape){(const char *)&file, length});
	rosters_read(scratch(), &(struct roster_query){.of_any_boot = true}, &found);
	MUST(found.count <= 1);
	for (size_t i = 0; i < found.count; i++) {
		const struct roster *roster = &found.items[i];
		MUST(memchr(roster->head.run_id, '\0', sizeof roster->head.run_id));
		MUST(memchr(roster->head.project, '\0', sizeof roster->head.project));
		MUST(roster->count <= ROWS);
		for (size_t r = 0; r < roster->count; r++) {
			struct owner owner = {0};
			roster_mark(roster, &roster->rows[r], scratch(), &owner);
			MUST(owner.by_roster && strlen(owner.service) < sizeof roster->rows[r].service);
			owner_release(&owner);
		}
	}
	rosters_release(&found);
	return 0;
}
