#include "survey/suggest_look.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "claim/pool.h"
#include "listeners/ephemeral.h"
#include "model/names.h"
#include "model/ranges.h"
#include "ports/classify.h"
#include "ports/policy.h"
#include "ports/reserved.h"
#include "registry/history_list.h"
#include "registry/instances.h"

enum { CANDIDATES_MOST = 2000, CONFLICT_DAYS = 30 };

struct gathering {
	const char *state;
	const struct suggest_wish *wish;
	struct arena *arena;
	struct named_range range; /* where candidates come from; low 0: the instance */
	uint16_t *candidates;
	size_t count;
	struct suggest_fact *facts;
	size_t fact_count;

	struct socket_list sockets; /* owns */
	struct owner_list owners; /* owns */
	struct lease *leases;
	size_t lease_count;
	struct conflict_count *conflicts;
	size_t conflict_count;
	uint16_t last; /* what the service had last */
	uint16_t privileged; /* ports below are for root; 0 for root itself */
	struct ephemeral ephemeral;
};

/* ---- candidates ---- */

static void add_ports(struct gathering *g, int low, int high)
{
	for (int port = low; port <= high && g->count < CANDIDATES_MOST; port++)
		*arena_append(g->arena, g->candidates, g->count) = (uint16_t)port;
}

static const struct named_range *type_of_port(uint16_t port)
{
	for (size_t i = 0; i < TYPE_RANGES; i++)
		if (port >= type_ranges[i].low && port <= type_ranges[i].high)
			return &type_ranges[i];
	return NULL;
}

static void find_candidates(struct gathering *g)
{
	const struct claim *claim = g->wish->claim;
	const struct port *row = g->wish->row;
	const struct named_range *type = row->source == PORT_FIXED ? type_of_port(row->fixed) : NULL;
	if (row->range_low)
		g->range = (struct named_range){.name = row->range_name ? row->range_name : "",
			.low = row->range_low, .high = row->range_high};
	else if (type)
		g->range = *type;
	if (port_has_slot(row))
		add_ports(g, claim->base_port,
			claim->base_port + instance_slots(claim->spans) - 1);
	else if (row->source == PORT_FIXED &&
		(row->fixed < g->range.low || row->fixed > g->range.high))
		add_ports(g, row->fixed, row->fixed);
	if (!port_has_slot(row) && g->range.low)
		add_ports(g, g->range.low, g->range.high);
}

/* ---- what is there ---- */

static int read_sockets(struct gathering *g, struct error *e)
{
	struct sockets s;
	sockets_init(&s);
	int result = g->count ? sockets_all(&s, g->candidates, g->count, true, &g->sockets, e) : 0;
	sockets_release(&s);
	if (!result)
		owners_find(&g->sockets, &g->owners);
	return result;
}

static int read_registry(struct gathering *g, struct registry *r, struct error *e)
{
	const struct claim *claim = g->wish->claim;
	char since[CLOCK_ISO_SIZE];
	clock_iso(clock_wall_ms() - (int64_t)CONFLICT_DAYS * 24 * 3600 * 1000, since);
	struct service_row service = {.project_id = claim->project_id, .instance = claim->instance,
		.service = g->wish->row->service, .name = g->wish->row->name};
	return lease_list(r, 0, 0, g->arena, &g->leases, &g->lease_count, e) ||
			history_conflict_counts(r, since, g->arena, &g->conflicts,
				&g->conflict_count, e) ||
			service_find_port(r, &service, &g->last, e) < 0
		? -1 : 0;
}

static void read_kernel(struct gathering *g)
{
	OWNED_TEXT text = {0};
	int64_t number;
	ephemeral_read(&g->ephemeral);
	g->privileged = geteuid() == 0 ? 0 : 1024;
	if (!g->privileged || !file_read_proc("/proc/sys/net/ipv4/ip_unprivileged_port_start", &text))
		return;
	text_cut(&text, strcspn(text_string(&text), "\n"));
	if (number_parse(text_string(&text), 0, UINT16_MAX, &number))
		g->privileged = (uint16_t)number;
}

/* ---- facts ---- */

static void add(struct gathering *g, uint16_t port, enum suggest_kind kind, int times,
	const char *text)
{
	*arena_append(g->arena, g->facts, g->fact_count) =
		(struct suggest_fact){port, kind, times, text};
}

static const struct lease *lease_of(const struct gathering *g, uint16_t port, bool udp)
{
	struct owner_mark self;
	owner_mark_self(&self);
	for (size_t i = 0; i < g->lease_count; i++)
		if (g->leases[i].port == port && g->leases[i].udp == udp &&
			g->leases[i].netns == self.netns)
			return &g->leases[i];
	return NULL;
}

/* Is it the very service's own? Then a socket there is no objection. */
static bool is_own(const struct gathering *g, const struct lease *lease)
{
	const struct claim *claim = g->wish->claim;
	const struct port *row = g->wish->row;
	return lease && lease->project_id == claim->project_id &&
		lease->instance == claim->instance &&
		(!lease->service[0] || (!strcmp(lease->service, row->service) &&
						!strcmp(lease->name, row->name)));
}

static void add_use(struct gathering *g, uint16_t port)
{
	const struct claim *claim = g->wish->claim;
	bool udp = g->wish->row->protocol == PROTOCOL_UDP;
	const struct lease *lease = lease_of(g, port, udp);
	struct port_asker asker = {.state = g->state, .project_id = claim->project_id,
		.project = claim->project, .instance = claim->instance,
		.is_running = claim->outcome == CLAIM_RUNNING};
	struct port_verdict v =
		port_classify(&asker, port, udp, 0, &g->sockets, &g->owners, lease);
	OWNED_TEXT line = {0};
	bool own = asker.is_running && is_own(g, lease);
	if (v.class == CLASS_FREE || v.class == CLASS_OWN_STALE || own)
		return;
	port_verdict_add(&line, &v, lease);
	add(g, port, v.class == CLASS_TIME_WAIT ? SUGGEST_LINGERS : SUGGEST_TAKEN, 1,
		arena_string(g->arena, text_string(&line)));
}

static void add_wishes(struct gathering *g, uint16_t port)
{
	const struct suggest_wish *wish = g->wish;
	if (wish->why_home && port == wish->row->number)
		add(g, port, SUGGEST_HOME, 1, wish->why_home);
	if (port == g->last)
		add(g, port, SUGGEST_HAS, 1, "it had this port last");
	if (g->range.low && port >= g->range.low && port <= g->range.high)
		add(g, port, SUGGEST_RANGE, 1,
			arena_format(g->arena, "in the range %s%s%u-%u", g->range.name,
				g->range.name[0] ? " " : "", g->range.low, g->range.high));
	for (size_t i = 0; i < wish->count; i++)
		if (&wish->ports[i] != wish->row && wish->ports[i].number == port)
			add(g, port, SUGGEST_WANTED, 1,
				arena_format(g->arena, "service '%s' of this stack has it",
					wish->ports[i].service));
}

static void add_reservations(struct gathering *g, uint16_t port)
{
	const struct claim *claim = g->wish->claim;
	const struct port *row = g->wish->row;
	const struct reservation *reserved = claim_reserved(claim, row, port);
	OWNED_TEXT line = {0};
	if (claim_reserved_port(claim, row) == port)
		add(g, port, SUGGEST_RESERVED_FOR_IT, 1, "it is reserved for this service");
	if (reserved) {
		text_add(&line, "reserved ");
		reservation_add(&line, reserved);
		add(g, port, SUGGEST_RESERVED, 1, arena_string(g->arena, text_string(&line)));
	} else if (claim_avoids(claim, NULL, port) && port != row->fixed) {
		add(g, port, SUGGEST_RESERVED, 1, "[ports] reserves or protects it");
	}
}

static void add_neighbours(struct gathering *g, uint16_t port)
{
	const struct claim *claim = g->wish->claim;
	const struct port *row = g->wish->row;
	for (size_t i = 0; i < claim->block_count; i++)
		if (claim->blocks[i].block == block_of_port(claim->ports_base, port) &&
			claim->blocks[i].project_id != claim->project_id)
			add(g, port, SUGGEST_FOREIGN_BLOCK, 1,
				arena_format(g->arena, "block %d belongs to another project",
					claim->blocks[i].block));
	for (size_t i = 0; i < claim->pool_count; i++) {
		const struct pool_row *kept = &claim->pool[i];
		bool own = kept->project_id == claim->project_id &&
			kept->instance == claim->instance && !strcmp(kept->service, row->service);
		if (kept->port == port && !own)
			add(g, port, SUGGEST_KEPT, 1, "another service had it of the pool");
	}
	for (size_t i = 0; i < g->conflict_count; i++)
		if (g->conflicts[i].port == port)
			add(g, port, SUGGEST_CONFLICTS, g->conflicts[i].times,
				arena_format(g->arena, "%d conflict%s in %d days, the last: %s",
					g->conflicts[i].times, g->conflicts[i].times == 1 ? "" : "s",
					CONFLICT_DAYS, g->conflicts[i].holder));
}

static void add_place(struct gathering *g, uint16_t port)
{
	enum protocol protocol = g->wish->row->protocol;
	bool browsed = protocol == PROTOCOL_HTTP || protocol == PROTOCOL_WS;
	if (browsed && port_is_browser_blocked(port))
		add(g, port, SUGGEST_BLOCKED, 1, "browsers refuse this port");
	if (port < g->privileged)
		add(g, port, SUGGEST_PRIVILEGED, 1,
			arena_format(g->arena, "ports below %u are for root", g->privileged));
	if (!ephemeral_has(&g->ephemeral, port)) {
		add(g, port, SUGGEST_OUTSIDE, 1,
			"the kernel does not give it to outgoing connections");
		return;
	}
	add(g, port, SUGGEST_EPHEMERAL, 1,
		arena_format(g->arena, "in the kernel's range for outgoing connections, %u-%u",
			g->ephemeral.low, g->ephemeral.high));
	if (port % 2)
		add(g, port, SUGGEST_ODD, 1, "outgoing connections take even ports first");
}

static void add_legacy(struct gathering *g, uint16_t port)
{
	for (size_t i = 0; i < LEGACY_RANGES && !g->range.low; i++)
		if (port >= legacy_ranges[i].low && port <= legacy_ranges[i].high)
			add(g, port, SUGGEST_LEGACY, 1,
				arena_format(g->arena, "in the legacy range %u-%u",
					legacy_ranges[i].low, legacy_ranges[i].high));
}

static void add_facts(struct gathering *g)
{
	for (size_t i = 0; i < g->count; i++) {
		uint16_t port = g->candidates[i];
		add_wishes(g, port);
		add_use(g, port);
		add_reservations(g, port);
		add_neighbours(g, port);
		add_place(g, port);
		add_legacy(g, port);
	}
}

int suggest_look(const char *state, const struct suggest_wish *wish, struct suggest_result *out,
	struct error *e)
{
	*out = (struct suggest_result){.arena = arena_new()};
	if (!out->arena)
		return fail(e, EXIT_FAILED, "out of memory");
	struct gathering *g = arena_new_object(out->arena, struct gathering);
	*g = (struct gathering){.state = state, .wish = wish, .arena = out->arena};
	struct registry *r = registry_open(state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	int result = r ? read_registry(g, r, e) : -1;
	registry_close(r);
	find_candidates(g);
	if (!result)
		result = read_sockets(g, e);
	if (!result) {
		read_kernel(g);
		add_facts(g);
		out->items = suggest_rank(
			out->arena, g->candidates, g->count, g->facts, g->fact_count);
		out->count = g->count;
	}
	list_release(&g->sockets);
	owners_release(&g->owners);
	return result;
}

void suggest_release(struct suggest_result *result)
{
	if (result->arena)
		arena_free(result->arena);
	*result = (struct suggest_result){0};
}
