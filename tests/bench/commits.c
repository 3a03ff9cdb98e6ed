/* rooms: base model registry */
/*
 * Commits into the registry until it is killed, for `kill_commits`: two rows in two tables at a time, and a
 * byte on standard output once the commit has returned.
 *
 *	bench_commits STATE WRITER
 *
 * The n-th commit leaves the event and the audit row "WRITER n".
 */
#include <stdio.h>
#include <unistd.h>

#include "registry/history.h"
#include "registry/registry.h"

static int commit(struct registry *r, const char *text, struct error *e)
{
	if (registry_begin(r, e))
		return -1;
	if (!history_event(r, 1, 1, "commit", text, e) && !history_audit(r, 1, 1, "commit", text, "", e))
		return registry_commit(r, e);
	registry_rollback(r);
	return -1;
}

int main(int argc, char **argv)
{
	struct error e = {0};
	if (argc != 3) {
		fprintf(stderr, "bench_commits STATE WRITER\n");
		return 2;
	}
	struct registry *r = registry_open(argv[1], REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, &e);
	for (long n = 1; r; n++) {
		char text[64];
		snprintf(text, sizeof text, "%s %ld", argv[2], n);
		if (commit(r, text, &e))
			break;
		if (write(STDOUT_FILENO, "!", 1) != 1)
			return 0; /* nobody counts any more */
	}
	fprintf(stderr, "%s\n", e.text);
	registry_close(r);
	return 1;
}
