#include <string.h>

#include "ports/classify.h"
#include "ports/reserved.h"

static void add_holder(struct text *out, const struct port_verdict *v, const struct lease *lease)
{
	if (v->holder)
		owner_add_line(out, v->holder);
	else if (v->socket)
		text_addf(out, "a process of uid %u", (unsigned)v->socket->uid);
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

/* ---- evidence ---- */

static void add_lease(struct text *out, const char *before, const struct lease *lease,
	const char *after)
{
	if (lease)
		text_addf(out, "%s%s instance %d%s", before, lease->project, lease->instance,
			after);
	else
		text_addf(out, "%san instance%s", before, after);
}

static void add_mark(struct text *out, const struct owner *holder, const char *after)
{
	text_addf(out, "it %s %s instance %d",
		holder->by_roster ? "was started by" : "carries the marks of", holder->project,
		holder->instance);
	if (holder->service)
		text_addf(out, ", service %s", holder->service);
	text_add(out, after);
}

static void add_peer(struct text *out, const struct socket_entry *socket)
{
	struct socket_entry peer = *socket;
	char address[SOCKET_ADDRESS_SIZE];
	memcpy(peer.address, socket->peer, sizeof peer.address);
	text_addf(out, "nobody listens; a connection with %s port %u has it as its own port",
		socket_address(&peer, address), (unsigned)socket->peer_port);
}

static const char *name_of(const struct port_verdict *v)
{
	return v->holder && v->holder->name && *v->holder->name ? v->holder->name : "it";
}

static void add_user(struct text *out, const struct port_verdict *v)
{
	if (v->holder && v->holder->user)
		text_addf(out, "it is of user %s, and we are uid %u", v->holder->user,
			(unsigned)v->uid);
	else
		text_addf(out, "it is of uid %u, and we are uid %u", (unsigned)v->socket->uid,
			(unsigned)v->uid);
}

void port_evidence_add(struct text *out, const struct port_verdict *v, const struct lease *lease)
{
	switch (v->evidence) {
	case SEEN_NOTHING:
		text_add(out, "no socket has it");
		return;
	case SEEN_ROOTS_PORT:
		text_add(out, "it is below net.ipv4.ip_unprivileged_port_start");
		return;
	case SEEN_REFUSAL:
		text_add(out, "the kernel refuses it and shows no socket");
		return;
	case SEEN_LEASE:
		add_lease(out, "it is leased to ", lease, ", whose supervisor lives");
		return;
	case SEEN_PLACEHOLDER:
		add_lease(out, "its supervisor keeps it for ", lease, ", and does not listen");
		return;
	case SEEN_SUPERVISOR:
		text_add(out, "it is a supervisor of stackup, and no lease here is its own");
		return;
	case SEEN_OTHER_STATE:
		add_mark(out, v->holder, "; its state directory is of another registry: ");
		text_add(out, v->holder->state_dir ? v->holder->state_dir : "unknown");
		return;
	case SEEN_LIVE_MARK:
		add_mark(out, v->holder, "");
		return;
	case SEEN_DEAD_MARK:
		add_mark(out, v->holder, ", whose supervisor is gone");
		return;
	case SEEN_CONNECTION:
		add_peer(out, v->socket);
		return;
	case SEEN_TIME_WAIT:
		text_addf(out, "a connection that is over keeps it for another %u s",
			(unsigned)(v->wait_ms + 999) / 1000);
		return;
	case SEEN_CONTAINER:
		text_addf(out, "it belongs to container %s", v->holder->container);
		return;
	case SEEN_PUBLISHER:
		text_addf(out, "%s publishes ports of containers", name_of(v));
		return;
	case SEEN_INIT:
		text_add(out, "it is pid 1");
		return;
	case SEEN_SYSTEM:
		text_addf(out, "%s is a program of the system", name_of(v));
		return;
	case SEEN_UNIT:
		text_addf(out, "it belongs to the system service %s", v->holder->unit);
		return;
	case SEEN_GUARD:
		text_add(out, v->guard);
		return;
	case SEEN_USER:
		add_user(out, v);
		return;
	case SEEN_SIX_ONLY:
		text_add(out, "it listens for IPv6 only, and nothing listens on 127.0.0.1");
		return;
	case SEEN_UNASKED:
		text_add(out, "its process was not looked for");
		return;
	case SEEN_NO_MARK:
		text_add(out, "it is of the same user and carries no marks of stackup");
		return;
	}
}
