/*
 * A service as a container. Its name is the instance's, so that two instances have two, and it is stopped by
 * that name: docker's client is only who shows its output. What is left of a run whose client was killed goes
 * before the next one starts. Whether it is ready is asked of docker by the name, too: the host's socket
 * belongs to docker and not to the service.
 */
#include <string.h>

#include "adopt/compose_inside.h"
#include "stackfile/command.h"

enum kind { TAKEN, FLAG, SWITCH, EACH, PAIRS, LEFT };

struct compose_key {
	const char *name;
	enum kind kind;
	const char *flag;
	const char *reason;
};

#define COMPOSE_KEY(name, kind, flag, reason) {name, kind, flag, reason},
static const struct compose_key keys[] = {
#include "adopt/compose_keys.def"
};
#undef COMPOSE_KEY
enum { KEYS = sizeof keys / sizeof keys[0] };

static const struct compose_key *find_key(const char *name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

void compose_leave_keys(struct compose *c, struct compose_service *s)
{
	for (size_t i = 0; s->node->kind == YAML_MAP && i < s->node->count; i++) {
		const struct yaml_pair *pair = &s->node->pairs[i];
		const struct compose_key *key = find_key(pair->key);
		bool goes = key && s->way == WAY_DOCKER && key->kind != LEFT;
		if ((key && key->kind == TAKEN) || goes || !strncmp(pair->key, "x-", 2))
			continue;
		const char *reason = !key ? "it is not known" : *key->reason ? key->reason : "the template knows better";
		compose_leave(c, s, pair->value, pair->key, "%s",
			s->way == WAY_TEMPLATE && key && key->kind != LEFT ? "there is no container" : reason);
	}
}

/* ---- the command line ---- */

struct running {
	struct compose *c;
	struct compose_service *s;
	struct text line; /* owns; the options, each on a line of its own */
	const char *name; /* of the container */
};

static void add_option(struct running *r, const char *flag, const char *value)
{
	text_addf(&r->line, " \\\n%s%s%s", flag, *value ? " " : "", value);
}

static const char *word(struct running *r, const char *raw)
{
	return compose_text(r->c, r->s, raw, PLACE_WORD);
}

static void add_pairs(struct running *r, const struct compose_key *key, const struct yaml *node)
{
	const struct yaml *map = compose_map(r->c->arena, node, key->name);
	const char *between = !strcmp(key->name, "extra_hosts") ? ":" : "=";
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->count; i++) {
		const char *value = yaml_text(map->pairs[i].value);
		add_option(r, key->flag,
			word(r, arena_format(r->c->arena, "%s%s%s", map->pairs[i].key, value ? between : "", value ? value : "")));
	}
}

static void add_key(struct running *r, const struct compose_key *key, const struct yaml *node)
{
	if (key->kind == PAIRS)
		add_pairs(r, key, node);
	else if (key->kind == SWITCH && yaml_is_true(node))
		add_option(r, key->flag, "");
	else if ((key->kind == FLAG || key->kind == EACH) && yaml_text(node))
		add_option(r, key->flag, word(r, node->text));
	for (size_t i = 0; key->kind == EACH && node->kind == YAML_LIST && i < node->count; i++)
		if (yaml_text(node->pairs[i].value))
			add_option(r, key->flag, word(r, node->pairs[i].value->text));
}

static void add_ports(struct running *r)
{
	const char *address = r->s->seen_by_containers ? "" : "127.0.0.1:";
	for (size_t i = 0; i < r->s->endpoint_count && !r->s->is_task; i++) {
		const struct compose_endpoint *e = &r->s->endpoints[i];
		bool tcp = !strcmp(e->protocol, "tcp");
		add_option(r, "-p", arena_format(r->c->arena, "%s%s:%d%s%s", address,
			compose_port_reference(r->c, r->s, e, r->s), e->target, tcp ? "" : "/", tcp ? "" : e->protocol));
	}
}

static void add_variables(struct running *r)
{
	const char **names;
	size_t count = compose_variables(r->c, r->s, &names);
	for (size_t i = 0; i < count; i++)
		add_option(r, "-e", names[i]);
}

/* Data of the instance's own below ${state_dir}; what has a place here keeps it. */
static void add_volume(struct running *r, const char *source, const char *target, const char *options, const char *place)
{
	struct compose *c = r->c;
	const char *path;
	if (!source)
		path = arena_format(c->arena, "${state_dir}/%s%s", r->s->out->name, target);
	else if (strchr("/~$", *source))
		path = source;
	else if (*source == '.' || strchr(source, '/'))
		path = !strcmp(compose_path(c->arena, place, source), ".") ? "${stack.dir}"
			: arena_format(c->arena, "${stack.dir}/%s", compose_path(c->arena, place, source));
	else
		path = arena_format(c->arena, "${state_dir}/%s", sheet_name(c->arena, source));
	add_option(r, "-v", arena_format(c->arena, "%s:%s%s", path, target, options));
}

static void add_mount(struct running *r, const struct yaml *node)
{
	struct compose *c = r->c;
	const char *type = compose_fill(c, yaml_get(node, "type"));
	const char *source = compose_fill(c, yaml_get(node, "source"));
	const char *target = compose_fill(c, yaml_get(node, "target"));
	if (!target)
		return;
	if (type && !strcmp(type, "tmpfs"))
		add_option(r, "--tmpfs", target);
	else
		add_volume(r, source, target, yaml_is_true(yaml_get(node, "read_only")) ? ":ro" : "", node->place);
}

static void add_volumes(struct running *r)
{
	const struct yaml *volumes = yaml_get(r->s->node, "volumes");
	for (size_t i = 0; volumes && volumes->kind == YAML_LIST && i < volumes->count; i++) {
		const struct yaml *node = volumes->pairs[i].value;
		const char *text = compose_fill(r->c, node);
		const char *colon = text ? strchr(text, ':') : NULL;
		if (node->kind == YAML_MAP) {
			add_mount(r, node);
		} else if (text && !colon) {
			add_volume(r, NULL, text, "", node->place);
		} else if (text) {
			size_t length = strcspn(colon + 1, ":");
			add_volume(r, arena_string_n(r->c->arena, text, (size_t)(colon - text)),
				arena_string_n(r->c->arena, colon + 1, length), colon + 1 + length, node->place);
		}
	}
}

/* The first word of an entrypoint is --entrypoint; its others come before those of the command. */
static void add_command(struct running *r, const char *image)
{
	struct compose *c = r->c;
	const char **entry, **command;
	size_t entries = compose_words(c, yaml_get(r->s->node, "entrypoint"), &entry);
	size_t commands = compose_words(c, yaml_get(r->s->node, "command"), &command);
	const char *workdir = yaml_text(yaml_get(r->s->node, "working_dir"));
	const char *signal = yaml_text(yaml_get(r->s->node, "stop_signal"));
	if (workdir)
		add_option(r, "-w", word(r, workdir));
	if (signal)
		add_option(r, "--stop-signal", word(r, signal));
	if (entries)
		add_option(r, "--entrypoint", word(r, entry[0]));
	text_addf(&r->line, " \\\n%s", image);
	for (size_t i = 1; i < entries; i++)
		text_addf(&r->line, " %s", word(r, entry[i]));
	for (size_t i = 0; i < commands; i++)
		text_addf(&r->line, " %s", word(r, command[i]));
}

/* ---- the image of a build ---- */

/* A task that makes it; docker does nothing where nothing has changed. */
static const char *built_image(struct compose *c, struct compose_service *s)
{
	const struct yaml *build = yaml_get(s->node, "build");
	const char *image = s->image_name ? s->image_name : arena_format(c->arena, "${stack.name}-%s", s->out->name);
	const char *context = compose_fill(c, build->kind == YAML_MAP ? yaml_get(build, "context") : build);
	const char *file = compose_fill(c, yaml_get(build, "dockerfile"));
	const char *target = compose_fill(c, yaml_get(build, "target"));
	const char *place = compose_path(c->arena, build->place, context ? context : ".");
	struct sheet_service *task = sheet_add(c->sheet, arena_format(c->arena, "%s-image", s->out->name), build->file,
		build->line);
	OWNED_TEXT command = {0};
	text_addf(&command, "docker build -t %s", image);
	if (file)
		text_addf(&command, " -f %s", compose_path(c->arena, place, file));
	if (target)
		text_addf(&command, " --target %s", target);
	const struct yaml *args = compose_map(c->arena, yaml_get(build, "args"), "args");
	for (size_t i = 0; args && args->kind == YAML_MAP && i < args->count; i++) {
		const char *value = yaml_text(args->pairs[i].value);
		text_addf(&command, " --build-arg %s", compose_text(c, s, arena_format(c->arena, "%s%s%s",
			args->pairs[i].key, value ? "=" : "", value ? value : ""), PLACE_WORD));
	}
	text_addf(&command, " %s", place);
	sheet_set(c->sheet, task, "type", "task");
	sheet_set(c->sheet, task, "command", arena_string(c->arena, text_string(&command)));
	const char *profile = sheet_value(s->out, "profile");
	if (profile)
		sheet_set(c->sheet, task, "profile", profile);
	sheet_append(c->sheet, s->out, "depends_on", task->name);
	return image;
}

/* ---- ready ---- */

static void set_ready(struct running *r)
{
	struct compose *c = r->c;
	struct compose_service *s = r->s;
	if (s->is_task || !s->endpoint_count || sheet_value(s->out, "health"))
		return;
	const char *inside = arena_format(c->arena, "docker exec %s", r->name);
	const char *own = compose_port_reference(c, s, &s->endpoints[0], s);
	sheet_set(c->sheet, s->out, "ready", s->image && *s->image->ready
		? arena_format(c->arena, "command %s %s", inside, s->image->ready)
		: arena_format(c->arena, "command docker port %s %d/%s | grep -qw %s", r->name, s->endpoints[0].target,
			s->endpoints[0].protocol, own));
	sheet_set(c->sheet, s->out, "ready.timeout", "5m");
	sheet_note_key(s->out, "ready.timeout", "The first start may have to fetch the image.");
}

static void set_command(struct running *r, const char *image)
{
	struct compose *c = r->c;
	struct compose_service *s = r->s;
	add_ports(r);
	add_variables(r);
	add_volumes(r);
	for (size_t i = 0; i < s->node->count; i++) {
		const struct compose_key *key = find_key(s->node->pairs[i].key);
		if (key)
			add_key(r, key, s->node->pairs[i].value);
	}
	if (s->sees_others) {
		add_option(r, "--add-host", "host.docker.internal:host-gateway");
		sheet_note(c->sheet, s->out, "Containers reach the other services at host.docker.internal; a program of "
			"this machine has to listen there, too, not only on localhost.");
	}
	add_command(r, image);
	sheet_set(c->sheet, s->out, "command",
		arena_format(c->arena, "docker rm -f %s >/dev/null 2>&1; \\\nexec docker run --rm --init --name %s%s", r->name,
			r->name, text_string(&r->line)));
	sheet_set(c->sheet, s->out, "stop.command", arena_format(c->arena, "docker stop %s", r->name));
}

void compose_docker(struct compose *c, struct compose_service *s)
{
	struct running r = {.c = c, .s = s};
	r.name = arena_format(c->arena, "${slug}-${instance}-%s", s->out->name);
	compose_environment(c, s);
	const char *image = yaml_get(s->node, "build") ? built_image(c, s) : s->image_name;
	set_command(&r, image ? image : "");
	compose_health(c, s, arena_format(c->arena, "docker exec %s", r.name));
	set_ready(&r);
	text_release(&r.line);
}
