#include "ledger/judge.h"

#include <stdarg.h>
#include <string.h>

#include "ledger/judge_parts.h"

__attribute__((format(printf, 2, 0)))
static const char *format_text(struct arena *arena, const char *format, va_list args)
{
	OWNED_TEXT text = {0};
	text_vaddf(&text, format, args);
	return arena_string(arena, text_string(&text));
}

void contradict(struct judging *j, int line, enum ledger_fate *fate, const char *key,
	const char *format, ...)
{
	va_list args;
	va_start(args, format);
	complaint_error(j->reading->complaints, j->reading->label, line, key, "%s",
		format_text(j->arena, format, args));
	va_end(args);
	*fate = FATE_LEFT_OUT;
}

void remark(struct judging *j, int line, const char *key, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	complaint_warning(j->reading->complaints, j->reading->label, line, key, "%s",
		format_text(j->arena, format, args));
	va_end(args);
}

const char *instance_key(struct judging *j, const char *project, int number)
{
	return arena_format(j->arena, "%d %s", number, project);
}

const struct ledger_project *project_registered(const struct judging *j, const char *name)
{
	const size_t *place = lookup_find(&j->registered, name);
	return place ? &j->facts->now->projects[*place] : NULL;
}

const struct ledger_project *ledger_project_named(const struct ledger *ledger, const char *name)
{
	for (size_t i = 0; i < ledger->project_count; i++)
		if (!strcmp(ledger->projects[i].row.name, name))
			return &ledger->projects[i];
	return NULL;
}

static void index_registry(struct judging *j)
{
	const struct ledger *now = j->facts->now;
	for (size_t i = 0; i < now->project_count; i++) {
		const struct project *row = &now->projects[i].row;
		const char *place = arena_format(j->arena, "%s\n%s", row->path, row->stack_name);
		lookup_add(&j->registered, row->name, i);
		if (!lookup_find(&j->places, place))
			lookup_add(&j->places, place, i);
	}
	for (size_t i = 0; i < now->instance_count; i++)
		lookup_add(&j->instances,
			instance_key(
				j, now->instances[i].row.project, now->instances[i].row.number),
			i);
}

static void judge_reservation(struct judging *j, struct ledger_reservation *mine)
{
	const struct ledger *now = j->facts->now;
	struct reservation *row = &mine->row;
	mine->fate = FATE_ADD;
	if (*row->project && !lookup_find(&j->named, row->project) &&
		!lookup_find(&j->registered, row->project))
		return contradict(j, mine->line, &mine->fate, "project",
			"port %d is reserved for '%s', which is no project here",
			row->port, row->project);
	for (size_t i = 0; i < now->reservation_count; i++) {
		const struct reservation *other = &now->reservations[i].row;
		if (other->port != row->port)
			continue;
		bool same = !strcmp(other->project, row->project) &&
			other->instance == row->instance && !strcmp(other->service, row->service) &&
			!strcmp(other->owner, row->owner);
		mine->fate = FATE_SAME;
		if (!same)
			contradict(j, mine->line, &mine->fate, "port",
				"port %d is reserved already, for %s",
				row->port, *other->owner ? other->owner : other->service);
	}
}

static void judge_reservations(struct judging *j)
{
	for (size_t i = 0; i < j->document->reservation_count; i++)
		judge_reservation(j, &j->document->reservations[i]);
}

void ledger_judge(const struct ledger_reading *reading, const struct ledger_facts *facts)
{
	struct arena *arena = reading->arena;
	struct judging j = {.reading = reading,
		.facts = facts,
		.arena = arena,
		.document = reading->ledger,
		.registered = {.arena = arena},
		.places = {.arena = arena},
		.named = {.arena = arena},
		.instances = {.arena = arena}};
	index_registry(&j);
	judge_projects(&j);
	judge_instances(&j);
	judge_reservations(&j);
}
