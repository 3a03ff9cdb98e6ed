/*
 * Services that name a template. What it says lies below the service's own section, above [defaults]; its
 * tasks become services, named after the service, that have the variables and the profile of the service,
 * too, and a section of their own where the file has one. In a template the names of its services stand for
 * those that they get.
 */
#include <string.h>

#include "base/nearest.h"
#include "model/names.h"
#include "stackfile/draft_inside.h"
#include "stackfile/templates.h"

const struct template *template_find(const char *name)
{
	for (size_t i = 0; i < template_count; i++)
		if (!strcmp(template_rows[i].name, name))
			return &template_rows[i];
	return NULL;
}

/* One service with its template. */
struct use {
	struct draft *draft;
	struct complaints *complaints;
	const struct template *template;
	const char *service; /* what is called like the template in there */
	int line; /* where the file names the template */
};

/* ---- names ---- */

static bool is_name_part(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The name after "${", after "${state_dir}/", and in a list of dependencies. */
static bool is_reference(const char *value, const char *at, bool list)
{
	static const char dir[] = "${state_dir}/";
	size_t before = (size_t)(at - value);
	if (list)
		return at == value || at[-1] == ' ' || at[-1] == ',';
	return (before >= 2 && !strncmp(at - 2, "${", 2)) ||
		(before >= strlen(dir) && !strncmp(at - strlen(dir), dir, strlen(dir)));
}

static const char *renamed(const struct use *use, const char *value, bool list)
{
	const char *name = use->template->name;
	size_t length = strlen(name);
	OWNED_TEXT out = {0};
	for (const char *at = value; *at;) {
		bool named = !strncmp(at, name, length) && !is_name_part(at[length]) && is_reference(value, at, list);
		if (named)
			text_add(&out, use->service);
		else
			text_add_char(&out, *at);
		at += named ? length : 1;
	}
	return arena_string(use->draft->arena, text_string(&out));
}

/*
 * The section of a template as that of another service. A slot it asks for is not needed by who is called
 * like one.
 */
static const struct section *placed(const struct use *use, const struct section *section, const char *name)
{
	struct arena *arena = use->draft->arena;
	struct section *out = arena_copy(arena, section, sizeof *section);
	struct entry *entries = arena_take(arena, (section->entry_count + 1) * sizeof *entries);
	out->name = name;
	out->line = use->line;
	out->header = arena_format(arena, "service %s", name);
	out->entry_count = 0;
	for (size_t i = 0; i < section->entry_count; i++) {
		const struct entry *entry = &section->entries[i];
		if (!strcmp(entry->key, "slot") && slot_by_name(name) != NO_SLOT)
			continue;
		bool list = !strcmp(entry->key, "depends_on");
		entries[out->entry_count++] = (struct entry){arena_string(arena, entry->key),
			renamed(use, entry->value, list), use->line};
	}
	out->entries = entries;
	return out;
}

/* ---- one template ---- */

static const struct template *find(struct draft *draft, const struct entry *entry, struct complaints *complaints)
{
	const struct template *found = template_find(entry->value);
	if (found)
		return found;
	struct nearest near = {.wanted = entry->value};
	for (size_t i = 0; i < template_count; i++)
		nearest_offer(&near, template_rows[i].name);
	complaint_error(complaints, draft->document->label, entry->line, entry->key, "there is no template '%s'",
		entry->value);
	if (near.best)
		complaint_hint(complaints, "did you mean '%s'?", near.best);
	else
		complaint_hint(complaints, "`stackup help template` lists them");
	return NULL;
}

/* Empty, so that only the template and the host say something. */
static const struct section *no_section(struct draft *draft, const char *name, int line)
{
	struct section *section = arena_new_object(draft->arena, struct section);
	section->kind = SECTION_SERVICE;
	section->name = name;
	section->header = arena_format(draft->arena, "service %s", name);
	section->line = line;
	return section;
}

static void add_helper(const struct use *use, const struct section *section, const struct draft_service *host)
{
	struct draft *draft = use->draft;
	const char *rest = section->name + strlen(use->template->name);
	const char *name = arena_format(draft->arena, "%s%s", use->service, rest);
	size_t *place = lookup_find(&draft->places, name);
	if (strlen(name) > NAME_MOST) {
		complaint_error(use->complaints, draft->document->label, use->line, "template",
			"the template needs a task '%s', whose name is too long", name);
		complaint_hint(use->complaints, "give the service a shorter name");
		return;
	}
	struct draft_service *helper = place ? &draft->services[*place] : &draft->services[draft->service_count];
	if (!place) {
		*helper = (struct draft_service){.name = name, .section = no_section(draft, name, use->line),
			.main_port = NO_PORT};
		draft->names[draft->service_count] = name;
		lookup_add(&draft->places, name, (size_t)draft->service_count++);
	}
	helper->base = placed(use, section, name);
	helper->host = host;
}

static void apply(const struct use *use, struct draft_service *service)
{
	struct draft *draft = use->draft;
	struct document *document = document_parse(use->template->text, strlen(use->template->text),
		use->template->name, draft->document->dir, use->complaints);
	if (!document)
		return;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	*arena_append(draft->arena, draft->templates, draft->template_count) = document;
	for (size_t i = 0; i < document->section_count; i++) {
		const struct section *section = &document->sections[i];
		if (section->kind != SECTION_SERVICE)
			continue;
		if (!strcmp(section->name, use->template->name))
			service->base = placed(use, section, service->name);
		else
			add_helper(use, section, service);
	}
}

/* ---- all of them ---- */

/* Only a service can be a ready-made one, and it is the same in every environment. */
static void refuse_elsewhere(struct draft *draft, struct complaints *complaints)
{
	for (size_t i = 0; i < draft->document->section_count; i++) {
		const struct section *section = &draft->document->sections[i];
		bool elsewhere = section->kind == SECTION_DEFAULTS ||
			(section->kind == SECTION_SERVICE && section->environment);
		const struct entry *entry = elsewhere ? section_entry(section, "template") : NULL;
		if (!entry)
			continue;
		complaint_error(complaints, draft->document->label, entry->line, entry->key, "[%s] has a template",
			section->header);
		complaint_hint(complaints, "write it into [service NAME], for all environments");
	}
}

static size_t tasks_of(const struct template *template)
{
	size_t count = 0;
	for (const char *at = template->text; (at = strstr(at, "[service ")); at++)
		count++;
	return count;
}

/* Room for the tasks of all templates: later steps point into the array. */
static void make_room(struct draft *draft)
{
	size_t most = (size_t)draft->service_count + 1;
	for (int i = 0; i < draft->service_count; i++) {
		const struct entry *entry = section_entry(draft->services[i].section, "template");
		const struct template *template = entry ? template_find(entry->value) : NULL;
		most += template ? tasks_of(template) : 0;
	}
	struct draft_service *services = arena_take(draft->arena, most * sizeof *services);
	const char **names = arena_take(draft->arena, (most + 1) * sizeof *names);
	memcpy(services, draft->services, (size_t)draft->service_count * sizeof *services);
	memcpy(names, draft->names, (size_t)draft->service_count * sizeof *names);
	draft->services = services;
	draft->names = names;
}

void draft_use_templates(struct draft *draft, struct complaints *complaints)
{
	if (draft->document->is_procfile || !draft->service_count)
		return;
	refuse_elsewhere(draft, complaints);
	make_room(draft);
	int written = draft->service_count;
	for (int i = 0; i < written; i++) {
		const struct entry *entry = section_entry(draft->services[i].section, "template");
		const struct use use = {.draft = draft, .complaints = complaints,
			.template = entry ? find(draft, entry, complaints) : NULL,
			.service = draft->services[i].name,
			.line = entry ? entry->line : 0};
		if (use.template)
			apply(&use, &draft->services[i]);
	}
}
