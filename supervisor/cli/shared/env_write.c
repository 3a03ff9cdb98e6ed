#include "cli/shared/env_write.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/resolved.h"
#include "plan/block.h"
#include "plan/supabase.h"
#include "stackfile/describe.h"

enum { FILE_MOST = 4 * 1024 * 1024 };

enum write_format { WRITE_DOTENV, WRITE_SH, WRITE_SUPABASE };

struct order {
	struct context *context;
	struct resolved *resolved;
	const char *path;
	struct text before; /* owns; content of the file */
	struct text after; /* owns */
	bool example;
	bool changed;
};

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), size = strlen(end);
	return length >= size && !strcmp(text + length - size, end);
}

static bool is_example(const char *path)
{
	return ends_with(path, ".example") || ends_with(path, ".sample") ||
		ends_with(path, ".template") || ends_with(path, ".dist");
}

static int choose_format(
	const struct context *context, const char *path, enum write_format *format, struct error *e)
{
	static const char *const words[] = {
		[WRITE_DOTENV] = "dotenv", [WRITE_SH] = "sh", [WRITE_SUPABASE] = "supabase"};
	const char *word = option_value(&context->line, OPTION_FORMAT);
	const char *slash = strrchr(path, '/');
	*format = !strcmp(slash ? slash + 1 : path, "config.toml") ? WRITE_SUPABASE
		: ends_with(path, ".sh") || ends_with(path, ".envrc") ? WRITE_SH
								      : WRITE_DOTENV;
	if (!word)
		return 0;
	for (int i = 0; i <= WRITE_SUPABASE; i++)
		if (!strcmp(words[i], word)) {
			*format = (enum write_format)i;
			return 0;
		}
	fail(e, EXIT_USAGE, "`env --write` cannot write the format '%s'", word);
	error_hint(e, "dotenv, sh or supabase");
	return -1;
}

static int read_before(struct order *o, bool must_be, struct error *e)
{
	struct error why = {0};
	if (!file_read(o->path, FILE_MOST, &o->before, &why))
		return 0;
	if (why.number == ENOENT && !must_be)
		return 0;
	*e = why;
	return -1;
}

static int write_after(struct order *o, struct error *e)
{
	if (!text_ok(&o->after))
		return fail(e, EXIT_FAILED, "out of memory");
	int got = file_rewrite(o->path, text_string(&o->after), o->after.length, e);
	o->changed = got > 0;
	return got < 0 ? -1 : 0;
}

/* ---- a block of variables ---- */

static void add_masked(void *self, struct text *out, const char *name, const char *value)
{
	(void)self;
	secret_add_masked(out, NULL, name, value);
}

static void tell_block(const struct order *o, size_t hidden)
{
	if (o->context->json)
		out_json(json_pack("{s:i, s:s, s:b, s:i}", "version", 1, "file", o->path, "changed",
			(int)o->changed, "instance", o->resolved->claim.instance));
	else if (!o->context->quiet)
		say("%s %s the ports of instance %d%s", o->path, o->changed ? "has" : "has already",
			o->resolved->claim.instance,
			hidden && !o->example ? "; secret values are left out" : "");
}

static int write_block(struct order *o, bool sh, struct error *e)
{
	const struct resolved *r = o->resolved;
	const struct env_mask mask = {.add = add_masked};
	const struct environment_facts facts = {.project = r->claim.project,
		.instance = r->claim.instance,
		.base_port = r->claim.base_port,
		.state_dir = r->claim.state_dir,
		.slug = r->stack->slug};
	const struct block_order order = {.stack = r->stack,
		.facts = &facts,
		.example = o->example,
		.sh = sh,
		.mask = option_given(&o->context->line, OPTION_SHOW_SECRETS) ? NULL : &mask};
	OWNED_TEXT lines = {0};
	const char *const *doubles;
	if (read_before(o, false, e))
		return -1;
	size_t hidden = block_lines(r->arena, &order, &lines);
	const char *before = text_string(&o->before);
	if (marked_replace(&block_marks, o->path, before, o->before.length, text_string(&lines),
		    &o->after, e) ||
		write_after(o, e))
		return -1;
	tell_block(o, hidden);
	size_t count =
		block_doubles(r->arena, before, o->before.length, text_string(&lines), &doubles);
	for (size_t i = 0; i < count && !o->context->quiet; i++)
		say("%s also sets %s outside of the block; the later one counts", o->path,
			doubles[i]);
	return EXIT_DONE;
}

/* ---- supabase ---- */

static void tell_key(const struct supabase_key *key)
{
	const char *before = key->before ? key->before : "";
	OWNED_TEXT of = {0};
	if (key->service)
		text_addf(&of, "%s%s%s", key->service,
			strcmp(key->port_name, "main") != 0 ? " " : "",
			strcmp(key->port_name, "main") != 0 ? key->port_name : "");
	switch (key->outcome) {
	case SUPABASE_CHANGED:
		return say("[%s] %s: %s is now %u (%s)", key->section, key->key, before, key->port,
			text_string(&of));
	case SUPABASE_SAME:
		return say("[%s] %s: %s already (%s)", key->section, key->key, before,
			text_string(&of));
	case SUPABASE_NO_PORT:
		return say("[%s] %s: stays %s; the stack has no port for it", key->section,
			key->key, before);
	case SUPABASE_COMMENTED:
		return say("[%s] %s: is commented out; %u would be for it (%s)", key->section,
			key->key, key->port, text_string(&of));
	case SUPABASE_ABSENT:
		return say("[%s] %s: is not in the file; %u would be for it (%s)", key->section,
			key->key, key->port, text_string(&of));
	case SUPABASE_NO_NUMBER:
		return say("[%s] %s: stays %s, which is no number; %u would be for it (%s)",
			key->section, key->key, before, key->port, text_string(&of));
	}
}

static json_t *key_json(const struct supabase_key *key)
{
	return json_pack("{s:s, s:s, s:i, s:s?, s:i, s:s?, s:s?, s:s}", "section", key->section,
		"key", key->key, "line", key->line, "before", key->before, "port", (int)key->port,
		"service", key->service, "name", key->port_name, "outcome",
		supabase_outcome_word(key->outcome));
}

static void tell_keys(const struct order *o, const struct supabase_key *keys, size_t count)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(rows, key_json(&keys[i]));
		if (!o->context->json && !o->context->quiet)
			tell_key(&keys[i]);
	}
	if (o->context->json)
		out_json(json_pack("{s:i, s:s, s:b, s:O}", "version", 1, "file", o->path, "changed",
			(int)o->changed, "keys", rows));
	json_decref(rows);
}

static int write_supabase(struct order *o, struct error *e)
{
	const struct resolved *r = o->resolved;
	struct supabase_key *keys;
	if (read_before(o, true, e))
		return -1;
	size_t count = supabase_write(r->arena, text_string(&o->before), o->before.length, r->ports,
		r->port_count, &keys, &o->after);
	if (!count) {
		fail(e, EXIT_FAILED, "%s has none of the ports of supabase", o->path);
		error_hint(e, "they are in supabase/config.toml, which `supabase init` writes");
		return -1;
	}
	if (write_after(o, e))
		return -1;
	tell_keys(o, keys, count);
	return EXIT_DONE;
}

int env_write(struct context *context, const char *path, struct error *e)
{
	struct resolved r;
	struct order o = {
		.context = context, .resolved = &r, .path = path, .example = is_example(path)};
	enum write_format format;
	if (choose_format(context, path, &format, e))
		return -1;
	if (o.example && context->choice == CHOICE_NONE) {
		context->choice = CHOICE_NUMBER;
		context->number = 1;
	}
	int code = resolve_checked(context, &r, e);
	if (code == 0)
		code = format == WRITE_SUPABASE ? write_supabase(&o, e)
						: write_block(&o, format == WRITE_SH, e);
	text_release(&o.before);
	text_release(&o.after);
	resolved_release(&r);
	return code;
}
