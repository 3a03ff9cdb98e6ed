#include "claim/forget.h"

#include "base/own.h"
#include "claim/aside.h"
#include "registry/history.h"
#include "registry/instances.h"
#include "registry/lock.h"
#include "registry/record.h"

struct parting {
	const char *state;
	const struct project *project;
	int number;
	const char *reason;
	struct instance row;
	struct arena *arena;
};

static int fail_running(const struct parting *p, const char *how, struct error *e)
{
	fail(e, EXIT_FAILED, "%s instance %d %s", p->project->name, p->number, how);
	error_hint(e, "`stackup down -p %s -i %d` first", p->project->name, p->number);
	return -1;
}

static int check(struct parting *p, struct registry *r, struct error *e)
{
	int got = instance_find(r, p->project->id, p->number, p->arena, &p->row, e);
	if (got < 0)
		return -1;
	if (!got)
		return fail(e, EXIT_NOT_FOUND, "there is no instance %d of '%s'", p->number,
			p->project->name);
	if (p->row.status != INSTANCE_STOPPED && !instance_is_elsewhere(&p->row))
		return fail_running(p, "ended without being stopped, and something of it may be left", e);
	return 0;
}

int instance_part(struct registry *r, const struct instance *row, const char *state, const char *reason,
	struct text *kept, struct error *e)
{
	OWNED_TEXT target = {0}, dir = {0};
	text_addf(&target, "instance %d of %s", row->number, row->worktree);
	text_addf(&dir, "%s/%s/%d", state, row->project, row->number);
	if (!text_ok(&target) || !text_ok(&dir))
		return fail(e, EXIT_FAILED, "out of memory");
	if (instance_drop(r, row->project_id, row->number, e) ||
		history_audit(r, row->project_id, row->number, "released", text_string(&target), reason,
			e))
		return -1;
	return state_set_aside(text_string(&dir), kept, e) < 0 ? -1 : 0;
}

static int drop(struct parting *p, struct registry *r, struct text *kept, struct error *e)
{
	return check(p, r, e) ? -1 : instance_part(r, &p->row, p->state, p->reason, kept, e);
}

static int write_drop(struct parting *p, struct text *kept, struct error *e)
{
	struct registry *r = registry_open(p->state, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, e);
	if (!r)
		return -1;
	int result = registry_begin(r, e) || drop(p, r, kept, e) ? -1 : registry_commit(r, e);
	registry_close(r);
	return result;
}

int instance_forget(const char *state, const struct project *project, int number, const char *reason,
	struct text *kept, struct error *e)
{
	struct parting p = {.state = state, .project = project, .number = number, .reason = reason,
		.arena = arena_new()};
	OWNED_FD lock = -1;
	if (!p.arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int got = instance_lock(state, project->id, number, 1, &lock, e);
	int result = got > 0 ? write_drop(&p, kept, e) : -1;
	if (!got)
		fail_running(&p, "runs", e);
	if (!result)
		record_drop(state, project->id, number);
	arena_free(p.arena);
	return result;
}
