#include "survey/look_parts.h"

#include <stdlib.h>

#include "base/list.h"
#include "claim/leased.h"
#include "orphans/kin.h"
#include "registry/instances.h"

void port_look_release(struct port_look *look)
{
	for (size_t i = 0; i < look->count; i++)
		owner_release(&look->items[i].holder);
	list_release(look);
	if (look->arena)
		arena_free(look->arena);
	*look = (struct port_look){0};
}

static int read_registry(const char *state, const char *project, struct look_facts *f,
	struct port_look *look, struct error *e)
{
	struct registry *r = NULL;
	struct lease *leases = NULL;
	struct reservation *reservations = NULL;
	struct project *projects = NULL;
	f->state = state;
	if (!registry_exists(state) && !project)
		return 0;
	if (leased_begin(&look->arena, state, &r, e))
		return -1;
	int result = leased_read(r, project, look->arena, &leases, &f->lease_count, e);
	if (!result)
		result = reservation_list(
			r, look->arena, &reservations, &f->reservation_count, e);
	if (!result)
		result = project_list(r, look->arena, &projects, &f->project_count, e);
	registry_close(r);
	f->leases = leases;
	f->reservations = reservations;
	f->projects = projects;
	return result;
}

static int dump(struct look_facts *f, unsigned kinds, uint16_t low, uint16_t high,
	struct port_look *look, struct error *e)
{
	struct sockets s;
	sockets_init(&s);
	int result = sockets_dump(&s, kinds, low, high, &f->sockets, e);
	look->by_proc = s.by_proc;
	sockets_release(&s);
	sockets_sort(&f->sockets);
	return result;
}

static bool same_port(const struct socket_entry *a, const struct socket_entry *b)
{
	return a->port == b->port && a->udp == b->udp;
}

typedef bool keeps_socket(const void *self, const struct socket_entry *socket, bool listens);

/* listens: somebody does so on the socket's port. Such sockets come first of their port. */
static void filter(struct socket_list *sockets, keeps_socket *keeps, const void *self)
{
	size_t kept = 0;
	struct socket_entry first = {0};
	for (size_t i = 0; i < sockets->count; i++) {
		struct socket_entry socket = sockets->items[i];
		if (!i || !same_port(&first, &socket))
			first = socket;
		if (keeps(self, &socket, first.state == SOCKET_LISTEN))
			sockets->items[kept++] = socket;
	}
	sockets->count = kept;
}

/* A view that stays: it gets texts of its own. */
static int on_collect(void *self, const struct port_view *view, struct error *e)
{
	struct port_look *look = self;
	struct port_view kept = *view;
	if (kept.has_holder)
		kept.holder = owner_copy(&view->holder);
	if (list_push(look, kept))
		return 0;
	owner_release(&kept.holder);
	return fail(e, EXIT_FAILED, "out of memory");
}

static void find_owners(struct look_facts *facts)
{
	owner_index_find(&facts->sockets, &facts->owners);
	kin_mark_owners(facts->state, &facts->owners.owners);
}

static int collect(struct look_facts *facts, struct port_look *look, struct error *e)
{
	find_owners(facts);
	return look_make_views(facts, on_collect, look, e);
}

/* ---- who ---- */

static void narrow(struct look_facts *f, uint16_t low, uint16_t high)
{
	while (f->lease_count && f->leases->port < low)
		f->leases++, f->lease_count--;
	while (f->lease_count && f->leases[f->lease_count - 1].port > high)
		f->lease_count--;
	while (f->reservation_count && f->reservations->port < low)
		f->reservations++, f->reservation_count--;
	while (f->reservation_count && f->reservations[f->reservation_count - 1].port > high)
		f->reservation_count--;
}

int ports_who(const char *state, uint16_t port, struct port_look *look, struct error *e)
{
	struct look_facts facts = {.silent = true, .protects = look->protects,
		.protect_count = look->protect_count};
	int result = read_registry(state, NULL, &facts, look, e);
	narrow(&facts, port, port);
	if (!result)
		result = dump(&facts, KIND_ALL, port, port, look, e);
	if (!result)
		result = collect(&facts, look, e);
	look_facts_release(&facts);
	return result;
}

/* ---- list ---- */

/* Of what is leased: who listens, else who has it. Spare ports only when somebody listens there. */
static bool is_listed(const void *self, const struct socket_entry *socket, bool listens)
{
	const struct look_facts *f = self;
	const struct lease *lease =
		leased_at(f->leases, f->lease_count, socket->port, socket->udp);
	bool is_reserved = false;
	for (size_t i = 0; i < f->reservation_count && !is_reserved; i++)
		is_reserved = f->reservations[i].port == socket->port;
	if (socket->state == SOCKET_LISTEN || socket->state == SOCKET_UDP)
		return lease || is_reserved;
	return !listens && ((lease && *lease->service) || is_reserved);
}

static bool listens_or_is_listed(const void *self, const struct socket_entry *socket, bool listens)
{
	return socket->state == SOCKET_LISTEN || is_listed(self, socket, listens);
}

static int list(const char *state, const char *project, keeps_socket *keeps, struct port_look *look,
	struct error *e)
{
	struct look_facts facts = {.silent = true, .protects = look->protects,
		.protect_count = look->protect_count};
	int result = read_registry(state, project, &facts, look, e);
	if (!result && (facts.lease_count || facts.reservation_count || keeps != is_listed))
		result = dump(&facts, KIND_LISTEN | KIND_BOUND | KIND_UDP, 1, UINT16_MAX, look, e);
	if (!result) {
		filter(&facts.sockets, keeps, &facts);
		result = collect(&facts, look, e);
	}
	look_facts_release(&facts);
	return result;
}

int ports_list(const char *state, const char *project, struct port_look *look, struct error *e)
{
	return list(state, project, is_listed, look, e);
}

int ports_list_all(const char *state, struct port_look *look, struct error *e)
{
	return list(state, NULL, listens_or_is_listed, look, e);
}

/* ---- scan ---- */

/* A placeholder under a listener says nothing new. */
static bool is_scanned(const void *self, const struct socket_entry *socket, bool listens)
{
	(void)self;
	return socket->state != SOCKET_BOUND || !listens;
}

static int tell(struct look_facts *facts, const struct port_scan *scan,
	const struct port_reader *reader, bool by_proc, struct error *e)
{
	filter(&facts->sockets, is_scanned, NULL);
	narrow(facts, scan->low, scan->high);
	facts->unnamed = !scan->names && facts->sockets.count > SCAN_NAMES_MOST;
	struct port_survey survey = {.sockets = &facts->sockets, .leases = facts->leases,
		.lease_count = facts->lease_count, .by_proc = by_proc,
		.unnamed = facts->unnamed ? facts->sockets.count : 0};
	reader->on_survey(reader->self, &survey);
	if (!facts->unnamed)
		find_owners(facts);
	return look_make_views(facts, reader->on_view, reader->self, e);
}

int ports_scan(const char *state, const struct port_scan *scan, const struct port_reader *reader,
	struct error *e)
{
	struct look_facts facts = {
		.protects = scan->protects, .protect_count = scan->protect_count};
	struct port_look look = {0};
	unsigned kinds = KIND_LISTEN | KIND_BOUND | KIND_UDP;
	int result = read_registry(state, NULL, &facts, &look, e);
	if (!result)
		result = dump(&facts, scan->connections ? KIND_ALL : kinds, scan->low, scan->high,
			&look, e);
	if (!result)
		result = tell(&facts, scan, reader, look.by_proc, e);
	look_facts_release(&facts);
	port_look_release(&look);
	return result;
}
