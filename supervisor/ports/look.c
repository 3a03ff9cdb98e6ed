#include "ports/look.h"

#include <string.h>

#include "base/list.h"
#include "base/own.h"
#include "ports/lock.h"
#include "ports/policy.h"
#include "ports/pool.h"
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

void port_check_release(struct port_check *check)
{
	owners_release(&check->owners);
	if (check->arena)
		arena_free(check->arena);
	*check = (struct port_check){0};
}

static int begin(struct arena **arena, const char *state, struct registry **r, struct error *e)
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

static const struct lease *lease_of(const struct lease *leases, size_t count, uint16_t port, bool udp)
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
		const struct lease *lease = lease_of(leases, lease_count, socket->port, socket->udp);
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

/* All sockets on these ports with their processes. */
static int see(const uint16_t *ports, size_t count, struct socket_list *sockets,
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
	if (begin(&look->arena, state, &r, e))
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
	int result = see(&port, 1, &sockets, &owners, e);
	if (!result)
		result = add_sockets(look, state, &sockets, &owners, leases, count, e);
	if (!result)
		result = add_silent(look, leases, count, e);
	list_release(&sockets);
	owners_release(&owners);
	return result;
}

/* Leases of this network namespace; of one project or of all. */
static int read_leases(struct registry *r, const char *project, struct arena *arena,
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
		if (is_listed(socket, lease_of(leases, count, socket->port, socket->udp)))
			sockets->items[kept++] = *socket;
	}
	sockets->count = kept;
}

int ports_list(const char *state, const char *project, struct port_look *look, struct error *e)
{
	struct registry *r = NULL;
	struct lease *leases = NULL;
	size_t count = 0;
	if (begin(&look->arena, state, &r, e))
		return -1;
	int result = read_leases(r, project, look->arena, &leases, &count, e);
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

/* `ports check`: one port that is wanted, row NULL for one of the range that no service uses. */
struct checking {
	const char *state;
	const struct claim *claim;
	struct port_check *check;
	const struct port *rows;
	size_t row_count;
	uint16_t *ports; /* everything wanted: the rows first, then the range */
	size_t count;
	bool strict;
	struct socket_list sockets;
	struct lease *leases;
	size_t lease_count;
};

static struct port_verdict verdict_of(const struct checking *c, uint16_t port, bool udp,
	const struct lease **lease)
{
	struct port_asker asker = {.state = c->state, .project_id = c->claim->project_id,
		.project = c->claim->project, .instance = c->claim->instance,
		.is_running = c->claim->outcome == CLAIM_RUNNING};
	*lease = lease_of(c->leases, c->lease_count, port, udp);
	return port_classify(&asker, port, udp, 0, &c->sockets, &c->check->owners, *lease);
}

/* Connections on a port of the instance that runs are its own clients. */
static bool is_conflict(const struct checking *c, const struct port_verdict *v)
{
	bool running = c->claim->outcome == CLAIM_RUNNING;
	if (v->class == CLASS_FREE || v->is_own)
		return false;
	return !running || (v->class != CLASS_TIME_WAIT && v->class != CLASS_EPHEMERAL);
}

static bool is_wanted(const struct checking *c, uint16_t port)
{
	for (size_t i = 0; i < c->row_count; i++)
		if (c->rows[i].number == port)
			return true;
	return false;
}

/* Nor is what another row would move to. */
static bool is_promised(const struct checking *c, uint16_t port)
{
	for (size_t i = 0; i < c->check->count; i++)
		if (c->check->items[i].move_to == port)
			return true;
	return false;
}

static uint16_t free_place(const struct checking *c, const struct port *row)
{
	uint16_t low = row->range_low, high = row->range_high;
	if (port_has_slot(row)) {
		low = c->claim->base_port;
		high = (uint16_t)(low + instance_slots(c->claim->spans) - 1);
	}
	for (int port = low; port && port <= high; port++) {
		const struct lease *lease;
		bool udp = row->protocol == PROTOCOL_UDP;
		if (!claim_avoids(c->claim, row, (uint16_t)port) && !is_wanted(c, (uint16_t)port) &&
			!is_promised(c, (uint16_t)port) &&
			verdict_of(c, (uint16_t)port, udp, &lease).class == CLASS_FREE)
			return (uint16_t)port;
	}
	return 0;
}

static bool may_move(const struct checking *c, const struct port *row)
{
	return !c->strict && !row->immutable && row->on_conflict != CONFLICT_FAIL &&
		(port_has_slot(row) || row->range_low) && !row->overridden;
}

static void add_conflict(struct checking *c, const struct port *row, uint16_t port,
	const struct port_verdict *v, const struct lease *lease)
{
	OWNED_TEXT line = {0};
	port_verdict_add(&line, v, lease);
	struct arena *arena = c->check->arena;
	uint16_t move_to = row && may_move(c, row) ? free_place(c, row) : 0;
	*arena_append(arena, c->check->items, c->check->count) = (struct port_conflict){
		.project = arena_string(arena, c->claim->project),
		.instance = c->claim->instance,
		.service = row ? arena_string(arena, row->service) : "",
		.port = port,
		.class = v->class,
		.is_protected = claim_protects(c->claim, port),
		.holder = v->holder,
		.text = arena_string(arena, text_string(&line)),
		.default_action = v->class == CLASS_OWN_STALE ? "stop"
			: !row ? "none" : move_to ? "move"
			: v->class == CLASS_TIME_WAIT ? "wait" : "fail",
		.move_to = v->class == CLASS_OWN_STALE ? 0 : move_to,
	};
}

/* A pool row without a port of its own takes the first that nobody has. */
static void settle_pool(struct checking *c, struct port *rows)
{
	for (size_t i = 0; i < c->row_count; i++) {
		struct port *row = &rows[i];
		struct pool_walk walk = {.claim = c->claim, .row = row};
		const struct lease *lease;
		bool udp = row->protocol == PROTOCOL_UDP;
		if (row->source != PORT_POOL || pool_home(c->claim, row) == row->number)
			continue;
		for (uint16_t port; (port = pool_next(&walk));) {
			if ((port != row->number && is_wanted(c, port)) ||
				verdict_of(c, port, udp, &lease).class != CLASS_FREE)
				continue;
			row->number = c->ports[i] = port;
			break;
		}
	}
}

static void check_all(struct checking *c)
{
	for (size_t i = 0; i < c->count; i++) {
		bool ours = i < c->row_count;
		const struct port *row = ours ? &c->rows[i] : NULL;
		const struct lease *lease;
		bool udp = ours && row->protocol == PROTOCOL_UDP;
		if (!ours && (is_wanted(c, c->ports[i]) || claim_avoids(c->claim, NULL, c->ports[i])))
			continue;
		struct port_verdict v = verdict_of(c, c->ports[i], udp, &lease);
		const struct reservation *reserved =
			ours ? claim_reserved(c->claim, row, c->ports[i]) : NULL;
		if (reserved && !v.is_own)
			v = (struct port_verdict){.class = CLASS_RESERVED, .reserved = reserved};
		bool quiet = !ours && (v.class == CLASS_TIME_WAIT || v.class == CLASS_EPHEMERAL);
		if (is_conflict(c, &v) && !quiet)
			add_conflict(c, row, c->ports[i], &v, lease);
	}
}

/* The ports of the rows, of the range, and of the rows' fallback ranges. */
static void collect(struct checking *c)
{
	struct arena *arena = c->check->arena;
	int slots = c->claim->base_port ? instance_slots(c->claim->spans) : 0;
	for (size_t i = 0; i < c->row_count; i++)
		*arena_append(arena, c->ports, c->count) = c->rows[i].number;
	for (int slot = 0; slot < slots; slot++)
		*arena_append(arena, c->ports, c->count) = (uint16_t)(c->claim->base_port + slot);
}

static size_t look_at(struct checking *c, uint16_t **out)
{
	struct arena *arena = c->check->arena;
	size_t count = 0;
	*out = NULL;
	for (size_t i = 0; i < c->count; i++)
		*arena_append(arena, *out, count) = c->ports[i];
	for (size_t i = 0; i < c->row_count; i++)
		for (int port = c->rows[i].range_low; port && port <= c->rows[i].range_high; port++)
			*arena_append(arena, *out, count) = (uint16_t)port;
	return count;
}

int ports_check(const char *state, const struct claim *claim, const struct port *ports,
	size_t count, bool strict, struct port_check *check, struct error *e)
{
	struct registry *r = NULL;
	struct checking c = {.state = state, .claim = claim, .check = check, .row_count = count,
		.strict = strict};
	if (begin(&check->arena, state, &r, e))
		return -1;
	int result = read_leases(r, NULL, check->arena, &c.leases, &c.lease_count, e);
	registry_close(r);
	struct port *rows = arena_take(check->arena, (count + 1) * sizeof *rows);
	if (count)
		memcpy(rows, ports, count * sizeof *rows);
	c.rows = rows;
	if (result || claim_preview(claim, rows, count, e))
		return -1;
	collect(&c);
	uint16_t *all;
	size_t all_count = look_at(&c, &all);
	if (!all_count)
		return 0;
	result = see(all, all_count, &c.sockets, &check->owners, e);
	if (!result) {
		settle_pool(&c, rows);
		check_all(&c);
	}
	list_release(&c.sockets);
	return result;
}
