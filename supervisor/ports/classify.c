#include "ports/classify.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/words.h"
#include "ports/lock.h"
#include "ports/reserved.h"

WORDS(port_class_word, port_class, PORT_CLASSES)

static const struct owner *owner_of(const struct owner_list *owners, uint64_t inode)
{
	for (size_t i = 0; inode && i < owners->count; i++)
		if (owners->items[i].inode == inode)
			return &owners->items[i];
	return NULL;
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

static bool is_asker(const struct port_asker *a, const struct lease *lease)
{
	return lease->project_id == a->project_id && lease->instance == a->instance;
}

/* A lease counts while the byte of its instance is held. */
static bool has_live_lease(const struct port_asker *a, const struct lease *lease)
{
	return lease && !is_asker(a, lease) &&
		instance_is_alive(a->state, lease->project_id, lease->instance);
}

static enum port_class class_of_lease(const struct port_asker *a, const struct lease *lease)
{
	return lease->project_id == a->project_id ? CLASS_OTHER_INSTANCE : CLASS_OTHER_PROJECT;
}

static bool is_run(const struct port_asker *a, const struct owner *owner)
{
	return a->run_id && *a->run_id && !strcmp(a->run_id, owner->run_id);
}

static enum port_class class_of_marked(const struct port_asker *a, const struct owner *owner,
	const struct lease *lease)
{
	if (!owner_is_ours(owner, a->state))
		return CLASS_OTHER_REGISTRY;
	bool own_project = a->project && !strcmp(owner->project, a->project);
	if (own_project && owner->instance == a->instance)
		return a->is_running || is_run(a, owner) ? CLASS_OWN_LIVE : CLASS_OWN_STALE;
	if (own_project && !instance_is_alive(a->state, a->project_id, owner->instance))
		return CLASS_OWN_STALE;
	if (lease && !strcmp(owner->project, lease->project) && !has_live_lease(a, lease))
		return CLASS_OWN_STALE;
	return own_project ? CLASS_OTHER_INSTANCE : CLASS_OTHER_PROJECT;
}

static enum port_class class_of_socket(const struct port_asker *a, const struct port_verdict *v,
	const struct lease *lease)
{
	enum socket_state state = v->socket->state;
	const struct owner *owner = v->holder;
	if (state == SOCKET_TIME_WAIT)
		return CLASS_TIME_WAIT;
	if (owner && owner->run_id)
		return class_of_marked(a, owner, lease);
	if (owner && owner->supervisor && lease && is_asker(a, lease) && a->is_running)
		return CLASS_OWN_LIVE;
	if (state == SOCKET_BOUND && has_live_lease(a, lease))
		return class_of_lease(a, lease);
	if (owner && owner->supervisor)
		return has_live_lease(a, lease) ? class_of_lease(a, lease) : CLASS_OTHER_REGISTRY;
	return state == SOCKET_CONNECTED ? CLASS_EPHEMERAL : CLASS_FOREIGN;
}

struct port_verdict port_classify(const struct port_asker *asker, uint16_t port, bool udp,
	int bind_errno, const struct socket_list *sockets, const struct owner_list *owners,
	const struct lease *lease)
{
	struct port_verdict v = {.class = CLASS_FREE};
	choose_socket(&v, port, udp, sockets, owners);
	if (bind_errno == EACCES)
		v.class = CLASS_PRIVILEGED;
	else if (v.socket)
		v.class = class_of_socket(asker, &v, lease);
	else if (bind_errno)
		v.class = has_live_lease(asker, lease) ? class_of_lease(asker, lease) : CLASS_UNKNOWN;
	return v;
}

static void add_holder(struct text *out, const struct port_verdict *v, const struct lease *lease)
{
	if (v->holder)
		owner_add_line(out, v->holder);
	else if (v->socket)
		text_addf(out, "user %u", (unsigned)v->socket->uid);
	else
		text_add(out, "nobody who can be seen");
	bool told = v->holder && v->holder->project;
	bool by_lease = v->class == CLASS_OTHER_INSTANCE || v->class == CLASS_OTHER_PROJECT;
	if (!told && by_lease && lease)
		text_addf(out, ", project %s instance %d", lease->project, lease->instance);
}

void port_verdict_add(struct text *out, const struct port_verdict *v, const struct lease *lease)
{
	switch (v->class) {
	case CLASS_FREE:
		text_add(out, "free");
		return;
	case CLASS_PRIVILEGED:
		text_add(out, "reserved for root (net.ipv4.ip_unprivileged_port_start)");
		return;
	case CLASS_RESERVED:
		text_add(out, "reserved ");
		reservation_add(out, v->reserved);
		text_addf(out, " (`stackup ports release %u`)", v->reserved->port);
		return;
	case CLASS_TIME_WAIT:
		text_addf(out, "in TIME_WAIT for another %u s", (unsigned)(v->wait_ms + 999) / 1000);
		return;
	case CLASS_UNKNOWN:
		text_add(out, "taken by a socket that this kernel does not show");
		return;
	case CLASS_EPHEMERAL:
		text_add(out, "in use by an outgoing connection of ");
		break;
	case CLASS_OTHER_REGISTRY:
		text_add(out, "held by a stackup of another registry: ");
		break;
	case CLASS_OWN_STALE:
		text_add(out, "held by a leftover of an earlier run: ");
		break;
	case CLASS_LEASED:
		text_add(out, "leased, and nobody listens: ");
		break;
	case CLASS_PROTECTED:
		text_add(out, "held by what must not be stopped: ");
		break;
	case CLASS_WRONG_FAMILY:
		text_add(out, "listened on at ::1 only, by ");
		break;
	case CLASS_OWN_LIVE:
	case CLASS_OTHER_INSTANCE:
	case CLASS_OTHER_PROJECT:
	case CLASS_FOREIGN:
	case CLASS_OTHER_USER:
	case CLASS_CONTAINER:
		text_add(out, "held by ");
		break;
	}
	add_holder(out, v, lease);
}
