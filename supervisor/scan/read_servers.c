/* The proxies: nginx, Caddy and HAProxy, each with its own grammar of directives. */
#include <string.h>

#include "scan/formats.h"
#include "scan/readers.h"

static void apply(struct find *f, struct path *p, struct slice key, struct slice value)
{
	if (!path_push(p, key))
		return;
	rules_apply(f, f->format->rules, p, slice_trim(value));
	path_pop(p);
}

/* ---- nginx: statements end with a semicolon or open a block ---- */

/* The sign that ends the statement, outside of quotes and ${...}. */
static const char *statement_end(const char *at, const char *end)
{
	char quote = 0;
	for (const char *begin = at; at < end; at++) {
		if (quote) {
			quote = *at == quote ? 0 : quote;
		} else if (*at == '"' || *at == '\'') {
			quote = *at;
		} else if (*at == '#' && (at == begin || is_blank(at[-1]))) {
			return at;
		} else if (*at == '{' && at > begin && at[-1] == '$') {
			const char *close = slice_closing(at, end);
			at = close ? close - 1 : at;
		} else if (strchr(";{}", *at)) {
			return at;
		}
	}
	return end;
}

static void read_statement(struct find *f, struct path *p, size_t *too_deep, struct slice text, char sign)
{
	struct slice words = slice_trim(text), directive;
	if (sign == '{') {
		*too_deep += !path_push(p, words);
	} else if (sign == '}') {
		if (*too_deep)
			(*too_deep)--;
		else
			path_pop(p);
	} else if (slice_word(&words, &directive)) {
		apply(f, p, directive, words);
	}
}

void read_nginx(struct find *f)
{
	struct path p = {0};
	size_t too_deep = 0;
	const char *end = f->bytes + f->length;
	for (const char *at = f->bytes; at < end;) {
		const char *stop = statement_end(at, end);
		char sign = stop < end ? *stop : '\0';
		if (sign == '#') {
			const char *newline = memchr(stop, '\n', (size_t)(end - stop));
			find_comment(f, (struct slice){stop + 1, newline ? newline : end});
			at = newline ? newline : end;
			continue;
		}
		if (sign)
			read_statement(f, &p, &too_deep, (struct slice){at, stop}, sign);
		at = stop + (stop < end);
	}
}

/* ---- Caddy: a line is a directive, `{` at its end opens a block; outside of blocks are the sites ---- */

struct caddy {
	struct find *f;
	struct path path;
	size_t too_deep;
	bool has_bare_site; /* one site without braces: directives stand outside */
};

static void read_caddy_line(struct caddy *c, struct slice line)
{
	struct slice rest = line, first;
	bool opens = line.end[-1] == '{' && (slice_length(line) == 1 || is_blank(line.end[-2]));
	if (opens)
		rest.end--;
	if (slice_is(line, "}")) {
		if (c->too_deep)
			c->too_deep--;
		else
			path_pop(&c->path);
		return;
	}
	bool is_site = !c->path.depth && !c->has_bare_site && *line.at != '(';
	if (is_site) {
		apply(c->f, &c->path, slice_of("site"), rest);
		c->has_bare_site = !opens && line.end[-1] != ',';
		first = slice_of("site");
	} else if (slice_word(&rest, &first)) {
		apply(c->f, &c->path, first, rest);
	}
	if (opens)
		c->too_deep += !path_push(&c->path, first);
}

void read_caddy(struct find *f)
{
	struct caddy c = {.f = f};
	struct slice rest = {f->bytes, f->bytes + f->length}, line;
	while (slice_line(&rest, &line)) {
		struct slice comment = cut_comment(&line);
		if (comment.at)
			find_comment(f, comment);
		line = slice_trim(line);
		if (line.at < line.end)
			read_caddy_line(&c, line);
	}
}

/* ---- HAProxy: sections of lines ---- */

static void read_server(struct find *f, struct path *p, struct slice directive, struct slice rest)
{
	struct slice word, before = {0};
	if (!slice_word(&rest, &word)) /* its name */
		return;
	apply(f, p, directive, rest);
	if (!path_push(p, directive))
		return;
	for (; slice_word(&rest, &word); before = word)
		if (before.at && slice_is(before, "port"))
			apply(f, p, before, word);
	path_pop(p);
}

static void read_haproxy_line(struct find *f, struct path *p, struct slice line)
{
	static const char *const sections[] = {"global", "defaults", "frontend", "backend", "listen", "peers",
		"resolvers", "userlist", "cache", "program", "ring", "mailers"};
	struct slice rest = line, directive;
	if (!slice_word(&rest, &directive))
		return;
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
		if (is_blank(*line.at) || !slice_is(directive, sections[i]))
			continue;
		struct slice name = {0};
		slice_word(&rest, &name);
		f->service = name;
		p->depth = 0;
		path_push(p, directive);
		return;
	}
	if (slice_is(directive, "server") || slice_is(directive, "nameserver") || slice_is(directive, "peer"))
		read_server(f, p, directive, rest);
	else
		apply(f, p, directive, rest);
}

void read_haproxy(struct find *f)
{
	struct path p = {0};
	struct slice rest = {f->bytes, f->bytes + f->length}, line;
	while (slice_line(&rest, &line)) {
		struct slice comment = cut_comment(&line);
		if (comment.at)
			find_comment(f, comment);
		read_haproxy_line(f, &p, line);
	}
}
