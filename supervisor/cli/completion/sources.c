#include "cli/completion/sources.h"

#include <stdlib.h>
#include <string.h>

#include "cli/completion/offers.h"
#include "cli/context.h"
#include "model/policy.h"
#include "registry/leases.h"
#include "registry/projects.h"

/* ---- of the stack file ---- */

typedef void on_section(struct offers *o, const struct section *section);

static void each_section(struct offers *o, on_section *visit)
{
	struct source source;
	struct error ignored;
	if (context_source(o->context, &source, &ignored) == 0 && source.document)
		for (size_t i = 0; i < source.document->section_count; i++)
			visit(o, &source.document->sections[i]);
	source_release(&source);
}

static bool is_service(const struct section *section)
{
	return section->kind == SECTION_SERVICE && !section->environment;
}

static const char *what_it_is(const struct section *section)
{
	static const char *const keys[] = {"description", "command", "template", "type"};
	const struct entry *entry = NULL;
	for (size_t i = 0; !entry && i < sizeof keys / sizeof keys[0]; i++)
		entry = section_entry(section, keys[i]);
	return entry ? entry->value : "";
}

static bool is_named_already(const struct offers *o, const char *name)
{
	const struct command_line *line = &o->context->line;
	for (size_t i = 0; i < line->word_count; i++)
		if (strcmp(line->words[i], name) == 0)
			return true;
	return false;
}

static void visit_service(struct offers *o, const struct section *section)
{
	if (is_service(section) && !is_named_already(o, section->name))
		offer(o, section->name, what_it_is(section));
}

void offer_services(struct offers *o)
{
	each_section(o, visit_service);
}

static void visit_conditions(struct offers *o, const struct section *section)
{
	static const char *const conditions[] = {
#define X(name, word) word,
		CONDITIONS(X)
#undef X
	};
	for (size_t i = 0; is_service(section) && i < sizeof conditions / sizeof conditions[0]; i++) {
		OWNED_TEXT word = {0};
		text_addf(&word, "%s:%s", section->name, conditions[i]);
		offer(o, text_string(&word), what_it_is(section));
	}
}

void offer_conditions(struct offers *o)
{
	each_section(o, strchr(o->typed, ':') ? visit_conditions : visit_service);
}

static void visit_port_names(struct offers *o, const struct section *section)
{
	const struct command_line *line = &o->context->line;
	const char *service = line->word_count ? line->words[line->word_count - 1] : "";
	if (section->kind != SECTION_SERVICE || strcmp(section->name, service) != 0)
		return;
	for (size_t i = 0; i < section->entry_count; i++)
		if (strncmp(section->entries[i].key, "port.", 5) == 0)
			offer(o, section->entries[i].key + 5, section->entries[i].value);
}

void offer_port_names(struct offers *o)
{
	each_section(o, visit_port_names);
}

static void visit_environment(struct offers *o, const struct section *section)
{
	if (section->kind == SECTION_ENVIRONMENT)
		offer(o, section->name, "an environment of the stack file");
}

void offer_environments(struct offers *o)
{
	each_section(o, visit_environment);
}

/* Each with the first service that has it. */
static void visit_profiles(struct offers *o, const struct section *section)
{
	const struct entry *entry =
		section->kind == SECTION_SERVICE ? section_entry(section, "profile") : NULL;
	for (const char *at = entry ? entry->value : ""; *at;) {
		at += strspn(at, ", \t\n");
		size_t length = strcspn(at, ", \t\n");
		OWNED_TEXT name = {0};
		text_add_bytes(&name, at, length);
		if (length)
			offer(o, text_string(&name), section->name);
		at += length;
	}
}

void offer_profiles(struct offers *o)
{
	each_section(o, visit_profiles);
}

/* ---- of the registry ---- */

void offer_projects(struct offers *o)
{
	struct error ignored;
	struct arena *arena = arena_new();
	struct registry *r = arena ? context_registry(o->context, &ignored) : NULL;
	struct project *rows;
	size_t count = 0;
	if (r && project_list(r, arena, &rows, &count, &ignored) == 0)
		for (size_t i = 0; i < count; i++)
			offer(o, rows[i].name, rows[i].path);
	registry_close(r);
	arena_free(arena);
}

void offer_instances(struct offers *o)
{
	struct error ignored;
	struct target *targets;
	size_t count;
	context_targets(o->context, SET_PROJECT, &targets, &count, &ignored);
	for (size_t i = 0; targets && i < count; i++) {
		const struct target *t = &targets[i];
		offer(o, arena_format(t->arena, "%d", t->instance),
			arena_format(t->arena, "%s%s%s%s", t->purpose, *t->purpose && *t->branch ? ", " : "",
				t->branch, t->alive ? ", runs" : ""));
	}
	for (size_t i = 0; targets && i < count; i++)
		target_release(&targets[i]);
	free(targets);
}

void offer_ports(struct offers *o)
{
	struct error ignored;
	struct target target;
	struct registry *r = NULL;
	struct lease *leases;
	size_t count = 0;
	if (context_target(o->context, &target, &ignored) == 0)
		r = context_registry(o->context, &ignored);
	if (r && lease_list(r, target.project_id, target.instance, target.arena, &leases, &count, &ignored))
		count = 0;
	for (size_t i = 0; i < count; i++)
		offer(o, arena_format(target.arena, "%d", leases[i].port),
			*leases[i].service ? leases[i].service : "spare");
	registry_close(r);
	target_release(&target);
}
