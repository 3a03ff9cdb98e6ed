#include "upkeep/inventory.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/own.h"
#include "ports/policy.h"
#include "registry/bytelock.h"
#include "registry/lock.h"
#include "registry/members.h"

/* ---- reading ---- */

static void judge(const char *state, struct inventory *all, const struct inventory_project *project)
{
	if (!project->count)
		return;
	OWNED_FD lock = instance_lock_look(state, project->row.id);
	for (size_t i = project->first; i < project->first + project->count; i++) {
		struct instance *row = &all->instances[i].row;
		if (lock >= 0 && bytelock_is_held(lock, row->number, 1))
			row->status = INSTANCE_RUNNING;
		else if (row->status == INSTANCE_RUNNING && !instance_is_elsewhere(row))
			row->status = INSTANCE_CRASHED;
	}
}

static void take_instances(struct inventory *all, struct arena *arena, const struct instance *rows,
	size_t count)
{
	size_t next = 0;
	all->instances = arena_take(arena, (count + 1) * sizeof *all->instances);
	for (size_t i = 0; i < all->project_count; i++) {
		struct inventory_project *project = &all->projects[i];
		project->first = all->instance_count;
		for (; next < count && rows[next].project_id == project->row.id; next++)
			all->instances[all->instance_count++] = (struct inventory_instance){
				.row = rows[next],
				.recorded = rows[next].status,
				.base_port = instance_port(
					all->ports_base, rows[next].block, rows[next].number)};
		project->count = all->instance_count - project->first;
	}
}

static int read_projects(struct registry *r, int64_t project_id, struct arena *arena,
	struct inventory *all, struct error *e)
{
	struct project *rows, one;
	size_t count = 0;
	int got = 0;
	if (project_id) {
		got = project_find_by_id(r, project_id, arena, &one, e);
		rows = &one;
		count = got == 1;
	} else {
		got = project_list(r, arena, &rows, &count, e);
	}
	for (size_t i = 0; i < count; i++)
		*arena_append(arena, all->projects, all->project_count) =
			(struct inventory_project){.row = rows[i]};
	return got < 0 ? -1 : 0;
}

static int by_id(const void *first, const void *second)
{
	const struct inventory_place *a = first, *b = second;
	return (a->id > b->id) - (a->id < b->id);
}

static void make_index(struct inventory *all, struct arena *arena)
{
	all->by_id = arena_take(arena, (all->project_count + 1) * sizeof *all->by_id);
	for (size_t i = 0; i < all->project_count; i++)
		all->by_id[i] = (struct inventory_place){all->projects[i].row.id, i};
	if (all->project_count)
		qsort(all->by_id, all->project_count, sizeof *all->by_id, by_id);
}

const struct inventory_instance *inventory_find(
	const struct inventory *all, int64_t project_id, int number)
{
	const struct inventory_place wanted = {.id = project_id};
	const struct inventory_place *place = all->project_count
		? bsearch(&wanted, all->by_id, all->project_count, sizeof wanted, by_id) : NULL;
	const struct inventory_project *project = place ? &all->projects[place->project] : NULL;
	for (size_t i = 0; project && i < project->count; i++)
		if (all->instances[project->first + i].row.number == number)
			return &all->instances[project->first + i];
	return NULL;
}

/* These rows, and those of instances, are in the order of the projects' names. */
static void take_blocks(
	struct inventory *all, struct arena *arena, const struct block_row *rows, size_t count)
{
	int *numbers = arena_take(arena, (count + 1) * sizeof *numbers);
	size_t next = 0;
	for (size_t i = 0; i < all->project_count; i++) {
		struct inventory_project *project = &all->projects[i];
		project->blocks = &numbers[next];
		for (; next < count && rows[next].project_id == project->row.id; next++) {
			numbers[next] = rows[next].block;
			project->block_count++;
		}
	}
}

static int read_all(struct registry *r, int64_t project_id, struct arena *arena,
	struct inventory *all, struct error *e)
{
	struct instance *rows;
	struct block_row *blocks;
	size_t count, block_count;
	if (ports_base_get(r, &all->ports_base, e) || read_projects(r, project_id, arena, all, e) ||
		block_list_of(r, project_id, arena, &blocks, &block_count, e) ||
		instance_list(r, project_id, arena, &rows, &count, e))
		return -1;
	take_blocks(all, arena, blocks, block_count);
	take_instances(all, arena, rows, count);
	make_index(all, arena);
	return 0;
}

int inventory_read(const char *state, int64_t project_id, struct arena *arena,
	struct inventory *out, struct error *e)
{
	struct registry *r = registry_open(state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	*out = (struct inventory){0};
	if (!r)
		return -1;
	int result = read_all(r, project_id, arena, out, e);
	registry_close(r);
	for (size_t i = 0; !result && i < out->project_count; i++)
		judge(state, out, &out->projects[i]);
	return result;
}

int64_t inventory_last_sign(const char *state, const struct instance *row, int64_t now_ms)
{
	struct stat st;
	OWNED_TEXT path = {0};
	int64_t used;
	if (!clock_parse_since(row->last_used_at, now_ms, &used))
		return now_ms;
	text_addf(&path, "%s/%s/%d/events.jsonl", state, row->project, row->number);
	if (row->status == INSTANCE_STOPPED || !text_ok(&path) || stat(text_string(&path), &st))
		return used;
	int64_t written = (int64_t)st.st_mtim.tv_sec * 1000;
	return written > used ? written : used;
}

/* ---- JSON ---- */

enum { PIECE_BYTES = 64 * 1024 };

static void add_instances(struct text *out, const struct inventory *all,
	const struct inventory_project *project)
{
	json_text_open(out, "instances", '[');
	for (size_t i = 0; i < project->count; i++) {
		const struct inventory_instance *instance = &all->instances[project->first + i];
		json_text_open(out, NULL, '{');
		members_of_instance(out, &instance->row, instance->base_port);
		json_text_close(out, '}');
	}
	json_text_close(out, ']');
}

static void add_project(struct text *out, const char *key, const struct inventory *all,
	const struct inventory_project *project)
{
	const struct project *row = &project->row;
	json_text_open(out, key, '{');
	members_of_project(out, row, project->blocks, project->block_count,
		block_port(all->ports_base, row->block));
	add_instances(out, all, project);
	json_text_close(out, '}');
}

static void begin_document(struct text *out)
{
	json_text_open(out, NULL, '{');
	json_text_number(out, "version", 1);
}

void inventory_add_all(struct text *out, const struct inventory *all,
	void (*write)(struct text *out))
{
	begin_document(out);
	json_text_open(out, "projects", '[');
	for (size_t i = 0; i < all->project_count; i++) {
		add_project(out, NULL, all, &all->projects[i]);
		if (out->length < PIECE_BYTES)
			continue;
		write(out);
		/* A piece does not know what the one before it ended with. */
		if (i + 1 < all->project_count)
			text_add_char(out, ',');
	}
	json_text_close(out, ']');
	json_text_close(out, '}');
}

void inventory_add_one(struct text *out, const struct inventory *all)
{
	begin_document(out);
	add_project(out, "project", all, &all->projects[0]);
	json_text_close(out, '}');
}

void inventory_add_instances(struct text *out, const struct inventory *all)
{
	begin_document(out);
	json_text_string(out, "project", all->projects[0].row.name);
	add_instances(out, all, &all->projects[0]);
	json_text_close(out, '}');
}

void inventory_add_machine(struct text *out, const struct inventory *all)
{
	begin_document(out);
	json_text_open(out, "instances", '[');
	for (size_t i = 0; i < all->instance_count; i++) {
		json_text_open(out, NULL, '{');
		json_text_string(out, "project", all->instances[i].row.project);
		members_of_instance(out, &all->instances[i].row, all->instances[i].base_port);
		json_text_close(out, '}');
	}
	json_text_close(out, ']');
	json_text_close(out, '}');
}
