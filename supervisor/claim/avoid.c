/*
 * Ports that a claim leaves alone: those of [ports] reserve and protect, those that the registry keeps
 * for somebody else, and those on which browsers would not find a service.
 */
#include <string.h>

#include "claim/claim.h"
#include "ports/policy.h"
#include "ports/protect.h"
#include "ports/reserved.h"

enum { FIRST_FOR_ALL = 1024 };

static bool is_among(const uint16_t *ports, size_t count, uint16_t port)
{
	for (size_t i = 0; i < count; i++)
		if (ports[i] == port)
			return true;
	return false;
}

static bool is_for(const struct claim *claim, const struct reservation *r, const struct port *row)
{
	return row && r->project_id && r->project_id == claim->project_id &&
		r->instance == claim->instance && !strcmp(r->service, row->service) &&
		!strcmp(r->name, row->name);
}

const struct reservation *claim_reserved(const struct claim *claim, const struct port *row,
	uint16_t port)
{
	for (size_t i = 0; i < claim->reservation_count; i++) {
		const struct reservation *r = &claim->reservations[i];
		if (r->port == port)
			return is_for(claim, r, row) ? NULL : r;
	}
	return NULL;
}

uint16_t claim_reserved_port(const struct claim *claim, const struct port *row)
{
	for (size_t i = 0; i < claim->reservation_count; i++)
		if (is_for(claim, &claim->reservations[i], row))
			return claim->reservations[i].port;
	return 0;
}

bool claim_avoids(const struct claim *claim, const struct port *row, uint16_t port)
{
	bool browsed = row && (row->protocol == PROTOCOL_HTTP || row->protocol == PROTOCOL_WS);
	return is_among(claim->avoided, claim->avoided_count, port) ||
		(browsed && port_is_browser_blocked(port)) || claim_reserved(claim, row, port);
}

int claim_refuse_reserved(const struct claim *claim, const struct port *row,
	const struct reservation *reservation, struct error *e)
{
	OWNED_TEXT line = {0};
	if (is_for(claim, reservation, row))
		return 0;
	reservation_add(&line, reservation);
	fail(e, EXIT_CONFLICT, "port %u is reserved %s", reservation->port, text_string(&line));
	error_hint(e, "take another port, or give it up: `stackup ports release %u`",
		reservation->port);
	return -1;
}

/* Whose port it is by custom; what the file gives the row is its own. */
static const char *custom_of(const struct port *row, uint16_t port)
{
	if (port == row->fixed || port == row->moved_from ||
		(port >= row->range_low && port <= row->range_high))
		return NULL;
	if (port < FIRST_FOR_ALL)
		return "ports below 1024 are the system's";
	return protect_port(port, NULL, 0);
}

int claim_refuse(const struct claim *claim, const struct port *row, uint16_t port, struct error *e)
{
	const struct reservation *reservation = claim_reserved(claim, row, port);
	const char *custom = custom_of(row, port);
	if (!custom && !claim_avoids(claim, row, port))
		return 0;
	if (reservation)
		return claim_refuse_reserved(claim, row, reservation, e);
	if (is_among(claim->avoided, claim->avoided_count, port))
		fail(e, EXIT_CONFLICT, "port %u is reserved or protected by [ports]", port);
	else if (custom)
		fail(e, EXIT_CONFLICT, "port %u is not given to '%s': %s", port,
			row->service, custom);
	else
		fail(e, EXIT_CONFLICT, "port %u is one that browsers refuse, and '%s' speaks http",
			port, row->service);
	error_hint(e, "take another port");
	return -1;
}
