/*
 * A port that went to somebody while its service was down: seen by looking, before the next start,
 * so that no server has to fail to find it out. The ports are claimed anew then, by the strategy of
 * the stack; what has moved is told, and who knows the port is restarted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/takeover.h"

/* Who connects to the service's port on this machine would come to that listener. */
static bool is_in_the_way(const struct socket_entry *s)
{
	static const uint8_t nobody[16];
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	bool wildcard = !memcmp(s->address, nobody, s->v6 ? 16 : 4);
	return wildcard || (!s->v6 && !memcmp(s->address, loopback, sizeof loopback));
}

static bool is_our_hold(const struct hold *hold, const struct socket_entry *s)
{
	struct stat st;
	return hold->fd >= 0 && !fstat(hold->fd, &st) && st.st_ino == s->inode;
}

/* A connection without an inode is what a dead server left; others are somebody's. */
static bool takes_the_port(const struct socket_entry *s, bool held)
{
	switch (s->state) {
	case SOCKET_LISTEN:
		return is_in_the_way(s);
	case SOCKET_BOUND:
	case SOCKET_UDP:
		return !held;
	case SOCKET_CONNECTED:
		return !held && s->inode;
	case SOCKET_TIME_WAIT:
		return false;
	}
	return false;
}

static bool is_lost(struct instance *in, const struct port *port, struct hold *hold)
{
	struct socket_list list = {0};
	bool lost = false;
	if (hold->state == HOLD_CLOSED || hold->state == HOLD_IS_LISTENING)
		return false;
	bool held = hold->state == HOLD_IS_EXCLUSIVE || !hold_rearm(hold, NULL);
	if (held && hold->udp)
		return false;
	/* All states only where somebody may have come: that look costs ten times as much. */
	if (held)
		(void)sockets_listeners(&in->sockets, &port->number, 1, &list, NULL);
	else
		(void)sockets_all(&in->sockets, &port->number, 1, hold->udp, &list, NULL);
	for (size_t i = 0; i < list.count && !lost; i++)
		lost = list.items[i].udp == hold->udp && !is_our_hold(hold, &list.items[i])
			&& takes_the_port(&list.items[i], held);
	list_release(&list);
	return lost;
}

/* A listener on any address, or whoever is bound: no server of ours fits beside that. */
static bool is_a_server(const struct socket_entry *s)
{
	return s->state == SOCKET_LISTEN || s->state == SOCKET_BOUND || s->state == SOCKET_UDP;
}

bool lost_to_server(struct instance *in, const struct port *port)
{
	struct socket_list list = {0};
	const struct hold *hold = instance_hold(in, port);
	bool found = false;
	(void)sockets_all(&in->sockets, &port->number, 1, hold && hold->udp, &list, NULL);
	for (size_t i = 0; i < list.count && hold && !found; i++)
		found = list.items[i].udp == hold->udp && is_a_server(&list.items[i])
			&& !is_our_hold(hold, &list.items[i]);
	list_release(&list);
	return found;
}

/*
 * An optional service's port that somebody had when the instance started, or one that was lost
 * since and cannot be another: then the service tries on until it is free.
 */
static int take_again(struct instance *in, const struct service *s, const struct port *port,
	struct hold *hold, struct error *e)
{
	struct error why = {0};
	OWNED_TEXT who = {0};
	bool reserved = claim_reserved(&in->claim, port, port->number) != NULL;
	if (!reserved && !hold_take(hold, port->number, hold->udp, &why))
		return 0;
	if (!reserved && !s->policy.optional) {
		port_explain(in->paths.state, &in->claim, port->number, hold->udp, why.number,
			&who);
		fail(e, EXIT_CONFLICT, "%s", text_string(&who));
		e->number = EAGAIN;
		return -1;
	}
	return fail(e, EXIT_CONFLICT, "port %u is %s; `stackup start %s` tries again", port->number,
		reserved ? "reserved for somebody else" : "taken", port->service);
}

/* The next turn claims anew; no restart of the service is spent on it. */
static int say_lost(struct instance *in, const struct service *s, const struct port *port,
	struct error *e)
{
	OWNED_TEXT who = {0};
	in->io[s->index]->run.lost = true;
	port_explain(in->paths.state, &in->claim, port->number, port->protocol == PROTOCOL_UDP, 0,
		&who);
	tell_incident(in, s->index, INCIDENT_PORT_LOST, text_string(&who));
	fail(e, EXIT_CONFLICT, "%s", text_string(&who));
	e->number = EAGAIN;
	return -1;
}

int lost_check(struct instance *in, const struct service *s, const struct port *port,
	struct hold *hold, struct error *e)
{
	if (s->index != second_row(in) && is_lost(in, port, hold))
		return say_lost(in, s, port, e);
	return hold->state == HOLD_CLOSED ? take_again(in, s, port, hold, e) : 0;
}

/* What is not held any more is claimed like a port that was never had. */
static void let_go(struct instance *in, int service)
{
	const struct service *s = service_at(in, service);
	for (size_t i = 0; i < s->port_count; i++) {
		struct hold *hold = instance_hold(in, port_at(in, service, i));
		if (hold && is_lost(in, port_at(in, service, i), hold))
			hold_close(hold);
	}
}

/* What the claim had to say since. */
static void tell_notices(struct instance *in, int service, size_t since)
{
	const char *line = text_string(&in->claim.notices) + since;
	while (*line) {
		char text[REASON_SIZE];
		size_t length = strcspn(line, "\n");
		reason_format(text, "%.*s", (int)length, line);
		tell_event(in, service, EVENT_PORT, text);
		line += length + (line[length] == '\n');
	}
}

/* The first port that has another number now; NULL. */
static const struct port *moved_port(const struct stack *before, const struct stack *after)
{
	for (int i = 0; i < before->port_count; i++)
		if (before->ports[i].number != after->ports[i].number)
			return &before->ports[i];
	return NULL;
}

int lost_claim(struct instance *in, struct takeover *t, struct error *e)
{
	int service = t->wish.service;
	size_t said = in->claim.notices.length;
	let_go(in, service);
	int rc = load_claimed_again(in, &t->other, e);
	tell_notices(in, service, said);
	if (rc) {
		tell_event(in, service, EVENT_PORT, e->text);
		return -1;
	}
	const struct port *port = moved_port(in->loaded.stack, t->other.stack);
	if (!port) {
		loaded_release(&t->other);
		return 0;
	}
	size_t row = (size_t)(port - in->loaded.stack->ports);
	t->port = (struct port_move){.state = in->paths.state,
		.claim = &in->claim,
		.port = port,
		.row = row,
		.from = port->number,
		.to = t->other.stack->ports[row].number};
	t->wish.port = t->port.to;
	return 0;
}
