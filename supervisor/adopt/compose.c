#include "adopt/compose.h"

#include <stdarg.h>
#include <string.h>

#include "adopt/compose_inside.h"
#include "model/names.h"
#include "stackfile/templates.h"

void compose_leave(struct compose *c, struct compose_service *s, const struct yaml *node, const char *key,
	const char *format, ...)
{
	OWNED_TEXT why = {0};
	va_list args;
	va_start(args, format);
	text_vaddf(&why, format, args);
	va_end(args);
	struct sheet_place place = {node ? node->file : "", node ? node->line : 0, key};
	sheet_leave(c->sheet, s ? s->out : NULL, place, "%s", text_string(&why));
}

/* ---- what becomes of a service ---- */

static enum compose_way way_of(struct compose *c, const struct compose_service *s)
{
	if (compose_has_command(c, s))
		return WAY_PROGRAM;
	bool plain = s->image_name && !yaml_get(s->node, "build") && !yaml_get(s->node, "entrypoint");
	if (c->request->templates && plain && s->image && template_find(s->image->template))
		return WAY_TEMPLATE;
	return WAY_DOCKER;
}

static void add_service(struct compose *c, const struct yaml_pair *pair)
{
	if (pair->value->kind != YAML_MAP) {
		complaint_error(c->sheet->complaints, pair->value->file, pair->line, pair->key, "service '%s' says nothing",
			pair->key);
		return;
	}
	struct compose_service s = {.key = pair->key, .node = pair->value};
	s.image_name = compose_fill(c, yaml_get(s.node, "image"));
	s.image = s.image_name ? image_find(c->arena, s.image_name) : NULL;
	s.way = way_of(c, &s);
	if (!s.image_name && !yaml_get(s.node, "build")) {
		complaint_error(c->sheet->complaints, pair->value->file, pair->line, pair->key,
			"service '%s' has neither an image nor a build", pair->key);
		return;
	}
	s.out = sheet_add(c->sheet, pair->key, pair->value->file, pair->line);
	*arena_append(c->arena, c->services, c->count) = s;
}

/* Who is waited for until it has completed is a task. */
static void find_tasks(struct compose *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct yaml *depends = yaml_get(c->services[i].node, "depends_on");
		for (size_t k = 0; depends && depends->kind == YAML_MAP && k < depends->count; k++) {
			const char *condition = compose_fill(c, yaml_get(depends->pairs[k].value, "condition"));
			struct compose_service *to = compose_find(c, depends->pairs[k].key);
			if (to && condition && !strcmp(condition, "service_completed_successfully"))
				to->is_task = true;
		}
	}
}

/* ---- templates ---- */

/* The keys of compose that a template has answers of its own to. */
static void use_template(struct compose *c, struct compose_service *s)
{
	static const char *const answered[] = {"command", "environment", "env_file", "volumes", "healthcheck"};
	sheet_set(c->sheet, s->out, "template", s->image->template);
	sheet_note(c->sheet, s->out, "There it is the image %s.", s->image_name);
	for (size_t i = 0; i < sizeof answered / sizeof answered[0]; i++) {
		const struct yaml *node = yaml_get(s->node, answered[i]);
		if (node)
			compose_leave(c, s, node, answered[i], "the template '%s' has its own; `stackup help template` tells more",
				s->image->template);
	}
}

/* ---- the whole ---- */

/* Volumes that only have a name. */
static bool says_nothing(const struct yaml_pair *pair)
{
	bool nothing = !strcmp(pair->key, "volumes");
	for (size_t i = 0; i < pair->value->count; i++)
		nothing = nothing && !pair->value->pairs[i].value->count;
	return nothing;
}

static void leave_top(struct compose *c)
{
	static const char known[] = "services name version";
	static const char *const reasons[][2] = {
		{"networks", "services meet on localhost, each at a port of its own"},
		{"volumes", "data is kept below ${state_dir} of each instance, whatever is said of the volumes"},
		{"secrets", "read them from a file, or set variables in .env"},
		{"configs", "read them from where they are"},
		{"include", "name the files together: import compose FILE FILE"},
	};
	for (size_t i = 0; i < c->root->count; i++) {
		const struct yaml_pair *pair = &c->root->pairs[i];
		if (name_is_among(known, pair->key) || !strncmp(pair->key, "x-", 2) || says_nothing(pair))
			continue;
		const char *reason = "it is not known";
		for (size_t k = 0; k < sizeof reasons / sizeof reasons[0]; k++)
			if (!strcmp(reasons[k][0], pair->key))
				reason = reasons[k][1];
		const struct sheet_place place = {pair->value->file, pair->line, pair->key};
		sheet_leave(c->sheet, NULL, place, "%s", reason);
	}
}

static void write_service(struct compose *c, struct compose_service *s)
{
	if (s->way == WAY_PROGRAM)
		compose_program(c, s);
	else if (s->way == WAY_TEMPLATE)
		use_template(c, s);
	else
		compose_docker(c, s);
}

/* Whom containers reach has to be known before the first of them is written. */
static void look_ahead(struct compose *c, struct compose_service *s)
{
	const struct yaml *map = compose_map(c->arena, yaml_get(s->node, "environment"), "environment");
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->count; i++) {
		const char *raw = yaml_text(map->pairs[i].value);
		if (raw && !compose_whole(c, s, map->pairs[i].key, raw))
			compose_text(c, s, raw, PLACE_VALUE);
	}
	const char **words;
	size_t count = compose_words(c, yaml_get(s->node, "command"), &words);
	compose_join(c, s, words, count);
}

static void write_services(struct compose *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->services[i].way == WAY_DOCKER)
			look_ahead(c, &c->services[i]);
	for (size_t i = 0; i < c->count; i++) {
		compose_profiles(c, &c->services[i]);
		write_service(c, &c->services[i]);
	}
	for (size_t i = 0; i < c->count; i++) {
		compose_common(c, &c->services[i]);
		compose_leave_keys(c, &c->services[i]);
	}
}

int adopt_compose(const struct compose_request *request, struct error *e)
{
	struct compose c = {.request = request, .arena = request->sheet->arena, .sheet = request->sheet};
	if (compose_load(&c, e))
		return -1;
	const struct yaml *services = yaml_get(c.root, "services");
	if (!services || services->kind != YAML_MAP) {
		if (!c.sheet->complaints->errors)
			complaint_error(c.sheet->complaints, request->files[0], 0, "services", "there are no services in it");
		return 0;
	}
	const char *name = compose_fill(&c, yaml_get(c.root, "name"));
	if (name)
		c.sheet->name = name;
	for (size_t i = 0; i < services->count; i++)
		add_service(&c, &services->pairs[i]);
	find_tasks(&c);
	compose_find_ports(&c);
	leave_top(&c);
	write_services(&c);
	return 0;
}
