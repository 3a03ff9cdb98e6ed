#include "claim/move.h"

#include <stdlib.h>
#include <string.h>

#include "claim/parts.h"
#include "ports/policy.h"
#include "registry/history.h"
#include "registry/lock.h"
#include "registry/reassignments.h"

static bool is_udp(const struct port_move *move)
{
	return move->port->protocol == PROTOCOL_UDP;
}

struct hold *claim_hold(struct claim *claim, uint16_t port, bool udp)
{
	for (size_t i = 0; i < claim->hold_count; i++)
		if (claim->holds[i].port == port && claim->holds[i].udp == udp)
			return &claim->holds[i];
	for (size_t i = 0; i < claim->spare_count; i++)
		if (claim->spares[i].port == port && claim->spares[i].udp == udp)
			return &claim->spares[i];
	return NULL;
}

static struct hold *spare_of(struct claim *claim, uint16_t port, bool udp)
{
	struct hold *hold = claim_hold(claim, port, udp);
	bool spare = hold >= claim->spares && hold < claim->spares + claim->spare_count;
	return hold && spare ? hold : NULL;
}

static bool in_range(const struct port_move *move, uint16_t port)
{
	int slot = port - move->claim->base_port;
	return !is_udp(move) && slot >= 0 && slot < instance_slots(move->claim->spans);
}

static int slot_of(const struct port_move *move, uint16_t port)
{
	return in_range(move, port) ? port - move->claim->base_port : NO_SLOT;
}

/* ---- whether it may ---- */

static int check_own(const struct port_move *move, struct error *e)
{
	const struct claim *claim = move->claim;
	const struct port *port = move->port;
	if (port->immutable) {
		fail(e, EXIT_FAILED, "the port of service '%s' is immutable", port->service);
		error_hint(e, "take `immutable = yes` out of the stack file and run `stackup up`");
		return -1;
	}
	if (move->to == move->from)
		return fail(e, EXIT_USAGE, "service '%s' has port %u already", port->service,
			move->to);
	for (size_t i = 0; i < claim->hold_count; i++)
		if (claim->places[i].number == move->to && claim->places[i].udp == is_udp(move))
			return fail(e, EXIT_CONFLICT, "port %u belongs to service '%s'", move->to,
				claim->places[i].service);
	return claim_refuse(claim, port, move->to, e);
}

/* Who lives and has leased it has it, whether he holds it already or not. */
static int check_lease(struct registry *r, const struct port_move *move, uint64_t netns,
	struct error *e)
{
	struct lease lease;
	struct arena *arena = arena_new();
	if (!arena || setjmp(*arena_on_failure(arena))) {
		arena_free(arena);
		return fail(e, EXIT_FAILED, "out of memory");
	}
	int got = lease_find(r, netns, is_udp(move), move->to, arena, &lease, e);
	bool own = lease.project_id == move->claim->project_id &&
		lease.instance == move->claim->instance;
	int result = got < 0 ? -1 : 0;
	if (got == 1 && !own && instance_is_alive(move->state, lease.project_id, lease.instance))
		result = fail(e, EXIT_CONFLICT, "port %u is leased to instance %d of '%s'",
			move->to, lease.instance, lease.project);
	/* What the claim knows of reservations is as old as its launch. */
	struct reservation reserved;
	got = result ? 0 : reservation_find(r, move->to, arena, &reserved, e);
	if (got)
		result = got < 0 ? -1
			: claim_refuse_reserved(move->claim, move->port, &reserved, e);
	arena_free(arena);
	return result;
}

/* ---- the hold of the new port ---- */

bool port_explain(const char *state, const struct claim *claim, uint16_t port, bool udp,
	int bind_errno, struct text *out)
{
	const struct port_asker asker = {.state = state, .project_id = claim->project_id,
		.project = claim->project, .instance = claim->instance, .run_id = claim->run_id};
	struct sockets sockets;
	struct socket_list seen = {0};
	struct owner_list owners = {0};
	sockets_init(&sockets);
	(void)sockets_all(&sockets, &port, 1, udp, &seen, NULL);
	owners_find_one(&seen, &owners);
	struct port_verdict verdict =
		port_classify(&asker, port, udp, bind_errno, &seen, &owners, NULL);
	const struct socket_entry *socket = verdict.socket;
	bool passing = !udp && socket &&
		(socket->state == SOCKET_TIME_WAIT || socket->state == SOCKET_CONNECTED);
	text_addf(out, "port %u is ", port);
	port_verdict_add(out, &verdict, NULL);
	list_release(&seen);
	owners_release(&owners);
	sockets_release(&sockets);
	return passing;
}

static int take_hold(const struct port_move *move, struct error *e)
{
	struct claim *claim = move->claim;
	struct error why = {0};
	struct hold hold = HOLD_NONE;
	if (spare_of(claim, move->to, is_udp(move)))
		return 0;
	struct hold *grown = realloc(claim->spares, (claim->spare_count + 1) * sizeof *grown);
	if (!grown)
		return fail(e, EXIT_FAILED, "out of memory");
	claim->spares = grown;
	if (hold_take(&hold, move->to, is_udp(move), &why)) {
		OWNED_TEXT who = {0};
		bool passing = port_explain(move->state, claim, move->to, is_udp(move), why.number,
			&who);
		if (!passing || hold_take_beside(&hold, move->to, NULL)) {
			fail(e, EXIT_CONFLICT, "%s", text_string(&who));
			error_hint(e, "take another port, or stop what has it");
			return -1;
		}
	}
	claim->spares[claim->spare_count++] = hold;
	return 0;
}

static void drop_hold(const struct port_move *move, uint16_t port)
{
	struct claim *claim = move->claim;
	struct hold *hold = spare_of(claim, port, is_udp(move));
	if (!hold)
		return;
	hold_close(hold);
	*hold = claim->spares[--claim->spare_count];
}

/* ---- the registry ---- */

static struct lease lease_of(const struct port_move *move, uint16_t port, uint64_t netns)
{
	return (struct lease){.netns = netns, .udp = is_udp(move), .port = port,
		.project_id = move->claim->project_id, .instance = move->claim->instance,
		.service = "", .name = "", .slot = slot_of(move, port), .kind = LEASE_SPARE};
}

static int note(struct registry *r, const struct port_move *move, const char *what, struct error *e)
{
	OWNED_TEXT text = {0};
	text_addf(&text, "service '%s' %s from port %u to %u", move->port->service, what,
		move->from, move->to);
	return history_event(r, move->claim->project_id, move->claim->instance, "port",
		text_string(&text), e);
}

static int write_begin(struct registry *r, const struct port_move *move, uint64_t netns,
	struct error *e)
{
	struct lease lease = lease_of(move, move->to, netns);
	return check_lease(r, move, netns, e) || lease_put(r, &lease, e) ||
			note(r, move, "is to move", e)
		? -1 : 0;
}

/* The service has the port `to`; `from` is a spare. */
static int write_port(struct registry *r, const struct port_move *move, uint64_t netns,
	struct error *e)
{
	const struct port *port = move->port;
	uint16_t home = move->claim->places[move->row].wanted;
	struct lease spare = lease_of(move, move->from, netns);
	struct lease lease = lease_of(move, move->to, netns);
	lease.service = port->service;
	lease.name = port->name;
	lease.kind = move->to != home ? LEASE_MOVED
		: port_has_slot(port) || port->source == PORT_POOL ? LEASE_HOME : LEASE_FIXED;
	const struct service_row service = {.project_id = move->claim->project_id,
		.instance = move->claim->instance, .service = port->service, .name = port->name,
		.wanted_port = home, .port = move->to, .protocol = protocol_word(port->protocol),
		.config_files = move->config_file};
	return lease_put(r, &spare, e) || lease_put(r, &lease, e) || service_put(r, &service, e) ||
			claim_write_emergency(r, move->claim, port, home, move->to, NULL, e)
		? -1 : 0;
}

static int write_commit(struct registry *r, const struct port_move *move, uint64_t netns,
	struct error *e)
{
	return write_port(r, move, netns, e) || note(r, move, "has moved", e) ? -1 : 0;
}

static int write_back(struct registry *r, const struct port_move *move, uint64_t netns,
	struct error *e)
{
	struct port_move other = *move;
	other.from = move->to;
	other.to = move->from;
	return write_port(r, &other, netns, e) || note(r, &other, "goes back", e) ? -1 : 0;
}

static int transact(const struct port_move *move,
	int (*write)(struct registry *, const struct port_move *, uint64_t, struct error *),
	struct error *e)
{
	struct owner_mark self;
	owner_mark_self(&self);
	struct registry *r = registry_open(move->state, REGISTRY_WRITE, REGISTRY_LOOP_MS, NULL, e);
	if (!r)
		return -1;
	int result = registry_begin(r, e);
	if (!result)
		result = write(r, move, self.netns, e);
	if (!result)
		result = registry_commit(r, e);
	registry_close(r);
	return result;
}

/* ---- the steps ---- */

int port_move_begin(struct port_move *move, struct error *e)
{
	move->from = move->claim->places[move->row].number;
	bool had = claim_hold(move->claim, move->to, is_udp(move)) != NULL;
	if (check_own(move, e) || take_hold(move, e))
		return -1;
	if (!transact(move, write_begin, e))
		return 0;
	if (!had)
		drop_hold(move, move->to);
	return -1;
}

/* What a crashed run had moved is decided anew now. */
static void forget_past_moves(const struct port_move *move)
{
	struct claim *claim = move->claim;
	size_t kept = 0;
	for (size_t i = 0; i < claim->moved_count; i++)
		if (strcmp(claim->moved[i].service, move->port->service) != 0 ||
			strcmp(claim->moved[i].name, move->port->name) != 0)
			claim->moved[kept++] = claim->moved[i];
	claim->moved_count = kept;
}

static void exchange(const struct port_move *move, uint16_t port)
{
	struct claim *claim = move->claim;
	struct hold *incoming = spare_of(claim, port, is_udp(move));
	struct hold *own = &claim->holds[move->row];
	struct hold before = *own;
	if (incoming) {
		*own = *incoming;
		*incoming = before;
	}
	claim->places[move->row].number = port;
	forget_past_moves(move);
}

int port_move_commit(struct port_move *move, struct error *e)
{
	if (transact(move, write_commit, e))
		return -1;
	exchange(move, move->to);
	return 0;
}

int port_move_back(struct port_move *move, struct error *e)
{
	int result = transact(move, write_back, e);
	exchange(move, move->from);
	return result;
}

static int write_given_back(struct registry *r, const struct port_move *move, uint64_t netns,
	struct error *e)
{
	return lease_drop_port(r, netns, is_udp(move), move->to, e);
}

/* If it was an emergency port, that has come to its end. */
static int write_left(struct registry *r, const struct port_move *move, uint64_t netns,
	struct error *e)
{
	OWNED_TEXT how = {0};
	const struct reassignment past = {.project_id = move->claim->project_id,
		.instance = move->claim->instance, .service = move->port->service,
		.name = move->port->name, .port = move->from};
	text_addf(&how, "service '%s' has moved to port %u", move->port->service, move->to);
	return reassignment_end(r, &past, text_string(&how), e) ||
			lease_drop_port(r, netns, is_udp(move), move->from, e)
		? -1 : 0;
}

int port_move_leave(const struct port_move *move, uint16_t port, struct error *e)
{
	struct hold *hold = spare_of(move->claim, port, is_udp(move));
	if (in_range(move, port) && hold)
		return hold_unlisten(hold, e) || hold_rearm(hold, e) ? -1 : 0;
	drop_hold(move, port);
	return transact(move, port == move->from ? write_left : write_given_back, e);
}
