#include "claim/reserve.h"

#include <string.h>

#include "claim/parts.h"
#include "claim/pool.h"
#include "ports/policy.h"
#include "ports/reserved.h"
#include "registry/history.h"
#include "registry/lock.h"

/* For the audit, whose target says already which port and service it is. */
static void add_reason(struct text *out, const struct reservation *r)
{
	text_addf(out, "%s%s%s", r->owner, r->owner[0] && r->note[0] ? ": " : "", r->note);
}

/* ---- may it be reserved? ---- */

static bool is_same(const struct reservation *a, const struct reservation *b)
{
	if (a->project_id != b->project_id)
		return false;
	if (!a->project_id)
		return !strcmp(a->owner, b->owner);
	return a->instance == b->instance && !strcmp(a->service, b->service) &&
		!strcmp(a->name, b->name);
}

static int check_reservation(struct registry *r, const struct reservation *wanted,
	struct arena *arena, struct error *e)
{
	struct reservation there;
	int got = reservation_find(r, wanted->port, arena, &there, e);
	if (got <= 0 || is_same(&there, wanted))
		return got < 0 ? -1 : 0;
	OWNED_TEXT line = {0};
	reservation_add(&line, &there);
	fail(e, EXIT_CONFLICT, "port %u is reserved %s", wanted->port, text_string(&line));
	error_hint(e, "`stackup ports release %u` gives it up", wanted->port);
	return -1;
}

static bool is_its_lease(const struct lease *lease, const struct reservation *wanted)
{
	return lease->project_id == wanted->project_id && lease->instance == wanted->instance &&
		(!lease->service[0] || !strcmp(lease->service, wanted->service));
}

static int check_lease(struct registry *r, const char *state, const struct reservation *wanted,
	bool udp, struct arena *arena, struct error *e)
{
	struct owner_mark self;
	struct lease lease;
	owner_mark_self(&self);
	int got = lease_find(r, self.netns, udp, wanted->port, arena, &lease, e);
	if (got <= 0)
		return got;
	if (is_its_lease(&lease, wanted) ||
		!instance_is_alive(state, lease.project_id, lease.instance))
		return 0;
	fail(e, EXIT_CONFLICT, "port %u is leased to %s instance %d%s%s, which runs", wanted->port,
		lease.project, lease.instance, lease.service[0] ? " service " : "", lease.service);
	error_hint(e, "reserve another port, or stop it first");
	return -1;
}

static int put(struct registry *r, const char *state, struct reservation *wanted,
	struct arena *arena, struct error *e)
{
	if (check_reservation(r, wanted, arena, e) ||
		check_lease(r, state, wanted, false, arena, e) ||
		check_lease(r, state, wanted, true, arena, e) || reservation_put(r, wanted, e))
		return -1;
	OWNED_TEXT target = {0}, line = {0};
	text_addf(&target, "port %u", wanted->port);
	if (wanted->project_id)
		text_addf(&target, " of service '%s'", wanted->service);
	add_reason(&line, wanted);
	return history_audit(r, wanted->project_id, wanted->instance, "reserved",
		text_string(&target), text_string(&line), e);
}

static struct registry *begin(const char *state, struct error *e)
{
	struct registry *r = registry_open(state, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, e);
	if (!r || !registry_begin(r, e))
		return r;
	registry_close(r);
	return NULL;
}

static int end(struct registry *r, int result, struct error *e)
{
	if (!result)
		result = registry_commit(r, e);
	registry_close(r);
	return result;
}

int reserve_port(const char *state, uint16_t port, const struct reserve_wish *wish,
	struct arena *arena, struct reserve_list *out, struct error *e)
{
	struct reservation wanted = {.port = port, .project = "", .service = "", .name = "",
		.owner = wish->owner, .note = wish->note};
	*out = (struct reserve_list){0};
	struct registry *r = begin(state, e);
	if (!r)
		return -1;
	int result = put(r, state, &wanted, arena, e);
	*arena_append(arena, out->items, out->count) = wanted;
	return end(r, result, e);
}

/* ---- for a service ---- */

/* The first of its pool on which no socket is; its number stays when there is none. */
static int look_for_pool(const struct claim *claim, struct port *row, struct error *e)
{
	struct sockets sockets;
	struct socket_list seen = {0};
	struct pool_walk walk = {.claim = claim, .row = row};
	int result = 0;
	sockets_init(&sockets);
	for (uint16_t port; !result && (port = pool_next(&walk));) {
		list_release(&seen);
		result = sockets_all(&sockets, &port, 1, true, &seen, e);
		if (!result && !seen.count) {
			row->number = port;
			break;
		}
	}
	list_release(&seen);
	sockets_release(&sockets);
	return result;
}

static int put_rows(struct registry *r, const struct claim_request *request, struct claim *claim,
	struct port *ports, size_t count, const char *service, const struct reserve_wish *wish,
	struct reserve_list *out, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		struct port *row = &ports[i];
		if (strcmp(row->service, service) != 0)
			continue;
		bool open = row->source == PORT_POOL && pool_home(claim, row) != row->number;
		if (open && look_for_pool(claim, row, e))
			return -1;
		struct reservation wanted = {.port = row->number, .project_id = claim->project_id,
			.instance = claim->instance, .project = claim->project,
			.service = row->service, .name = row->name, .owner = wish->owner,
			.note = wish->note};
		if (put(r, request->state, &wanted, claim->arena, e))
			return -1;
		*arena_append(claim->arena, out->items, out->count) = wanted;
	}
	if (out->count)
		return 0;
	fail(e, EXIT_NOT_FOUND, "service '%s' has no port to reserve", service);
	error_hint(e, "give it one: write `slot = auto` below [service %s]", service);
	return -1;
}

/* The numbers of a project that nobody knew depend on the block it gets now. */
static int join(struct registry *r, const struct claim_request *request, struct claim *claim,
	struct port *ports, size_t count, struct error *e)
{
	struct launch l = {.request = request, .claim = claim, .registry = r};
	if (launch_find_project(&l, e))
		return -1;
	claim->project_id = l.project.id;
	claim->project = l.project.name;
	if (launch_place_block(&l, e))
		return -1;
	claim->base_port = instance_port(claim->ports_base, claim->block, claim->instance);
	return claim_load_past(r, claim, e) || claim_preview(claim, ports, count, e) ? -1 : 0;
}

int reserve_service(const struct claim_request *request, struct claim *claim, struct port *ports,
	size_t count, const char *service, const struct reserve_wish *wish, struct reserve_list *out,
	struct error *e)
{
	*out = (struct reserve_list){0};
	struct registry *r = begin(request->state, e);
	if (!r)
		return -1;
	int result = join(r, request, claim, ports, count, e);
	if (!result)
		result = put_rows(r, request, claim, ports, count, service, wish, out, e);
	return end(r, result, e);
}

/* ---- release ---- */

static int drop(struct registry *r, const struct reservation *there, struct error *e)
{
	OWNED_TEXT target = {0}, line = {0};
	text_addf(&target, "port %u", there->port);
	if (there->project_id)
		text_addf(&target, " of service '%s'", there->service);
	add_reason(&line, there);
	if (reservation_drop(r, there->port, e))
		return -1;
	return history_audit(r, there->project_id, there->instance, "released",
		text_string(&target), text_string(&line), e);
}

static int drop_all(struct registry *r, const struct reserve_list *list, struct error *e)
{
	for (size_t i = 0; i < list->count; i++)
		if (drop(r, &list->items[i], e))
			return -1;
	return 0;
}

static int none(struct error *e, int result)
{
	if (!result)
		return 0;
	error_hint(e, "`stackup ports reserve` lists what is reserved");
	return -1;
}

int release_port(const char *state, uint16_t port, struct arena *arena, struct reserve_list *out,
	struct error *e)
{
	struct reservation there;
	*out = (struct reserve_list){0};
	struct registry *r = begin(state, e);
	if (!r)
		return -1;
	int got = reservation_find(r, port, arena, &there, e);
	if (got == 1)
		*arena_append(arena, out->items, out->count) = there;
	int result = got < 0 ? -1 : drop_all(r, out, e);
	if (!got)
		result = none(e, fail(e, EXIT_NOT_FOUND, "port %u is not reserved", port));
	return end(r, result, e);
}

int release_service(const char *state, const struct claim *claim, const char *service,
	struct arena *arena, struct reserve_list *out, struct error *e)
{
	struct reservation *all;
	size_t count;
	*out = (struct reserve_list){0};
	struct registry *r = begin(state, e);
	if (!r)
		return -1;
	int result = reservation_list(r, arena, &all, &count, e);
	for (size_t i = 0; !result && i < count; i++)
		if (all[i].project_id && all[i].project_id == claim->project_id &&
			all[i].instance == claim->instance && !strcmp(all[i].service, service))
			*arena_append(arena, out->items, out->count) = all[i];
	if (!result)
		result = drop_all(r, out, e);
	if (!result && !out->count)
		result = none(e, fail(e, EXIT_NOT_FOUND,
			"nothing is reserved for service '%s' of %s instance %d", service,
			claim->project, claim->instance));
	return end(r, result, e);
}

int reserve_list(const char *state, struct arena *arena, struct reserve_list *out, struct error *e)
{
	*out = (struct reserve_list){0};
	struct registry *r = registry_open(state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	if (!r)
		return -1;
	int result = reservation_list(r, arena, &out->items, &out->count, e);
	registry_close(r);
	return result;
}
