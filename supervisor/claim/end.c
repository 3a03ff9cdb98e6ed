#include <string.h>
#include <unistd.h>

#include "claim/claim.h"
#include "orphans/crash_note.h"
#include "orphans/leftovers.h"
#include "registry/instances.h"
#include "registry/lock.h"
#include "registry/record.h"

enum { LEFTOVER_GRACE_MS = 2000 };

enum hold_mode claim_hold_mode(const struct claim *claim, const struct port *port)
{
	if (port->hold != HOLD_AUTO)
		return port->hold;
	for (size_t i = 0; i < claim->hold_mode_count; i++) {
		if (strcmp(claim->hold_modes[i].service, port->service) != 0)
			continue;
#define X(name, word)                                                                              \
	if (!strcmp(claim->hold_modes[i].mode, word) && name != HOLD_AUTO)                         \
		return name;
		HOLD_MODES(X)
#undef X
	}
	return HOLD_RELAXED;
}

static int put_away(struct registry *r, const struct claim *claim, enum instance_status status,
	struct error *e)
{
	if (instance_set_status(r, claim->project_id, claim->instance, status, NULL, e))
		return -1;
	return lease_drop(r, claim->project_id, claim->instance, e);
}

/* The leases of ports that were moved are put back after all have been dropped. */
static int put_aside(struct registry *r, const struct claim *claim, struct error *e)
{
	struct lease *all;
	size_t count;
	if (lease_list(r, claim->project_id, claim->instance, claim->arena, &all, &count, e) ||
		put_away(r, claim, INSTANCE_STOPPED, e))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (all[i].kind == LEASE_MOVED && lease_put(r, &all[i], e))
			return -1;
	return 0;
}

static int write_end(const char *state, const struct claim *claim, enum instance_status status,
	bool keep_moves, struct error *e)
{
	struct registry *r = registry_open(state, REGISTRY_WRITE, REGISTRY_LOOP_MS, NULL, e);
	if (!r)
		return -1;
	int result = registry_begin(r, e);
	if (!result)
		result = keep_moves ? put_aside(r, claim, e) : put_away(r, claim, status, e);
	if (!result)
		result = registry_commit(r, e);
	registry_close(r);
	return result;
}

static void let_go(struct claim *claim)
{
	for (size_t i = 0; i < claim->hold_count; i++)
		hold_close(&claim->holds[i]);
	for (size_t i = 0; i < claim->spare_count; i++)
		hold_close(&claim->spares[i]);
	if (claim->lock_fd >= 0)
		close(claim->lock_fd);
	claim->lock_fd = -1;
}

int claim_stop(const char *state, struct claim *claim, bool crashed, struct error *e)
{
	int result = write_end(
		state, claim, crashed ? INSTANCE_CRASHED : INSTANCE_STOPPED, false, e);
	if (result && !crashed)
		record_write_end(state, claim->project_id, claim->instance, claim->run_id);
	let_go(claim);
	return result;
}

int claim_leave(const char *state, struct claim *claim, struct error *e)
{
	int result = write_end(state, claim, INSTANCE_STOPPED, true, e);
	if (result)
		record_write_end(state, claim->project_id, claim->instance, claim->run_id);
	let_go(claim);
	return result;
}

static int record_crash(struct registry *r, const char *state, const struct claim *claim, bool away,
	struct error *e)
{
	if (leftovers_audit(r, claim->project_id, claim->instance, &claim->removed, e))
		return -1;
	if (!claim->crash_known && crash_note(r, state, claim->project, claim->project_id,
					   claim->instance, e))
		return -1;
	if (away)
		return put_away(r, claim, INSTANCE_STOPPED, e);
	return instance_set_status(r, claim->project_id, claim->instance, INSTANCE_CRASHED, NULL, e);
}

static int write_crash(const char *state, const struct claim *claim, bool away, struct error *e)
{
	struct registry *r = registry_open(state, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, e);
	if (!r)
		return -1;
	int result = registry_begin(r, e);
	if (!result)
		result = record_crash(r, state, claim, away, e);
	if (!result)
		result = registry_commit(r, e);
	registry_close(r);
	return result;
}

int claim_clean(const char *state, struct claim *claim, bool away, struct error *e)
{
	if (!claim->unclean || !claim->project_id)
		return 0;
	int got = instance_lock(state, claim->project_id, claim->instance, claim->spans,
		&claim->lock_fd, e);
	/* Somebody started it since we looked: nothing is left over then. */
	if (got <= 0)
		return got;
	int result = leftovers_remove(state, claim->project, claim->instance, NULL,
		LEFTOVER_GRACE_MS, &claim->removed, e);
	if (!result)
		result = write_crash(state, claim, away, e);
	close(claim->lock_fd);
	claim->lock_fd = -1;
	claim->unclean = result != 0;
	return result ? -1 : 1;
}
