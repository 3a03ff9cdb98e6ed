/*
 * debris_parts.h - what looking for debris and removing it share. Private to this room.
 */
#ifndef UPKEEP_DEBRIS_PARTS_H
#define UPKEEP_DEBRIS_PARTS_H

#include "orphans/roster.h"
#include "ports/protect_look.h"
#include "upkeep/debris.h"
#include "upkeep/inventory.h"

/* Who lives, as the registry, the lock bytes, the rosters and the control sockets say. */
struct homes {
	const struct debris_rules *rules;
	struct arena *arena;
	struct inventory all;
	struct rosters rosters; /* owns; of every run */
	struct rosters dead; /* owns; of this boot, and nobody held the byte when this was read */
};
int homes_read(struct homes *homes, const struct debris_rules *rules, struct arena *arena,
	struct error *e);
void homes_release(struct homes *homes);
/* The row of the instance, or NULL; *project_id is 0 where there is no such project. */
const struct inventory_instance *homes_find(const struct homes *homes, const char *project,
	int instance, int64_t *project_id);
enum debris_home home_of(const struct homes *homes, const char *project, int instance);

/*
 * Processes of the state directory that carry marks, or are kin of a run that was dead when homes
 * were read; each with its marks. How many of them, the first ones, are proven by a roster.
 */
size_t debris_find_processes(const struct homes *homes, struct owner_list *out);
/* A process as it is told, in the arena. */
const char *debris_describe(struct arena *arena, const struct owner *owner);
/* A clause why nobody ends this one, NULL: nothing is against it. */
const char *debris_guard(const struct protected_sockets *protected, const struct owner *owner,
	bool is_proven);
/* Sockets, files and directories, from now on without looking at the registry. */
void debris_find_files(const struct debris_rules *rules, struct arena *arena, struct debris *out);
/* Of the files below a directory. */
int64_t debris_bytes(const char *path);

struct debris_fact *debris_add(struct arena *arena, struct debris *out, enum debris_kind kind,
	const char *project, int instance);
/* What belongs to an instance of which a process stays, stays as well. */
void debris_keep_occupied(struct debris *debris);

#endif
