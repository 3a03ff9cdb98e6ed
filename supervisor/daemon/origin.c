#include "daemon/origin.h"

#include <string.h>

#include "control/wire.h"
#include "stackfile/document.h"

/* ---- out ---- */

static json_t *packed(const char *text)
{
	return text ? wire_pack(text, strlen(text)) : json_null();
}

static json_t *packed_all(const char *const *texts, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, packed(texts[i]));
	return list;
}

static json_t *section_json(const struct section *s)
{
	json_t *entries = json_array();
	for (size_t i = 0; i < s->entry_count; i++)
		json_array_append_new(entries, json_pack("[o, o, i]", packed(s->entries[i].key),
			packed(s->entries[i].value), s->entries[i].line));
	return json_pack("{s:i, s:o, s:o, s:o, s:i, s:b, s:o}", "kind", (int)s->kind, "header",
		packed(s->header), "name", packed(s->name), "environment", packed(s->environment),
		"line", s->line, "partial", s->is_partial, "entries", entries);
}

static json_t *document_json(const struct document *d)
{
	if (!d)
		return json_null();
	json_t *sections = json_array();
	for (size_t i = 0; i < d->section_count; i++)
		json_array_append_new(sections, section_json(&d->sections[i]));
	return json_pack("{s:o, s:o, s:o, s:b, s:b, s:[I, I, I, I], s:o}", "file", packed(d->file), "label",
		packed(d->label), "dir", packed(d->dir), "procfile", d->is_procfile, "users", d->is_users,
		"version", (json_int_t)d->version.device, (json_int_t)d->version.inode,
		(json_int_t)d->version.size, (json_int_t)d->version.mtime_ns, "sections", sections);
}

static json_t *texts_json(const struct draft_past *past)
{
	json_t *texts = json_array();
	for (size_t i = 0; i < past->text_count; i++)
		json_array_append_new(texts, json_pack("[o, o]", packed(past->texts[i].path),
			wire_pack(past->texts[i].text, past->texts[i].length)));
	return texts;
}

json_t *origin_of(const struct load_request *r, const struct draft *draft)
{
	struct draft_past past = draft_past(draft);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "document",
		document_json(r->document), "user", document_json(past.user), "texts",
		texts_json(&past), "environment", packed(r->environment), "purpose",
		packed(r->purpose), "profiles", packed_all(r->profiles, r->profile_count),
		"env_files", packed_all(r->env_files, r->env_file_count), "environ",
		wire_pack_environment(r->caller_env), "stack_name", packed(r->stack_name),
		"main_dir", packed(r->main_dir), "branch", packed(r->branch));
}

/* ---- and back ---- */

/* Of one reading: what was not as it has to be is remembered, and the rest is read all the same. */
struct reading {
	struct arena *arena;
	const char *wrong; /* NULL: nothing so far */
};

static const char *unpacked(struct reading *r, const json_t *value, const char *what)
{
	OWNED_TEXT text = {0};
	if (!json_is_string(value) || !wire_unpack(value, &text)) {
		r->wrong = what;
		return "";
	}
	return arena_string_n(r->arena, text_string(&text), text.length);
}

static const char *unpacked_or_null(struct reading *r, const json_t *value, const char *what)
{
	return json_is_null(value) ? NULL : unpacked(r, value, what);
}

static const char *member(struct reading *r, const json_t *object, const char *name)
{
	return unpacked_or_null(r, json_object_get(object, name), name);
}

static const char *const *unpacked_all(struct reading *r, const json_t *list, const char *what, size_t *count)
{
	const char **all = arena_take(r->arena, (json_array_size(list) + 1) * sizeof *all);
	*count = json_array_size(list);
	for (size_t i = 0; i < *count; i++)
		all[i] = unpacked(r, json_array_get(list, i), what);
	return all;
}

static struct section section_read(struct reading *r, const json_t *json)
{
	const json_t *list = json_object_get(json, "entries");
	size_t count = json_array_size(list);
	struct entry *entries = arena_take(r->arena, (count + 1) * sizeof *entries);
	for (size_t i = 0; i < count; i++) {
		const json_t *entry = json_array_get(list, i);
		entries[i] = (struct entry){.key = unpacked(r, json_array_get(entry, 0), "a key"),
			.value = unpacked(r, json_array_get(entry, 1), "a value"),
			.line = (int)json_integer_value(json_array_get(entry, 2))};
	}
	json_int_t kind = json_integer_value(json_object_get(json, "kind"));
	if (kind < 0 || kind >= SECTION_KIND_COUNT)
		r->wrong = "the kind of a section";
	return (struct section){.kind = (enum section_kind)kind,
		.header = member(r, json, "header"),
		.name = unpacked(r, json_object_get(json, "name"), "the name of a section"),
		.environment = member(r, json, "environment"),
		.line = (int)json_integer_value(json_object_get(json, "line")),
		.is_partial = json_is_true(json_object_get(json, "partial")),
		.entries = entries,
		.entry_count = count};
}

static struct document *document_read_json(struct reading *r, const json_t *json)
{
	if (json_is_null(json))
		return NULL;
	struct document *d = arena_new_object(r->arena, struct document);
	const json_t *list = json_object_get(json, "sections");
	const json_t *version = json_object_get(json, "version");
	size_t count = json_array_size(list);
	struct section *sections = arena_take(r->arena, (count + 1) * sizeof *sections);
	for (size_t i = 0; i < count; i++)
		sections[i] = section_read(r, json_array_get(list, i));
	*d = (struct document){.file = unpacked(r, json_object_get(json, "file"), "the file's name"),
		.label = unpacked(r, json_object_get(json, "label"), "the file's name"),
		.dir = unpacked(r, json_object_get(json, "dir"), "the file's directory"),
		.is_procfile = json_is_true(json_object_get(json, "procfile")),
		.is_users = json_is_true(json_object_get(json, "users")),
		.version = {(uint64_t)json_integer_value(json_array_get(version, 0)),
			(uint64_t)json_integer_value(json_array_get(version, 1)),
			json_integer_value(json_array_get(version, 2)),
			json_integer_value(json_array_get(version, 3))},
		.sections = sections,
		.section_count = count};
	return d;
}

static void texts_read(struct reading *r, const json_t *list, struct draft_past *past)
{
	size_t count = json_array_size(list);
	struct draft_text *texts = arena_take(r->arena, (count + 1) * sizeof *texts);
	for (size_t i = 0; i < count; i++) {
		const json_t *pair = json_array_get(list, i);
		texts[i].path = unpacked(r, json_array_get(pair, 0), "the name of an env file");
		texts[i].text = unpacked(r, json_array_get(pair, 1), "an env file");
		texts[i].length = strlen(texts[i].text);
	}
	past->texts = texts;
	past->text_count = count;
}

static char *const *environment_read(struct reading *r, const json_t *json, struct text *entries)
{
	size_t count = 0;
	if (!wire_unpack_environment(json, entries, &count))
		r->wrong = "the caller's environment";
	char **environment = arena_take(r->arena, (count + 1) * sizeof *environment);
	char *at = entries->data;
	for (size_t i = 0; i < count; i++, at += strlen(at) + 1)
		environment[i] = at;
	return environment;
}

/* The documents live as long as the draft that is made of them, in an arena of their own. */
static int documents_read(struct origin *origin, const json_t *json, const char **wrong)
{
	struct reading r = {.arena = arena_new()};
	if (!r.arena || setjmp(*arena_on_failure(r.arena))) {
		arena_free(r.arena);
		return -1;
	}
	struct document *document = document_read_json(&r, json_object_get(json, "document"));
	origin->past.user = document_read_json(&r, json_object_get(json, "user"));
	*wrong = document ? r.wrong : "the stack file";
	if (!document)
		document = arena_new_object(r.arena, struct document);
	document->arena = r.arena;
	origin->document = document;
	return 0;
}

int origin_read(const json_t *json, struct origin *origin, struct error *e)
{
	struct reading r = {.arena = arena_new()};
	origin->arena = r.arena;
	if (!r.arena || setjmp(*arena_on_failure(r.arena)) || documents_read(origin, json, &r.wrong))
		return fail(e, EXIT_FAILED, "out of memory");
	texts_read(&r, json_object_get(json, "texts"), &origin->past);
	struct load_request *q = &origin->request;
	*q = (struct load_request){.document = origin->document,
		.environment = member(&r, json, "environment"),
		.purpose = member(&r, json, "purpose"),
		.stack_name = member(&r, json, "stack_name"),
		.main_dir = member(&r, json, "main_dir"),
		.branch = member(&r, json, "branch"),
		.no_deps = true,
		.is_judged = true};
	q->profiles = unpacked_all(&r, json_object_get(json, "profiles"), "a profile", &q->profile_count);
	q->env_files = unpacked_all(&r, json_object_get(json, "env_files"), "an env file", &q->env_file_count);
	q->caller_env = environment_read(&r, json_object_get(json, "environ"), &origin->environment);
	return r.wrong ? fail(e, EXIT_FAILED, "what the stack was loaded from is not whole: %s", r.wrong) : 0;
}

void origin_release(struct origin *origin)
{
	document_free(origin->document);
	text_release(&origin->environment);
	arena_free(origin->arena);
	*origin = (struct origin){0};
}
