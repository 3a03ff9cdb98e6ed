#include "listeners/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"

enum { DEEPEST = 32 };

/* Takes the descriptor of the directory; path is what leads to it. */
static void read_below(int fd, struct text *path, int depth, struct cgroup_names *names)
{
	DIR *directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return;
	}
	struct dirent *entry;
	while ((entry = readdir(directory))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		size_t length = path->length;
		text_addf(path, "/%s", entry->d_name);
		struct cgroup_name name = {entry->d_ino, strdup(text_string(path))};
		if (!name.path || !list_push(names, name))
			free(name.path);
		int below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below >= 0 && depth < DEEPEST)
			read_below(below, path, depth + 1, names);
		else if (below >= 0)
			close(below);
		text_cut(path, length);
	}
	closedir(directory);
}

void cgroup_names_read(struct cgroup_names *names)
{
	/* cgroup2 alone, and cgroup2 beside the controllers of the first version. */
	static const char *const roots[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
	for (size_t i = 0; i < sizeof roots / sizeof roots[0] && !names->count; i++) {
		OWNED_TEXT path = {0};
		int fd = open(roots[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			read_below(fd, &path, 0, names);
	}
}

void cgroup_names_release(struct cgroup_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i].path);
	list_release(names);
}

const char *cgroup_path(const struct cgroup_names *names, uint64_t id)
{
	for (size_t i = 0; id && i < names->count; i++)
		if (names->items[i].id == id)
			return names->items[i].path;
	return NULL;
}
