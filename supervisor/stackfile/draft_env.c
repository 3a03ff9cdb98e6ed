/*
 * Env files of the stack and of services. Lowest first: .env (or what --env-file names), [stack]
 * env_file, [environment ENV] env_file; the service's own are above these and kept apart.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "stackfile/draft_inside.h"

#define USUAL_FILE ".env"

/* As complaints name a path: relative to where the stack file was named from. */
static const char *shown_path(const struct draft *draft, const char *path)
{
	const char *label = draft->document->label;
	const char *slash = strrchr(label, '/');
	if (*path == '/' || !slash)
		return path;
	return arena_format(draft->arena, "%.*s/%s", (int)(slash - label), label, path);
}

struct env_source {
	const char *path;
	const char *shown;
	bool optional;
	const struct site *site; /* NULL: --env-file or .env */
};

static void complain_missing(const struct env_source *source, const struct error *e,
	struct complaints *complaints)
{
	const struct site *site = source->site;
	if (site)
		complaint_error(complaints, site->file, site->line, site->key, "%s: %s", site->key,
			e->text);
	else if (source->optional)
		complaint_error(complaints, source->shown, 0, NULL, "%s", e->text);
	else
		complaint_error(complaints, NULL, 0, NULL, "--env-file: %s", e->text);
	if (site && e->number == ENOENT)
		complaint_hint(complaints, "create it, or write '?%s' if it may be missing",
			source->shown);
}

static const struct draft_text *find_text(const struct draft_text *texts, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(texts[i].path, path))
			return &texts[i];
	return NULL;
}

/* As it is, or as it was; NULL with e: it cannot be read. */
static const struct draft_text *text_of_file(struct draft *draft, const char *path, struct error *e)
{
	const struct draft_past *past = draft->request.past;
	OWNED_TEXT content = {0};
	struct draft_text fresh = {.path = path};
	const struct draft_text *was = past ? find_text(past->texts, past->text_count, path) : NULL;
	if (past && !was) {
		errno = ENOENT;
		fail_errno(e, EXIT_FAILED, "%s", path);
		return NULL;
	}
	if (!past && file_read(path, DOTENV_SIZE_MOST, &content, e))
		return NULL;
	fresh.length = past ? was->length : content.length;
	fresh.text = arena_string_n(draft->arena, past ? was->text : text_string(&content), fresh.length);
	*arena_append(draft->arena, draft->texts, draft->text_count) = fresh;
	return &draft->texts[draft->text_count - 1];
}

static void read_source(struct draft *draft, struct dotenv *files, const struct env_source *source,
	struct complaints *complaints)
{
	struct error e = {0};
	const struct draft_text *content = text_of_file(draft, source->path, &e);
	if (content) {
		*arena_append(files->arena, files->paths, files->path_count) = source->path;
		dotenv_parse(files, source->shown, content->text, content->length);
		return;
	}
	if (!(source->optional && (e.number == ENOENT || e.number == ENOTDIR)))
		complain_missing(source, &e, complaints);
}

/* Reads the files that one `env_file` names; relative to the stack file. */
static void read_list(struct draft *draft, int service, struct dotenv *files, const struct key *key,
	const struct entry *entry, struct complaints *complaints)
{
	const char *text = entry ? draft_early(draft, service, key, entry, complaints) : NULL;
	struct site site = draft_site(draft, draft->arena, key, entry, complaints);
	if (!text || !value_accepts(&site, text))
		return;
	struct words paths = value_list(draft->arena, text);
	for (size_t i = 0; i < paths.count; i++) {
		bool optional = *paths.items[i] == '?';
		const char *path = paths.items[i] + (optional ? 1 : 0);
		struct env_source source = {
			.path = draft_path(draft, draft->arena, path),
			.shown = shown_path(draft, path),
			.optional = optional,
			.site = &site,
		};
		read_source(draft, files, &source, complaints);
	}
}

/* The directory in the main worktree that corresponds to the stack file's; NULL in the main one. */
static const char *main_counterpart(struct draft *draft)
{
	const char *dir = draft->head.dir;
	size_t length = strlen(dir);
	while (length > 1) {
		const char *git = arena_format(draft->arena, "%.*s/.git", (int)length, dir);
		if (!access(git, F_OK))
			break;
		while (length > 1 && dir[--length] != '/')
			continue;
	}
	if (length <= 1)
		return NULL;
	if (strlen(draft->head.main_dir) == length && !strncmp(dir, draft->head.main_dir, length))
		return NULL;
	return arena_format(draft->arena, "%s%s", draft->head.main_dir, dir + length);
}

/* A linked worktree starts without the ignored files of the main one: easy to forget. */
static void notice_main_env(struct draft *draft, struct complaints *complaints)
{
	const char *dir = main_counterpart(draft);
	const char *path = dir ? arena_format(draft->arena, "%s/%s", dir, USUAL_FILE) : NULL;
	if (!path || access(path, R_OK))
		return;
	complaint_notice(complaints, draft->document->label, 0, NULL,
		"this worktree has no %s, the main worktree has one: %s", USUAL_FILE, path);
	if (draft->document->is_procfile)
		complaint_hint(complaints, "copy or link it");
	else
		complaint_hint(complaints, "copy or link it, or write 'env_file = ?${main_dir}/%s'",
			USUAL_FILE);
}

/* Whether an env_file speaks of .env itself: then its absence is no oversight. */
static bool listed(const struct entry *entry)
{
	return entry && strstr(entry->value, USUAL_FILE);
}

static void read_usual(struct draft *draft, struct complaints *complaints)
{
	const char *path = draft_path(draft, draft->arena, USUAL_FILE);
	if (!draft->request.past && access(path, F_OK)) {
		const struct section *e = draft->environment;
		if (!listed(draft->stack[KEY_STACK_ENV_FILE]) &&
			!listed(e ? section_entry(e, "env_file") : NULL))
			notice_main_env(draft, complaints);
		return;
	}
	struct env_source source = {
		.path = path, .shown = shown_path(draft, USUAL_FILE), .optional = true};
	read_source(draft, &draft->files, &source, complaints);
}

static void read_asked(struct draft *draft, struct complaints *complaints)
{
	for (size_t i = 0; i < draft->request.env_file_count; i++) {
		const char *path = arena_string(draft->arena, draft->request.env_files[i]);
		struct env_source source = {.path = path, .shown = path};
		read_source(draft, &draft->files, &source, complaints);
	}
}

/* The caller's variables above those of the stack's files, for references in services' files. */
static const char *const *joined_environment(struct draft *draft)
{
	size_t count = 0;
	while (draft->caller_env[count])
		count++;
	const char **all =
		arena_take(draft->arena, (count + draft->files.count + 1) * sizeof *all);
	if (count)
		memcpy(all, draft->caller_env, count * sizeof *all);
	for (size_t i = 0; i < draft->files.count; i++)
		all[count++] = arena_format(draft->arena, "%s=%s", draft->files.vars[i].name,
			draft->files.vars[i].value);
	return all;
}

static void read_services(struct draft *draft, struct complaints *complaints)
{
	const char *const *environment = NULL;
	for (int i = 0; i < draft->service_count; i++) {
		struct draft_service *service = &draft->services[i];
		service->files.arena = draft->arena;
		service->files.complaints = complaints;
		const struct entry *entry = service->values[KEY_ENV_FILE];
		if (!entry)
			continue;
		if (!environment)
			environment = joined_environment(draft);
		service->files.environment = environment;
		read_list(draft, i, &service->files, schema_key(KEY_ENV_FILE), entry, complaints);
	}
}

/* The place of a variable is "FILE:LINE"; complaints want the two apart. */
static void notice_port(struct draft *draft, struct complaints *complaints)
{
	const size_t *place = lookup_find(&draft->files.places, "PORT");
	if (!place || !draft->document->is_procfile)
		return;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a place is an index into vars */
	const char *origin = draft->files.vars[*place].origin;
	const char *colon = strrchr(origin, ':');
	int64_t line = 0;
	bool placed = colon && number_parse(colon + 1, 1, INT32_MAX, &line);
	complaint_notice(complaints,
		placed ? arena_string_n(draft->arena, origin, (size_t)(colon - origin)) : origin,
		(int)line, "PORT", "PORT moves nothing here");
	complaint_hint(
		complaints, "every instance has ports of its own; 'stackup port NAME' shows them");
}

void draft_read_env_files(struct draft *draft, struct complaints *complaints)
{
	draft->files = (struct dotenv){
		.arena = draft->arena, .environment = draft->caller_env, .complaints = complaints};
	if (draft->request.env_file_count)
		read_asked(draft, complaints);
	else
		read_usual(draft, complaints);
	read_list(draft, -1, &draft->files, schema_key(KEY_STACK_ENV_FILE),
		draft->stack[KEY_STACK_ENV_FILE], complaints);
	if (draft->environment)
		read_list(draft, -1, &draft->files, schema_key(KEY_ENVIRONMENT_ENV_FILE),
			section_entry(draft->environment, "env_file"), complaints);
	read_services(draft, complaints);
	notice_port(draft, complaints);
}
