#include "ledger/apply.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/lookup.h"
#include "ledger/claims.h"
#include "ledger/collect.h"
#include "ledger/judge.h"
#include "model/names.h"
#include "ports/policy.h"
#include "registry/history.h"
#include "registry/lock.h"

struct applying {
	const struct ledger_import *import;
	struct ledger *document;
	struct registry *r;
	struct arena *arena;
	struct lookup ids; /* name -> place in document->projects, of those that were added */
};

/* ---- facts ---- */

static bool is_there(void *self, const char *path)
{
	struct stat st;
	(void)self;
	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool is_running(void *self, int64_t project_id, int instance)
{
	const char *state = ((const struct applying *)self)->import->state;
	if (instance)
		return instance_is_alive(state, project_id, instance);
	for (int i = 1; i <= INSTANCE_MOST; i++)
		if (instance_is_alive(state, project_id, i))
			return true;
	return false;
}

static int judge(struct applying *a, const struct ledger *now, struct error *e)
{
	uint16_t said = a->document->ports_base, asked = a->import->ports_base;
	if (said && now->ports_base && said != now->ports_base)
		return fail(e, EXIT_FAILED,
			"the blocks of %s begin at port %d, those of this registry at %d",
			a->import->reading->label, said, now->ports_base);
	const struct ledger_facts facts = {.now = now,
		.ports_base = now->ports_base ? now->ports_base
			: said                ? said
			: asked               ? asked
					      : PORTS_BASE,
		.self = a,
		.exists = is_there,
		.runs = is_running};
	a->document->ports_base = facts.ports_base;
	ledger_judge(a->import->reading, &facts);
	return 0;
}

/* ---- writing ---- */

static int note(struct applying *a, int64_t project_id, const char *name, struct error *e)
{
	return history_audit(a->r, project_id, 0, "import", name, a->import->reading->label, e);
}

static int change_project(struct applying *a, const struct project *row, struct error *e)
{
	struct project known;
	int got = project_find_by_id(a->r, row->id, a->arena, &known, e);
	if (got < 1)
		return got;
	known.status = row->status ? row->status : known.status;
	known.owner = row->owner && *row->owner ? row->owner : known.owner;
	known.notes = row->notes && *row->notes ? row->notes : known.notes;
	return project_describe(a->r, &known, e) || note(a, known.id, known.name, e) ? -1 : 0;
}

static int by_id(const void *a, const void *b)
{
	const struct ledger_project *one = *(const struct ledger_project *const *)a;
	const struct ledger_project *other = *(const struct ledger_project *const *)b;
	return one->row.id < other->row.id ? -1 : one->row.id > other->row.id;
}

/* In the order of their ids: imports.h. */
static int write_projects(struct applying *a, struct error *e)
{
	size_t count = a->document->project_count;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers */
	struct ledger_project **order = arena_take(a->arena, (count + 1) * sizeof *order);
	for (size_t i = 0; i < count; i++)
		order[i] = &a->document->projects[i];
	qsort(order, count, sizeof(struct ledger_project *), by_id);
	for (size_t i = 0; i < count; i++) {
		struct ledger_project *project = order[i];
		if (project->fate == FATE_CHANGE && change_project(a, &project->row, e))
			return -1;
		if (project->fate != FATE_ADD)
			continue;
		if (ports_base_set(a->r, a->document->ports_base, e) ||
			import_project(
				a->r, &project->row, project->blocks, project->block_count, e) ||
			note(a, project->row.id, project->row.name, e))
			return -1;
		lookup_add(&a->ids, project->row.name, (size_t)(project - a->document->projects));
	}
	return 0;
}

/* 0: no project of that name was added. */
static int64_t added_id(const struct applying *a, const char *name)
{
	const size_t *place = lookup_find(&a->ids, name);
	return place ? a->document->projects[*place].row.id : 0;
}

static int id_of(struct applying *a, const char *name, int64_t *id, struct error *e)
{
	struct project known;
	*id = added_id(a, name);
	if (*id || !*name)
		return 0;
	int got = project_find_by_name(a->r, name, a->arena, &known, e);
	*id = got == 1 ? known.id : 0;
	return got < 0 ? -1 : 0;
}

static int add_instance(struct applying *a, struct instance *row, struct error *e)
{
	struct project project;
	struct instance *rows;
	size_t count;
	if (id_of(a, row->project, &row->project_id, e) ||
		project_find_by_id(a->r, row->project_id, a->arena, &project, e) < 1 ||
		instance_list(a->r, row->project_id, a->arena, &rows, &count, e))
		return -1;
	claim_by_branch(row, project.path, rows, count, a->arena);
	return import_instance(a->r, row, e);
}

static int write_instances(struct applying *a, struct error *e)
{
	for (size_t i = 0; i < a->document->instance_count; i++) {
		struct ledger_instance *instance = &a->document->instances[i];
		struct instance *row = &instance->row;
		if (instance->fate == FATE_ADD && add_instance(a, row, e))
			return -1;
		if (instance->fate == FATE_CHANGE &&
			instance_describe(a->r, row->project_id, row->number, row->environment,
				row->purpose, e))
			return -1;
	}
	return 0;
}

/* Of projects that are new: what is known here of the others is newer. */
static int write_details(struct applying *a, struct error *e)
{
	const struct ledger *document = a->document;
	for (size_t i = 0; i < document->service_count; i++) {
		struct service_state service = document->services[i];
		service.row.project_id = added_id(a, service.project);
		if (service.row.project_id && import_service(a->r, &service, e))
			return -1;
	}
	for (size_t i = 0; i < document->slot_count; i++) {
		const struct ledger_slot *slot = &document->slots[i];
		int64_t id = added_id(a, slot->project);
		if (id &&
			slot_record(a->r, id, slot->row.service, slot->row.name, slot->row.slot, e))
			return -1;
	}
	for (size_t i = 0; i < document->reservation_count; i++) {
		struct ledger_reservation *reservation = &document->reservations[i];
		if (reservation->fate == FATE_ADD &&
			(id_of(a, reservation->row.project, &reservation->row.project_id, e) ||
				import_reservation(a->r, &reservation->row, e)))
			return -1;
	}
	return 0;
}

static int write_all(struct applying *a, struct error *e)
{
	struct ledger now;
	if (registry_begin(a->r, e))
		return -1;
	if (ledger_collect(a->r, a->import->state, LEDGER_JSON, a->arena, &now, e) ||
		judge(a, &now, e) || write_projects(a, e) || write_instances(a, e) ||
		write_details(a, e)) {
		registry_rollback(a->r);
		return -1;
	}
	return registry_commit(a->r, e);
}

int ledger_import(const struct ledger_import *import, struct text *notices, struct error *e)
{
	struct arena *arena = import->reading->arena;
	struct applying a = {.import = import,
		.document = import->reading->ledger,
		.arena = arena,
		.ids = {.arena = arena}};
	struct ledger now;
	if (import->dry_run)
		return ledger_collect_state(import->state, LEDGER_JSON, arena, &now, e) ||
				judge(&a, &now, e)
			? -1
			: 0;
	a.r = registry_open(import->state, REGISTRY_WRITE, REGISTRY_BOOT_MS, notices, e);
	int result = a.r ? write_all(&a, e) : -1;
	registry_close(a.r);
	return result;
}
