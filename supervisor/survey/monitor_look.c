#include <stdlib.h>

#include "base/list.h"
#include "ports/policy.h"
#include "registry/instances.h"
#include "registry/lock.h"
#include "registry/projects.h"
#include "survey/monitor.h"

/* One look while it is taken. */
struct looking {
	const char *state;
	const struct port_look *before;
	struct port_look *out;
	struct lease *leases; /* that stand, by port; in the arena of `out` */
	size_t lease_count;
	uint16_t ports_base;
	bool blocks[BLOCKS];        /* that projects own */
	struct socket_list sockets; /* owns; the listeners that are watched */
	struct owner_list owners;   /* owns */
};

/* Leases of this network namespace whose supervisor lives. */
static void keep_standing(struct looking *l, const struct lease *all, size_t count)
{
	struct owner_mark self;
	const struct lease *last = NULL;
	bool alive = false;
	owner_mark_self(&self);
	for (size_t i = 0; i < count; i++) {
		const struct lease *lease = &all[i];
		if (lease->netns != self.netns)
			continue;
		/* An instance's ports lie together: its lock byte is asked once. */
		if (!last || last->project_id != lease->project_id ||
			last->instance != lease->instance)
			alive = instance_is_alive(l->state, lease->project_id, lease->instance);
		last = lease;
		if (alive)
			*arena_append(l->out->arena, l->leases, l->lease_count) = *lease;
	}
}

static int read_registry(struct looking *l, struct error *e)
{
	struct lease *all;
	size_t count;
	struct registry *r = registry_open(l->state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	if (!r)
		return -1;
	int result = lease_list(r, 0, 0, l->out->arena, &all, &count, e);
	if (!result)
		result = blocks_taken(r, l->blocks, BLOCKS, e) ||
			ports_base_get(r, &l->ports_base, e);
	registry_close(r);
	if (!result)
		keep_standing(l, all, count);
	return result;
}

static const struct lease *lease_of(const struct looking *l, uint16_t port, bool udp)
{
	for (size_t i = 0; i < l->lease_count; i++)
		if (l->leases[i].port == port && l->leases[i].udp == udp)
			return &l->leases[i];
	return NULL;
}

static bool was_watched(const struct looking *l, const struct socket_entry *socket)
{
	for (size_t i = 0; i < l->before->count; i++) {
		const struct port_view *view = &l->before->items[i];
		if (view->seen && view->port == socket->port && view->udp == socket->udp)
			return true;
	}
	return false;
}

/*
 * UDP counts on leased ports only: elsewhere a server and a client that asks for a name look the
 * same. Who was watched once is watched until he leaves, also when his lease has ended.
 */
static bool is_watched(const struct looking *l, const struct socket_entry *socket)
{
	if (socket->state != (socket->udp ? SOCKET_UDP : SOCKET_LISTEN))
		return false;
	if (lease_of(l, socket->port, socket->udp))
		return true;
	int block = block_of_port(l->ports_base, socket->port);
	return (!socket->udp && block >= 0 && l->blocks[block]) || was_watched(l, socket);
}

static void keep_watched(struct looking *l)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->sockets.count; i++)
		if (is_watched(l, &l->sockets.items[i]))
			l->sockets.items[kept++] = l->sockets.items[i];
	l->sockets.count = kept;
}

static int dump(struct looking *l, struct sockets *sockets, struct error *e)
{
	unsigned kinds = KIND_LISTEN;
	for (size_t i = 0; i < l->lease_count; i++)
		kinds |= l->leases[i].udp ? KIND_UDP : 0;
	if (sockets_dump(sockets, kinds, 0, UINT16_MAX, &l->sockets, e))
		return -1;
	keep_watched(l);
	return 0;
}

/* Whoever had the socket at the last look, and has it still. */
static bool remember(struct looking *l, const struct socket_entry *socket)
{
	for (size_t i = 0; i < l->before->count; i++) {
		const struct port_view *view = &l->before->items[i];
		const struct owner *owner = &view->holder;
		if (!view->seen || view->socket.inode != socket->inode || !view->has_holder)
			continue;
		if (owner->pid &&
			(owner_start_ticks(owner->pid) != owner->start_ticks ||
				!owner_has_socket(owner->pid, &socket->inode, 1)))
			return false;
		struct owner known = owner_copy(owner);
		if (list_push(&l->owners, known))
			return true;
		owner_release(&known);
		return false;
	}
	return false;
}

static bool is_in(const struct socket_list *list, uint64_t inode)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].inode == inode)
			return true;
	return false;
}

/* What was closed while /proc was read has no owner any more, and is no stranger. */
static int drop_closed(struct looking *l, struct sockets *sockets, struct error *e)
{
	struct socket_list seen = l->sockets;
	l->sockets = (struct socket_list){0};
	int result = dump(l, sockets, e);
	size_t kept = 0;
	for (size_t i = 0; i < seen.count; i++)
		if (is_in(&l->sockets, seen.items[i].inode))
			seen.items[kept++] = seen.items[i];
	seen.count = kept;
	list_release(&l->sockets);
	l->sockets = seen;
	return result;
}

static int find_owners(struct looking *l, struct sockets *sockets, struct error *e)
{
	struct socket_list strange = {0};
	for (size_t i = 0; i < l->sockets.count; i++)
		if (!remember(l, &l->sockets.items[i]))
			(void)list_push(&strange, l->sockets.items[i]);
	size_t first = l->owners.count;
	owners_find(&strange, &l->owners);
	list_release(&strange);
	for (size_t i = first; i < l->owners.count; i++)
		if (!l->owners.items[i].pid)
			return drop_closed(l, sockets, e);
	return 0;
}

static enum port_class class_of(const struct looking *l, const struct socket_entry *socket,
	struct owner *owner, const struct lease *lease)
{
	struct socket_entry entry = *socket;
	struct socket_list sockets = {.items = &entry, .count = 1};
	struct owner_list owners = {.items = owner, .count = owner ? 1 : 0};
	struct port_asker asker = {.state = l->state};
	if (lease)
		asker = (struct port_asker){.state = l->state,
			.project_id = lease->project_id,
			.project = lease->project,
			.instance = lease->instance,
			.is_running = true};
	return port_classify(&asker, socket->port, socket->udp, 0, &sockets, &owners, lease).class;
}

/* Of several processes with one socket the service's comes first, then the oldest. */
static bool is_better(
	enum port_class class, const struct owner *a, enum port_class than, const struct owner *b)
{
	bool own = class == CLASS_OWN_LIVE, other = than == CLASS_OWN_LIVE;
	return own != other ? own : a->start_ticks < b->start_ticks;
}

static int add_socket(struct looking *l, const struct socket_entry *socket, struct error *e)
{
	const struct lease *lease = lease_of(l, socket->port, socket->udp);
	struct port_view view = {.port = socket->port,
		.udp = socket->udp,
		.seen = true,
		.socket = *socket,
		.class = class_of(l, socket, NULL, lease),
		.has_lease = lease};
	struct owner *best = NULL;
	for (size_t i = 0; socket->inode && i < l->owners.count; i++) {
		struct owner *owner = &l->owners.items[i];
		if (owner->inode != socket->inode)
			continue;
		enum port_class class = class_of(l, socket, owner, lease);
		if (best && !is_better(class, owner, view.class, best))
			continue;
		best = owner;
		view.class = class;
	}
	if (lease)
		view.lease = *lease;
	view.has_holder = best != NULL;
	if (best)
		view.holder = owner_copy(best);
	if (list_push(l->out, view))
		return 0;
	owner_release(&view.holder);
	return fail(e, EXIT_FAILED, "out of memory");
}

static int add_silent(struct looking *l, struct error *e)
{
	size_t seen = l->out->count;
	for (size_t i = 0; i < l->lease_count; i++) {
		const struct lease *lease = &l->leases[i];
		struct port_view view = {.port = lease->port,
			.udp = lease->udp,
			.has_lease = true,
			.class = CLASS_LEASED,
			.lease = *lease};
		bool silent = true;
		for (size_t k = 0; k < seen && silent; k++)
			silent = l->out->items[k].port != lease->port ||
				l->out->items[k].udp != lease->udp;
		if (silent && !list_push(l->out, view))
			return fail(e, EXIT_FAILED, "out of memory");
	}
	return 0;
}

static int order(const void *first, const void *second)
{
	const struct port_view *a = first, *b = second;
	return a->port != b->port ? a->port - b->port : a->udp - b->udp;
}

static int paint(struct looking *l, struct sockets *sockets, struct error *e)
{
	if (find_owners(l, sockets, e))
		return -1;
	for (size_t i = 0; i < l->sockets.count; i++)
		if (add_socket(l, &l->sockets.items[i], e))
			return -1;
	if (add_silent(l, e))
		return -1;
	if (l->out->count)
		qsort(l->out->items, l->out->count, sizeof *l->out->items, order);
	return 0;
}

int monitor_look(struct sockets *sockets, const char *state, const struct port_look *before,
	struct port_look *out, struct error *e)
{
	struct looking l = {.state = state, .before = before, .out = out};
	out->arena = arena_new();
	if (!out->arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int result = -1;
	if (!read_registry(&l, e) && !dump(&l, sockets, e))
		result = paint(&l, sockets, e);
	list_release(&l.sockets);
	owners_release(&l.owners);
	return result;
}
