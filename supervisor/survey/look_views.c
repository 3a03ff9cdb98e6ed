#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "claim/leased.h"
#include "registry/lock.h"
#include "survey/look_parts.h"

/* Whether an instance lives is a question to the file system, asked once for each. */
struct known_life {
	int64_t project_id;
	int instance;
	bool lives;
};

struct viewing {
	const struct look_facts *facts;
	on_port_view *on_view;
	void *self;
	LIST(struct known_life) lives; /* owns */
	struct owner nobody; /* owns: of sockets whose process was not looked for */
	size_t next_lease; /* those before have their views */
	size_t next_reservation;
	int last; /* order of the port that was told last */
};

static bool instance_lives(struct viewing *v, int64_t project_id, int instance)
{
	for (size_t i = 0; i < v->lives.count; i++)
		if (v->lives.items[i].project_id == project_id &&
			v->lives.items[i].instance == instance)
			return v->lives.items[i].lives;
	struct known_life life = {project_id, instance,
		instance_is_alive(v->facts->state, project_id, instance)};
	(void)list_push(&v->lives, life);
	return life.lives;
}

/* ---- who asks ---- */

static struct port_asker asker_of_lease(struct viewing *v, const struct lease *lease)
{
	return (struct port_asker){.state = v->facts->state, .project_id = lease->project_id,
		.project = lease->project, .instance = lease->instance,
		.is_running = instance_lives(v, lease->project_id, lease->instance)};
}

static struct port_asker asker_of_owner(struct viewing *v, const struct owner *owner)
{
	struct port_asker asker = {.state = v->facts->state};
	for (size_t i = 0; i < v->facts->project_count; i++) {
		const struct project *project = &v->facts->projects[i];
		if (strcmp(project->name, owner->project) != 0)
			continue;
		asker.project_id = project->id;
		asker.project = project->name;
		asker.instance = owner->instance;
		asker.is_running = instance_lives(v, project->id, owner->instance);
	}
	return asker;
}

/* The instance that has the lease; without one the instance that the process says it belongs to. */
static struct port_asker asker_of(struct viewing *v, const struct port_view *view)
{
	if (view->has_lease)
		return asker_of_lease(v, &view->lease);
	if (view->has_holder && view->holder.project &&
		owner_is_ours(&view->holder, v->facts->state))
		return asker_of_owner(v, &view->holder);
	return (struct port_asker){.state = v->facts->state};
}

/* ---- one view ---- */

/* A supervisor carries no marks of its own; the lease says whose placeholder it holds. */
static void name_supervisor(struct port_view *view)
{
	bool own = view->class == CLASS_OWN_LIVE || view->class == CLASS_LEASED;
	if (!own || !view->has_lease || !view->holder.supervisor || view->holder.project)
		return;
	/* The view is told and forgotten: it borrows. */
	view->holder.project = (char *)(uintptr_t)view->lease.project;
	view->holder.instance = view->lease.instance;
}

static int order_of(uint16_t port, bool udp)
{
	return port * 2 + udp;
}

static int tell(struct viewing *v, const struct port_view *view, struct error *e)
{
	v->last = order_of(view->port, view->udp);
	return v->on_view(v->self, view, e);
}

static int judge(struct viewing *v, struct port_view *view, const struct socket_list *siblings,
	struct error *e)
{
	struct port_asker asker = asker_of(v, view);
	asker.protects = v->facts->protects;
	asker.protect_count = v->facts->protect_count;
	struct port_verdict verdict = port_classify_socket(&asker, &view->socket,
		view->has_holder ? &view->holder : NULL, siblings,
		view->has_lease ? &view->lease : NULL);
	view->class = verdict.class;
	view->evidence = verdict.evidence;
	view->guard = verdict.guard;
	/* Only the process could tell whose it is, if it is no lease's. */
	if (v->facts->unnamed &&
		(view->class == CLASS_FOREIGN || view->class == CLASS_WRONG_FAMILY)) {
		view->class = CLASS_UNKNOWN;
		view->evidence = SEEN_UNASKED;
	}
	name_supervisor(view);
	return tell(v, view, e);
}

/* Looking a name up reads files: the sockets of one user mostly come together. */
static void put_user(struct viewing *v, struct port_view *view)
{
	uid_t uid = view->socket.uid;
	if (!v->nobody.user || v->nobody.uid != uid) {
		owner_release(&v->nobody);
		v->nobody = (struct owner){.uid = uid, .user = owner_user_name(uid)};
	}
	view->holder = v->nobody;
	view->has_holder = true;
}

/* One view for each process that has the socket, or one without a process. */
static int add_socket(struct viewing *v, struct port_view *view,
	const struct socket_list *siblings, struct error *e)
{
	const struct owner_index *owners = &v->facts->owners;
	uint64_t inode = view->socket.inode;
	size_t at = inode ? owner_index_first(owners, inode) : owners->count;
	view->has_holder = false;
	view->holder = (struct owner){0}; /* the same view serves all sockets of the port */
	if (at == owners->count) {
		if (inode && v->facts->unnamed)
			put_user(v, view);
		return judge(v, view, siblings, e);
	}
	for (; at < owners->count && owners->links[at].inode == inode; at++) {
		view->holder = owners->owners.items[owners->links[at].owner];
		view->holder.inode = inode;
		view->has_holder = true;
		if (judge(v, view, siblings, e))
			return -1;
	}
	return 0;
}

/* ---- the sockets of a port ---- */

static const struct reservation *reservation_of(const struct look_facts *facts, uint16_t port)
{
	for (size_t i = 0; i < facts->reservation_count; i++)
		if (facts->reservations[i].port == port)
			return &facts->reservations[i];
	return NULL;
}

static void put_rights(const struct look_facts *facts, struct port_view *view)
{
	const struct lease *lease =
		leased_at(facts->leases, facts->lease_count, view->port, view->udp);
	view->reservation = reservation_of(facts, view->port);
	view->has_lease = lease != NULL;
	if (lease)
		view->lease = *lease;
}

static bool is_connection(const struct socket_entry *socket)
{
	return socket->state == SOCKET_CONNECTED || socket->state == SOCKET_TIME_WAIT;
}

static size_t count_of(const struct socket_list *siblings, enum socket_state state)
{
	size_t count = 0;
	for (size_t i = 0; i < siblings->count; i++)
		count += siblings->items[i].state == state;
	return count;
}

/* The one that lasts longest: no process has them, and nothing else tells one from the other. */
static const struct socket_entry *last_waiting(const struct socket_list *siblings)
{
	const struct socket_entry *last = NULL;
	for (size_t i = 0; i < siblings->count; i++) {
		const struct socket_entry *s = &siblings->items[i];
		if (s->state == SOCKET_TIME_WAIT && (!last || s->expires_ms > last->expires_ms))
			last = s;
	}
	return last;
}

static int add_port(struct viewing *v, const struct socket_list *siblings, struct error *e)
{
	const struct socket_entry *first = &siblings->items[0], *waiting = last_waiting(siblings);
	struct port_view view = {.port = first->port, .udp = first->udp, .seen = true};
	put_rights(v->facts, &view);
	/* Listeners come first: what is connected then belongs to them. */
	bool listens = first->state == SOCKET_LISTEN;
	size_t connections = listens ? count_of(siblings, SOCKET_CONNECTED) : 0;
	for (size_t i = 0; i < siblings->count; i++) {
		const struct socket_entry *socket = &siblings->items[i];
		bool waits = socket->state == SOCKET_TIME_WAIT;
		if ((listens && is_connection(socket)) || (waits && socket != waiting))
			continue;
		view.socket = *socket;
		view.connections = waits ? count_of(siblings, SOCKET_TIME_WAIT) : connections;
		if (add_socket(v, &view, siblings, e))
			return -1;
	}
	return 0;
}

/* ---- ports on which nobody is ---- */

static int add_silent_lease(struct viewing *v, const struct lease *lease, struct error *e)
{
	struct port_view view = {.port = lease->port, .udp = lease->udp};
	put_rights(v->facts, &view);
	bool lives = instance_lives(v, lease->project_id, lease->instance);
	view.class = lives ? CLASS_LEASED : CLASS_FREE;
	view.evidence = lives ? SEEN_LEASE : SEEN_NOTHING;
	return tell(v, &view, e);
}

static int add_silent_reservation(struct viewing *v, const struct reservation *r, struct error *e)
{
	struct port_view view = {.port = r->port, .class = CLASS_RESERVED, .reservation = r};
	return tell(v, &view, e);
}

/* Everything silent below this port; views come out in order. */
static int add_silent(struct viewing *v, int limit, struct error *e)
{
	const struct look_facts *f = v->facts;
	while (f->silent) {
		const struct lease *lease =
			v->next_lease < f->lease_count ? &f->leases[v->next_lease] : NULL;
		const struct reservation *r = v->next_reservation < f->reservation_count
			? &f->reservations[v->next_reservation] : NULL;
		int lease_order = lease ? order_of(lease->port, lease->udp) : INT32_MAX;
		int order = r ? order_of(r->port, false) : INT32_MAX;
		if (lease_order >= limit && order >= limit)
			return 0;
		bool is_lease = lease_order <= order;
		v->next_lease += is_lease;
		v->next_reservation += !is_lease;
		if ((is_lease && !*lease->service) || v->last == (is_lease ? lease_order : order))
			continue;
		if (is_lease ? add_silent_lease(v, lease, e) : add_silent_reservation(v, r, e))
			return -1;
	}
	return 0;
}

static int view_all(struct viewing *v, struct error *e)
{
	const struct socket_list *sockets = &v->facts->sockets;
	for (size_t i = 0, next; i < sockets->count; i = next) {
		const struct socket_entry *first = &sockets->items[i];
		int order = order_of(first->port, first->udp);
		for (next = i + 1; next < sockets->count; next++)
			if (order_of(sockets->items[next].port, sockets->items[next].udp) != order)
				break;
		struct socket_list siblings = {.items = sockets->items + i, .count = next - i};
		if (add_silent(v, order, e) || add_port(v, &siblings, e))
			return -1;
	}
	return add_silent(v, INT32_MAX, e);
}

int look_make_views(
	const struct look_facts *facts, on_port_view *on_view, void *self, struct error *e)
{
	struct viewing v = {.facts = facts, .on_view = on_view, .self = self, .last = -1};
	int result = view_all(&v, e);
	list_release(&v.lives);
	owner_release(&v.nobody);
	return result;
}

void look_facts_release(struct look_facts *facts)
{
	list_release(&facts->sockets);
	owner_index_release(&facts->owners);
}

void port_view_add_evidence(struct text *out, const struct port_view *view)
{
	struct port_verdict verdict = {.class = view->class, .evidence = view->evidence,
		.socket = view->seen ? &view->socket : NULL,
		.holder = view->has_holder ? &view->holder : NULL,
		.wait_ms = view->socket.expires_ms, .guard = view->guard, .uid = geteuid()};
	port_evidence_add(out, &verdict, view->has_lease ? &view->lease : NULL);
}
