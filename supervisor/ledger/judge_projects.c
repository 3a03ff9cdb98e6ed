#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/judge_parts.h"
#include "model/names.h"
#include "ports/policy.h"

/* ---- one row alone ---- */

static void check_name(struct judging *j, struct ledger_project *project)
{
	const char *name = project->row.name;
	if (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		contradict(j, project->line, &project->fate, "name",
			"'%s' cannot be the name of a project: "
			"its state is a directory of that name",
			name);
}

/* Without the slashes at its end. */
static void check_path(struct judging *j, struct ledger_project *project)
{
	const char *path = project->row.path;
	if (!path || !*path) {
		project->row.path = "";
		return;
	}
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	project->row.path = arena_string_n(j->arena, path, length);
	if (*path != '/')
		contradict(j, project->line, &project->fate, "path",
			"the path '%s' of '%s' does not begin at /",
			path, project->row.name);
}

static bool owns(const struct ledger_project *project, int block)
{
	for (size_t i = 0; i < project->block_count; i++)
		if (project->blocks[i] == block)
			return true;
	return false;
}

static void add_block(struct judging *j, struct ledger_project *project, int block)
{
	int *blocks = arena_take(j->arena, (project->block_count + 1) * sizeof *blocks);
	if (project->block_count)
		memcpy(blocks, project->blocks, project->block_count * sizeof *blocks);
	blocks[project->block_count++] = block;
	project->blocks = blocks;
	project->row.block = blocks[0];
}

/* Ports tell the blocks where the row does not, and have to lie in them where it does. */
static void check_ports(struct judging *j, struct ledger_project *project)
{
	uint16_t base = j->facts->ports_base;
	bool told = project->block_count > 0;
	for (size_t i = 0; i < project->port_count; i++) {
		struct ledger_ports ports = project->ports[i];
		int block = block_of_port(base, ports.low);
		if (block < 0 || block_of_port(base, ports.high) < 0)
			return contradict(j, project->line, &project->fate, "ports",
				"ports %d-%d of '%s' are in no block: block 0 begins at %d",
				ports.low, ports.high, project->row.name, base);
		for (; block <= block_of_port(base, ports.high); block++) {
			if (owns(project, block))
				continue;
			if (told)
				return contradict(j, project->line, &project->fate, "ports",
					"ports %d-%d of '%s' are not in its block %d (%d-%d)",
					ports.low, ports.high, project->row.name,
					project->blocks[0], block_port(base, project->blocks[0]),
					block_port(base, project->blocks[0]) + BLOCK_PORTS - 1);
			add_block(j, project, block);
		}
	}
}

static void check_blocks(struct judging *j, struct ledger_project *project)
{
	for (size_t i = 0; i < project->block_count; i++)
		if (!block_is_valid(j->facts->ports_base, project->blocks[i]))
			return contradict(j, project->line, &project->fate, "block",
				"block %d of '%s': there is no such block",
				project->blocks[i], project->row.name);
}

static void check_alone(struct judging *j, struct ledger_project *project)
{
	project->fate = FATE_ADD;
	check_name(j, project);
	check_path(j, project);
	check_blocks(j, project);
	if (project->fate == FATE_ADD)
		check_ports(j, project);
	if (project->fate == FATE_ADD)
		check_blocks(j, project); /* those that the ports told */
}

/* ---- rows among themselves ---- */

static bool is_archived(const struct ledger_project *project)
{
	return project->row.status && !strcmp(project->row.status, "archived");
}

static bool is_same(const struct ledger_project *a, const struct ledger_project *b)
{
	if (a->block_count != b->block_count || strcmp(a->row.path, b->row.path) != 0)
		return false;
	for (size_t i = 0; i < a->block_count; i++)
		if (!owns(b, a->blocks[i]))
			return false;
	return true;
}

/* Twice the same is once. */
static void check_twice(struct judging *j, size_t place)
{
	struct ledger_project *project = &j->document->projects[place];
	const size_t *other = lookup_find(&j->named, project->row.name);
	if (!other) {
		lookup_add(&j->named, project->row.name, place);
		return;
	}
	struct ledger_project *first = &j->document->projects[*other];
	if (is_same(first, project)) {
		project->fate = FATE_SAME;
		return;
	}
	contradict(j, project->line, &project->fate, "name",
		"'%s' is in line %d, too, with other places", project->row.name, first->line);
	if (first->fate != FATE_LEFT_OUT)
		contradict(j, first->line, &first->fate, "name",
			"'%s' is in line %d, too, with other places",
			first->row.name, project->line);
}

/* Somebody else needs it: an archived project has it no more. */
static void lose_block(struct judging *j, struct ledger_project *project, int block)
{
	int *kept = NULL;
	size_t count = 0;
	for (size_t i = 0; i < project->block_count; i++)
		if (project->blocks[i] != block)
			*arena_append(j->arena, kept, count) = project->blocks[i];
	project->row.block = project->blocks[0];
	project->blocks = kept;
	project->block_count = count;
}

static void check_pair(
	struct judging *j, struct ledger_project *a, struct ledger_project *b, int block)
{
	if (is_archived(a))
		return lose_block(j, a, block);
	if (is_archived(b))
		return lose_block(j, b, block);
	struct ledger_project *both[] = {a, b};
	for (int i = 0; i < 2; i++) {
		const struct ledger_project *other = both[1 - i];
		contradict(j, both[i]->line, &both[i]->fate, "block",
			"block %d is that of '%s' and, in line %d, of '%s'",
			block, both[i]->row.name, other->line, other->row.name);
	}
}

static void check_shared(struct judging *j)
{
	struct ledger *document = j->document;
	size_t *owners = arena_take(j->arena, BLOCKS * sizeof *owners); /* place + 1 */
	for (size_t i = 0; i < document->project_count; i++) {
		struct ledger_project *project = &document->projects[i];
		const int *blocks = project->blocks;
		size_t count = project->fate == FATE_ADD ? project->block_count : 0;
		for (size_t k = 0; k < count; k++) {
			size_t *owner = &owners[blocks[k]];
			if (*owner && *owner != i + 1)
				check_pair(j, &document->projects[*owner - 1], project, blocks[k]);
			if (!*owner || is_archived(&document->projects[*owner - 1]))
				*owner = i + 1;
		}
	}
}

/* ---- against the registry ---- */

static bool differs(const char *said, const char *known)
{
	return said && *said && strcmp(said, known) != 0;
}

static const char *stack_name_of(const struct judging *j, const struct ledger_project *project)
{
	const char *name = project->row.name, *dash = strrchr(name, '-');
	if (project->row.stack_name && *project->row.stack_name)
		return project->row.stack_name;
	/* The second project of a name is called NAME-2 (projects.h). */
	if (!dash || dash == name || !isdigit((unsigned char)dash[1]) ||
		strspn(dash + 1, "0123456789") != strlen(dash + 1))
		return name;
	const char *stem = arena_string_n(j->arena, name, (size_t)(dash - name));
	return lookup_find(&j->named, stem) || lookup_find(&j->registered, stem) ? stem : name;
}

static void compare(
	struct judging *j, struct ledger_project *mine, const struct ledger_project *known)
{
	const struct project *row = &known->row;
	if (differs(mine->row.path, row->path) && *row->path)
		return contradict(j, mine->line, &mine->fate, "path",
			"'%s' is registered for %s, not for %s", row->name, row->path,
			mine->row.path);
	for (size_t i = 0; i < mine->block_count; i++)
		if (!owns(known, mine->blocks[i]) && row->block != mine->blocks[i])
			return contradict(j, mine->line, &mine->fate, "block",
				"'%s' is registered with block %d, not with block %d",
				row->name, row->block, mine->blocks[i]);
	bool changes = differs(mine->row.status, row->status) ||
		differs(mine->row.owner, row->owner) || differs(mine->row.notes, row->notes);
	if (is_archived(mine) && !is_archived(known) && j->facts->runs(j->facts->self, row->id, 0))
		return contradict(j, mine->line, &mine->fate, "status",
			"'%s' runs and cannot be archived", row->name);
	mine->fate = changes ? FATE_CHANGE : FATE_SAME;
	mine->row.id = row->id;
}

static const struct ledger_project *owner_of(const struct judging *j, int block)
{
	const struct ledger *now = j->facts->now;
	for (size_t i = 0; i < now->project_count; i++)
		if (owns(&now->projects[i], block))
			return &now->projects[i];
	return NULL;
}

static void check_owned(struct judging *j, struct ledger_project *mine)
{
	const int *blocks = mine->blocks;
	for (size_t i = 0, count = mine->block_count; i < count; i++) {
		const struct ledger_project *owner = owner_of(j, blocks[i]);
		if (!owner || is_archived(owner))
			continue;
		if (is_archived(mine))
			lose_block(j, mine, blocks[i]);
		else
			contradict(j, mine->line, &mine->fate, "block",
				"block %d of '%s' is that of '%s' (%s)", blocks[i], mine->row.name,
				owner->row.name, owner->row.path);
	}
}

/* The list of a team names more directories than one machine has. */
static void check_exists(struct judging *j, struct ledger_project *mine)
{
	bool active = !mine->row.status || !strcmp(mine->row.status, "active");
	bool there = *mine->row.path && j->facts->exists(j->facts->self, mine->row.path);
	if (there || (!active && !*mine->row.path))
		return;
	if (!*mine->row.path)
		remark(j, mine->line, "path",
			"'%s' has no path: it is reserved, and a stack of that name takes it over",
			mine->row.name);
	else
		remark(j, mine->line, "path", "the directory %s of '%s' does not exist%s",
			mine->row.path, mine->row.name,
			active ? ": it is reserved until it is started there" : "");
	if (active)
		mine->row.status = "reserved";
}

static void check_registered(struct judging *j, struct ledger_project *mine)
{
	const char *stack = stack_name_of(j, mine);
	const struct ledger_project *known = project_registered(j, mine->row.name);
	if (known)
		return compare(j, mine, known);
	const char *place = arena_format(j->arena, "%s\n%s", mine->row.path, stack);
	const size_t *there = lookup_find(&j->places, place);
	if (there && *mine->row.path)
		return contradict(j, mine->line, &mine->fate, "name",
			"the stack '%s' of %s is registered as '%s'",
			stack, mine->row.path, j->facts->now->projects[*there].row.name);
	mine->row.stack_name = stack;
	check_owned(j, mine);
	if (mine->fate == FATE_ADD)
		check_exists(j, mine);
}

/* ---- what is not said ---- */

static void complete_project(struct judging *j, struct ledger_project *mine)
{
	char now[CLOCK_ISO_SIZE];
	struct project *row = &mine->row;
	row->status = row->status ? row->status : "active";
	row->owner = row->owner ? row->owner : "";
	row->notes = row->notes ? row->notes : "";
	if (!row->created_at)
		row->created_at = arena_string(j->arena, clock_iso(j->reading->now_ms, now));
	if (!row->last_used_at)
		row->last_used_at = row->created_at;
}

static void give_blocks(struct judging *j)
{
	const struct ledger *now = j->facts->now;
	bool *taken = arena_take(j->arena, BLOCKS * sizeof *taken);
	const struct ledger *both[] = {now, j->document};
	for (int l = 0; l < 2; l++)
		for (size_t i = 0; i < both[l]->project_count; i++)
			for (size_t k = 0; k < both[l]->projects[i].block_count; k++)
				taken[both[l]->projects[i].blocks[k] % BLOCKS] = true;
	for (size_t i = 0; i < j->document->project_count; i++) {
		struct ledger_project *mine = &j->document->projects[i];
		if (mine->fate != FATE_ADD || mine->block_count || mine->row.block >= 0)
			continue;
		int block = block_choose(j->facts->ports_base, taken);
		if (block < 0) {
			contradict(j, mine->line, &mine->fate, "block", "no block is left for '%s'",
				mine->row.name);
			continue;
		}
		taken[block] = true;
		add_block(j, mine, block);
		remark(j, mine->line, "block", "'%s' has no block: it gets block %d",
			mine->row.name, block);
	}
}

void judge_projects(struct judging *j)
{
	struct ledger *document = j->document;
	for (size_t i = 0; i < document->project_count; i++)
		check_alone(j, &document->projects[i]);
	for (size_t i = 0; i < document->project_count; i++)
		check_twice(j, i);
	check_shared(j);
	for (size_t i = 0; i < document->project_count; i++)
		if (document->projects[i].fate == FATE_ADD)
			check_registered(j, &document->projects[i]);
	give_blocks(j);
	for (size_t i = 0; i < document->project_count; i++)
		if (document->projects[i].fate == FATE_ADD)
			complete_project(j, &document->projects[i]);
}
