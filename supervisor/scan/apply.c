/* From a path to a rule, and from the rule to the values. */
#include <string.h>

#include "scan/shell.h"
#include "scan/names.h"
#include "scan/rules.h"
#include "scan/hosts.h"
#include "scan/value.h"

const struct slice path_item = {"[]", &"[]"[2]};

bool path_push(struct path *p, struct slice key)
{
	if (p->depth == PATH_MOST)
		return false;
	p->labels[p->depth] = (struct slice){0};
	p->keys[p->depth++] = key;
	return true;
}

void path_pop(struct path *p)
{
	if (p->depth)
		p->depth--;
}

void path_set(struct path *p, struct slice key)
{
	if (p->depth)
		p->keys[p->depth - 1] = key;
}

/* One key and one part of a pattern, in which a star is any text. */
static bool key_fits(struct slice key, struct slice part)
{
	if (slice_is(part, "~port"))
		return name_is_port(key);
	if (slice_is(part, "~decoy"))
		return name_is_decoy(key);
	const char *star = memchr(part.at, '*', slice_length(part));
	if (!star)
		return slice_is_same(key, part);
	struct slice head = {part.at, star}, tail = {star + 1, part.end};
	if (slice_length(key) < slice_length(head) + slice_length(tail))
		return false;
	return !memcmp(key.at, head.at, slice_length(head)) &&
		!memcmp(key.end - slice_length(tail), tail.at, slice_length(tail)) &&
		!(slice_length(part) == 1 && slice_is(key, "[]"));
}

static bool fits(const struct slice *keys, size_t depth, const char *pattern)
{
	if (!*pattern)
		return depth == 0;
	size_t length = strcspn(pattern, "/");
	struct slice part = {pattern, pattern + length};
	const char *next = pattern + length + (pattern[length] == '/');
	if (!slice_is(part, "**"))
		return depth && key_fits(keys[0], part) && fits(keys + 1, depth - 1, next);
	if (!*next)
		return true;
	for (size_t skip = 0; skip <= depth; skip++)
		if (fits(keys + skip, depth - skip, next))
			return true;
	return false;
}

bool path_fits(const struct path *p, const char *pattern)
{
	return fits(p->keys, p->depth, pattern);
}

static void apply_assignments(struct find *f, struct slice value, struct as as)
{
	for (const char *at = value.at; at < value.end;) {
		const char *end = at;
		if (*at == '"' || *at == '\'') {
			end = memchr(at + 1, *at, (size_t)(value.end - at - 1));
			end = end ? end + 1 : value.end;
		} else {
			while (end < value.end && !is_blank(*end))
				end++;
		}
		assignment_find(f, (struct slice){at, end}, as);
		at = end + (end == at);
	}
}

static void apply_addresses(struct find *f, struct slice value, struct as as, bool is_first_only)
{
	for (struct slice word; slice_word(&value, &word);) {
		if (word.end[-1] == ',')
			word.end--;
		value_address(f, word, as);
		if (is_first_only)
			return;
	}
}

/* `traefik.http.services.api.loadbalancer.server.port=8080`, or the name is the key. */
static void apply_label(struct find *f, struct slice key, struct slice value, struct as as)
{
	const char *equals = memchr(value.at, '=', slice_length(value));
	value = slice_bare(value);
	if (slice_is(key, "[]") && equals) {
		key = (struct slice){value.at, equals};
		value.at = equals + 1;
	}
	if (slice_ends(key, "port") || slice_ends(key, "Port"))
		value_port(f, value, as);
	else
		hosts_find(f, value, (struct as){.role = ROLE_CONNECT}, HOSTS_KNOWN);
}

/* registry.local:5000/name:tag */
static void apply_image(struct find *f, struct slice value, struct as as)
{
	value = slice_bare(value);
	const char *slash = memchr(value.at, '/', slice_length(value));
	if (slash && memchr(value.at, ':', (size_t)(slash - value.at)))
		value_address(f, (struct slice){value.at, slash}, as);
}

/* The file's expression: a port, or text with strings in it. */
static void apply_expression(struct find *f, struct slice value, struct as as)
{
	if (value_expression(f, value, as))
		return;
	as.variable = expression_variable(value);
	if (!hosts_address(f, value, as))
		hosts_find(f, value, as, HOSTS_ANY);
}

/* `redis: { port: 6379 }` is a variable redis.port. */
static void apply_owner(struct find *f, const struct path *p, struct slice value, struct as as)
{
	struct slice key = p->keys[p->depth - 1], owner = p->depth > 1 ? p->keys[p->depth - 2] : key;
	bool is_variable = path_fits(p, "variable/*/default");
	if (is_variable) {
		as.variable = owner;
		variable_find(f, owner, value, as);
		return;
	}
	as.role = name_role(owner) == ROLE_LISTEN ? name_role(key) : name_role(owner);
	struct slice outer = f->service;
	if (!slice_is(owner, "[]"))
		f->service = owner;
	value_port(f, value, as);
	f->service = outer;
}

/* The last key as a variable: PORT of `env.PORT` in a stack file. */
static struct slice variable_of(const struct path *p)
{
	struct slice key = p->depth ? p->keys[p->depth - 1] : path_item;
	if (slice_begins(key, "env."))
		key.at += 4;
	if (slice_begins(key, "export."))
		key.at += 7;
	return key;
}

static void apply_named(struct find *f, enum meaning_of_value meaning, const struct path *p, struct slice value,
	struct as as)
{
	struct slice key = variable_of(p);
	switch ((int)meaning) {
	case AS_VARIABLE:
		variable_find(f, key, value, as);
		break;
	case AS_LABELLED:
		variable_find(f, p->depth && p->labels[p->depth - 1].at ? p->labels[p->depth - 1] : key, value, as);
		break;
	case AS_OWNER:
		apply_owner(f, p, value, as);
		break;
	case AS_LABEL:
		apply_label(f, key, value, as);
		break;
	case AS_SERVICE:
		f->service = slice_bare(value);
		break;
	}
}

/* What is a port, an address or a mapping as a whole. */
static void apply_number(struct find *f, enum meaning_of_value meaning, struct slice value, struct as as)
{
	if (meaning == AS_PORT)
		value_port(f, value, as);
	else if (meaning == AS_PORTS)
		value_ports(f, value, as);
	else if (meaning == AS_MAPPING)
		value_mapping(f, value, as);
	else if (meaning == AS_ADDRESS)
		value_address(f, value, as);
	else
		apply_addresses(f, value, as, meaning == AS_FIRST_ADDRESS);
}

static void apply(struct find *f, const struct rule *rule, const struct path *path, struct slice value)
{
	struct as as = {.role = rule->role};
	switch (rule->meaning) {
	case AS_NOTHING:
		break;
	case AS_PORT:
	case AS_PORTS:
	case AS_MAPPING:
	case AS_ADDRESS:
	case AS_ADDRESSES:
	case AS_FIRST_ADDRESS:
		apply_number(f, rule->meaning, value, as);
		break;
	case AS_TEXT:
	case AS_HOSTS:
		as.variable = expression_variable(value);
		hosts_find(f, value, as, rule->meaning == AS_HOSTS ? HOSTS_ANY : HOSTS_KNOWN);
		break;
	case AS_COMMAND:
		shell_find(f, value, as);
		break;
	case AS_ARGUMENT:
		shell_argument(f, value, as);
		break;
	case AS_ASSIGNMENT:
		assignment_find(f, value, as);
		break;
	case AS_ASSIGNMENTS:
		apply_assignments(f, value, as);
		break;
	case AS_IMAGE:
		apply_image(f, value, as);
		break;
	case AS_EXPRESSION:
		apply_expression(f, value, as);
		break;
	case AS_VARIABLE:
	case AS_LABELLED:
	case AS_OWNER:
	case AS_LABEL:
	case AS_SERVICE:
		apply_named(f, rule->meaning, path, value, as);
		break;
	}
}

/* Below these the next key is a service: compose, render, MCP servers, angular. */
static void note_service(struct find *f, const struct path *p)
{
	static const char *const owners[] = {"services", "mcpServers", "servers", "projects"};
	for (size_t i = 0; p->depth > 2 && i < sizeof owners / sizeof *owners; i++) {
		if (!slice_is(p->keys[0], owners[i]) || slice_is(p->keys[1], "[]"))
			continue;
		if (!f->service.at || !slice_is_same(f->service, p->keys[1]))
			f->is_optional = false;
		f->service = p->keys[1];
	}
	if (p->depth && slice_begins(p->keys[0], "service "))
		f->service = (struct slice){p->keys[0].at + 8, p->keys[0].end};
}

/* A service with a profile starts only when one asks for it. */
static void note_profile(struct find *f, const struct path *p)
{
	if (!path_fits(p, "services/*/profiles/[]"))
		return;
	f->is_optional = true;
	for (size_t i = 0; i < f->count; i++)
		if (slice_is(f->service, f->found[i].service))
			f->found[i].is_optional = true;
}

void rules_apply(struct find *f, const struct rule *rules, const struct path *path, struct slice value)
{
	note_service(f, path);
	note_profile(f, path);
	for (const struct rule *rule = rules; rule->pattern; rule++) {
		if (!path_fits(path, rule->pattern))
			continue;
		apply(f, rule, path, value);
		return;
	}
}
