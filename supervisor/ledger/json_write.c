#include "ledger/json.h"

#include <string.h>

#include "base/json_text.h"
#include "model/names.h"
#include "ports/policy.h"
#include "registry/members.h"

struct page {
	const struct ledger *ledger;
	struct text *out;
	uint16_t base;
	/* The next row of each list that is in the order of the instances. */
	size_t instance;
	size_t service;
	size_t slot;
	size_t lease;
};

static void add_services(struct page *p, const struct instance *of)
{
	const struct ledger *ledger = p->ledger;
	json_text_line(p->out, 4);
	json_text_open(p->out, "services", '[');
	for (; p->service < ledger->service_count; p->service++) {
		const struct service_state *service = &ledger->services[p->service];
		if (strcmp(service->project, of->project) != 0 ||
			service->row.instance != of->number)
			break;
		json_text_line(p->out, 5);
		json_text_open(p->out, NULL, '{');
		json_text_string(p->out, "service", service->row.service);
		json_text_string(p->out, "name", service->row.name);
		json_text_number(p->out, "wanted_port", service->row.wanted_port);
		json_text_number(p->out, "port", service->row.port);
		json_text_string(p->out, "protocol", service->row.protocol);
		json_text_string(p->out, "status", service->status);
		json_text_string(p->out, "last_updated", service->last_updated);
		json_text_string(p->out, "config_files", service->row.config_files);
		json_text_close(p->out, '}');
	}
	json_text_close(p->out, ']');
}

static void add_leases(struct page *p, const struct instance *of)
{
	const struct ledger *ledger = p->ledger;
	json_text_line(p->out, 4);
	json_text_open(p->out, "leases", '[');
	for (; p->lease < ledger->lease_count; p->lease++) {
		const struct lease *lease = &ledger->leases[p->lease];
		if (strcmp(lease->project, of->project) != 0 || lease->instance != of->number)
			break;
		json_text_line(p->out, 5);
		json_text_open(p->out, NULL, '{');
		json_text_number(p->out, "port", lease->port);
		json_text_string(p->out, "protocol", lease->udp ? "udp" : "tcp");
		json_text_string(p->out, "service", lease->service);
		json_text_string(p->out, "name", lease->name);
		json_text_number(p->out, "slot", lease->slot);
		json_text_string(p->out, "kind", lease_kind_word(lease->kind));
		json_text_close(p->out, '}');
	}
	json_text_close(p->out, ']');
}

/* Those whose instance is gone: they would be in the way of the ones behind them. */
static void skip_orphans(struct page *p, const struct instance *of)
{
	const struct ledger *ledger = p->ledger;
	while (p->service < ledger->service_count) {
		const struct service_state *service = &ledger->services[p->service];
		int order = strcmp(service->project, of->project);
		if (order > 0 || (!order && service->row.instance >= of->number))
			return;
		p->service++;
	}
}

static void add_instance(struct page *p, const struct ledger_instance *instance)
{
	const struct instance *row = &instance->row;
	skip_orphans(p, row);
	json_text_line(p->out, 3);
	json_text_open(p->out, NULL, '{');
	members_of_instance(p->out, row, instance_port(p->base, row->block, row->number));
	json_text_number(p->out, "block", row->block);
	json_text_string(p->out, "git_dir", row->git_dir);
	json_text_string(p->out, "git_mark", row->git_mark);
	json_text_string(p->out, "started_at", row->started_at);
	add_services(p, row);
	add_leases(p, row);
	json_text_close(p->out, '}');
}

static void add_slots(struct page *p, const char *project)
{
	const struct ledger *ledger = p->ledger;
	json_text_line(p->out, 2);
	json_text_open(p->out, "slots", '[');
	for (; p->slot < ledger->slot_count; p->slot++) {
		const struct ledger_slot *slot = &ledger->slots[p->slot];
		if (strcmp(slot->project, project) != 0)
			break;
		json_text_open(p->out, NULL, '{');
		json_text_string(p->out, "service", slot->row.service);
		json_text_string(p->out, "name", slot->row.name);
		json_text_number(p->out, "slot", slot->row.slot);
		json_text_close(p->out, '}');
	}
	json_text_close(p->out, ']');
}

static void add_project(struct page *p, const struct ledger_project *project)
{
	const struct project *row = &project->row;
	const struct ledger *ledger = p->ledger;
	json_text_line(p->out, 1);
	json_text_open(p->out, NULL, '{');
	members_of_project(p->out, row, project->blocks, project->block_count,
		block_port(p->base, row->block));
	json_text_string(p->out, "stack_name", row->stack_name);
	add_slots(p, row->name);
	json_text_line(p->out, 2);
	json_text_open(p->out, "instances", '[');
	for (; p->instance < ledger->instance_count; p->instance++) {
		const struct ledger_instance *instance = &ledger->instances[p->instance];
		if (strcmp(instance->row.project, row->name) != 0)
			break;
		add_instance(p, instance);
	}
	json_text_close(p->out, ']');
	json_text_close(p->out, '}');
}

static void add_reservation(struct text *out, const struct reservation *row)
{
	json_text_line(out, 1);
	json_text_open(out, NULL, '{');
	json_text_number(out, "port", row->port);
	json_text_string(out, "project", row->project);
	json_text_number(out, "instance", row->instance);
	json_text_string(out, "service", row->service);
	json_text_string(out, "name", row->name);
	json_text_string(out, "owner", row->owner);
	json_text_string(out, "note", row->note);
	json_text_string(out, "created_at", row->created_at);
	json_text_close(out, '}');
}

void ledger_json_write(const struct ledger *ledger, struct text *out)
{
	struct page p = {.ledger = ledger,
		.out = out,
		.base = ledger->ports_base ? ledger->ports_base : PORTS_BASE};
	json_text_open(out, NULL, '{');
	json_text_number(out, "version", 1);
	json_text_number(out, "ports_base", ledger->ports_base);
	json_text_open(out, "projects", '[');
	for (size_t i = 0; i < ledger->project_count; i++)
		add_project(&p, &ledger->projects[i]);
	json_text_close(out, ']');
	json_text_line(out, 0);
	json_text_open(out, "reservations", '[');
	for (size_t i = 0; i < ledger->reservation_count; i++)
		add_reservation(out, &ledger->reservations[i].row);
	json_text_close(out, ']');
	json_text_close(out, '}');
	text_add_char(out, '\n');
}
