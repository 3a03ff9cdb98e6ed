/* Variables: what NAME=VALUE means, in whatever file it stands. */
#include <string.h>

#include "scan/shell.h"
#include "scan/names.h"
#include "scan/hosts.h"
#include "scan/value.h"

/* HOST and BIND_ADDR are where we listen, DB_HOST and API_URL are others. */
static enum finding_role address_role(struct slice name, struct slice value)
{
	static const char *const own[] = {"HOST", "host", "HOSTNAME", "BIND_HOST", "SERVER_HOST", "LISTEN_HOST"};
	if (slice_find(value, "://"))
		return ROLE_CONNECT;
	if (name_is_bind(name))
		return ROLE_LISTEN;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (slice_is(name, own[i]))
			return ROLE_LISTEN;
	return ROLE_CONNECT;
}

/* The variable's own name tells whose port it is, where nothing else did. */
static struct slice borrow_service(struct find *f, struct slice name)
{
	struct slice outer = f->service;
	if (!outer.at) {
		f->service = name_service(name);
		f->is_variables = true;
	}
	return outer;
}

static void give_back_service(struct find *f, struct slice outer)
{
	f->service = outer;
	f->is_variables = false;
}

/* A file within: `server.port=8082` line by line. */
static void find_lines(struct find *f, struct slice text)
{
	for (struct slice line; slice_line(&text, &line);) {
		line = slice_trim(line);
		if (!slice_begins(line, "#") && !assignment_find(f, line, (struct as){.role = ROLE_CONNECT}))
			hosts_find(f, line, (struct as){.role = ROLE_CONNECT}, HOSTS_KNOWN);
	}
}

/* What is neither a port nor an address as a whole. */
static void find_within(struct find *f, struct slice name, struct slice value, struct as as)
{
	if (slice_length(value) && memchr(value.at, '\n', slice_length(value))) {
		find_lines(f, value);
		return;
	}
	if (slice_begins(value, "-")) { /* JAVA_OPTS and its like */
		shell_find(f, value, (struct as){.role = ROLE_LISTEN});
		return;
	}
	if (name_is_bind(name) && slice_find(value, ":") && !slice_find(value, ","))
		value_address(f, value, as);
	hosts_find(f, value, as, HOSTS_ANY);
}

void variable_find(struct find *f, struct slice name, struct slice value, struct as as)
{
	struct slice service = borrow_service(f, name);
	struct slice inner, variable;
	value = slice_bare(value);
	if (slice_default(value, &variable, &inner) && !name_is_port(name))
		as.variable = variable, value = inner;
	if (name_is_port(name)) {
		as.role = name_role(name);
		if (value_port(f, value, as)) {
			give_back_service(f, service);
			return;
		}
	}
	/* A URL is one under any name; a number beside a host is not. */
	bool decoy = name_is_decoy(name) && !slice_find(value, "://");
	as.role = address_role(name, value);
	if (!decoy && !hosts_address(f, value, as))
		find_within(f, name, value, as);
	give_back_service(f, service);
}

bool assignment_find(struct find *f, struct slice text, struct as as)
{
	text = slice_bare(text);
	const char *at = text.at;
	while (at < text.end && (is_word_char(*at) || *at == '.' || *at == '-'))
		at++;
	if (at == text.at || at == text.end || *at != '=' || is_digit(*text.at))
		return false;
	variable_find(f, (struct slice){text.at, at}, (struct slice){at + 1, text.end}, as);
	return true;
}
