#include "cli/shared/found.h"

#include <string.h>

#include "cli/context.h"
#include "registry/found.h"

enum { ROWS_MOST = 2000 };

struct rows {
	struct arena *arena;
	struct found_service *items;
	size_t count;
};

/* A number of a place in a file: the value beside it, of the same mapping or address. */
static const struct finding *beside(const struct scan *scan, size_t i, int step)
{
	const struct finding *f = &scan->findings[i];
	if ((step < 0 && i == 0) || (step > 0 && i + 1 == scan->count))
		return NULL;
	const struct finding *other = step < 0 ? f - 1 : f + 1;
	bool is_near = !strcmp(other->file, f->file) && other->root == f->root && other->line == f->line &&
		!strcmp(other->service, f->service) && f->form != FORM_NUMBER;
	return is_near ? other : NULL;
}

static bool is_same_row(const struct found_service *a, const struct found_service *b)
{
	return !strcmp(a->service, b->service) && !strcmp(a->name, b->name) && !strcmp(a->external_ip, b->external_ip) &&
		a->internal_port == b->internal_port && a->external_port == b->external_port &&
		!strcmp(a->protocol, b->protocol) && !strcmp(a->config_files, b->config_files);
}

/* The row of the same service and port gets one file more. */
static bool add_file(struct rows *rows, const char *service, const struct finding *f)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct found_service *row = &rows->items[i];
		if (strcmp(row->service, service) != 0 || row->external_port != f->port)
			continue;
		const char *last = strrchr(row->config_files, '\n');
		if (strcmp(last ? last + 1 : row->config_files, f->file) != 0)
			row->config_files = arena_format(rows->arena, "%s\n%s", row->config_files, f->file);
		return true;
	}
	return false;
}

static bool has_main(const struct rows *rows, const char *service)
{
	for (size_t i = 0; i < rows->count; i++)
		if (!strcmp(rows->items[i].service, service))
			return true;
	return false;
}

static void add(struct rows *rows, const struct scan *scan, size_t i, const char *project)
{
	const struct finding *f = &scan->findings[i], *before = beside(scan, i, -1), *after = beside(scan, i, 1);
	const char *service = *f->service ? f->service : project;
	if (add_file(rows, service, f) || rows->count == ROWS_MOST)
		return;
	const char *name = has_main(rows, service) ? arena_format(rows->arena, "%u", f->port) : "main";
	*arena_append(rows->arena, rows->items, rows->count) = (struct found_service){.service = service,
		.name = name,
		.external_ip = before && before->kind != FINDING_PORT ? before->value : "",
		.internal_port = after && after->role == ROLE_TARGET ? after->port : f->port,
		.external_port = f->port,
		.protocol = f->is_udp ? "udp" : "tcp",
		.config_files = f->file};
}

/* Only a project that lies in what was scanned is known as a whole. */
static bool is_whole(const struct scan *scan, const struct known_project *project)
{
	for (size_t i = 0; i < scan->project_count; i++) {
		size_t length = strlen(scan->projects[i].root);
		if (!strncmp(project->path, scan->projects[i].root, length) &&
			(!project->path[length] || project->path[length] == '/'))
			return true;
	}
	return false;
}

static int write_rows(struct registry *r, int64_t project, const struct rows *rows, struct error *e)
{
	struct found_service *old;
	size_t count;
	if (found_list(r, project, rows->arena, &old, &count, e))
		return -1;
	/* Those of before come by name, so each is looked for. */
	size_t same = 0;
	for (size_t i = 0; i < rows->count; i++)
		for (size_t j = 0; j < count; j++)
			same += is_same_row(&rows->items[i], &old[j]);
	if (same == rows->count && same == count)
		return 0;
	if (registry_begin(r, e))
		return -1;
	if (found_replace(r, project, rows->items, rows->count, e)) {
		registry_rollback(r);
		return -1;
	}
	return registry_commit(r, e);
}

static int record_project(struct registry *r, const struct scan *scan, const struct known *known,
	const struct known_project *project, struct arena *arena, struct error *e)
{
	struct rows rows = {.arena = arena};
	for (size_t i = 0; i < scan->count; i++)
		if (finding_holds(&scan->findings[i]) && known_owner(known, &scan->findings[i]) == project->id)
			add(&rows, scan, i, project->name);
	return write_rows(r, project->id, &rows, e);
}

int found_record(const struct context *context, const struct scan *scan, const struct known *known, struct error *e)
{
	struct registry *r = NULL;
	struct arena *arena = scan->arena;
	int result = 0;
	for (size_t i = 0; i < known->project_count && result == 0; i++) {
		const struct known_project *project = &known->projects[i];
		if (!project->is_main || !is_whole(scan, project))
			continue;
		if (!r)
			r = registry_open(context->paths.state, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, e);
		result = r ? record_project(r, scan, known, project, arena, e) : -1;
	}
	registry_close(r);
	return result;
}
