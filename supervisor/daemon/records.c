#include "daemon/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "registry/instances.h"
#include "registry/leases.h"
#include "registry/registry.h"

struct record *record_new(const char *service, const char *text)
{
	size_t name = service ? strlen(service) + 1 : 1, length = text ? strlen(text) + 1 : 1;
	struct record *record = calloc(1, sizeof *record + name + length);
	if (!record)
		return NULL;
	memcpy(record->service, service ? service : "", name);
	memcpy(record->service + name, text ? text : "", length);
	record->text = record->service + name;
	return record;
}

void records_init(struct records *records)
{
	*records = (struct records){.end = &records->first};
}

void records_clear(struct records *records)
{
	while (records->first) {
		struct record *record = records->first;
		records->first = record->next;
		free(record);
	}
	records_init(records);
}

void records_push(struct records *records, struct record *record)
{
	*records->end = record;
	records->end = &record->next;
	records->count++;
}

struct record *records_pop(struct records *records)
{
	struct record *record = records->first;
	records->first = record->next;
	if (!records->first)
		records->end = &records->first;
	records->count--;
	record->next = NULL;
	return record;
}

void records_put_back(struct records *records, struct records *more)
{
	if (!more->count)
		return;
	*more->end = records->first;
	if (!records->first)
		records->end = more->end;
	records->first = more->first;
	records->count += more->count;
	records_init(more);
}

static struct event_note note_of(const struct recorder_place *place, const struct record *record)
{
	return (struct event_note){.project_id = place->project_id,
		.instance = place->instance,
		.service = record->service,
		.kind = record->kind,
		.old_value = record->old_state,
		.new_value = record->new_state,
		.text = record->text,
		.wall_ms = record->wall_ms};
}

static int write_incident(struct registry *r, const struct recorder_place *place,
	const struct record *record, struct error *e)
{
	const struct incident_note note = {.project_id = place->project_id,
		.instance = place->instance,
		.kind = record->incident,
		.text = record->text,
		.wall_ms = record->wall_ms};
	return history_incident(r, &note, e);
}

static bool is_ours(const struct recorder_place *place, const struct instance *row)
{
	return row->status == INSTANCE_RUNNING && !strcmp(row->run_id, place->run_id);
}

/* Written late, it may have ended meanwhile, and another run may have begun. */
static int write_owner(struct registry *r, const struct recorder_place *place, struct error *e)
{
	struct owner_mark self;
	struct instance row;
	struct arena *scratch = arena_new();
	if (!scratch)
		return fail(e, EXIT_FAILED, "out of memory");
	int rc = instance_find(r, place->project_id, place->instance, scratch, &row, e);
	owner_mark_self(&self);
	self.guardian_pid = getppid();
	if (rc > 0)
		rc = is_ours(place, &row) ? instance_set_status(r, place->project_id, place->instance,
						INSTANCE_RUNNING, &self, e) : 0;
	arena_free(scratch);
	return rc;
}

static int write_all(struct registry *r, const struct recorder_place *place,
	const struct record *records, struct error *e)
{
	struct event_note notes[RECORDS_TOGETHER];
	size_t count = 0;
	for (; records; records = records->next)
		switch (records->what) {
		case RECORD_EVENT:
			notes[count++] = note_of(place, records);
			break;
		case RECORD_INCIDENT:
			if (write_incident(r, place, records, e))
				return -1;
			break;
		case RECORD_OWNER:
			if (write_owner(r, place, e))
				return -1;
			break;
		case RECORD_HOLD: /* fails for a project that was forgotten; it is learned again */
			(void)hold_mode_record(r, place->project_id, records->service,
				hold_mode_word(records->hold), NULL);
			break;
		}
	return history_events(r, notes, count, e);
}

static int write_lost(struct registry *r, const struct recorder_place *place, size_t lost,
	struct error *e)
{
	char text[96];
	snprintf(text, sizeof text, "%zu event%s before this one %s only in events.jsonl", lost,
		lost == 1 ? "" : "s", lost == 1 ? "is" : "are");
	return history_event(
		r, place->project_id, place->instance, event_kind_word(EVENT_WARNING), text, e);
}

int records_write(const struct records *records, const struct recorder_place *place, size_t lost,
	struct error *e)
{
	struct registry *r = registry_open(place->state, REGISTRY_APPEND, REGISTRY_LOOP_MS, NULL, e);
	if (!r)
		return -1;
	int result = registry_begin(r, e);
	if (!result && lost)
		result = write_lost(r, place, lost, e);
	if (!result)
		result = write_all(r, place, records->first, e);
	if (!result)
		result = registry_commit(r, e);
	registry_close(r);
	return result;
}
