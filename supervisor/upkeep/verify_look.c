/*
 * The facts behind verify_judge().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "claim/worktree.h"
#include "registry/instances.h"
#include "survey/look_parts.h"
#include "upkeep/verify.h"

struct looking {
	const char *state;
	struct arena *arena;
	struct verify_facts *out;
	struct lease *leases;
	size_t lease_count;
	struct service_row *services;
	size_t service_count;
	const struct verify_want *wants;
	size_t want_count;
};

/* ---- projects and instances ---- */

static struct verify_project look_at_project(const struct project *row)
{
	struct stat st;
	const struct instance main = {.worktree = row->path, .git_dir = "", .git_mark = ""};
	bool missing = stat(row->path, &st) && (errno == ENOENT || errno == ENOTDIR) &&
		strcmp(row->status, "archived") != 0;
	bool unseen = missing && worktree_is_unseen(&main);
	return (struct verify_project){row, missing && !unseen, unseen};
}

static void take_projects(struct looking *l)
{
	for (size_t i = 0; i < l->out->all.project_count; i++)
		*arena_append(l->arena, l->out->projects, l->out->project_count) =
			look_at_project(&l->out->all.projects[i].row);
}

static void take_instances(struct looking *l)
{
	for (size_t i = 0; i < l->out->all.instance_count; i++) {
		const struct inventory_instance *it = &l->out->all.instances[i];
		bool gone = worktree_is_gone(&it->row);
		bool unseen = gone && worktree_is_unseen(&it->row);
		*arena_append(l->arena, l->out->instances, l->out->instance_count) =
			(struct verify_instance){it, gone && !unseen, unseen};
	}
}

/* ---- leases ---- */

static bool is_wanted(const struct looking *l, const struct lease *lease)
{
	for (size_t i = 0; i < l->want_count; i++)
		if (l->wants[i].project_id == lease->project_id &&
			l->wants[i].instance == lease->instance && l->wants[i].port == lease->port)
			return true;
	return false;
}

static int by_place(const struct port_view *view, uint16_t port, bool udp)
{
	return view->port != port ? view->port - port : view->udp - udp;
}

/* Views are in order of their ports, TCP first. */
static void take_views(const struct port_look *look, struct verify_lease *lease)
{
	size_t low = 0, high = look->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (by_place(&look->items[middle], lease->row->port, lease->row->udp) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	lease->views = look->items + low;
	while (low + lease->view_count < look->count &&
		!by_place(&lease->views[lease->view_count], lease->row->port, lease->row->udp))
		lease->view_count++;
}

static int by_owner(const void *first, const void *second)
{
	const struct lease *a = first, *b = second;
	int order = (a->project_id > b->project_id) - (a->project_id < b->project_id);
	order = order ? order : (a->instance > b->instance) - (a->instance < b->instance);
	order = order ? order : strcmp(a->service, b->service);
	order = order ? order : strcmp(a->name, b->name);
	return order ? order : a->port - b->port;
}

static void take_leases(struct looking *l)
{
	struct owner_mark self;
	owner_mark_self(&self);
	if (l->lease_count)
		qsort(l->leases, l->lease_count, sizeof *l->leases, by_owner);
	for (size_t i = 0; i < l->lease_count; i++) {
		const struct lease *row = &l->leases[i];
		const struct inventory_instance *owner =
			inventory_find(&l->out->all, row->project_id, row->instance);
		/* The first namespaces of two machines have the same number. */
		bool elsewhere = owner && instance_is_elsewhere(&owner->row);
		struct verify_lease *lease =
			arena_append(l->arena, l->out->leases, l->out->lease_count);
		*lease = (struct verify_lease){.row = row,
			.owner = owner,
			.is_here = row->netns == self.netns && !elsewhere,
			.is_wanted = is_wanted(l, row)};
		if (lease->is_here)
			take_views(&l->out->look, lease);
	}
}

static void take_services(struct looking *l)
{
	for (size_t i = 0; i < l->service_count; i++)
		*arena_append(l->arena, l->out->services, l->out->service_count) =
			(struct verify_service){&l->services[i],
				inventory_find(&l->out->all, l->services[i].project_id,
					l->services[i].instance)};
}

/* One of several processes that have the socket is enough. */
static void take_strays(struct looking *l)
{
	const struct port_look *look = &l->out->look;
	uint16_t last = 0;
	for (size_t i = 0; i < look->count; i++) {
		const struct port_view *view = &look->items[i];
		if (!view->seen || view->udp || view->has_lease || view->port == last ||
			view->socket.state != SOCKET_LISTEN || !view->has_holder ||
			!view->holder.project || !owner_is_ours(&view->holder, l->state))
			continue;
		last = view->port;
		*arena_append(l->arena, l->out->strays, l->out->stray_count) =
			(struct verify_stray){view};
	}
}

/* ---- all of it ---- */

static int read_registry(struct looking *l, struct error *e)
{
	struct registry *r = registry_open(l->state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	if (!r)
		return -1;
	int result = lease_list(r, 0, 0, l->arena, &l->leases, &l->lease_count, e) ||
			service_list_active(r, l->arena, &l->services, &l->service_count, e)
		? -1
		: 0;
	registry_close(r);
	return result ? -1 : inventory_read(l->state, 0, l->arena, &l->out->all, e);
}

int verify_look(const char *state, const struct verify_want *wants, size_t want_count,
	struct verify_facts *out, struct error *e)
{
	struct looking l = {.state = state, .out = out, .wants = wants, .want_count = want_count};
	*out = (struct verify_facts){.arena = arena_new()};
	l.arena = out->arena;
	if (!l.arena)
		return fail(e, EXIT_FAILED, "out of memory");
	if (!registry_exists(state))
		return 0;
	if (read_registry(&l, e) || ports_list_all(state, &out->look, e))
		return -1;
	take_projects(&l);
	take_instances(&l);
	take_leases(&l);
	take_services(&l);
	take_strays(&l);
	return 0;
}

void verify_facts_release(struct verify_facts *facts)
{
	port_look_release(&facts->look);
	arena_free(facts->arena);
	*facts = (struct verify_facts){0};
}
