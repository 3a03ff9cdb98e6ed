#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adopt/compose_inside.h"
#include "base/file.h"
#include "base/own.h"

enum { COMPOSE_SIZE_MOST = 4 * 1024 * 1024, EXTENDS_MOST = 32 };

/* ---- paths ---- */

const char *compose_path(struct arena *arena, const char *place, const char *path)
{
	if (*path == '/' || *path == '~' || *path == '$')
		return path;
	while (!strncmp(path, "./", 2))
		path += 2;
	if (!*path || !strcmp(path, "."))
		return place;
	return !strcmp(place, ".") ? path : arena_format(arena, "%s/%s", place, path);
}

const char *compose_file(const struct compose *c, const char *place, const char *path)
{
	const char *there = compose_path(c->arena, place, path);
	return *there == '/' ? there : arena_format(c->arena, "%s/%s", c->request->base, there);
}

static const char *directory_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *parent = !slash ? "." : slash == path ? "/" : arena_string_n(arena, path, (size_t)(slash - path));
	OWNED(char) real = realpath(parent, NULL);
	return arena_string(arena, real ? real : parent);
}

/* From the stack file's directory, when it is below; else absolute. */
static const char *place_of(struct arena *arena, const char *base, const char *dir)
{
	size_t length = strlen(base);
	if (!strcmp(base, dir))
		return ".";
	bool below = !strncmp(base, dir, length) && dir[length] == '/';
	return arena_string(arena, below ? dir + length + 1 : dir);
}

size_t compose_default_files(struct arena *arena, const char *dir, const char *files[2])
{
	static const char *const names[] = {"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"};
	static const char *const overrides[] = {"compose.override.yaml", "compose.override.yml",
		"docker-compose.override.yaml", "docker-compose.override.yml"};
	size_t count = 0;
	for (size_t i = 0; i < 4 && !count; i++)
		if (!access(arena_format(arena, "%s/%s", dir, names[i]), F_OK))
			files[count++] = names[i];
	for (size_t i = 0; i < 4 && count == 1; i++)
		if (!access(arena_format(arena, "%s/%s", dir, overrides[i]), F_OK))
			files[count++] = overrides[i];
	return count;
}

/* ---- one file ---- */

static const struct yaml *read_file(struct compose *c, const char *path, const char *shown, const char *place,
	struct error *e)
{
	OWNED_TEXT content = {0};
	int result = strcmp(path, "-") != 0 ? file_read(path, COMPOSE_SIZE_MOST, &content, e)
		: file_read_fd(STDIN_FILENO, "standard input", COMPOSE_SIZE_MOST, &content, e);
	if (result) {
		e->code = EXIT_NOT_FOUND;
		return NULL;
	}
	bool bom = !strncmp(text_string(&content), "\xef\xbb\xbf", 3);
	return yaml_read(c->arena, text_string(&content) + (bom ? 3 : 0), content.length - (bom ? 3 : 0), shown, place,
		c->sheet->complaints);
}

/* ---- extends ---- */

struct extending {
	struct compose *c;
	const struct yaml *chain[EXTENDS_MOST]; /* services that are being extended */
	int depth;
};

static const struct yaml *extended(struct extending *x, const struct yaml *root, const struct yaml *service);

#define COMPLAIN(c, node, ...)                                                                     \
	complaint_error((c)->sheet->complaints, (node)->file, (node)->line, "extends", __VA_ARGS__)

static const struct yaml *other_file(struct extending *x, const struct yaml *extends, const char *file)
{
	struct error e = {0};
	const char *path = compose_file(x->c, extends->place, file);
	const char *place = place_of(x->c->arena, x->c->request->base, directory_of(x->c->arena, path));
	size_t errors = x->c->sheet->complaints->errors;
	const struct yaml *root = read_file(x->c, path, file, place, &e);
	if (!root && x->c->sheet->complaints->errors == errors)
		COMPLAIN(x->c, extends, "%s", e.text);
	return root;
}

static const struct yaml *base_of(struct extending *x, const struct yaml *root, const struct yaml *extends)
{
	const char *name = yaml_text(extends);
	const char *file = compose_fill(x->c, yaml_get(extends, "file"));
	if (!name)
		name = compose_fill(x->c, yaml_get(extends, "service"));
	if (file)
		root = other_file(x, extends, file);
	const struct yaml *base = name ? yaml_get(yaml_get(root, "services"), name) : NULL;
	if (root && !base)
		COMPLAIN(x->c, extends, "there is no service '%s' to extend", name ? name : "");
	return base ? extended(x, root, base) : NULL;
}

static const struct yaml *extended(struct extending *x, const struct yaml *root, const struct yaml *service)
{
	const struct yaml *extends = yaml_get(service, "extends");
	if (!extends)
		return service;
	for (int i = 0; i < x->depth; i++)
		if (x->chain[i] == service) {
			COMPLAIN(x->c, extends, "it extends itself");
			return service;
		}
	if (x->depth == EXTENDS_MOST) {
		COMPLAIN(x->c, extends, "too many services extend each other");
		return service;
	}
	x->chain[x->depth++] = service;
	const struct yaml *base = base_of(x, root, extends);
	x->depth--;
	return compose_merge(x->c->arena, base, service, "service");
}

/* The file with what its services extend filled in. */
static const struct yaml *extend_all(struct compose *c, const struct yaml *root)
{
	const struct yaml *services = yaml_get(root, "services");
	if (!services || services->kind != YAML_MAP)
		return root;
	struct yaml *filled = arena_copy(c->arena, services, sizeof *services);
	filled->pairs = arena_copy(c->arena, services->pairs, services->count * sizeof *services->pairs);
	for (size_t i = 0; i < filled->count; i++) {
		struct extending x = {.c = c};
		filled->pairs[i].value = extended(&x, root, services->pairs[i].value);
	}
	struct yaml *copy = arena_copy(c->arena, root, sizeof *root);
	copy->pairs = arena_copy(c->arena, root->pairs, root->count * sizeof *root->pairs);
	for (size_t i = 0; i < copy->count; i++)
		if (!strcmp(copy->pairs[i].key, "services"))
			copy->pairs[i].value = filled;
	return copy;
}

/* ---- all of it ---- */

static void read_env(struct compose *c)
{
	OWNED_TEXT content = {0};
	struct error ignored;
	c->env = (struct dotenv){.arena = c->arena, .environment = c->request->environment,
		.complaints = c->sheet->complaints};
	const char *path = arena_format(c->arena, "%s/.env", c->dir);
	bool read = !file_read(path, DOTENV_SIZE_MOST, &content, &ignored);
	dotenv_parse(&c->env, ".env", text_string(&content), read ? content.length : 0);
}

int compose_load(struct compose *c, struct error *e)
{
	const struct compose_request *request = c->request;
	c->dir = directory_of(c->arena, request->files[0]);
	c->place = place_of(c->arena, request->base, c->dir);
	read_env(c);
	for (size_t i = 0; i < request->file_count; i++) {
		size_t errors = c->sheet->complaints->errors;
		bool is_stdin = !strcmp(request->files[i], "-");
		const char *shown = is_stdin ? "<stdin>" : request->files[i];
		const struct yaml *root = read_file(c, request->files[i], shown, c->place, e);
		if (!root && c->sheet->complaints->errors == errors)
			return -1;
		if (root)
			c->root = compose_merge(c->arena, c->root, extend_all(c, root), "");
	}
	return 0;
}
