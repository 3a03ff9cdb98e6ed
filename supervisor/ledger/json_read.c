#include "ledger/json.h"

#include <jansson.h>
#include <string.h>

#include "ledger/cells.h"
#include "model/names.h"
#include "ports/policy.h"

struct reader {
	const struct ledger_reading *reading;
	struct arena *arena;
	const int *lines; /* of the objects, in the order of the document */
	size_t line_count;
	size_t next;
	int line; /* of the object that is read */
	bool failed;
};

/* ---- lines ---- */

/* The braces that are in no string; the document is known to be JSON. */
static const int *find_lines(struct arena *arena, const char *bytes, size_t length, size_t *count)
{
	int *lines = NULL, line = 1;
	bool quoted = false;
	*count = 0;
	for (size_t i = 0; i < length; i++) {
		line += bytes[i] == '\n';
		if (quoted && bytes[i] == '\\')
			i++;
		else if (bytes[i] == '"')
			quoted = !quoted;
		else if (!quoted && bytes[i] == '{')
			*arena_append(arena, lines, *count) = line;
	}
	return lines;
}

static int take_line(struct reader *r)
{
	return r->next < r->line_count ? r->lines[r->next++] : 0;
}

/* What is not read has objects, too. */
static void pass(struct reader *r, const json_t *value)
{
	size_t index;
	const char *key;
	json_t *item;
	if (json_is_object(value))
		take_line(r);
	json_array_foreach(value, index, item)
		pass(r, item);
	json_object_foreach((json_t *)(uintptr_t)value, key, item)
		pass(r, item);
}

/* ---- values ---- */

static void refuse(struct reader *r, const char *key, const char *text)
{
	complaint_error(r->reading->complaints, r->reading->label, r->line, key, "%s", text);
	r->failed = true;
}

/* NULL: there is none. */
static const char *words(struct reader *r, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (value && !json_is_string(value) && !json_is_null(value))
		refuse(r, key, arena_format(r->arena, "%s is no string", key));
	return json_is_string(value) ? arena_string(r->arena, json_string_value(value)) : NULL;
}

static int64_t number(struct reader *r, const json_t *object, const char *key, int64_t least,
	int64_t most, int64_t absent)
{
	const json_t *value = json_object_get(object, key);
	int64_t got = json_is_integer(value) ? json_integer_value(value) : absent;
	if (!value || json_is_null(value))
		return absent;
	if (!json_is_integer(value) || got < least || got > most) {
		refuse(r, key,
			arena_format(r->arena, "%s is no number from %lld to %lld", key,
				(long long)least, (long long)most));
		return absent;
	}
	return got;
}

static const char *date(struct reader *r, const json_t *object, const char *key)
{
	const char *text = words(r, object, key), *out = NULL;
	enum cell_date got = text ? cell_date(text, r->arena, &out) : DATE_NONE;
	if (got == DATE_UNKNOWN || got == DATE_AMBIGUOUS) {
		complaint_warning(r->reading->complaints, r->reading->label, r->line, key,
			"'%s' is no date; the row counts without it", text);
		complaint_hint(r->reading->complaints, "write 2025-01-31");
	}
	return got == DATE_NONE && text ? "" : out;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* Calls take() for every object of a list; anything else in it is refused. */
static void read_list(struct reader *r, const json_t *list, const char *key, const void *of,
	void (*take)(struct reader *r, const json_t *object, const void *of))
{
	size_t index;
	json_t *item;
	if (!json_is_array(list)) {
		refuse(r, key, arena_format(r->arena, "%s is no list", key));
		pass(r, list);
	}
	json_array_foreach(list, index, item) {
		if (json_is_object(item)) {
			take(r, item, of);
		} else {
			refuse(r, key,
				arena_format(r->arena, "%s holds something else than rows", key));
			pass(r, item);
		}
	}
}

/* ---- rows ---- */

static void take_service(struct reader *r, const json_t *object, const void *of)
{
	struct ledger *ledger = r->reading->ledger;
	const struct instance *instance = of;
	r->line = take_line(r);
	r->failed = false;
	struct service_state service = {.project = instance->project,
		.status = or_empty(words(r, object, "status")),
		.last_updated = or_empty(date(r, object, "last_updated")),
		.row = {
			.instance = instance->number,
			.service = or_empty(words(r, object, "service")),
			.name = or_empty(words(r, object, "name")),
			.wanted_port = (uint16_t)number(r, object, "wanted_port", 0, UINT16_MAX, 0),
			.port = (uint16_t)number(r, object, "port", 0, UINT16_MAX, 0),
			.protocol = or_empty(words(r, object, "protocol")),
			.config_files = or_empty(words(r, object, "config_files")),
		}};
	/* Nobody's ports are in use because a document says so. */
	service.status = "inactive";
	if (!r->failed && *service.row.service)
		*arena_append(r->arena, ledger->services, ledger->service_count) = service;
}

static void take_instance(struct reader *r, const json_t *object, const void *of)
{
	struct ledger *ledger = r->reading->ledger;
	struct ledger_instance instance = {.line = r->line = take_line(r)};
	r->failed = false;
	const char *status = words(r, object, "status");
	instance.row = (struct instance){
		.project = of,
		.number = (int)number(r, object, "instance", 1, INSTANCE_MOST, 0),
		.spans = (int)number(r, object, "spans", 1, INSTANCES, 0),
		.purpose = words(r, object, "purpose"),
		.branch = words(r, object, "branch"),
		.environment = words(r, object, "environment"),
		.worktree = words(r, object, "worktree"),
		.commit = words(r, object, "commit"),
		.git_dir = words(r, object, "git_dir"),
		.git_mark = words(r, object, "git_mark"),
		.created_at = date(r, object, "created_at"),
		.started_at = date(r, object, "started_at"),
		.last_used_at = date(r, object, "last_used_at"),
	};
	instance.has_status = status && cell_instance_status(status, &instance.row.status);
	if (!r->failed && !instance.row.number)
		refuse(r, "instance", "the row tells no instance");
	if (!r->failed)
		*arena_append(r->arena, ledger->instances, ledger->instance_count) = instance;
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		if (!strcmp(key, "services"))
			read_list(r, value, key, &instance.row, take_service);
		else
			pass(r, value);
}

static void take_slot(struct reader *r, const json_t *object, const void *of)
{
	struct ledger *ledger = r->reading->ledger;
	r->line = take_line(r);
	r->failed = false;
	struct ledger_slot slot = {.project = of,
		.row = {.service = or_empty(words(r, object, "service")),
			.name = or_empty(words(r, object, "name")),
			.slot = (int)number(r, object, "slot", 0, SLOTS * INSTANCES - 1, -1)}};
	if (!r->failed && *slot.row.service && slot.row.slot >= 0)
		*arena_append(r->arena, ledger->slots, ledger->slot_count) = slot;
}

static void read_blocks(struct reader *r, const json_t *object, struct ledger_project *project)
{
	const json_t *list = json_object_get(object, "blocks");
	int *blocks = NULL;
	size_t index;
	json_t *item;
	json_array_foreach(list, index, item) {
		if (!json_is_integer(item) || json_integer_value(item) < 0 ||
			json_integer_value(item) > BLOCK_MOST)
			return refuse(
				r, "blocks", "blocks holds something else than numbers of blocks");
		*arena_append(r->arena, blocks, project->block_count) =
			(int)json_integer_value(item);
	}
	project->row.block = (int)number(r, object, "block", 0, BLOCK_MOST, -1);
	if (!list && project->row.block >= 0)
		*arena_append(r->arena, blocks, project->block_count) = project->row.block;
	project->blocks = blocks;
}

static void read_project(struct reader *r, const json_t *object, struct ledger_project *project)
{
	const char *status = words(r, object, "status");
	project->row = (struct project){
		.id = number(r, object, "id", 0, INT64_MAX / 2, 0),
		.name = words(r, object, "name"),
		.path = words(r, object, "path"),
		.stack_name = words(r, object, "stack_name"),
		.status = status ? cell_project_status(status) : NULL,
		.owner = words(r, object, "owner"),
		.notes = words(r, object, "notes"),
		.created_at = date(r, object, "created_at"),
		.last_used_at = date(r, object, "last_used_at"),
	};
	read_blocks(r, object, project);
	if (status && !project->row.status)
		refuse(r, "status",
			arena_format(r->arena, "'%s' is no status of a project", status));
	if (!project->row.name || !*project->row.name)
		refuse(r, "name", "the row names no project");
}

static void take_project(struct reader *r, const json_t *object, const void *of)
{
	(void)of;
	struct ledger *ledger = r->reading->ledger;
	struct ledger_project project = {.line = r->line = take_line(r)};
	r->failed = false;
	read_project(r, object, &project);
	bool whole = !r->failed;
	if (whole)
		*arena_append(r->arena, ledger->projects, ledger->project_count) = project;
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		if (whole && !strcmp(key, "instances"))
			read_list(r, value, key, project.row.name, take_instance);
		else if (whole && !strcmp(key, "slots"))
			read_list(r, value, key, project.row.name, take_slot);
		else
			pass(r, value);
}

static void take_reservation(struct reader *r, const json_t *object, const void *of)
{
	(void)of;
	struct ledger *ledger = r->reading->ledger;
	struct ledger_reservation reservation = {.line = r->line = take_line(r)};
	r->failed = false;
	reservation.row = (struct reservation){
		.port = (uint16_t)number(r, object, "port", 1, UINT16_MAX, 0),
		.project = or_empty(words(r, object, "project")),
		.instance = (int)number(r, object, "instance", 0, INSTANCE_MOST, 0),
		.service = or_empty(words(r, object, "service")),
		.name = or_empty(words(r, object, "name")),
		.owner = or_empty(words(r, object, "owner")),
		.note = or_empty(words(r, object, "note")),
		.created_at = date(r, object, "created_at"),
	};
	if (!r->failed && !reservation.row.port)
		refuse(r, "port", "the reservation has no port");
	if (!r->failed)
		*arena_append(r->arena, ledger->reservations, ledger->reservation_count) =
			reservation;
}

static void read_document(struct reader *r, const json_t *root)
{
	const char *key;
	json_t *value;
	take_line(r);
	json_object_foreach((json_t *)(uintptr_t)root, key, value) {
		r->line = 0;
		if (!strcmp(key, "projects"))
			read_list(r, value, key, NULL, take_project);
		else if (!strcmp(key, "reservations"))
			read_list(r, value, key, NULL, take_reservation);
		else
			pass(r, value);
	}
}

/* An empty registry has none yet. */
static uint16_t read_base(struct reader *r, const json_t *root)
{
	if (json_integer_value(json_object_get(root, "ports_base")) == 0)
		return 0;
	return (uint16_t)number(r, root, "ports_base", PORTS_BASE_LEAST, PORTS_BASE_MOST, 0);
}

int ledger_json_read(
	const struct ledger_reading *reading, const char *bytes, size_t length, struct error *e)
{
	struct reader r = {.reading = reading, .arena = reading->arena};
	json_error_t why;
	json_t *root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &why);
	if (!root)
		return fail(e, EXIT_FAILED, "%s:%d: this is no JSON: %s", reading->label, why.line,
			why.text);
	int64_t version = json_integer_value(json_object_get(root, "version"));
	if (version > 1)
		fail(e, EXIT_FAILED,
			"%s has version %lld, written by a newer stackup; this one knows version 1",
			reading->label, (long long)version);
	else if (!json_is_array(json_object_get(root, "projects")))
		fail(e, EXIT_FAILED, "%s has no list of projects", reading->label);
	else
		reading->ledger->tables = 1;
	if (reading->ledger->tables) {
		r.lines = find_lines(r.arena, bytes, length, &r.line_count);
		reading->ledger->ports_base = read_base(&r, root);
		read_document(&r, root);
	}
	json_decref(root);
	return reading->ledger->tables ? 0 : -1;
}
