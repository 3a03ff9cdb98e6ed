#include "adopt/repository.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adopt/compose.h"
#include "adopt/package.h"
#include "adopt/procfile.h"
#include "base/file.h"
#include "model/names.h"

enum { FILE_SIZE_MOST = 1024 * 1024, DIRECTORIES_MOST = 50 };

struct sign {
	const char *files;
	const char *words;
	const char *service;
	const char *key;
	const char *value;
	bool port;
};

#define SIGN(files, words, service, key, value, port) {files, words, service, key, value, port},
static const struct sign signs[] = {
#include "adopt/signs.def"
};
#undef SIGN

struct store {
	const char *scheme;
	const char *service;
	const char *template;
};

#define STORE(scheme, service, template) {scheme, service, template},
static const struct store stores[] = {
#include "adopt/stores.def"
};
#undef STORE

struct looking {
	const struct repository_request *request;
	struct sheet *sheet;
	struct arena *arena;
	struct text sources; /* owns; "Procfile, compose.yml" */
};

/* ---- files ---- */

static const char *path_of(struct looking *l, const char *place, const char *file)
{
	bool here = !strcmp(place, ".");
	return here ? file : arena_format(l->arena, "%s/%s", place, file);
}

static bool is_there(struct looking *l, const char *place, const char *file)
{
	return !access(arena_format(l->arena, "%s/%s", l->request->dir, path_of(l, place, file)), F_OK);
}

static bool read_text(struct looking *l, const char *file, struct text *out)
{
	struct error ignored;
	return !file_read(arena_format(l->arena, "%s/%s", l->request->dir, file), FILE_SIZE_MOST, out, &ignored);
}

static void add_source(struct looking *l, const char *file)
{
	text_addf(&l->sources, "%s%s", l->sources.length ? ", " : "", file);
}

/* ---- words of a list ---- */

/* The next of words separated by blanks; NULL at the end. */
static const char *next_word(struct arena *arena, const char **at)
{
	*at += strspn(*at, " ");
	size_t length = strcspn(*at, " ");
	const char *word = length ? arena_string_n(arena, *at, length) : NULL;
	*at += length;
	return word;
}

static bool says_one(struct looking *l, const char *file, const char *words)
{
	OWNED_TEXT content = {0};
	const char *word;
	if (!*words)
		return true;
	if (!read_text(l, file, &content))
		return false;
	while ((word = next_word(l->arena, &words)))
		if (strstr(text_string(&content), word))
			return true;
	return false;
}

/* ---- programs ---- */

static bool take_sign(struct looking *l, const struct sign *sign, const char *place)
{
	const char *files = sign->files, *file;
	while ((file = next_word(l->arena, &files))) {
		const char *path = path_of(l, place, file);
		if (!is_there(l, place, file) || !says_one(l, path, sign->words))
			continue;
		bool here = !strcmp(place, ".");
		struct sheet_service *s = sheet_add(l->sheet, here ? sign->service : place, path, 0);
		sheet_set(l->sheet, s, sign->key, sign->value);
		if (!here)
			sheet_set(l->sheet, s, "dir", place);
		if (sign->port)
			sheet_want_port(l->sheet, s, NULL);
		if (sign->port && !strstr(sign->value, "${port}"))
			sheet_note(l->sheet, s, "It has to listen on $PORT.");
		add_source(l, path);
		return true;
	}
	return false;
}

/* Of a directory that has several signs the first row counts. */
static size_t take_signs(struct looking *l, const char *place)
{
	for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
		if (take_sign(l, &signs[i], place))
			return 1;
	return 0;
}

static int take_package(struct looking *l, const char *place, struct error *e)
{
	if (!is_there(l, place, "package.json"))
		return 0;
	bool here = !strcmp(place, ".");
	const struct package_request request = {.sheet = l->sheet,
		.dir = here ? l->request->dir : arena_format(l->arena, "%s/%s", l->request->dir, place),
		.base = l->request->dir};
	add_source(l, path_of(l, place, "package.json"));
	return adopt_package(&request, e);
}

/* Number of services of the programs in one directory; -1. */
static int take_directory(struct looking *l, const char *place, struct error *e)
{
	size_t before = l->sheet->count;
	if (take_package(l, place, e))
		return -1;
	size_t packages = l->sheet->count - before;
	bool front = packages && sheet_value(l->sheet->services[before], "protocol");
	/* A Rails or Django with a package.json for its assets is both. */
	if (!packages || (!front && strcmp(place, ".") == 0))
		take_signs(l, place);
	return (int)(l->sheet->count - before);
}

static int is_candidate(const struct dirent *entry)
{
	static const char never[] = "node_modules vendor target build dist venv test tests docs examples scripts tmp";
	return entry->d_name[0] != '.' && !name_is_among(never, entry->d_name);
}

static int take_directories(struct looking *l, struct error *e)
{
	struct dirent **found;
	int count = scandir(l->request->dir, &found, is_candidate, alphasort);
	int result = 0;
	for (int i = 0; i < count; i++) {
		const char *name = arena_string(l->arena, found[i]->d_name);
		bool directory = found[i]->d_type == DT_DIR;
		free(found[i]);
		if (directory && i < DIRECTORIES_MOST && result >= 0)
			result = take_directory(l, name, e);
	}
	if (count >= 0)
		free(found);
	return result < 0 ? -1 : 0;
}

static bool take_procfile(struct looking *l)
{
	static const char *const names[] = {"Procfile.dev", "Procfile"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		OWNED_TEXT content = {0};
		if (!read_text(l, names[i], &content))
			continue;
		adopt_procfile(l->sheet, names[i], text_string(&content), content.length);
		add_source(l, names[i]);
		return true;
	}
	return false;
}

static void take_makefile(struct looking *l)
{
	static const char *const targets[] = {"dev", "run", "serve", "start"};
	OWNED_TEXT content = {0};
	if (!read_text(l, "Makefile", &content))
		return;
	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		const char *line = arena_format(l->arena, "\n%s:", targets[i]);
		bool first = !strncmp(text_string(&content), line + 1, strlen(line) - 1);
		if (!first && !strstr(text_string(&content), line))
			continue;
		struct sheet_service *s = sheet_add(l->sheet, "app", "Makefile", 0);
		sheet_set(l->sheet, s, "command", arena_format(l->arena, "make %s", targets[i]));
		sheet_note(l->sheet, s, "If it listens, let it listen on $PORT, and remove the line `ready`.");
		add_source(l, "Makefile");
		return;
	}
}

/* ---- what programs need ---- */

static int take_compose(struct looking *l, struct error *e)
{
	const char *files[2];
	size_t count = compose_default_files(l->arena, l->request->dir, files);
	const struct compose_request request = {.sheet = l->sheet, .files = files, .file_count = count,
		.base = l->request->dir, .environment = l->request->environment, .templates = true};
	for (size_t i = 0; i < count; i++)
		add_source(l, files[i]);
	return count ? adopt_compose(&request, e) : 0;
}

/* What others may need: a ready-made service that was found as one, or a container. */
static bool is_store(const struct sheet_service *s)
{
	const char *template = sheet_value(s, "template");
	const char *command = sheet_value(s, "command");
	for (size_t i = 0; template && i < sizeof signs / sizeof signs[0]; i++)
		if (!strcmp(signs[i].value, template))
			return false;
	return template || (command && !strncmp(command, "docker ", 7));
}

static void take_supabase(struct looking *l)
{
	if (!is_there(l, ".", "supabase/config.toml"))
		return;
	struct sheet_service *s = sheet_add(l->sheet, "supabase", "supabase/config.toml", 0);
	sheet_set(l->sheet, s, "template", "supabase");
	add_source(l, "supabase/config.toml");
}

static bool has_template(const struct sheet *sheet, const char *template)
{
	for (size_t i = 0; i < sheet->count; i++) {
		const char *own = sheet_value(sheet->services[i], "template");
		if (own && (!strcmp(own, template) || (!strcmp(own, "supabase") && !strcmp(template, "postgres"))))
			return true;
	}
	return false;
}

/* "DATABASE_URL=postgres://me@localhost:5432/shop": on this machine, or on a host that only containers know. */
static int line_with(const char *text, const char *scheme)
{
	int line = 1;
	for (const char *at = text; *at; line++) {
		size_t length = strcspn(at, "\n");
		const char *url = at[strspn(at, " \t")] != '#' ? memmem(at, length, scheme, strlen(scheme)) : NULL;
		size_t rest = url ? (size_t)(at + length - url) : 0;
		if (url && (memmem(url, rest, "localhost", 9) || memmem(url, rest, "127.0.0.1", 9)))
			return line;
		at += length + (at[length] == '\n');
	}
	return 0;
}

static void take_env(struct looking *l)
{
	static const char *const files[] = {".env", ".env.local", ".env.development", ".env.example", ".env.sample"};
	for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
		OWNED_TEXT content = {0};
		if (!read_text(l, files[f], &content))
			continue;
		bool used = false;
		for (size_t i = 0; i < sizeof stores / sizeof stores[0]; i++) {
			int line = line_with(text_string(&content), stores[i].scheme);
			if (!line || has_template(l->sheet, stores[i].template))
				continue;
			struct sheet_service *s = sheet_add(l->sheet, stores[i].service, files[f], line);
			sheet_set(l->sheet, s, "template", stores[i].template);
			used = true;
		}
		if (used)
			add_source(l, files[f]);
	}
}

/* ---- the whole ---- */

static bool has_programs(const struct sheet *sheet)
{
	for (size_t i = 0; i < sheet->count; i++)
		if (!is_store(sheet->services[i]))
			return true;
	return false;
}

static int take_programs(struct looking *l, struct error *e)
{
	if (has_programs(l->sheet) || take_procfile(l))
		return 0;
	int found = take_directory(l, ".", e);
	if (found)
		return found < 0 ? -1 : 0;
	return take_directories(l, e);
}

/* Those that were found beside each other; compose says itself who needs whom. */
static void depend_on_stores(struct looking *l, size_t first)
{
	for (size_t i = first; i < l->sheet->count; i++) {
		struct sheet_service *s = l->sheet->services[i];
		for (size_t k = 0; !is_store(s) && k < l->sheet->count; k++)
			if (is_store(l->sheet->services[k]))
				sheet_append(l->sheet, s, "depends_on", l->sheet->services[k]->name);
	}
}

static int look(struct looking *l, struct error *e)
{
	if (take_compose(l, e))
		return -1;
	bool whole = has_programs(l->sheet);
	size_t first = whole ? l->sheet->count : 0;
	take_supabase(l);
	if (!whole)
		take_env(l);
	if (take_programs(l, e))
		return -1;
	if (!has_programs(l->sheet))
		take_makefile(l);
	depend_on_stores(l, first);
	return 0;
}

int adopt_repository(const struct repository_request *request, struct error *e)
{
	struct looking l = {.request = request, .sheet = request->sheet, .arena = request->sheet->arena};
	int result = look(&l, e);
	request->sheet->title = arena_format(l.arena, "Made by `stackup init` from %s. `stackup help KEY` explains each key.",
		text_string(&l.sources));
	text_release(&l.sources);
	return result;
}
