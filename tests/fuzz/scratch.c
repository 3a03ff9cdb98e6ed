#include <sys/stat.h>

#include "fuzz.h"

char scratch_root[64] = "";

static void sweep(void)
{
	(void)file_remove_tree(scratch_root, NULL);
}

const char *scratch(void)
{
	if (*scratch_root)
		return scratch_root;
	/* In memory where that is to be had: a target writes thousands of files a second. */
	const char *base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	snprintf(scratch_root, sizeof scratch_root, "%s/stackup-fuzz-XXXXXX", base);
	MUST(mkdtemp(scratch_root));
	atexit(sweep);
	return scratch_root;
}

void scratch_write(const char *path, struct tape part)
{
	char full[512];
	snprintf(full, sizeof full, "%s/%s", scratch(), path);
	for (char *slash = full + strlen(scratch_root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(full, 0700);
		*slash = '/';
	}
	FILE *file = fopen(full, "we");
	MUST(file);
	if (part.left)
		MUST(fwrite(part.at, 1, part.left, file) == part.left);
	fclose(file);
}
