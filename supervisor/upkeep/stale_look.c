/*
 * The facts behind stale_plan(): what is there, how old it is, and whether something of it is
 * alive.
 */
#include <dirent.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "claim/aside.h"
#include "claim/worktree.h"
#include "listeners/sockets.h"
#include "registry/leases.h"
#include "registry/place.h"
#include "registry/reservations.h"
#include "upkeep/debris_parts.h"
#include "upkeep/inventory.h"
#include "upkeep/stale.h"

static const int64_t DAY_MS = INT64_C(24) * 60 * 60 * 1000;

struct looking {
	const char *state;
	const struct stale_rules *rules;
	struct arena *arena;
	struct stale_facts *out;
	bool is_alone; /* no other machine has this state directory */
	struct inventory all;
	struct lease_count *leases;
	size_t lease_count;
	struct reservation *reservations;
	size_t reservation_count;
	struct reservation_use *uses;
	size_t use_count;
};

static struct stale_fact *add(struct looking *l, enum stale_kind kind)
{
	struct stale_fact *fact = arena_append(l->arena, l->out->items, l->out->count);
	fact->kind = kind;
	fact->project = fact->what = fact->path = fact->created_at = "";
	return fact;
}

/* What cannot be read is as if it was used now: it stays. */
static int64_t time_of(const struct looking *l, const char *text)
{
	int64_t ms;
	return clock_parse_since(text, l->rules->now_ms, &ms) ? ms : l->rules->now_ms;
}

static bool is_old(const struct looking *l, enum stale_kind kind, int64_t last_ms)
{
	return l->rules->now_ms - last_ms >= l->rules->keep_days[kind] * DAY_MS;
}

/* In passing only a part of what there is: every day another one. */
static bool is_in_turn(const struct looking *l, size_t index, size_t count)
{
	if (!l->rules->in_passing || count <= STALE_PASSING_LOOKS)
		return true;
	size_t first = (size_t)(l->rules->now_ms / DAY_MS) * STALE_PASSING_LOOKS % count;
	return (index + count - first) % count < STALE_PASSING_LOOKS;
}

/* ---- instances ---- */

static const struct instance *instance_of(const struct looking *l, int64_t project_id, int number)
{
	const struct inventory_instance *found = inventory_find(&l->all, project_id, number);
	return found ? &found->row : NULL;
}

static void add_leases(struct looking *l, const struct lease_count *group)
{
	const struct instance *row = instance_of(l, group->project_id, group->instance);
	struct stale_fact *fact = add(l, STALE_LEASES);
	fact->project_id = group->project_id;
	fact->project = group->project;
	fact->instance = group->instance;
	fact->lives = row && row->status == INSTANCE_RUNNING;
	fact->used = row ? row->used : 0;
	fact->last_ms = row ? inventory_last_sign(l->state, row, l->rules->now_ms)
			    : time_of(l, group->since);
	fact->what = arena_format(l->arena, "%d lease%s of %s instance %d", group->leases,
		group->leases == 1 ? "" : "s", group->project, group->instance);
}

static void look_at_leases(struct looking *l)
{
	for (size_t i = 0; i < l->lease_count; i++) {
		const struct instance *row =
			instance_of(l, l->leases[i].project_id, l->leases[i].instance);
		if (!row || row->status != INSTANCE_RUNNING)
			add_leases(l, &l->leases[i]);
	}
}

static void add_worktree(struct looking *l, const struct instance *row, int64_t last_ms)
{
	struct stale_fact *fact = add(l, STALE_WORKTREE);
	fact->project_id = row->project_id;
	fact->project = row->project;
	fact->instance = row->number;
	fact->lives = row->status == INSTANCE_RUNNING;
	fact->used = row->used;
	fact->last_ms = last_ms;
	fact->path = row->worktree;
	fact->is_unseen = worktree_is_unseen(row);
	/*
	 * A main worktree that is not where it was may have been moved by hand, and machines that
	 * share a home need not share what lies beside it.
	 */
	fact->on_request = !*row->git_dir || !l->is_alone;
	fact->what = arena_format(l->arena, "the claim of %s on %s instance %d", row->worktree,
		row->project, row->number);
}

static void look_at_worktrees(struct looking *l)
{
	for (size_t i = 0; i < l->all.instance_count; i++) {
		const struct instance *row = &l->all.instances[i].row;
		if (!is_in_turn(l, i, l->all.instance_count))
			continue;
		int64_t last_ms = inventory_last_sign(l->state, row, l->rules->now_ms);
		bool counts = !l->rules->in_passing ||
			(row->status != INSTANCE_RUNNING && is_old(l, STALE_WORKTREE, last_ms));
		if (counts && worktree_is_gone(row))
			add_worktree(l, row, last_ms);
	}
}

static bool any_old(const struct looking *l)
{
	for (size_t i = 0; i < l->out->count; i++)
		if (!l->out->items[i].lives &&
			is_old(l, l->out->items[i].kind, l->out->items[i].last_ms))
			return true;
	return false;
}

/* One scan, when something would go: what `cleanup` would end stands behind its instance. */
static int look_for_leftovers(struct looking *l, struct error *e)
{
	const struct debris_rules rules = {.state = l->state};
	struct owner_list owners = {0};
	struct homes homes;
	if (!any_old(l))
		return 0;
	int result = homes_read(&homes, &rules, l->arena, e);
	if (!result)
		debris_find_processes(&homes, &owners);
	for (size_t i = 0; i < l->out->count; i++)
		for (size_t k = 0; k < owners.count; k++)
			l->out->items[i].has_leftovers |=
				owners.items[k].instance == l->out->items[i].instance &&
				!strcmp(owners.items[k].project, l->out->items[i].project);
	owners_release(&owners);
	homes_release(&homes);
	return result;
}

/* ---- reservations ---- */

static int64_t last_use_of(const struct looking *l, const struct reservation *r)
{
	int64_t last = time_of(l, r->created_at);
	for (size_t i = 0; i < l->use_count; i++)
		if (l->uses[i].port == r->port && time_of(l, l->uses[i].last_used_at) > last)
			last = time_of(l, l->uses[i].last_used_at);
	return last;
}

/* Somebody listens there or keeps it bound, a placeholder of ours included. */
static bool somebody_has(uint16_t port)
{
	struct sockets sockets;
	struct socket_list seen = {0};
	sockets_init(&sockets);
	bool had = sockets_all(&sockets, &port, 1, true, &seen, NULL) != 0;
	for (size_t i = 0; i < seen.count && !had; i++)
		had = seen.items[i].state != SOCKET_TIME_WAIT &&
			seen.items[i].state != SOCKET_CONNECTED;
	list_release(&seen);
	sockets_release(&sockets);
	return had;
}

static void look_at_reservations(struct looking *l)
{
	for (size_t i = 0; i < l->reservation_count; i++) {
		const struct reservation *r = &l->reservations[i];
		int64_t last_ms = last_use_of(l, r);
		struct stale_fact *fact = add(l, STALE_RESERVATION);
		fact->project_id = r->project_id;
		fact->project = r->project;
		fact->port = r->port;
		fact->created_at = r->created_at;
		fact->last_ms = last_ms;
		fact->on_request = !r->project_id;
		fact->is_in_use = is_old(l, STALE_RESERVATION, last_ms) && somebody_has(r->port);
		fact->what = r->project_id
			? arena_format(l->arena, "port %u, reserved for '%s' of %s instance %d",
				  r->port, r->service, r->project, r->instance)
			: arena_format(l->arena, "port %u, reserved for %s", r->port, r->owner);
	}
}

/* ---- directories ---- */

static bool is_large(const char *path)
{
	char *const paths[] = {(char *)(uintptr_t)path, NULL};
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	int count = 0;
	while (walk && count <= STALE_PASSING_FILES && fts_read(walk))
		count++;
	if (walk)
		fts_close(walk);
	return count > STALE_PASSING_FILES;
}

static void add_directory(
	struct looking *l, const char *project, const char *name, int instance, int64_t since_ms)
{
	struct stat st;
	const char *path = arena_format(l->arena, "%s/%s/%s", l->state, project, name);
	if (lstat(path, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return;
	struct stale_fact *fact = add(l, STALE_DIRECTORY);
	fact->project = arena_string(l->arena, project);
	fact->instance = instance;
	fact->path = path;
	fact->last_ms = since_ms;
	fact->on_request =
		l->rules->in_passing && is_old(l, STALE_DIRECTORY, since_ms) && is_large(path);
	fact->what = arena_format(l->arena, "%s/%s", project, name);
}

static void look_into(struct looking *l, const char *project)
{
	OWNED_TEXT path = {0};
	text_addf(&path, "%s/%s", l->state, project);
	DIR *directory = text_ok(&path) ? opendir(text_string(&path)) : NULL;
	struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		int instance;
		int64_t since_ms;
		if (state_is_aside(entry->d_name, &instance, &since_ms))
			add_directory(l, project, entry->d_name, instance, since_ms);
	}
	if (directory)
		closedir(directory);
}

static void look_at_directories(struct looking *l)
{
	for (size_t i = 0; i < l->all.project_count; i++)
		if (is_in_turn(l, i, l->all.project_count))
			look_into(l, l->all.projects[i].row.name);
}

/* ---- all of it ---- */

static int by_age(const void *first, const void *second)
{
	const struct stale_fact *a = first, *b = second;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->last_ms > b->last_ms) - (a->last_ms < b->last_ms);
}

static int read_registry(struct looking *l, struct error *e)
{
	struct registry *r = registry_open(l->state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	if (!r)
		return -1;
	int result = lease_counts(r, l->arena, &l->leases, &l->lease_count, e) ||
			reservation_list(r, l->arena, &l->reservations, &l->reservation_count, e) ||
			reservation_uses(r, l->arena, &l->uses, &l->use_count, e)
		? -1
		: 0;
	registry_close(r);
	return result ? -1 : inventory_read(l->state, 0, l->arena, &l->all, e);
}

int stale_look(const char *state, const struct stale_rules *rules, struct arena *arena,
	struct stale_facts *out, struct error *e)
{
	struct looking l = {.state = state,
		.rules = rules,
		.arena = arena,
		.out = out,
		.is_alone = place_is_local(state)};
	*out = (struct stale_facts){0};
	if (!registry_exists(state))
		return 0;
	if (read_registry(&l, e))
		return -1;
	look_at_leases(&l);
	look_at_worktrees(&l);
	if (look_for_leftovers(&l, e))
		return -1;
	look_at_reservations(&l);
	look_at_directories(&l);
	if (out->count)
		qsort(out->items, out->count, sizeof *out->items, by_age);
	return 0;
}
