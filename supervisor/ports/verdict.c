#include <string.h>
#include <unistd.h>

#include "ports/classify.h"
#include "ports/protect.h"
#include "registry/lock.h"

/* Of several processes that share a socket: one of a run of stackup, else the first. */
static const struct owner *owner_of(const struct owner_list *owners, uint64_t inode)
{
	const struct owner *first = NULL;
	for (size_t i = 0; inode && i < owners->count; i++) {
		const struct owner *owner = &owners->items[i];
		if (owner->inode != inode)
			continue;
		if (owner->run_id)
			return owner;
		first = first ? first : owner;
	}
	return first;
}

/* What says most about a port comes first. */
static int weight(enum socket_state state)
{
	switch (state) {
	case SOCKET_LISTEN:
	case SOCKET_UDP:
		return 4;
	case SOCKET_BOUND:
		return 3;
	case SOCKET_CONNECTED:
		return 2;
	case SOCKET_TIME_WAIT:
		return 1;
	}
	return 0;
}

/* Longest TIME_WAIT, and the most telling socket that is not of the asking process itself. */
static void choose_socket(struct port_verdict *v, uint16_t port, bool udp,
	const struct socket_list *sockets, const struct owner_list *owners)
{
	for (size_t i = 0; i < sockets->count; i++) {
		const struct socket_entry *s = &sockets->items[i];
		if (s->port != port || s->udp != udp)
			continue;
		const struct owner *owner = owner_of(owners, s->inode);
		if (owner && owner->pid == getpid())
			continue;
		if (s->state == SOCKET_TIME_WAIT && s->expires_ms > v->wait_ms)
			v->wait_ms = s->expires_ms;
		if (v->socket && weight(v->socket->state) >= weight(s->state))
			continue;
		v->socket = s;
		v->holder = owner;
	}
}

static bool takes_four(const struct socket_entry *s)
{
	static const uint8_t any[16], mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (!s->v6)
		return true;
	bool open = !memcmp(s->address, any, sizeof any) && !s->v6_only;
	return open || !memcmp(s->address, mapped, sizeof mapped);
}

static bool is_six_only(const struct socket_entry *socket, const struct socket_list *sockets)
{
	if (socket->state != SOCKET_LISTEN)
		return false;
	for (size_t i = 0; i < sockets->count; i++) {
		const struct socket_entry *s = &sockets->items[i];
		if (s->port == socket->port && s->state == SOCKET_LISTEN && takes_four(s))
			return false;
	}
	return !takes_four(socket);
}

static bool is_asker(const struct port_asker *a, const struct lease *lease)
{
	return lease->project_id == a->project_id && lease->instance == a->instance;
}

static void gather_mark(struct port_facts *f, const struct port_asker *a, const struct lease *lease)
{
	const struct owner *owner = f->holder;
	f->mark_is_here = owner_is_ours(owner, a->state);
	if (!f->mark_is_here)
		return;
	f->mark_is_project = a->project && !strcmp(owner->project, a->project);
	f->mark_is_instance = f->mark_is_project && owner->instance == a->instance;
	if (f->mark_is_instance)
		f->mark_lives = a->is_running ||
			(a->run_id && *a->run_id && !strcmp(a->run_id, owner->run_id));
	else if (f->mark_is_project)
		f->mark_lives = instance_is_alive(a->state, a->project_id, owner->instance);
	else
		/* Only the lease tells which project of the registry has that name. */
		f->mark_lives = !lease || strcmp(owner->project, lease->project) != 0 ||
			instance_is_alive(a->state, lease->project_id, owner->instance);
}

static void gather_lease(
	struct port_facts *f, const struct port_asker *a, const struct lease *lease)
{
	f->lease_is_project = lease->project_id == a->project_id;
	f->lease_is_instance = is_asker(a, lease);
	f->lease_lives = f->lease_is_instance ? a->is_running
		: instance_is_alive(a->state, lease->project_id, lease->instance);
}

/* Asked once: no process that looks at ports ever becomes another user. */
static uid_t own_uid(void)
{
	static uid_t uid;
	static bool is_known;
	if (!is_known)
		uid = geteuid();
	is_known = true;
	return uid;
}

static void conclude(struct port_verdict *v, struct port_facts *f, const struct port_asker *a,
	uint16_t port, const struct lease *lease)
{
	f->socket = v->socket;
	f->holder = v->holder;
	f->uid = own_uid();
	f->guard = protect_port(port, a->protects, a->protect_count);
	if (lease)
		gather_lease(f, a, lease);
	if (f->holder && f->holder->run_id)
		gather_mark(f, a, lease);
	struct port_finding finding = port_class_of(f);
	v->class = finding.class;
	v->evidence = finding.evidence;
	v->guard = f->guard;
	v->uid = f->uid;
	v->is_own = finding.class == CLASS_OWN_LIVE ||
		(finding.class == CLASS_LEASED && f->lease_is_instance);
}

struct port_verdict port_classify(const struct port_asker *asker, uint16_t port, bool udp,
	int bind_errno, const struct socket_list *sockets, const struct owner_list *owners,
	const struct lease *lease)
{
	struct port_verdict v = {.class = CLASS_FREE};
	struct port_facts facts = {.bind_errno = bind_errno};
	choose_socket(&v, port, udp, sockets, owners);
	facts.six_only = v.socket && is_six_only(v.socket, sockets);
	conclude(&v, &facts, asker, port, lease);
	return v;
}

struct port_verdict port_classify_socket(const struct port_asker *asker,
	const struct socket_entry *socket, const struct owner *holder,
	const struct socket_list *sockets, const struct lease *lease)
{
	struct port_verdict v = {.socket = socket, .holder = holder, .wait_ms = socket->expires_ms};
	struct port_facts facts = {.six_only = is_six_only(socket, sockets)};
	conclude(&v, &facts, asker, socket->port, lease);
	return v;
}
