#include "claim/claim.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "claim/aside.h"
#include "claim/parts.h"
#include "orphans/crash_note.h"
#include "orphans/leftovers.h"
#include "ports/policy.h"
#include "registry/lock.h"
#include "registry/record.h"

void claim_init(struct claim *claim)
{
	*claim = (struct claim){.lock_fd = -1, .block = -1};
}

void claim_release(struct claim *claim)
{
	for (size_t i = 0; i < claim->hold_count; i++) {
		hold_close(&claim->holds[i]);
		free(claim->places[i].service);
		free(claim->places[i].name);
	}
	for (size_t i = 0; i < claim->spare_count; i++)
		hold_close(&claim->spares[i]);
	free(claim->holds);
	free(claim->places);
	free(claim->spares);
	owners_release(&claim->removed);
	text_release(&claim->notices);
	text_release(&claim->conflicts);
	if (claim->lock_fd >= 0)
		close(claim->lock_fd);
	if (claim->arena)
		arena_free(claim->arena);
	claim_init(claim);
}

static int none_free(const struct launch *l, struct error *e)
{
	fail(e, EXIT_FAILED, "no instance of '%s' is free", l->project.name);
	error_hint(e, "stop one with `stackup down -i N`; `stackup status --all` lists them");
	return -1;
}

static pid_t visible_pid(const struct instance *row)
{
	return owner_mark_is_here(&row->owner) ? row->owner.pid : 0;
}

/* A byte is held for which there is no row: most likely of a neighbour that spans several ranges. */
static int fail_without_row(struct launch *l, int number, struct error *e)
{
	struct instance *rows;
	size_t count;
	if (instance_list(l->registry, l->project.id, l->claim->arena, &rows, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (instance_overlaps(number, 1, rows[i].number, rows[i].spans)) {
			fail(e, EXIT_FAILED, "the ports of instance %d belong to instance %d, "
				"which takes %d ranges and runs", number, rows[i].number,
				rows[i].spans);
			error_hint(e, "take --instance new, or the number %d",
				rows[i].number + rows[i].spans);
			return -1;
		}
	return fail(e, EXIT_FAILED, "instance %d of '%s' is locked by a process that the registry does "
		"not know", number, l->project.name);
}

/* The lock byte is held. Ours to converge to, or another worktree's to leave alone? */
static int found_running(struct launch *l, int number, struct error *e)
{
	struct instance *row = &l->before;
	int got = instance_find(l->registry, l->project.id, number, l->claim->arena, row, e);
	if (got < 0)
		return -1;
	if (!got)
		return fail_without_row(l, number, e);
	l->claim->pid = visible_pid(row);
	if (worktree_has(&l->worktree, row)) {
		l->claim->outcome = CLAIM_RUNNING;
		return 0;
	}
	fail(e, EXIT_FAILED, "instance %d of '%s' runs for the worktree %s (pid %d)", number,
		l->project.name, row->worktree, (int)l->claim->pid);
	error_hint(e, "use `--instance new` for one of your own");
	return -1;
}

static int check_number(const struct launch *l, int number, struct error *e)
{
	if (instance_is_valid(number, l->request->spans))
		return 0;
	if (instance_is_valid(number, 1))
		return fail(e, EXIT_USAGE, "instance %d cannot have %d ranges of ports: its block "
			"ends before", number, l->request->spans);
	return fail(e, EXIT_USAGE, "there is no instance %d: use 1 to %d", number, INSTANCE_MOST);
}

static int fail_elsewhere(const struct launch *l, struct error *e)
{
	const struct instance *row = &l->before;
	fail(e, EXIT_FAILED, "instance %d of '%s' runs on %s, which shares %s with this machine",
		row->number, row->project, row->elsewhere, l->request->state);
	error_hint(e, "`stackup down` there; or `stackup instances release %d -p %s` when that machine is "
		"gone", row->number, row->project);
	return -1;
}

/* Takes the lock byte of the first candidate that has nobody on it. */
static int choose_instance(struct launch *l, struct error *e)
{
	struct claim *claim = l->claim;
	struct instance *rows;
	size_t count;
	if (instance_list(l->registry, l->project.id, claim->arena, &rows, &count, e))
		return -1;
	struct chooser chooser = {
		.request = l->request, .worktree = &l->worktree, .rows = rows, .count = count};
	for (;;) {
		int number = choose_next(&chooser);
		if (!number)
			return none_free(l, e);
		if (check_number(l, number, e))
			return -1;
		int got = instance_lock(l->request->state, l->project.id, number, l->request->spans,
			&claim->lock_fd, e);
		if (got < 0)
			return -1;
		claim->instance = number;
		if (got)
			break;
		if (chooser.settled)
			return found_running(l, number, e);
	}
	for (size_t i = 0; i < count; i++)
		if (rows[i].number == claim->instance)
			l->before = rows[i];
	return instance_is_elsewhere(&l->before) ? fail_elsewhere(l, e) : 0;
}

int launch_place_block(struct launch *l, struct error *e)
{
	struct claim *claim = l->claim;
	int ordinal = instance_block_ordinal(claim->instance);
	if (block_of(l->registry, l->project.id, ordinal, &claim->block, e))
		return -1;
	if (claim->block >= 0)
		return 0;
	if (launch_choose_block(l, &claim->block, e))
		return -1;
	if (!ordinal)
		l->project.block = claim->block;
	return block_add(l->registry, l->project.id, ordinal, claim->block, e);
}

static void describe(struct launch *l)
{
	struct claim *claim = l->claim;
	claim->project_id = l->project.id;
	claim->project = l->project.name;
	claim->spans = l->request->spans;
	claim->base_port = claim->block >= 0
		? instance_port(claim->ports_base, claim->block, claim->instance) : 0;
	claim->state_dir = arena_format(claim->arena, "%s/%s/%d", l->request->state,
		l->project.name ? l->project.name : l->request->stack_name, claim->instance);
	claim->generation = l->before.generation;
	claim->run_id = l->before.run_id;
	claim->purpose = l->before.number ? l->before.purpose
					  : instance_default_purpose(claim->instance);
	claim->environment = l->before.number ? l->before.environment : "development";
}

/* No branch ever sees another's data: what another worktree left is moved out of the way. */
static int set_state_aside(struct launch *l, struct error *e)
{
	if (!l->before.number || worktree_has(&l->worktree, &l->before))
		return 0;
	OWNED_TEXT aside = {0};
	int got = state_set_aside(l->claim->state_dir, &aside, e);
	if (got > 0)
		text_addf(&l->claim->notices, "instance %d belonged to %s; its state is kept as %s\n",
			l->claim->instance, l->before.worktree, text_string(&aside));
	return got < 0 ? -1 : 0;
}

/* The byte is free, so a row that says "running" is of a run that ended without a word. */
static void judge_last_run(struct launch *l)
{
	l->claim->unclean = l->before.number && l->before.status != INSTANCE_STOPPED;
	l->claim->crash_known = l->before.number && l->before.status == INSTANCE_CRASHED;
}

static int note_crash(struct launch *l, struct error *e)
{
	struct claim *claim = l->claim;
	judge_last_run(l);
	if (!claim->unclean || claim->crash_known)
		return 0;
	text_addf(&claim->notices, "the last run of instance %d ended without being stopped\n",
		claim->instance);
	return crash_note(l->registry, l->request->state, claim->project, claim->project_id,
		claim->instance, e);
}

static int put_instance(struct launch *l, struct error *e)
{
	const struct claim_request *request = l->request;
	struct claim *claim = l->claim;
	l->now = (struct instance){
		.project_id = claim->project_id,
		.number = claim->instance,
		.spans = claim->spans,
		.block = claim->block,
		.project = claim->project,
		.worktree = request->worktree,
		.git_dir = l->worktree.git_dir,
		.git_mark = l->worktree.mark,
		.purpose = request->purpose ? request->purpose : claim->purpose,
		.branch = request->branch ? request->branch : "",
		.commit = request->commit ? request->commit : "",
		.environment = request->environment ? request->environment : claim->environment,
		.run_id = request->run_id ? request->run_id : "",
		.status = INSTANCE_RUNNING,
	};
	owner_mark_self(&l->now.owner);
	if (instance_put(l->registry, &l->now, e))
		return -1;
	claim->purpose = arena_string(claim->arena, l->now.purpose);
	claim->environment = arena_string(claim->arena, l->now.environment);
	claim->run_id = arena_string(claim->arena, l->now.run_id);
	claim->generation = l->now.generation;
	return 0;
}

/* It runs already, perhaps from where the worktree was before. */
static int touch_instance(struct launch *l, struct error *e)
{
	const struct claim_request *request = l->request;
	l->before.worktree = request->worktree;
	l->before.git_dir = l->worktree.git_dir;
	l->before.git_mark = l->worktree.mark;
	l->before.branch = request->branch ? request->branch : "";
	l->before.commit = request->commit ? request->commit : "";
	return instance_touch(l->registry, &l->before, e);
}

/* Is the port leased to somebody who lives? */
static bool is_leased(const struct launch *l, const struct lease *leases, size_t count,
	uint16_t port)
{
	for (size_t i = 0; i < count; i++)
		if (leases[i].port == port)
			return instance_is_alive(l->request->state, leases[i].project_id,
				leases[i].instance);
	return false;
}

/* Every port of the range becomes ours, unless somebody who lives has the lease. */
static int lease_range(struct launch *l, struct error *e)
{
	struct claim *claim = l->claim;
	struct lease *old;
	size_t count;
	int slots = instance_slots(claim->spans);
	uint16_t last = (uint16_t)(claim->base_port + slots - 1);
	if (lease_drop(l->registry, claim->project_id, claim->instance, e) ||
		lease_list_range(l->registry, l->now.owner.netns, claim->base_port, last,
			claim->arena, &old, &count, e))
		return -1;
	for (int slot = 0; slot < slots; slot++) {
		struct lease lease = {.netns = l->now.owner.netns,
			.port = (uint16_t)(claim->base_port + slot), .project_id = claim->project_id,
			.instance = claim->instance, .service = "", .name = "", .slot = slot,
			.kind = LEASE_SPARE};
		if (!is_leased(l, old, count, lease.port) && lease_put(l->registry, &lease, e))
			return -1;
	}
	return 0;
}

static int load_moves(struct registry *r, struct claim *claim, struct error *e)
{
	struct lease *all;
	size_t count;
	if (lease_list(r, claim->project_id, claim->instance, claim->arena, &all, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (all[i].kind == LEASE_MOVED)
			*arena_append(claim->arena, claim->moved, claim->moved_count) = all[i];
	return 0;
}

int claim_load_machine(struct registry *r, struct claim *claim, struct error *e)
{
	struct arena *arena = claim->arena;
	if (!claim->ports_base && ports_base_get(r, &claim->ports_base, e))
		return -1;
	claim->ports_base = claim->ports_base ? claim->ports_base : PORTS_BASE;
	return reservation_list(r, arena, &claim->reservations, &claim->reservation_count, e) ||
			pool_list(r, arena, &claim->pool, &claim->pool_count, e) ||
			block_list(r, arena, &claim->blocks, &claim->block_count, e)
		? -1 : 0;
}

int claim_load_past(struct registry *r, struct claim *claim, struct error *e)
{
	if (claim_load_machine(r, claim, e))
		return -1;
	if (!claim->project_id)
		return 0;
	if (slot_list(r, claim->project_id, claim->arena, &claim->slots, &claim->slot_count, e) ||
		hold_mode_list(r, claim->project_id, claim->arena, &claim->hold_modes,
			&claim->hold_mode_count, e))
		return -1;
	return load_moves(r, claim, e);
}

/* Everything inside the transaction. */
static int decide(struct launch *l, struct error *e)
{
	struct claim *claim = l->claim;
	if (launch_find_project(l, e) || launch_revive(l, e) || choose_instance(l, e) ||
		launch_place_block(l, e))
		return -1;
	describe(l);
	if (claim->outcome == CLAIM_RUNNING) {
		claim->spans = l->before.spans;
		return touch_instance(l, e) || claim_load_past(l->registry, claim, e) ? -1 : 0;
	}
	if (claim_load_past(l->registry, claim, e) || note_crash(l, e) || set_state_aside(l, e) ||
		put_instance(l, e))
		return -1;
	return lease_range(l, e);
}

static void write_record(struct launch *l)
{
	struct error e = {0};
	struct project project = l->project;
	if (record_write(l->request->state, l->claim->ports_base, &project, &l->now, &e))
		text_addf(&l->claim->notices, "%s\n", e.text);
}

static int begin_claim(struct claim *claim, struct error *e)
{
	claim->arena = arena_new();
	return claim->arena ? 0 : fail(e, EXIT_FAILED, "out of memory");
}

int claim_instance(const struct claim_request *request, struct claim *claim, struct error *e)
{
	struct launch l = {.request = request, .claim = claim};
	int64_t began_us = clock_now_us();
	worktree_init(&l.worktree, request->worktree, request->git_dir);
	if (begin_claim(claim, e))
		return -1;
	l.registry = registry_open(request->state, REGISTRY_WRITE, REGISTRY_BOOT_MS, &claim->notices,
		e);
	if (!l.registry)
		return -1;
	int result = registry_begin(l.registry, e);
	if (!result && decide(&l, e)) {
		registry_rollback(l.registry);
		result = -1;
	} else if (!result) {
		result = registry_commit(l.registry, e);
	}
	registry_close(l.registry);
	if (result)
		launch_write_refusal(&l);
	if (!result && claim->outcome == CLAIM_OURS)
		write_record(&l);
	claim->claim_us = clock_now_us() - began_us;
	return result;
}

/* As choose_instance(), without taking anything. */
static int find_instance(struct launch *l, struct error *e)
{
	struct claim *claim = l->claim;
	struct instance *rows;
	size_t count;
	if (instance_list(l->registry, l->project.id, claim->arena, &rows, &count, e))
		return -1;
	if (!l->project.id)
		count = 0;
	struct chooser chooser = {
		.request = l->request, .worktree = &l->worktree, .rows = rows, .count = count};
	bool alive = false;
	do {
		claim->instance = choose_next(&chooser);
		if (!claim->instance)
			return none_free(l, e);
		if (check_number(l, claim->instance, e))
			return -1;
		alive = l->project.id && instance_is_alive(l->request->state, l->project.id,
						 claim->instance);
	} while (alive && !chooser.settled);
	for (size_t i = 0; i < count; i++)
		if (rows[i].number == claim->instance)
			l->before = rows[i];
	claim->outcome = alive ? CLAIM_RUNNING : CLAIM_OURS;
	claim->pid = alive ? visible_pid(&l->before) : 0;
	if (!alive)
		judge_last_run(l);
	return 0;
}

static int find_block(struct launch *l, struct error *e)
{
	struct claim *claim = l->claim;
	if (block_of(l->registry, l->project.id, instance_block_ordinal(claim->instance),
		    &claim->block, e))
		return -1;
	if (claim->block >= 0)
		return 0;
	struct claim silent = {.arena = claim->arena, .ports_base = claim->ports_base};
	struct launch copy = *l;
	copy.claim = &silent;
	/* That a block is none, the reader of the stack file says, who knows its line. */
	bool is_none = l->request->block >= 0 && !block_is_valid(claim->ports_base, l->request->block);
	int result = l->project.id || is_none ? launch_choose_block(&copy, &claim->block, e)
					      : launch_first_block(&copy, &claim->block, e);
	l->block_owner = copy.block_owner;
	text_release(&silent.notices);
	return result;
}

static int find_all(struct launch *l, struct error *e)
{
	const struct claim_request *request = l->request;
	if (launch_find_base(l, e) ||
		project_find(l->registry, request->main_dir, request->stack_name, l->claim->arena,
			&l->project, e) < 0 ||
		find_instance(l, e) || find_block(l, e))
		return -1;
	describe(l);
	if (!l->claim->project)
		l->claim->project = arena_string(l->claim->arena, request->stack_name);
	if (l->claim->outcome == CLAIM_RUNNING && l->before.number)
		l->claim->spans = l->before.spans;
	return claim_load_past(l->registry, l->claim, e);
}

int claim_find(const struct claim_request *request, struct claim *claim, struct error *e)
{
	struct launch l = {.request = request, .claim = claim};
	worktree_init(&l.worktree, request->worktree, request->git_dir);
	if (begin_claim(claim, e))
		return -1;
	l.registry = registry_open(request->state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	if (!l.registry)
		return -1;
	int result = find_all(&l, e);
	registry_close(l.registry);
	if (result)
		launch_write_refusal(&l);
	return result;
}
