#include "ports/look_parts.h"

#include <string.h>

#include "base/list.h"
#include "base/own.h"
#include "ports/lock.h"
#include "registry/instances.h"
#include "registry/projects.h"

void port_look_release(struct port_look *look)
{
	for (size_t i = 0; i < look->count; i++)
		owner_release(&look->items[i].holder);
	list_release(look);
	if (look->arena)
		arena_free(look->arena);
	*look = (struct port_look){0};
}

int look_begin(struct arena **arena, const char *state, struct registry **r, struct error *e)
{
	*arena = arena_new();
	if (!*arena)
		return fail(e, EXIT_FAILED, "out of memory");
	*r = registry_open(state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	return *r ? 0 : -1;
}

/* The asker of these questions is the lease's own instance, if there is one. */
static struct port_asker asker_of(const char *state, const struct lease *lease)
{
	struct port_asker asker = {.state = state};
	if (!lease)
		return asker;
	asker.project_id = lease->project_id;
	asker.project = lease->project;
	asker.instance = lease->instance;
	asker.is_running = instance_is_alive(state, lease->project_id, lease->instance);
	return asker;
}

static int push_view(struct port_look *look, struct port_view *view, struct error *e)
{
	if (list_push(look, *view))
		return 0;
	owner_release(&view->holder);
	return fail(e, EXIT_FAILED, "out of memory");
}

/* A supervisor carries no marks of its own; the lease says whose placeholder it holds. */
static void name_supervisor(struct port_view *view)
{
	bool own = view->class == CLASS_OWN_LIVE || view->class == CLASS_LEASED;
	if (!own || !view->has_lease || !view->holder.supervisor || view->holder.project)
		return;
	view->holder.project = strdup(view->lease.project);
	view->holder.instance = view->lease.instance;
}

/* One view per process that has the socket; the owner moves over from the list. */
static int add_socket(struct port_look *look, struct port_view view, struct owner_list *owners,
	struct error *e)
{
	bool told = false;
	for (size_t i = 0; view.socket.inode && i < owners->count; i++) {
		struct owner *owner = &owners->items[i];
		if (owner->inode != view.socket.inode)
			continue;
		view.holder = *owner;
		view.has_holder = told = true;
		*owner = (struct owner){0};
		name_supervisor(&view);
		if (push_view(look, &view, e))
			return -1;
	}
	return told ? 0 : push_view(look, &view, e);
}

static enum port_class class_of(const char *state, const struct port_view *view,
	const struct socket_list *sockets, const struct owner_list *owners)
{
	struct port_asker asker = asker_of(state, view->has_lease ? &view->lease : NULL);
	return port_classify(&asker, view->port, view->udp, 0, sockets, owners,
		view->has_lease ? &view->lease : NULL).class;
}

const struct lease *look_lease_of(const struct lease *leases, size_t count, uint16_t port, bool udp)
{
	for (size_t i = 0; i < count; i++)
		if (leases[i].port == port && leases[i].udp == udp)
			return &leases[i];
	return NULL;
}

static int add_sockets(struct port_look *look, const char *state, const struct socket_list *sockets,
	struct owner_list *owners, const struct lease *leases, size_t lease_count, struct error *e)
{
	for (size_t i = 0; i < sockets->count; i++) {
		const struct socket_entry *socket = &sockets->items[i];
		const struct lease *lease = look_lease_of(leases, lease_count, socket->port, socket->udp);
		struct port_view view = {.port = socket->port, .udp = socket->udp, .seen = true,
			.socket = *socket, .has_lease = lease != NULL};
		if (lease)
			view.lease = *lease;
		struct socket_list one = {.items = &sockets->items[i], .count = 1};
		view.class = class_of(state, &view, &one, owners);
		if (add_socket(look, view, owners, e))
			return -1;
	}
	return 0;
}

static bool is_seen(const struct port_look *look, const struct lease *lease)
{
	for (size_t i = 0; i < look->count; i++)
		if (look->items[i].port == lease->port && look->items[i].udp == lease->udp)
			return true;
	return false;
}

/* Leases of services on which nothing is bound. */
static int add_silent(struct port_look *look, const struct lease *leases, size_t count,
	struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		struct port_view view = {.port = leases[i].port, .udp = leases[i].udp,
			.class = CLASS_FREE, .lease = leases[i], .has_lease = true};
		if (!*leases[i].service || is_seen(look, &leases[i]))
			continue;
		if (push_view(look, &view, e))
			return -1;
	}
	return 0;
}

int look_see(const uint16_t *ports, size_t count, struct socket_list *sockets,
	struct owner_list *owners, struct error *e)
{
	struct sockets s;
	sockets_init(&s);
	int result = sockets_all(&s, ports, count, true, sockets, e);
	sockets_release(&s);
	if (!result)
		owners_find(sockets, owners);
	return result;
}

int ports_who(const char *state, uint16_t port, struct port_look *look, struct error *e)
{
	struct registry *r = NULL;
	struct lease leases[2];
	size_t count = 0;
	struct owner_mark self;
	owner_mark_self(&self);
	if (look_begin(&look->arena, state, &r, e))
		return -1;
	int got = lease_find(r, self.netns, false, port, look->arena, &leases[0], e);
	count += got == 1;
	if (got >= 0)
		got = lease_find(r, self.netns, true, port, look->arena, &leases[count], e);
	count += got == 1;
	registry_close(r);
	if (got < 0)
		return -1;
	struct socket_list sockets = {0};
	struct owner_list owners = {0};
	int result = look_see(&port, 1, &sockets, &owners, e);
	if (!result)
		result = add_sockets(look, state, &sockets, &owners, leases, count, e);
	if (!result)
		result = add_silent(look, leases, count, e);
	list_release(&sockets);
	owners_release(&owners);
	return result;
}

int look_read_leases(struct registry *r, const char *project, struct arena *arena,
	struct lease **out, size_t *count, struct error *e)
{
	struct project found = {0};
	struct owner_mark self;
	struct lease *all;
	size_t total;
	owner_mark_self(&self);
	*out = NULL;
	*count = 0;
	int got = project ? project_find_by_name(r, project, arena, &found, e) : 1;
	if (got < 0)
		return -1;
	if (!got)
		return fail(e, EXIT_NOT_FOUND, "there is no project '%s'", project);
	if (lease_list(r, found.id, 0, arena, &all, &total, e))
		return -1;
	for (size_t i = 0; i < total; i++)
		if (all[i].netns == self.netns)
			*arena_append(arena, *out, *count) = all[i];
	return 0;
}

static uint16_t *ports_of(const struct lease *leases, size_t count, struct arena *arena)
{
	uint16_t *ports = arena_take(arena, (count + 1) * sizeof *ports);
	for (size_t i = 0; i < count; i++)
		ports[i] = leases[i].port;
	return ports;
}

static bool is_listed(const struct socket_entry *socket, const struct lease *lease)
{
	return lease && (socket->state == SOCKET_LISTEN || socket->udp);
}

/* Who listens on leased ports; connections and the holds themselves are not of interest here. */
static void keep_listeners(struct socket_list *sockets, const struct lease *leases, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < sockets->count; i++) {
		const struct socket_entry *socket = &sockets->items[i];
		if (is_listed(socket, look_lease_of(leases, count, socket->port, socket->udp)))
			sockets->items[kept++] = *socket;
	}
	sockets->count = kept;
}

int ports_list(const char *state, const char *project, struct port_look *look, struct error *e)
{
	struct registry *r = NULL;
	struct lease *leases = NULL;
	size_t count = 0;
	if (look_begin(&look->arena, state, &r, e))
		return -1;
	int result = look_read_leases(r, project, look->arena, &leases, &count, e);
	registry_close(r);
	if (result || !count)
		return result;
	struct socket_list sockets = {0};
	struct owner_list owners = {0};
	struct sockets s;
	sockets_init(&s);
	result = sockets_all(&s, ports_of(leases, count, look->arena), count, true, &sockets, e);
	sockets_release(&s);
	keep_listeners(&sockets, leases, count);
	if (!result)
		owners_find(&sockets, &owners);
	if (!result)
		result = add_sockets(look, state, &sockets, &owners, leases, count, e);
	if (!result)
		result = add_silent(look, leases, count, e);
	list_release(&sockets);
	owners_release(&owners);
	return result;
}
