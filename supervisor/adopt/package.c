#include "adopt/package.h"

#include <glob.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "adopt/procfile.h"
#include "adopt/servers.h"
#include "adopt/yaml.h"
#include "base/file.h"
#include "model/names.h"

enum { PACKAGE_SIZE_MOST = 4 * 1024 * 1024 };

/* Scripts that start something to work with, the best first. */
static const char *const develops[] = {"dev", "start:dev", "develop", "serve", "start"};

/* Whoever depends on one of these and starts node is taken for a server that obeys PORT. */
static const char frameworks[] = "express fastify koa @hapi/hapi @nestjs/core hono @hono/node-server polka restify "
				 "apollo-server @apollo/server socket.io ws next nuxt @adonisjs/core h3 nitropack";

/* Programs that run several scripts at once. */
static const char together[] = "concurrently run-p npm-run-all npm-run-all2 turbo lerna nx";

struct manager {
	const char *name;
	const char *lock; /* the file that tells it */
	const char *run; /* before a script */
	const char *dash; /* between the script and words for its program */
	const char *exec; /* before a program of node_modules */
};

static const struct manager managers[] = {
	{"npm", "package-lock.json", "npm run", " --", "npx"},
	{"pnpm", "pnpm-lock.yaml", "pnpm run", "", "pnpm exec"},
	{"yarn", "yarn.lock", "yarn run", "", "yarn exec"},
	{"bun", "bun.lockb", "bun run", "", "bunx"},
	{"bun", "bun.lock", "bun run", "", "bunx"},
};
enum { MANAGER_COUNT = sizeof managers / sizeof managers[0] };

struct package {
	struct sheet *sheet;
	const struct manager *manager;
	const char *dir; /* absolute */
	const char *place; /* from the stack file: "packages/api", or "." */
	const char *label; /* of its package.json */
	const char *text;
	json_t *root; /* owns */
};

/* ---- reading ---- */

/* From base to dir, when it is below; else dir itself. */
static const char *place_of(struct arena *arena, const char *base, const char *dir)
{
	size_t length = strlen(base);
	if (!strcmp(base, dir))
		return ".";
	bool below = !strncmp(base, dir, length) && dir[length] == '/';
	return arena_string(arena, below ? dir + length + 1 : dir);
}

static const struct manager *find_manager(struct arena *arena, const char *dir, const json_t *root)
{
	const char *named = json_string_value(json_object_get(root, "packageManager"));
	for (size_t i = 0; named && i < MANAGER_COUNT; i++) {
		size_t length = strlen(managers[i].name);
		if (!strncmp(named, managers[i].name, length) && named[length] == '@')
			return &managers[i];
	}
	for (size_t i = 0; i < MANAGER_COUNT; i++)
		if (!access(arena_format(arena, "%s/%s", dir, managers[i].lock), F_OK))
			return &managers[i];
	return &managers[0];
}

static int read_package(struct package *p, const char *base, struct error *e)
{
	struct arena *arena = p->sheet->arena;
	OWNED_TEXT content = {0};
	p->place = place_of(arena, base, p->dir);
	p->label = strcmp(p->place, ".") != 0 ? arena_format(arena, "%s/package.json", p->place) : "package.json";
	if (file_read(arena_format(arena, "%s/package.json", p->dir), PACKAGE_SIZE_MOST, &content, e))
		return -1;
	json_error_t wrong;
	p->text = arena_string(arena, text_string(&content));
	p->root = json_loadb(text_string(&content), content.length, 0, &wrong);
	if (!json_is_object(p->root)) {
		fail(e, EXIT_BAD_FILE, "%s:%d: %s", p->label, p->root ? 1 : wrong.line,
			p->root ? "it holds no object" : wrong.text);
		error_hint(e, "`npm pkg get name` says whether npm can read it");
		return -1;
	}
	return 0;
}

/* jansson keeps no positions: the line of the first "key": in the text. */
static int line_of(const struct package *p, const char *key)
{
	const char *quoted = arena_format(p->sheet->arena, "\"%s\"", key);
	const char *text = p->text ? p->text : "";
	for (const char *at = text; (at = strstr(at, quoted)); at++) {
		const char *after = at + strlen(quoted);
		if (after[strspn(after, " \t\r\n")] != ':')
			continue;
		int line = 1;
		for (const char *c = text; c < at; c++)
			line += *c == '\n';
		return line;
	}
	return 0;
}

static const char *script_of(const struct package *p, const char *name)
{
	return json_string_value(json_object_get(json_object_get(p->root, "scripts"), name));
}

static const char *main_script(const struct package *p)
{
	for (size_t i = 0; i < sizeof develops / sizeof develops[0]; i++)
		if (script_of(p, develops[i]))
			return develops[i];
	return NULL;
}

static bool has_framework(const struct package *p)
{
	const char *name;
	json_t *version;
	json_object_foreach(json_object_get(p->root, "dependencies"), name, version) {
		if (name_is_among(frameworks, name))
			return true;
	}
	return false;
}

static const char *first_word(struct arena *arena, const char *text)
{
	text += strspn(text, " ");
	const char *word = arena_string_n(arena, text, strcspn(text, " "));
	if (!strcmp(word, "npx") || !strcmp(word, "cross-env"))
		return first_word(arena, text + strlen(word));
	return word;
}

/* ---- one script ---- */

static bool starts_node(struct arena *arena, const char *script)
{
	return name_is_among("node nodemon tsx ts-node ts-node-dev nest bun deno micro", first_word(arena, script));
}

/* "npm run dev", and what follows for the program itself. */
static const char *run_script(const struct package *p, const char *name, const char *flags)
{
	struct arena *arena = p->sheet->arena;
	return arena_format(arena, "%s %s%s%s%s", p->manager->run, name, *flags ? p->manager->dash : "",
		*flags ? " " : "", flags);
}

/* A port in the script itself: the script's own command with ours in its place, where it is a plain one. */
static void set_fixed(const struct package *p, struct sheet_service *s, const char *name,
	const struct server *server, const char *script)
{
	struct sheet *sheet = p->sheet;
	int line = line_of(p, name);
	if (strpbrk(script, "|&;<>()$`\n\\\"'")) {
		sheet_set(sheet, s, "command", run_script(p, name, ""));
		sheet_leave(sheet, s, (struct sheet_place){p->label, line, name},
			"the script names a port of its own; let it take $PORT: %s", script);
		return;
	}
	const char *fitted = server_fit(sheet->arena, server, script);
	bool own = starts_node(sheet->arena, fitted) || !strncmp(fitted, "npx ", 4);
	const char *command = own ? fitted : arena_format(sheet->arena, "%s %s", p->manager->exec, fitted);
	sheet_set(sheet, s, "command", command);
	sheet_note(sheet, s, "The script is: %s", script);
}

static void add_script(const struct package *p, const char *service, const char *name)
{
	struct sheet *sheet = p->sheet;
	const char *script = script_of(p, name);
	const struct server *server = server_of(sheet->arena, script);
	bool obeys = starts_node(sheet->arena, script) && has_framework(p);
	struct sheet_service *s = sheet_add(sheet, service, p->label, line_of(p, name));
	bool fixed = server_has_port(sheet->arena, server, script);
	if (fixed)
		set_fixed(p, s, name, server, script);
	else
		sheet_set(sheet, s, "command", run_script(p, name, server ? server->flags : ""));
	if (strcmp(p->place, ".") != 0)
		sheet_set(sheet, s, "dir", p->place);
	if (!server && !obeys && !fixed && !server_takes_variable(script))
		return;
	sheet_want_port(sheet, s, NULL);
	if (!server || !strcmp(server->protocol, "http"))
		sheet_set(sheet, s, "protocol", "http");
	if (!server && !server_takes_variable(script))
		sheet_note(sheet, s, "It has to listen on $PORT.");
}

/* ---- scripts that run others ---- */

/* "dev:*" means every script that begins so. */
static bool script_matches(const char *pattern, const char *name)
{
	size_t length = strlen(pattern);
	if (length && pattern[length - 1] == '*')
		return !strncmp(pattern, name, length - 1) && strlen(name) >= length;
	return !strcmp(pattern, name);
}

static size_t add_matching(const struct package *p, const char *pattern)
{
	size_t added = 0;
	const char *name;
	json_t *script;
	json_object_foreach(json_object_get(p->root, "scripts"), name, script) {
		const char *colon = strrchr(name, ':');
		if (!json_is_string(script) || !script_matches(pattern, name))
			continue;
		add_script(p, arena_string(p->sheet->arena, colon && colon[1] ? colon + 1 : name),
			arena_string(p->sheet->arena, name));
		added++;
	}
	return added;
}

/* Which scripts the words of a parallel runner name: "npm:x", "npm run x", or x itself. */
static size_t add_together(const struct package *p, const char *script)
{
	struct arena *arena = p->sheet->arena;
	size_t added = 0;
	for (const char *at = script; *at;) {
		at += strspn(at, " \"'\\");
		size_t length = strcspn(at, " \"'\\");
		const char *word = arena_string_n(arena, at, length);
		const char *pattern = !strncmp(word, "npm:", 4) ? word + 4 : word;
		if (length && strcmp(script_of(p, pattern) ? script_of(p, pattern) : "", script) != 0)
			added += add_matching(p, pattern);
		at += length;
	}
	return added;
}

static const char *name_of(const struct package *p, const char *script)
{
	struct arena *arena = p->sheet->arena;
	const char *slash = strrchr(p->place, '/');
	if (strcmp(p->place, ".") != 0)
		return slash ? slash + 1 : p->place;
	if (server_of(arena, script))
		return "web";
	if (has_framework(p) || server_takes_variable(script))
		return "api";
	const char *name = json_string_value(json_object_get(p->root, "name"));
	const char *scope = name ? strchr(name, '/') : NULL;
	return scope ? arena_string(arena, scope + 1) : name ? arena_string(arena, name) : "app";
}

/* Number of services that it has added. */
static size_t add_package(const struct package *p)
{
	const char *name = main_script(p);
	if (!name)
		return 0;
	const char *script = script_of(p, name);
	bool several = name_is_among(together, first_word(p->sheet->arena, script));
	size_t added = several ? add_together(p, script) : 0;
	if (added)
		return added;
	add_script(p, name_of(p, script), name);
	if (several)
		sheet_leave(p->sheet, p->sheet->services[p->sheet->count - 1],
			(struct sheet_place){p->label, line_of(p, name), name},
			"it starts several programs in one; their ports are theirs to choose: %s", script);
	return 1;
}

/* ---- workspaces ---- */

static size_t add_member(const struct package *root, const char *base, const char *path)
{
	struct arena *arena = root->sheet->arena;
	struct error e = {0};
	struct package member = {.sheet = root->sheet, .manager = root->manager,
		.dir = arena_string_n(arena, path, strlen(path) - strlen("/package.json"))};
	size_t added = 0;
	if (read_package(&member, base, &e))
		sheet_leave(root->sheet, NULL, (struct sheet_place){member.label, 0, NULL}, "%s", e.text);
	else
		added = add_package(&member);
	json_decref(member.root);
	return added;
}

static size_t add_members(const struct package *root, const char *base, const char *pattern)
{
	struct arena *arena = root->sheet->arena;
	size_t added = 0;
	glob_t found;
	if (*pattern == '!') {
		sheet_leave(root->sheet, NULL, (struct sheet_place){root->label, 0, "workspaces"},
			"'%s' takes packages out; remove their services yourself", pattern);
		return 0;
	}
	/* glob(3) knows no "**"; one level is what workspaces have. */
	size_t length = strlen(pattern);
	while (length && (pattern[length - 1] == '/' || (length > 1 && !strncmp(pattern + length - 2, "**", 2))))
		length--;
	const char *full = arena_format(arena, "%s/%.*s/package.json", root->dir, (int)length, pattern);
	if (glob(full, 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++)
		added += add_member(root, base, found.gl_pathv[i]);
	globfree(&found);
	return added;
}

/* pnpm has its list in a file of its own. */
static const struct yaml *pnpm_packages(const struct package *root)
{
	OWNED_TEXT content = {0};
	struct error ignored;
	struct arena *arena = root->sheet->arena;
	if (file_read(arena_format(arena, "%s/pnpm-workspace.yaml", root->dir), PACKAGE_SIZE_MOST, &content, &ignored))
		return NULL;
	return yaml_get(yaml_read(arena, text_string(&content), content.length, "pnpm-workspace.yaml", ".",
				root->sheet->complaints), "packages");
}

static size_t add_workspaces(const struct package *root, const struct package_request *request)
{
	json_t *list = json_object_get(root->root, "workspaces");
	if (json_is_object(list))
		list = json_object_get(list, "packages");
	size_t added = 0;
	size_t index;
	json_t *pattern;
	json_array_foreach(list, index, pattern) {
		if (json_is_string(pattern))
			added += add_members(root, request->base, json_string_value(pattern));
	}
	const struct yaml *pnpm = pnpm_packages(root);
	for (size_t i = 0; pnpm && pnpm->kind == YAML_LIST && i < pnpm->count; i++)
		if (yaml_text(pnpm->pairs[i].value))
			added += add_members(root, request->base, pnpm->pairs[i].value->text);
	const char *own = main_script(root);
	if (added && own)
		sheet_leave(root->sheet, NULL, (struct sheet_place){root->label, line_of(root, own), own},
			"the packages have services of their own: %s", script_of(root, own));
	return added;
}

/* ---- what it needs ---- */

/* "engines": {"node": ">=18.2 <21"}: the lower bound is a requirement. */
static void require(const struct package *p)
{
	struct arena *arena = p->sheet->arena;
	const char *said = json_string_value(json_object_get(json_object_get(p->root, "engines"), "node"));
	const char *node = said ? said : "";
	const char *version = node + strspn(node, ">=^~ v");
	size_t length = strspn(version, "0123456789.");
	while (length && version[length - 1] == '.')
		length--;
	const char *required = length && strpbrk(node, ">^~") && !strchr(node, '|')
		? arena_format(arena, "node>=%.*s", (int)length, version) : "node";
	sheet_set(p->sheet, NULL, "require.commands", arena_format(arena, "%s, %s", required, p->manager->name));
}

int adopt_package(const struct package_request *request, struct error *e)
{
	struct package root = {.sheet = request->sheet, .dir = request->dir};
	int result = read_package(&root, request->base, e);
	if (!result) {
		root.manager = find_manager(request->sheet->arena, root.dir, root.root);
		size_t added = add_workspaces(&root, request);
		if (!added)
			added = add_package(&root);
		if (added)
			require(&root);
		else
			complaint_warning(request->sheet->complaints, root.label, line_of(&root, "scripts"), "scripts",
				"there is no script dev, start or serve in it");
	}
	json_decref(root.root);
	return result;
}
