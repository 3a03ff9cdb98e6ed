/*
 * Ports of a Procfile: its processes know nothing of slots and all want a PORT. A name or an alias
 * of a slot receives that one, the others get what is free in file order, while it lasts. `release` and
 * `postdeploy` run to their end and need none.
 */
#include <string.h>

#include "model/names.h"
#include "stackfile/draft_inside.h"

static bool is_task(const struct draft_service *service)
{
	const struct entry *type = service->values[KEY_TYPE];
	return type && !strcmp(type->value, "task");
}

static void add_slot(struct draft *draft, int index, int slot)
{
	struct draft_service *service = &draft->services[index];
	service->main_port = draft_add_port(draft,
		(struct port){
			.service = service->name,
			.name = "main",
			.service_index = index,
			.source = PORT_SLOT,
			.slot = slot,
			.protocol = PROTOCOL_TCP,
			.line = service->section->line,
		});
}

/* A Procfile cannot name another slot for a port that is somebody else's ([ports] reserve, protect). */
static void close_avoided(const struct draft *draft, bool *taken)
{
	uint16_t base = draft->request.base_port;
	for (size_t i = 0; base && i < draft->avoided_count; i++) {
		int slot = draft->avoided[i] - base;
		if (slot >= 0 && slot < draft->slots)
			taken[slot] = true;
	}
}

/* One slot per service, NO_SLOT where nothing is left for it; taken[] says which are given away. */
static void give_named(const struct draft *draft, int *slots, bool *taken)
{
	for (int i = 0; i < draft->service_count; i++) {
		int slot = slot_by_name(draft->services[i].name);
		bool receives = slot != NO_SLOT && !taken[slot] && !is_task(&draft->services[i]);
		slots[i] = receives ? slot : NO_SLOT;
		if (receives)
			taken[slot] = true;
	}
}

static void give_free(const struct draft *draft, int *slots, const bool *taken)
{
	int next = 0;
	for (int i = 0; i < draft->service_count; i++) {
		if (slots[i] != NO_SLOT || is_task(&draft->services[i]))
			continue;
		while (next < draft->slots && taken[next])
			next++;
		if (next < draft->slots)
			slots[i] = next++;
	}
}

static void notice_without(
	const struct draft *draft, const char *names, struct complaints *complaints)
{
	complaint_notice(complaints, draft->document->label, 0, NULL,
		"the instance's %d ports are given away; without PORT: %s", draft->slots, names);
	complaint_hint(complaints, "in a stack file 'instances = 2' under [stack] doubles them");
}

void draft_want_procfile(struct draft *draft, struct complaints *complaints)
{
	int *slots = arena_take(draft->arena, (size_t)draft->service_count * sizeof *slots);
	bool *taken = arena_take(draft->arena, (size_t)draft->slots * sizeof *taken);
	close_avoided(draft, taken);
	give_named(draft, slots, taken);
	give_free(draft, slots, taken);
	const char *without = NULL;
	for (int i = 0; i < draft->service_count; i++) {
		const char *name = draft->services[i].name;
		if (slots[i] != NO_SLOT)
			add_slot(draft, i, slots[i]);
		else if (!is_task(&draft->services[i]))
			without = without ? arena_format(draft->arena, "%s, %s", without, name)
					  : name;
	}
	if (without)
		notice_without(draft, without, complaints);
}
