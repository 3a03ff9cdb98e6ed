#include "claim/enroll.h"

#include <string.h>

#include "base/nearest.h"
#include "claim/parts.h"
#include "registry/history.h"

static const char *const statuses[] = {"active", "reserved", "legacy", "archived"};

static int check_status(const char *status, struct error *e)
{
	struct nearest near = {.wanted = status};
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		if (!strcmp(status, statuses[i]))
			return 0;
		nearest_offer(&near, statuses[i]);
	}
	fail(e, EXIT_USAGE, "'%s' is no status of a project", status);
	nearest_hint(&near, e);
	return -1;
}

static int change_status(struct launch *l, const char *status, struct error *e)
{
	if (check_status(status, e))
		return -1;
	if (!strcmp(status, "archived") && launch_any_alive(l)) {
		fail(e, EXIT_FAILED, "'%s' runs and cannot be archived", l->project.name);
		error_hint(e, "`stackup down -p %s --all` first", l->project.name);
		return -1;
	}
	l->project.status = status;
	return 0;
}

static int change_block(struct launch *l, int block, struct error *e)
{
	struct claim_request request = *l->request;
	struct launch wanted = *l;
	request.block = block;
	wanted.request = &request;
	if (!launch_set_block(&wanted, e))
		return 0;
	if (e->code == EXIT_BAD_FILE)
		e->code = EXIT_USAGE;
	return -1;
}

static int note(struct launch *l, const struct project_changes *changes, struct error *e)
{
	OWNED_TEXT line = {0};
	if (changes->block >= 0)
		text_addf(&line, "block %d ", changes->block);
	if (changes->status)
		text_addf(&line, "status %s ", changes->status);
	if (changes->owner)
		text_addf(&line, "owner '%s' ", changes->owner);
	if (changes->notes)
		text_addf(&line, "notes '%s' ", changes->notes);
	if (!line.length)
		return 0;
	text_cut(&line, line.length - 1);
	return history_audit(l->registry, l->project.id, 0, "set", l->project.name,
		text_string(&line), e);
}

static int apply(struct launch *l, const struct project_changes *changes, struct error *e)
{
	if (changes->status && change_status(l, changes->status, e))
		return -1;
	l->project.owner = changes->owner ? changes->owner : l->project.owner;
	l->project.notes = changes->notes ? changes->notes : l->project.notes;
	if (changes->block >= 0 && change_block(l, changes->block, e))
		return -1;
	return project_describe(l->registry, &l->project, e) || note(l, changes, e) ? -1 : 0;
}

static int enroll(struct launch *l, const struct project_changes *changes, struct error *e)
{
	const struct claim_request *request = l->request;
	struct project there;
	int got = project_find(l->registry, request->main_dir, request->stack_name, l->claim->arena,
		&there, e);
	if (got < 0)
		return -1;
	if (got && *there.path) {
		fail(e, EXIT_FAILED, "project '%s' of %s is registered already, with block %d",
			there.name, there.path, there.block);
		error_hint(e, "`stackup registry set` changes what is said of it");
		return -1;
	}
	return launch_find_project(l, e) || apply(l, changes, e) ? -1 : 0;
}

static int change(struct launch *l, int64_t id, const struct project_changes *changes,
	struct error *e)
{
	int got = project_find_by_id(l->registry, id, l->claim->arena, &l->project, e);
	if (got < 1 || launch_find_base(l, e))
		return got ? -1 : fail(e, EXIT_NOT_FOUND, "the project was removed meanwhile");
	struct claim_request request = *l->request;
	request.main_dir = l->project.path;
	request.stack_name = l->project.stack_name;
	struct launch copy = *l;
	copy.request = &request;
	return apply(&copy, changes, e);
}

/* id 0: enroll, and *id is what it became. */
static int write_changes(struct launch *l, int64_t *id, const struct project_changes *changes,
	struct error *e)
{
	l->registry = registry_open(l->request->state, REGISTRY_WRITE, REGISTRY_BOOT_MS,
		&l->claim->notices, e);
	if (!l->registry)
		return -1;
	int result = registry_begin(l->registry, e);
	if (!result) {
		result = *id ? change(l, *id, changes, e) : enroll(l, changes, e);
		if (result)
			registry_rollback(l->registry);
		else
			result = registry_commit(l->registry, e);
	}
	*id = *id ? *id : l->project.id;
	registry_close(l->registry);
	return result;
}

static int run(const struct claim_request *request, int64_t *id,
	const struct project_changes *changes, struct text *notices, struct error *e)
{
	struct claim claim;
	claim_init(&claim);
	claim.arena = arena_new();
	struct launch l = {.request = request, .claim = &claim};
	int result = claim.arena ? write_changes(&l, id, changes, e)
				 : fail(e, EXIT_FAILED, "out of memory");
	if (notices)
		text_add(notices, text_string(&claim.notices));
	claim_release(&claim);
	return result;
}

int project_enroll(const struct claim_request *request, const struct project_changes *changes,
	int64_t *id, struct text *notices, struct error *e)
{
	*id = 0;
	return run(request, id, changes, notices, e);
}

int project_change(const char *state, int64_t id, const struct project_changes *changes,
	struct error *e)
{
	const struct claim_request request = {.state = state, .block = -1};
	return run(&request, &id, changes, NULL, e);
}
