/*
 * A service whose sources are here, as a program of this machine: the command of compose or of the Dockerfile,
 * in the directory that the container sees as its own.
 */
#include <string.h>

#include "adopt/compose_inside.h"
#include "adopt/servers.h"
#include "base/file.h"

enum { DOCKERFILE_SIZE_MOST = 1024 * 1024 };

static const struct yaml *build_of(const struct compose_service *s)
{
	return yaml_get(s->node, "build");
}

/* The context as it is written; "." where the build does not say. */
static const char *context_of(struct compose *c, const struct compose_service *s)
{
	const struct yaml *build = build_of(s);
	const char *context = compose_fill(c, build && build->kind == YAML_MAP ? yaml_get(build, "context") : build);
	return context ? context : ".";
}

static bool read_dockerfile(struct compose *c, const struct compose_service *s, struct dockerfile *out)
{
	const struct yaml *build = build_of(s);
	OWNED_TEXT content = {0};
	struct error ignored;
	*out = (struct dockerfile){0};
	if (!build)
		return false;
	const char *name = compose_fill(c, yaml_get(build, "dockerfile"));
	const char *context = compose_file(c, build->place, context_of(c, s));
	const char *path = arena_format(c->arena, "%s/%s", context, name ? name : "Dockerfile");
	if (file_read(path, DOCKERFILE_SIZE_MOST, &content, &ignored))
		return false;
	dockerfile_read(c->arena, text_string(&content), compose_fill(c, yaml_get(build, "target")), out);
	return true;
}

bool compose_has_command(struct compose *c, const struct compose_service *s)
{
	struct dockerfile dockerfile;
	if (!build_of(s))
		return false;
	if (yaml_get(s->node, "command"))
		return true;
	return read_dockerfile(c, s, &dockerfile) && (dockerfile.script || dockerfile.count);
}

/* ---- the command ---- */

/* The entrypoint's words, then the command's. */
static const char *own_command(struct compose *c, struct compose_service *s)
{
	const char **all = NULL, **words;
	size_t count = 0;
	static const char *const keys[] = {"entrypoint", "command"};
	for (size_t k = 0; k < 2; k++) {
		size_t n = compose_words(c, yaml_get(s->node, keys[k]), &words);
		for (size_t i = 0; i < n; i++)
			*arena_append(c->arena, all, count) = words[i];
	}
	const char *script = compose_script(all, count);
	return script ? compose_text(c, s, script, PLACE_SHELL) : compose_join(c, s, all, count);
}

static const char *dockerfile_command(struct compose *c, struct compose_service *s, const struct dockerfile *d)
{
	const char *script = d->script ? d->script : compose_script(d->words, d->count);
	return script ? compose_text(c, s, script, PLACE_SHELL) : compose_join(c, s, d->words, d->count);
}

static void set_command(struct compose *c, struct compose_service *s, const struct dockerfile *d)
{
	bool own = yaml_get(s->node, "command") || yaml_get(s->node, "entrypoint");
	const char *command = own ? own_command(c, s) : dockerfile_command(c, s, d);
	const struct server *server = s->endpoint_count ? server_of(c->arena, command) : NULL;
	if (server && !strstr(command, "${port}"))
		command = server_fit(c->arena, server, command);
	sheet_set(c->sheet, s->out, "command", command);
	if (server && !strcmp(server->protocol, "http") && !s->is_task)
		sheet_set(c->sheet, s->out, "protocol", "http");
	if (!own)
		sheet_note(c->sheet, s->out, "The command is the Dockerfile's.");
	if (d->builds)
		compose_leave(c, s, build_of(s), "build", "what the Dockerfile installs has to be there on this machine");
}

/* ---- the directory ---- */

/* "./api:/app:ro"; false for a volume that has a name. */
static bool bind_of(struct compose *c, const struct yaml *node, const char **source, const char **target)
{
	const char *text = compose_fill(c, node);
	if (node->kind == YAML_MAP) {
		const char *type = compose_fill(c, yaml_get(node, "type"));
		*source = compose_fill(c, yaml_get(node, "source"));
		*target = compose_fill(c, yaml_get(node, "target"));
		return *source && *target && type && !strcmp(type, "bind");
	}
	const char *colon = text ? strchr(text, ':') : NULL;
	if (!colon || !strchr("./~", *text))
		return false;
	*source = arena_string_n(c->arena, text, (size_t)(colon - text));
	*target = arena_string_n(c->arena, colon + 1, strcspn(colon + 1, ":"));
	return true;
}

/* What a directory of the container is here, by the volumes; NULL. */
static const char *place_here(struct compose *c, const struct compose_service *s, const char *inside)
{
	const struct yaml *volumes = yaml_get(s->node, "volumes");
	const char *source, *target;
	for (size_t i = 0; volumes && volumes->kind == YAML_LIST && i < volumes->count; i++) {
		const struct yaml *node = volumes->pairs[i].value;
		size_t length = bind_of(c, node, &source, &target) ? strlen(target) : 0;
		if (!length || strncmp(inside, target, length) != 0 || (inside[length] && inside[length] != '/'))
			continue;
		const char *rest = inside + length + (inside[length] == '/');
		const char *place = compose_path(c->arena, node->place, source);
		return *rest ? compose_path(c->arena, place, rest) : place;
	}
	return NULL;
}

static void set_directory(struct compose *c, struct compose_service *s, const struct dockerfile *d)
{
	const struct yaml *working_dir = yaml_get(s->node, "working_dir");
	const char *inside = compose_fill(c, working_dir);
	const char *here = inside ? place_here(c, s, inside) : d->workdir ? place_here(c, s, d->workdir) : NULL;
	if (inside && !here)
		compose_leave(c, s, working_dir, "working_dir", "%s is a directory of the container", inside);
	if (!here)
		here = compose_path(c->arena, build_of(s)->place, context_of(c, s));
	if (strcmp(here, ".") != 0)
		sheet_set(c->sheet, s->out, "dir", here);
}

/* Sources that are mounted are simply there; data of its own would be in a place of its own. */
static void leave_volumes(struct compose *c, struct compose_service *s)
{
	const struct yaml *volumes = yaml_get(s->node, "volumes");
	const char *source, *target;
	for (size_t i = 0; volumes && volumes->kind == YAML_LIST && i < volumes->count; i++) {
		const struct yaml *node = volumes->pairs[i].value;
		const char *text = compose_fill(c, node->kind == YAML_MAP ? yaml_get(node, "target") : node);
		bool anonymous = text && node->kind != YAML_MAP && !strchr(text, ':');
		if (!anonymous && text && !bind_of(c, node, &source, &target))
			compose_leave(c, s, node, "volumes", "%s: let the program write to ${state_dir}", text);
	}
}

void compose_program(struct compose *c, struct compose_service *s)
{
	struct dockerfile dockerfile;
	read_dockerfile(c, s, &dockerfile);
	set_command(c, s, &dockerfile);
	set_directory(c, s, &dockerfile);
	leave_volumes(c, s);
	compose_environment(c, s);
	compose_health(c, s, NULL);
	if (yaml_is_true(yaml_get(s->node, "tty")))
		sheet_set(c->sheet, s->out, "tty", "yes");
}
