#include "base/clock.h"
#include "claim/parts.h"
#include "orphans/leftovers.h"
#include "ports/policy.h"
#include "registry/history.h"
#include "registry/launches.h"
#include "registry/reassignments.h"

/* What became of it, as the history has it. */
static const char *outcome_of(const struct conflict *c)
{
	switch (c->action) {
	case RESOLVE_IGNORE:
		return "warned";
	case RESOLVE_STOP:
		return "stopped";
	case RESOLVE_WAIT:
		return "waited";
	case RESOLVE_MOVE:
		return c->emergency ? "emergency" : "moved";
	case RESOLVE_FAIL:
		return "failed";
	case RESOLVE_ASK:
		return "asked";
	}
	return "";
}

static int write_conflict(struct registry *r, const struct boarding *b, const struct trouble *t,
	struct error *e)
{
	bool moves = t->plan.action == RESOLVE_MOVE;
	struct conflict_note note = {.project_id = b->claim->project_id,
		.instance = b->claim->instance,
		.service = t->row < 0 ? "" : b->ports[t->row].service, .port = t->port,
		.class = port_class_word(t->verdict.class), .holder = t->holder,
		.action = outcome_of(&t->plan), .moved_to = moves ? t->plan.move_to : 0};
	return history_conflict(r, &note, e);
}

static int write_conflicts(struct registry *r, const struct boarding *b, struct error *e)
{
	for (size_t i = 0; i < b->settled.count; i++)
		if (write_conflict(r, b, &b->settled.items[i], e))
			return -1;
	for (size_t i = 0; i < b->troubles.count; i++)
		if (write_conflict(r, b, &b->troubles.items[i], e))
			return -1;
	return 0;
}

static const char *holder_for(const struct boarding *b, const struct port *row)
{
	for (size_t i = 0; i < b->troubles.count; i++)
		if (b->troubles.items[i].plan.row == row)
			return b->troubles.items[i].holder;
	return NULL;
}

int claim_write_emergency(struct registry *r, const struct claim *claim, const struct port *row,
	uint16_t home, uint16_t number, const char *holder, struct error *e)
{
	struct reassignment plan = {.project_id = claim->project_id, .instance = claim->instance,
		.service = row->service, .name = row->name, .port = number, .planned_port = home};
	OWNED_TEXT line = {0};
	if (number == home || number < claim->emergency_low || number > claim->emergency_high) {
		text_addf(&line, "service '%s' has port %u now", row->service, number);
		return reassignment_end(r, &plan, text_string(&line), e);
	}
	text_addf(&line, "service '%s' has the emergency port %u instead of %u%s%s", row->service,
		number, home, holder ? ", which is " : "", holder ? holder : "");
	return reassignment_plan(r, &plan, text_string(&line), e);
}

/* A number that the caller's environment decided is as fixed as one of the stack file. */
static enum lease_kind kind_of(const struct port *row)
{
	bool is_fixed = row->source == PORT_FIXED || row->overridden;
	return row->moved_from ? LEASE_MOVED : is_fixed ? LEASE_FIXED : LEASE_HOME;
}

static int write_row(struct registry *r, const struct boarding *b, const struct port *row,
	uint64_t netns, struct error *e)
{
	const struct claim *claim = b->claim;
	struct lease lease = {.netns = netns, .udp = port_is_udp(row), .port = row->number,
		.project_id = claim->project_id, .instance = claim->instance,
		.service = row->service, .name = row->name,
		.slot = port_has_slot(row) ? row->slot : NO_SLOT,
		.kind = kind_of(row)};
	struct service_row service = {.project_id = claim->project_id, .instance = claim->instance,
		.service = row->service, .name = row->name,
		.wanted_port = row->moved_from ? row->moved_from : row->number,
		.port = row->number, .protocol = protocol_word(row->protocol),
		.config_files = b->options->config_file};
	if (lease_put(r, &lease, e) || service_put(r, &service, e) ||
		claim_write_emergency(r, claim, row, service.wanted_port, row->number,
			holder_for(b, row), e))
		return -1;
	if (row->moved_from || row->overridden)
		return 0;
	struct pool_row pool = {.port = row->number, .project_id = claim->project_id,
		.instance = claim->instance, .service = row->service, .name = row->name};
	if (row->source == PORT_POOL)
		return pool_record(r, &pool, e);
	bool keep = row->source == PORT_AUTO;
	return keep ? slot_record(r, claim->project_id, row->service, row->name, row->slot, e) : 0;
}

static int write_spares(struct registry *r, const struct boarding *b, uint64_t netns,
	struct error *e)
{
	for (size_t i = 0; i < b->pool.count; i++) {
		const struct pooled *item = &b->pool.items[i];
		int slot = item->hold.port - b->claim->base_port;
		if (item->row >= 0 || item->hold.udp || slot < 0 ||
			slot >= instance_slots(b->claim->spans))
			continue;
		struct lease lease = {.netns = netns, .port = item->hold.port,
			.project_id = b->claim->project_id, .instance = b->claim->instance,
			.service = "", .name = "", .slot = slot, .kind = LEASE_SPARE};
		if (lease_put(r, &lease, e))
			return -1;
	}
	return 0;
}

/* We hold these ports in the kernel, so whoever else has a row for one has it no more. */
static int write_success(struct registry *r, const struct boarding *b, struct error *e)
{
	struct owner_mark self;
	owner_mark_self(&self);
	self.guardian_pid = b->options->guardian_pid;
	const struct claim *claim = b->claim;
	if (instance_set_status(r, claim->project_id, claim->instance, INSTANCE_RUNNING, &self, e) ||
		lease_drop(r, claim->project_id, claim->instance, e) ||
		write_spares(r, b, self.netns, e))
		return -1;
	if (instance_describe(r, claim->project_id, claim->instance, b->options->environment,
		b->options->purpose, e))
		return -1;
	for (size_t i = 0; i < b->count; i++)
		if (!b->ports[i].lost && write_row(r, b, &b->ports[i], self.netns, e))
			return -1;
	return 0;
}

static int count_conflicts(const struct boarding *b)
{
	int count = 0;
	for (size_t i = 0; i < b->settled.count; i++)
		count += b->settled.items[i].row >= 0;
	for (size_t i = 0; i < b->troubles.count; i++)
		count += b->troubles.items[i].row >= 0;
	return count;
}

/* A question is no end yet: the next attempt has the answer. */
static int write_launch(struct registry *r, const struct boarding *b, bool success, struct error *e)
{
	const struct claim *claim = b->claim;
	int conflicts = count_conflicts(b);
	bool about_ports = success || (conflicts && !claim->question_count);
	if (!b->options->is_launch || claim->places || !about_ports)
		return 0;
	struct launch_note note = {.project_id = claim->project_id, .instance = claim->instance,
		.assigned = success, .conflicts = conflicts,
		.assign_us = claim->claim_us + clock_now_us() - b->began_us};
	return launch_record(r, &note, e);
}

static int write_refusal(struct registry *r, const struct launch *l, struct error *e)
{
	const struct conflict_note conflict = {.project_id = l->project.id, .service = "",
		.port = block_port(l->claim->ports_base, l->request->block), .class = CONFLICT_OF_BLOCK,
		.holder = l->block_owner, .action = "failed"};
	const struct launch_note launch = {.project_id = l->project.id, .conflicts = 1};
	if (registry_begin(r, e) || history_conflict(r, &conflict, e) || launch_record(r, &launch, e))
		return -1;
	return registry_commit(r, e);
}

/* Who is refused hears of that, and not of a row that could not be written. */
void launch_write_refusal(const struct launch *l)
{
	if (!l->request->is_launch || !l->block_owner)
		return;
	struct registry *r =
		registry_open(l->request->state, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, NULL);
	if (r)
		(void)write_refusal(r, l, NULL);
	registry_close(r);
}

/* What was decided goes to the registry; a launch that failed leaves no lease and no "running". */
int boarding_write(const struct boarding *b, bool success, struct error *e)
{
	const struct claim *claim = b->claim;
	struct registry *r = registry_open(b->state, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, e);
	if (!r)
		return -1;
	int result = registry_begin(r, e);
	if (!result && (write_conflicts(r, b, e) || write_launch(r, b, success, e) ||
			       leftovers_audit(r, claim->project_id, claim->instance,
				       &claim->removed, e)))
		result = -1;
	if (!result && success)
		result = write_success(r, b, e);
	bool undo = !success && !claim->places;
	if (!result && undo &&
		(instance_set_status(r, claim->project_id, claim->instance, INSTANCE_STOPPED, NULL,
			 e) ||
			lease_drop(r, claim->project_id, claim->instance, e)))
		result = -1;
	if (!result)
		result = registry_commit(r, e);
	registry_close(r);
	return result;
}
