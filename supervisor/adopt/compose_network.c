#include <stdlib.h>
#include <string.h>

#include "adopt/compose_inside.h"
#include "base/number.h"
#include "model/names.h"

enum { RANGE_MOST = 10 };

/* Of at most five digits. */
static int digits_value(const char *at)
{
	int value = 0;
	for (; *at >= '0' && *at <= '9'; at++)
		value = value * 10 + (*at - '0');
	return value;
}

struct compose_service *compose_find(const struct compose *c, const char *key)
{
	for (size_t i = 0; i < c->count; i++)
		if (!strcmp(c->services[i].key, key))
			return &c->services[i];
	return NULL;
}

static struct compose_endpoint *find_endpoint(const struct compose_service *s, int target)
{
	for (size_t i = 0; i < s->endpoint_count; i++)
		if (s->endpoints[i].target == target)
			return &s->endpoints[i];
	return NULL;
}

static void add_endpoint(struct compose *c, struct compose_service *s, const struct compose_port *port,
	const char *name)
{
	struct compose_endpoint *there = find_endpoint(s, port->target);
	if (there) {
		there->published = *there->published ? there->published : port->published;
		return;
	}
	struct compose_endpoint endpoint = {port->target, "main", port->published, port->protocol};
	if (s->endpoint_count)
		endpoint.name = name ? sheet_name(c->arena, name) : arena_format(c->arena, "p%d", port->target);
	*arena_append(c->arena, s->endpoints, s->endpoint_count) = endpoint;
}

/* ---- where they are said ---- */

static int read_port(struct compose *c, const struct yaml *node, struct compose_ports *out, struct error *e)
{
	if (node->kind != YAML_MAP) {
		const char *text = compose_fill(c, node);
		return text ? compose_ports_parse(c->arena, text, out, e) : fail(e, EXIT_BAD_FILE, "it is empty");
	}
	const char *target = compose_fill(c, yaml_get(node, "target"));
	const struct compose_port parts = {.host_ip = compose_fill(c, yaml_get(node, "host_ip")),
		.published = compose_fill(c, yaml_get(node, "published")),
		.protocol = compose_fill(c, yaml_get(node, "protocol"))};
	return compose_ports_long(c->arena, &parts, target ? target : "", out, e);
}

static void add_ports(struct compose *c, struct compose_service *s, const struct yaml *node, const char *key)
{
	struct compose_ports ports = {0};
	struct error e = {0};
	size_t errors = c->sheet->complaints->errors;
	if (read_port(c, node, &ports, &e)) {
		if (c->sheet->complaints->errors == errors)
			complaint_error(c->sheet->complaints, node->file, node->line, key, "%s: %s", key, e.text);
		return;
	}
	if (ports.count > RANGE_MOST) {
		compose_leave(c, s, node, key, "%zu ports are more than an instance has", ports.count);
		return;
	}
	for (size_t i = 0; i < ports.count; i++) {
		if (!strcmp(key, "expose"))
			ports.items[i].published = "";
		add_endpoint(c, s, &ports.items[i], compose_fill(c, yaml_get(node, "name")));
	}
}

static void add_list(struct compose *c, struct compose_service *s, const char *key)
{
	const struct yaml *list = yaml_get(s->node, key);
	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++)
		add_ports(c, s, list->pairs[i].value, key);
}

static void add_target(struct compose *c, struct compose_service *s, int target)
{
	add_endpoint(c, s, &(struct compose_port){.host_ip = "", .published = "", .target = target, .protocol = "tcp"}, NULL);
}

/* PORT=8000 among its variables: that is where it listens. */
static void add_variable(struct compose *c, struct compose_service *s)
{
	const struct yaml *environment = compose_map(c->arena, yaml_get(s->node, "environment"), "environment");
	const char *port = compose_fill(c, yaml_get(environment, "PORT"));
	int64_t number;
	if (port && number_parse(port, 1, 65535, &number))
		add_target(c, s, (int)number);
}

/* "db:5432" in what another one says. */
static void add_mentioned(struct compose *c, const char *text)
{
	for (const char *colon = text; text && (colon = strchr(colon, ':')); colon++) {
		size_t digits = strspn(colon + 1, "0123456789");
		if (!digits || digits > 5)
			continue;
		for (size_t i = 0; i < c->count; i++) {
			size_t length = strlen(c->services[i].key);
			bool fits = (size_t)(colon - text) >= length && !strncmp(colon - length, c->services[i].key, length);
			if (fits && !c->services[i].endpoint_count)
				add_target(c, &c->services[i], digits_value(colon + 1));
		}
	}
}

static void look_at_mentions(struct compose *c, const struct yaml *node, int depth)
{
	if (!node || !depth)
		return;
	add_mentioned(c, yaml_text(node));
	for (size_t i = 0; node->kind != YAML_TEXT && i < node->count; i++)
		look_at_mentions(c, node->pairs[i].value, depth - 1);
}

void compose_find_ports(struct compose *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct compose_service *s = &c->services[i];
		add_list(c, s, "ports");
		add_list(c, s, "expose");
		if (!s->endpoint_count && s->image && s->image->port)
			add_target(c, s, s->image->port);
		if (!s->endpoint_count)
			add_variable(c, s);
	}
	for (size_t i = 0; i < c->count; i++) {
		look_at_mentions(c, yaml_get(c->services[i].node, "environment"), 2);
		look_at_mentions(c, yaml_get(c->services[i].node, "command"), 2);
	}
}

/* ---- who refers to whom ---- */

const char *compose_port_reference(struct compose *c, const struct compose_service *of,
	const struct compose_endpoint *endpoint, const struct compose_service *from)
{
	bool main = !strcmp(endpoint->name, "main");
	const char *dot = main ? "" : ".", *name = main ? "" : endpoint->name;
	if (of == from)
		return arena_format(c->arena, "${port%s%s}", dot, name);
	return arena_format(c->arena, "${%s.port%s%s}", of->out->name, dot, name);
}

/* How `from` reaches the host of `to`: a container has a localhost of its own. */
static const char *host_reference(struct compose *c, struct compose_service *to, struct compose_service *from)
{
	if (to == from)
		return "localhost";
	if (from->way != WAY_DOCKER)
		return arena_format(c->arena, "${%s.host}", to->out->name);
	from->sees_others = true;
	to->seen_by_containers = true;
	return "host.docker.internal";
}

static bool begins_name(const char *start, const char *at)
{
	if (at == start)
		return true;
	char c = at[-1];
	return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("_.-$", c));
}

/* The number at `at`, when it is one that ends there; 0. */
static int number_at(const char *at, size_t *digits)
{
	*digits = strspn(at, "0123456789");
	char after = at[*digits];
	bool more = (after >= 'a' && after <= 'z') || (after >= 'A' && after <= 'Z') || after == '.' || after == '_';
	if (!*digits || *digits > 5 || more)
		return 0;
	return digits_value(at);
}

/* "db:5432", and "db" as the whole host of a URL. */
static size_t take_service(struct compose *c, struct compose_service *from, struct compose_service *to,
	const char *start, const char *at, struct text *out)
{
	size_t length = strlen(to->key), digits = 0;
	if (strncmp(at, to->key, length) != 0)
		return 0;
	int target = 0;
	bool url = at > start && (at[-1] == '@' || (at - start > 1 && at[-1] == '/' && at[-2] == '/'));
	if (at[length] == ':')
		target = number_at(at + length + 1, &digits);
	else if (url && (!at[length] || strchr("/?,", at[length])))
		target = to->image ? to->image->port : 80;
	struct compose_endpoint *endpoint = target ? find_endpoint(to, target) : NULL;
	if (!endpoint)
		return 0;
	text_addf(out, "%s:%s", host_reference(c, to, from), compose_port_reference(c, to, endpoint, from));
	return length + (digits ? 1 + digits : 0);
}

/* "localhost:8000": the own port, or that of whoever publishes it. */
static size_t take_local(struct compose *c, struct compose_service *from, const char *at, struct text *out)
{
	static const char *const hosts[] = {"localhost:", "127.0.0.1:", "0.0.0.0:", "[::]:"};
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		size_t length = strlen(hosts[i]), digits;
		if (strncmp(at, hosts[i], length) != 0)
			continue;
		int number = number_at(at + length, &digits);
		struct compose_endpoint *own = number ? find_endpoint(from, number) : NULL;
		if (own) {
			text_addf(out, "%s%s", hosts[i], compose_port_reference(c, from, own, from));
			return length + digits;
		}
		for (size_t k = 0; number && k < c->count; k++)
			for (size_t p = 0; p < c->services[k].endpoint_count; p++) {
				const struct compose_endpoint *e = &c->services[k].endpoints[p];
				if (strcmp(e->published, arena_format(c->arena, "%d", number)) != 0)
					continue;
				text_addf(out, "%s%s", hosts[i], compose_port_reference(c, &c->services[k], e, from));
				return length + digits;
			}
	}
	return 0;
}

size_t compose_own_port(struct compose *c, struct compose_service *s, const char *start, const char *at,
	struct text *out)
{
	size_t digits;
	bool starts = at == start || strchr(" =:\"'\t", at[-1]);
	int number = starts && s->way == WAY_PROGRAM ? number_at(at, &digits) : 0;
	struct compose_endpoint *own = number ? find_endpoint(s, number) : NULL;
	bool plain = number >= 1000 || (at > start && at[-1] == ':');
	if (!own || !plain)
		return 0;
	text_add(out, compose_port_reference(c, s, own, s));
	return digits;
}

size_t compose_reference(struct compose *c, struct compose_service *s, const char *start, const char *at,
	struct text *out)
{
	if (!begins_name(start, at))
		return 0;
	for (size_t i = 0; i < c->count; i++) {
		/* A container reaches itself as it always did. */
		size_t taken = s->way == WAY_DOCKER && &c->services[i] == s ? 0
			: take_service(c, s, &c->services[i], start, at, out);
		if (taken)
			return taken;
	}
	return s->way == WAY_PROGRAM ? take_local(c, s, at, out) : 0;
}

/* ---- variables that are a host or a port ---- */

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), n = strlen(end);
	return length >= n && !strcmp(text + length - n, end);
}

/* Whose port DB_PORT is: DB_HOST says it. */
static struct compose_service *partner(struct compose *c, const struct compose_service *s, const char *variable)
{
	static const char *const hosts[] = {"HOST", "HOSTNAME", "SERVER", "ADDR", "ADDRESS"};
	const struct yaml *environment = compose_map(c->arena, yaml_get(s->node, "environment"), "environment");
	int stem = (int)(strlen(variable) - strlen("PORT"));
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		const char *name = arena_format(c->arena, "%.*s%s", stem, variable, hosts[i]);
		const char *host = compose_fill(c, yaml_get(environment, name));
		if (host && compose_find(c, host))
			return compose_find(c, host);
	}
	return NULL;
}

const char *compose_whole(struct compose *c, struct compose_service *s, const char *variable, const char *value)
{
	struct compose_service *to = compose_find(c, value);
	int64_t number;
	if (to && to != s && (ends_in(variable, "HOST") || ends_in(variable, "HOSTNAME") || ends_in(variable, "SERVER") ||
		ends_in(variable, "ADDR") || ends_in(variable, "ADDRESS")))
		return host_reference(c, to, s);
	if (!ends_in(variable, "PORT") || !number_parse(value, 1, 65535, &number))
		return NULL;
	struct compose_service *of = partner(c, s, variable);
	if (!of && s->way == WAY_PROGRAM)
		of = s;
	struct compose_endpoint *endpoint = of ? find_endpoint(of, (int)number) : NULL;
	return endpoint ? compose_port_reference(c, of, endpoint, s) : NULL;
}
