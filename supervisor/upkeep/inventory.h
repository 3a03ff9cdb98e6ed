/*
 * inventory.h - what the registry has, as it is now: projects, their instances, and which of them
 * run.
 *
 *	1. inventory_read(state, 0, arena, &all, e), or a project's id for that one alone.
 *	2. for (p in all.projects) for (i in all.items[p.first .. p.first + p.count - 1])
 *	3. inventory_add_*() for the JSON that scripts read.
 *
 * Made for a thousand projects with ten instances each: one look at the lock file of a project that
 * has instances, JSON written straight into a text.
 */
#ifndef UPKEEP_INVENTORY_H
#define UPKEEP_INVENTORY_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "registry/instances.h"
#include "registry/projects.h"

struct inventory_project {
	struct project row;
	const int *blocks; /* all it owns, its first one first */
	size_t block_count;
	size_t first; /* of its instances */
	size_t count;
};

struct inventory_instance {
	struct instance row; /* status is what the lock byte says, not what was written last */
	enum instance_status recorded; /* what was written last */
	uint16_t base_port;
};

/* Where the project with this id is. */
struct inventory_place {
	int64_t id;
	size_t project;
};

struct inventory {
	uint16_t ports_base;
	struct inventory_project *projects; /* by name */
	size_t project_count;
	struct inventory_instance *instances; /* by project and number */
	size_t instance_count;
	struct inventory_place *by_id; /* for inventory_find() */
};
/* NULL: there is no such instance. */
const struct inventory_instance *inventory_find(
	const struct inventory *inventory, int64_t project_id, int number);

/* An absent registry is empty, and an id that there is not gives no project. */
int inventory_read(const char *state, int64_t project_id, struct arena *arena,
	struct inventory *out, struct error *e);

/*
 * When it was used last, wall clock: started, wanted or stopped. A run that ended without being
 * stopped was in use until it wrote its last event. What cannot be read is as if it was used now.
 */
int64_t inventory_last_sign(const char *state, const struct instance *row, int64_t now_ms);

/*
 * {"version":1,"projects":[...]}. In pieces: whenever *out has grown to some thousand bytes, write()
 * puts it away and empties it.
 */
void inventory_add_all(struct text *out, const struct inventory *inventory,
	void (*write)(struct text *out));
/* {"version":1,"project":{...}} of the first one */
void inventory_add_one(struct text *out, const struct inventory *inventory);
/* {"version":1,"project":"shop","instances":[...]} of the first one */
void inventory_add_instances(struct text *out, const struct inventory *inventory);
/* {"version":1,"instances":[{"project":"shop",...}]} of all of them */
void inventory_add_machine(struct text *out, const struct inventory *inventory);

#endif
