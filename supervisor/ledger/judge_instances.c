#include <string.h>

#include "base/clock.h"
#include "ledger/judge_parts.h"
#include "model/names.h"
#include "ports/policy.h"

/* Whose instance it is: as the document has it where it is new, else as it is registered. */
static const struct ledger_project *project_of(struct judging *j, struct ledger_instance *mine)
{
	const char *name = mine->row.project;
	const size_t *place = lookup_find(&j->named, name);
	const struct ledger_project *written = place ? &j->document->projects[*place] : NULL;
	const struct ledger_project *known = project_registered(j, name);
	if (written && written->fate == FATE_ADD)
		return written;
	if (known && (!written || written->fate != FATE_LEFT_OUT))
		return known;
	if (written)
		contradict(j, mine->line, &mine->fate, "project",
			"the project '%s' of the instance is left out (line %d)",
			name, written->line);
	else
		contradict(j, mine->line, &mine->fate, "project", "there is no project '%s'", name);
	return NULL;
}

/* The number that has these ports; 0: they are in none of the project's blocks. */
static int number_of(const struct ledger_project *project, uint16_t base, uint16_t port)
{
	for (size_t i = 0; i < project->block_count; i++)
		if (block_of_port(base, port) == project->blocks[i])
			return (int)i * INSTANCES +
				(port - block_port(base, project->blocks[i])) / SLOTS + 1;
	return 0;
}

/* The ports of a row are its range, or some in it. */
static void check_ports(struct judging *j, struct ledger_instance *mine)
{
	struct instance *row = &mine->row;
	int first = instance_port(j->facts->ports_base, row->block, row->number);
	for (size_t i = 0; i < mine->port_count; i++) {
		struct ledger_ports ports = mine->ports[i];
		int size = ports.high - ports.low + 1;
		if (ports.low == first && size % SLOTS == 0 && !row->spans)
			row->spans = size / SLOTS;
	}
	row->spans = row->spans ? row->spans : 1;
	int last = first + instance_slots(row->spans) - 1;
	for (size_t i = 0; i < mine->port_count; i++)
		if (mine->ports[i].low < first || mine->ports[i].high > last)
			return contradict(j, mine->line, &mine->fate, "ports",
				"ports %d-%d are not those of instance %d of '%s' (%d-%d)",
				mine->ports[i].low, mine->ports[i].high, row->number, row->project,
				first, last);
}

static void check_place(
	struct judging *j, struct ledger_instance *mine, const struct ledger_project *project)
{
	struct instance *row = &mine->row;
	uint16_t base = j->facts->ports_base;
	size_t count = project->block_count ? project->block_count : 1;
	if (!row->number && mine->port_count)
		row->number = number_of(project, base, mine->ports[0].low);
	if (!row->number)
		return contradict(j, mine->line, &mine->fate, "ports",
			"ports %d-%d are in no block of '%s'", mine->ports[0].low,
			mine->ports[0].high, project->row.name);
	size_t ordinal = (size_t)instance_block_ordinal(row->number);
	if (ordinal >= count)
		return contradict(j, mine->line, &mine->fate, "instance",
			"instance %d of '%s' is outside: its block%s hold%s 1 to %zu",
			row->number, project->row.name, count > 1 ? "s" : "", count > 1 ? "" : "s",
			count * INSTANCES);
	row->block = project->block_count ? project->blocks[ordinal] : project->row.block;
	check_ports(j, mine);
	if (mine->fate != FATE_LEFT_OUT && !instance_is_valid(row->number, row->spans))
		contradict(j, mine->line, &mine->fate, "ports",
			"instance %d of '%s' cannot have %d ports", row->number, project->row.name,
			instance_slots(row->spans));
}

static bool says_else(const char *said, const char *known)
{
	return said && *said && strcmp(said, known ? known : "") != 0;
}

static bool is_same(const struct instance *known, const struct instance *mine)
{
	return known->number == mine->number && known->spans == mine->spans &&
		!says_else(mine->purpose, known->purpose) &&
		!says_else(mine->branch, known->branch) &&
		!says_else(mine->environment, known->environment);
}

/* Rows of one project stand together in what was written; others are looked at all the same. */
static void check_others(struct judging *j, size_t place)
{
	struct ledger_instance *mine = &j->document->instances[place];
	for (size_t i = 0; i < place; i++) {
		struct ledger_instance *other = &j->document->instances[i];
		if (other->fate == FATE_SAME || !other->row.number ||
			other->row.block != mine->row.block ||
			strcmp(other->row.project, mine->row.project) != 0 ||
			!instance_overlaps(other->row.number, other->row.spans, mine->row.number,
				mine->row.spans))
			continue;
		if (is_same(&other->row, &mine->row)) {
			mine->fate = FATE_SAME;
			return;
		}
		contradict(j, mine->line, &mine->fate, "instance",
			"instance %d of '%s' is in line %d, too", mine->row.number,
			mine->row.project, other->line);
		if (other->fate != FATE_LEFT_OUT)
			contradict(j, other->line, &other->fate, "instance",
				"instance %d of '%s' is in line %d, too",
				other->row.number, other->row.project, mine->line);
	}
}

static void compare(struct judging *j, struct ledger_instance *mine, const struct instance *known)
{
	struct instance *row = &mine->row;
	/* Its branch is what git says (cli/shared/reconcile.h). */
	bool changes = says_else(row->purpose, known->purpose) ||
		says_else(row->environment, known->environment);
	mine->fate = changes ? FATE_CHANGE : FATE_SAME;
	row->project_id = known->project_id;
	if (changes &&
		(instance_is_elsewhere(known) ||
			j->facts->runs(j->facts->self, known->project_id, known->number))) {
		remark(j, mine->line, "instance", "instance %d of '%s' runs and is left as it is",
			row->number, row->project);
		mine->fate = FATE_SAME;
	}
}

/* A registered instance of several ranges may lie across it. */
static void check_registered(struct judging *j, struct ledger_instance *mine)
{
	const struct ledger *now = j->facts->now;
	const size_t *place =
		lookup_find(&j->instances, instance_key(j, mine->row.project, mine->row.number));
	if (place)
		return compare(j, mine, &now->instances[*place].row);
	for (size_t i = 0; i < now->instance_count; i++) {
		const struct instance *other = &now->instances[i].row;
		if (!strcmp(other->project, mine->row.project) &&
			instance_overlaps(
				other->number, other->spans, mine->row.number, mine->row.spans))
			return contradict(j, mine->line, &mine->fate, "ports",
				"instance %d of '%s' has ports of instance %d",
				mine->row.number, mine->row.project, other->number);
	}
}

static const char *or_else(const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

/*
 * Without a directory an instance is nobody's claim: only the first one is surely that of the main
 * worktree, and any other goes to whoever asks for the number.
 */
static void complete_instance(struct judging *j, struct ledger_instance *mine, const char *path)
{
	char now[CLOCK_ISO_SIZE];
	struct instance *row = &mine->row;
	if (!row->purpose || !*row->purpose)
		row->purpose = instance_default_purpose(row->number);
	row->branch = or_else(row->branch, "");
	row->environment = row->environment && *row->environment ? row->environment : "development";
	row->commit = or_else(row->commit, "");
	row->git_dir = or_else(row->git_dir, "");
	row->git_mark = or_else(row->git_mark, "");
	row->started_at = or_else(row->started_at, "");
	if (!row->worktree || !*row->worktree)
		row->worktree = row->number == 1 ? path : "";
	if (!row->created_at || !*row->created_at)
		row->created_at = arena_string(j->arena, clock_iso(j->reading->now_ms, now));
	if (!row->last_used_at || !*row->last_used_at)
		row->last_used_at = row->created_at;
}

void judge_instances(struct judging *j)
{
	for (size_t i = 0; i < j->document->instance_count; i++) {
		struct ledger_instance *mine = &j->document->instances[i];
		const struct ledger_project *project = project_of(j, mine);
		if (project)
			mine->fate = FATE_ADD;
		if (project)
			check_place(j, mine, project);
		if (mine->fate == FATE_ADD)
			check_others(j, i);
		if (mine->fate == FATE_ADD)
			check_registered(j, mine);
		if (mine->fate == FATE_ADD && project)
			complete_instance(j, mine, project->row.path);
	}
}
