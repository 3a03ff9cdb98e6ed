/*
 * cgroup.h - the path of a cgroup by its id.
 *
 * The kernel tells of each socket in which cgroup it was made, and it tells everybody: so the
 * container or the system service of a socket is known even where its process may not be looked at.
 * The id is the inode of a directory of the cgroup2 hierarchy (cgroups(7)).
 */
#ifndef LISTENERS_CGROUP_H
#define LISTENERS_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct cgroup_names {
	struct cgroup_name {
		uint64_t id;
		char *path; /* owns: "/system.slice/ssh.service" */
	} *items; /* owns */
	size_t count;
	size_t capacity;
};

/* Reads all names there are: a few hundred directories, about 5 us each. Nothing without cgroup2. */
void cgroup_names_read(struct cgroup_names *names);
void cgroup_names_release(struct cgroup_names *names);
/* NULL: there is no such group (any more). */
const char *cgroup_path(const struct cgroup_names *names, uint64_t id);

#endif
