#include "ledger/json.h"

#include <string.h>

#include "base/json_text.h"
#include "model/names.h"
#include "ports/policy.h"

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

static void add_words(struct text *out, const char *key, const char *value)
{
	text_add(out, key);
	json_text_add(out, value);
}

static void add_number(struct text *out, const char *key, int64_t number)
{
	text_addf(out, "%s%lld", key, (long long)number);
}

static void add_services(struct page *p, const struct instance *of)
{
	const struct ledger *ledger = p->ledger;
	size_t before = p->service;
	text_add(p->out, ",\n    \"services\":[");
	for (; p->service < ledger->service_count; p->service++) {
		const struct service_state *service = &ledger->services[p->service];
		if (strcmp(service->project, of->project) != 0 ||
			service->row.instance != of->number)
			break;
		add_words(p->out,
			p->service > before ? ",\n     {\"service\":" : "\n     {\"service\":",
			service->row.service);
		add_words(p->out, ",\"name\":", service->row.name);
		add_number(p->out, ",\"wanted_port\":", service->row.wanted_port);
		add_number(p->out, ",\"port\":", service->row.port);
		add_words(p->out, ",\"protocol\":", service->row.protocol);
		add_words(p->out, ",\"status\":", service->status);
		add_words(p->out, ",\"last_updated\":", service->last_updated);
		add_words(p->out, ",\"config_files\":", service->row.config_files);
		text_add_char(p->out, '}');
	}
	text_add_char(p->out, ']');
}

static void add_leases(struct page *p, const struct instance *of)
{
	const struct ledger *ledger = p->ledger;
	size_t before = p->lease;
	text_add(p->out, ",\n    \"leases\":[");
	for (; p->lease < ledger->lease_count; p->lease++) {
		const struct lease *lease = &ledger->leases[p->lease];
		if (strcmp(lease->project, of->project) != 0 || lease->instance != of->number)
			break;
		add_number(p->out, p->lease > before ? ",\n     {\"port\":" : "\n     {\"port\":",
			lease->port);
		add_words(p->out, ",\"protocol\":", lease->udp ? "udp" : "tcp");
		add_words(p->out, ",\"service\":", lease->service);
		add_words(p->out, ",\"name\":", lease->name);
		add_number(p->out, ",\"slot\":", lease->slot);
		add_words(p->out, ",\"kind\":", lease_kind_word(lease->kind));
		text_add_char(p->out, '}');
	}
	text_add_char(p->out, ']');
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
	add_number(p->out, "\n   {\"instance\":", row->number);
	add_words(p->out, ",\"purpose\":", row->purpose);
	add_words(p->out, ",\"branch\":", row->branch);
	add_words(p->out, ",\"environment\":", row->environment);
	add_words(p->out, ",\"status\":", instance_status_word(row->status));
	add_number(p->out, ",\"base_port\":", instance_port(p->base, row->block, row->number));
	add_number(p->out, ",\"spans\":", row->spans);
	add_words(p->out, ",\"worktree\":", row->worktree);
	add_words(p->out, ",\"commit\":", row->commit);
	add_words(p->out, ",\"created_at\":", row->created_at);
	add_words(p->out, ",\"last_used_at\":", row->last_used_at);
	add_number(p->out, ",\"block\":", row->block);
	add_words(p->out, ",\"git_dir\":", row->git_dir);
	add_words(p->out, ",\"git_mark\":", row->git_mark);
	add_words(p->out, ",\"started_at\":", row->started_at);
	add_services(p, row);
	add_leases(p, row);
	text_add_char(p->out, '}');
}

static void add_slots(struct page *p, const char *project)
{
	const struct ledger *ledger = p->ledger;
	size_t before = p->slot;
	text_add(p->out, ",\n  \"slots\":[");
	for (; p->slot < ledger->slot_count; p->slot++) {
		const struct ledger_slot *slot = &ledger->slots[p->slot];
		if (strcmp(slot->project, project) != 0)
			break;
		add_words(p->out,
			p->slot > before ? ",{\"service\":" : "{\"service\":", slot->row.service);
		add_words(p->out, ",\"name\":", slot->row.name);
		add_number(p->out, ",\"slot\":", slot->row.slot);
		text_add_char(p->out, '}');
	}
	text_add_char(p->out, ']');
}

static void add_project(struct page *p, const struct ledger_project *project)
{
	const struct project *row = &project->row;
	const struct ledger *ledger = p->ledger;
	add_number(p->out, "\n {\"id\":", row->id);
	add_words(p->out, ",\"name\":", row->name);
	add_number(p->out, ",\"block\":", row->block);
	text_add(p->out, ",\"blocks\":[");
	for (size_t i = 0; i < project->block_count; i++)
		add_number(p->out, i ? "," : "", project->blocks[i]);
	add_number(p->out, "],\"base_port\":", block_port(p->base, row->block));
	add_words(p->out, ",\"path\":", row->path);
	add_words(p->out, ",\"status\":", row->status);
	add_words(p->out, ",\"owner\":", row->owner);
	add_words(p->out, ",\"notes\":", row->notes);
	add_words(p->out, ",\"created_at\":", row->created_at);
	add_words(p->out, ",\"last_used_at\":", row->last_used_at);
	add_words(p->out, ",\"stack_name\":", row->stack_name);
	add_slots(p, row->name);
	text_add(p->out, ",\n  \"instances\":[");
	for (size_t first = p->instance; p->instance < ledger->instance_count; p->instance++) {
		const struct ledger_instance *instance = &ledger->instances[p->instance];
		if (strcmp(instance->row.project, row->name) != 0)
			break;
		if (p->instance > first)
			text_add_char(p->out, ',');
		add_instance(p, instance);
	}
	text_add(p->out, "]}");
}

static void add_reservation(struct text *out, const struct reservation *row)
{
	add_number(out, "\n {\"port\":", row->port);
	add_words(out, ",\"project\":", row->project);
	add_number(out, ",\"instance\":", row->instance);
	add_words(out, ",\"service\":", row->service);
	add_words(out, ",\"name\":", row->name);
	add_words(out, ",\"owner\":", row->owner);
	add_words(out, ",\"note\":", row->note);
	add_words(out, ",\"created_at\":", row->created_at);
	text_add_char(out, '}');
}

void ledger_json_write(const struct ledger *ledger, struct text *out)
{
	struct page p = {.ledger = ledger,
		.out = out,
		.base = ledger->ports_base ? ledger->ports_base : PORTS_BASE};
	add_number(out, "{\"version\":1,\"ports_base\":", ledger->ports_base);
	text_add(out, ",\"projects\":[");
	for (size_t i = 0; i < ledger->project_count; i++) {
		if (i)
			text_add_char(out, ',');
		add_project(&p, &ledger->projects[i]);
	}
	text_add(out, "],\n\"reservations\":[");
	for (size_t i = 0; i < ledger->reservation_count; i++) {
		if (i)
			text_add_char(out, ',');
		add_reservation(out, &ledger->reservations[i].row);
	}
	text_add(out, "]}\n");
}
