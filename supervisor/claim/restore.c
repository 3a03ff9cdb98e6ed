#include <stdlib.h>

#include "claim/claim.h"
#include "claim/parts.h"
#include "ports/policy.h"
#include "registry/registry.h"

enum { PATIENCE_MS = 20 }; /* nobody supervises meanwhile */

int claim_restore(const char *state, struct claim *claim, struct error *e)
{
	struct registry *r = registry_open(state, REGISTRY_READ, PATIENCE_MS, NULL, e);
	if (!r)
		return -1;
	int result = claim_load_past(r, claim, e);
	registry_close(r);
	return result;
}

static size_t row_of(const struct port *ports, size_t count, const struct hold *hold)
{
	for (size_t i = 0; i < count; i++)
		if (ports[i].number == hold->port && port_is_udp(&ports[i]) == hold->udp)
			return i;
	return count;
}

int claim_restore_holds(struct claim *claim, const struct port *ports, size_t count,
	struct hold *holds, size_t hold_count, struct error *e)
{
	claim->holds = calloc(count + 1, sizeof *claim->holds);
	claim->places = calloc(count + 1, sizeof *claim->places);
	claim->spares = calloc(hold_count + 1, sizeof *claim->spares);
	if (!claim->holds || !claim->places || !claim->spares)
		return fail(e, EXIT_FAILED, "out of memory");
	claim->hold_count = count;
	for (size_t i = 0; i < count; i++)
		/* Where nobody has one it was let go of for the service, and is to be had again. */
		claim->holds[i] = (struct hold){.fd = -1, .port = ports[i].number,
			.udp = port_is_udp(&ports[i]), .state = HOLD_IS_RELAXED};
	for (size_t i = 0; i < hold_count; i++) {
		size_t row = row_of(ports, count, &holds[i]);
		if (row < count && claim->holds[row].fd < 0)
			claim->holds[row] = holds[i];
		else if (row == count && claim_slot_of(claim, holds[i].port) != NO_SLOT)
			claim->spares[claim->spare_count++] = holds[i];
		else
			hold_close(&holds[i]);
	}
	return 0;
}
