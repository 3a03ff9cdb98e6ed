#include "spawn/oom.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"

static const char machine[] = "/proc/vmstat";

bool oom_path_of(const char *membership, struct text *path)
{
	/* The line of version 2 has number 0 and no controllers: "0::/user.slice/x.scope". */
	const char *at = strncmp(membership, "0::/", 4) ? strstr(membership, "\n0::/") : membership;
	if (!at)
		return false;
	at = strstr(at, "::") + 2;
	text_add(path, "/sys/fs/cgroup");
	text_addf(path, "%.*s/memory.events", (int)strcspn(at, "\n"), at);
	return text_ok(path);
}

static bool find_path(struct text *path)
{
	OWNED_TEXT membership = {0};
	if (file_read_proc("/proc/self/cgroup", &membership) &&
		oom_path_of(text_string(&membership), path) && !access(text_string(path), R_OK))
		return true;
	text_cut(path, 0);
	text_add(path, machine);
	return text_ok(path);
}

/* False: it cannot be read. Both files have lines of a name and a number. */
static bool read_count(const struct oom *oom, uint64_t *count)
{
	static const char line[] = "\noom_kill ";
	OWNED_TEXT content = {0};
	if (!oom->path.length || !file_read_proc(text_string(&oom->path), &content))
		return false;
	const char *at = strstr(text_string(&content), line);
	if (at)
		*count = strtoull(at + sizeof line - 1, NULL, 10);
	return at;
}

void oom_open(struct oom *oom)
{
	*oom = (struct oom){0};
	if (!find_path(&oom->path) || !read_count(oom, &oom->count))
		oom_close(oom);
}

void oom_close(struct oom *oom)
{
	text_release(&oom->path);
}

bool oom_struck(struct oom *oom)
{
	uint64_t now;
	if (!read_count(oom, &now) || now <= oom->count)
		return false;
	oom->count = now;
	return true;
}
