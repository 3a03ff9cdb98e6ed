#include <string.h>

#include "claim/clone.h"
#include "claim/parts.h"
#include "ports/policy.h"
#include "registry/lock.h"

int launch_choose_block(struct launch *l, int *block, struct error *e)
{
	bool taken[BLOCKS];
	if (blocks_taken(l->registry, taken, BLOCKS, e))
		return -1;
	*block = block_choose(l->claim->ports_base, taken);
	if (*block < 0 && blocks_needed(l->registry, taken, BLOCKS, e))
		return -1;
	if (*block < 0)
		*block = block_choose(l->claim->ports_base, taken);
	if (*block < 0)
		return fail(e, EXIT_CONFLICT, "all blocks of ports belong to projects already");
	return 0;
}

static int refuse_block(struct launch *l, const char *owner, struct error *e)
{
	const struct claim_request *request = l->request;
	int free_block = -1;
	(void)launch_choose_block(l, &free_block, NULL);
	l->block_owner = owner;
	fail(e, EXIT_CONFLICT, "block = %d of %s belongs to %s", request->block, request->main_dir,
		owner);
	error_hint(e, "write block = %d, or leave the key out", free_block);
	return -1;
}

/* Clones share the stack file and with it the block, of which only one can have it. */
static bool is_clone(const struct launch *l, const struct project *owner)
{
	return !strcmp(owner->stack_name, l->request->stack_name) ||
		(*owner->path && clone_of_one(owner->path, l->request->main_dir));
}

/* 1: the stack file's block can be had, 0: a clone of the same stack has it, *shown; -1: it cannot. */
static int check_explicit(struct launch *l, const char **shown, struct error *e)
{
	const struct claim_request *request = l->request;
	struct project owner;
	if (!block_is_valid(l->claim->ports_base, request->block)) {
		fail(e, EXIT_BAD_FILE, "block = %d: there is no such block, with ports from %u on",
			request->block, l->claim->ports_base);
		error_hint(e, "take one from 1 on whose ports end at 65535 and are none of %d-%d",
			EMERGENCY_LOW, EMERGENCY_HIGH);
		return -1;
	}
	int got = project_find_by_block(l->registry, request->block, l->claim->arena, &owner, e);
	if (got < 0)
		return -1;
	if (!got || owner.id == l->project.id || !strcmp(owner.status, "archived"))
		return 1;
	*shown = *owner.path
		? arena_format(l->claim->arena, "project '%s' (%s)", owner.name, owner.path)
		: arena_format(l->claim->arena, "project '%s'", owner.name);
	return is_clone(l, &owner) ? 0 : refuse_block(l, *shown, e);
}

int launch_first_block(struct launch *l, int *block, struct error *e)
{
	const char *owner = NULL;
	int explicit = l->request->block < 0 ? 0 : check_explicit(l, &owner, e);
	if (explicit < 0)
		return -1;
	if (explicit) {
		*block = l->request->block;
		return 0;
	}
	if (launch_choose_block(l, block, e))
		return -1;
	if (owner)
		text_addf(&l->claim->notices, "block %d of the stack file belongs to %s; this one has "
			"block %d\n", l->request->block, owner, *block);
	return 0;
}

bool launch_any_alive(const struct launch *l)
{
	for (int i = 1; i <= INSTANCE_MOST; i++)
		if (instance_is_alive(l->request->state, l->project.id, i))
			return true;
	return false;
}

/* The stack file's block was added or changed after the project had been registered. */
static int follow_block(struct launch *l, struct error *e)
{
	int wanted = l->request->block;
	if (wanted < 0 || wanted == l->project.block)
		return 0;
	const char *owner;
	int explicit = check_explicit(l, &owner, e);
	if (explicit <= 0)
		return explicit;
	if (launch_any_alive(l)) {
		text_addf(&l->claim->notices, "block = %d takes effect when no instance of '%s' runs; "
			"it has block %d until then\n", wanted, l->project.name, l->project.block);
		return 0;
	}
	l->project.block = wanted;
	return project_set_block(l->registry, l->project.id, wanted, e);
}

int launch_set_block(struct launch *l, struct error *e)
{
	const char *owner;
	int got = check_explicit(l, &owner, e);
	if (got < 0)
		return -1;
	if (!got)
		return refuse_block(l, owner, e);
	if (launch_any_alive(l)) {
		fail(e, EXIT_FAILED, "'%s' runs, and its ports cannot change now", l->project.name);
		error_hint(e, "`stackup down -p %s --all` first", l->project.name);
		return -1;
	}
	l->project.block = l->request->block;
	return project_set_block(l->registry, l->project.id, l->project.block, e);
}

int launch_revive(struct launch *l, struct error *e)
{
	bool archived = !strcmp(l->project.status, "archived");
	if (!archived && strcmp(l->project.status, "reserved") != 0)
		return 0;
	l->project.status = "active";
	if (archived)
		text_addf(&l->claim->notices, "project '%s' was archived; it is active again\n",
			l->project.name);
	return project_describe(l->registry, &l->project, e);
}

int launch_find_base(struct launch *l, struct error *e)
{
	uint16_t asked = l->request->ports_base;
	uint16_t recorded;
	if (ports_base_get(l->registry, &recorded, e))
		return -1;
	l->claim->ports_base = recorded ? recorded : asked ? asked : PORTS_BASE;
	if (recorded && asked && recorded != asked)
		text_addf(&l->claim->notices, "base = %u of your config.ini has no effect: the first "
			"project of this registry made it %u; remove the line\n", asked, recorded);
	return 0;
}

static int add_project(struct launch *l, struct error *e)
{
	if (launch_first_block(l, &l->project.block, e) ||
		ports_base_set(l->registry, l->claim->ports_base, e))
		return -1;
	return project_add(l->registry, l->claim->arena, &l->project, e);
}

/* One that was imported without a place. */
static int settle(struct launch *l, struct error *e)
{
	if (*l->project.path)
		return 0;
	l->project.path = arena_string(l->claim->arena, l->request->main_dir);
	text_addf(&l->claim->notices, "project '%s' has waited for its stack: it is that of %s now, with "
		"block %d\n", l->project.name, l->project.path, l->project.block);
	return project_settle(l->registry, l->project.id, l->project.path, e);
}

/* Who answers for it, as the stack file says by now; where it says nothing, what somebody told stays. */
static int follow_owner(struct launch *l, struct error *e)
{
	const char *owner = l->request->owner;
	if (!owner || !*owner || !strcmp(owner, l->project.owner))
		return 0;
	l->project.owner = arena_string(l->claim->arena, owner);
	return project_describe(l->registry, &l->project, e);
}

int launch_find_project(struct launch *l, struct error *e)
{
	const struct claim_request *request = l->request;
	struct arena *arena = l->claim->arena;
	if (launch_find_base(l, e))
		return -1;
	int got = project_find(l->registry, request->main_dir, request->stack_name, arena, &l->project,
		e);
	if (got < 0)
		return -1;
	if (got)
		return settle(l, e) || follow_block(l, e) || follow_owner(l, e) ||
			project_touch(l->registry, l->project.id, e) ? -1 : 0;
	l->project = (struct project){
		.path = arena_string(arena, request->main_dir),
		.stack_name = arena_string(arena, request->stack_name),
		.owner = arena_string(arena, request->owner ? request->owner : ""),
	};
	if (add_project(l, e))
		return -1;
	if (strcmp(l->project.name, request->stack_name) != 0)
		text_addf(&l->claim->notices, "there is a project '%s' already; this one is called "
			"'%s'\n", request->stack_name, l->project.name);
	return 0;
}
