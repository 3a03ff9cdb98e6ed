/*
 * `ready` and `health`. Without `ready` a service is ready at the first success of its health
 * check, else when it listens on its port, else as soon as it runs; `ready = http ...` is its
 * health check, too, unless `health` says something else.
 */
#include <string.h>

#include "base/number.h"
#include "stackfile/resolve_inside.h"

struct probing {
	struct resolving *r;
	struct service *service;
	struct site site; /* of `ready` or `health` */
	struct check check;
};

static uint16_t main_port(const struct probing *p)
{
	const struct port *port = stack_main_port(p->r->stack, p->service);
	return port ? port->number : 0;
}

static bool needs_port(const struct probing *p, const char *instead)
{
	if (main_port(p))
		return true;
	complaint_error(p->r->complaints, p->site.file, p->site.line, p->site.key,
		"%s: service '%s' has no port to check", p->site.key, p->service->name);
	complaint_hint(p->r->complaints, "write 'slot = auto' or 'port = NUMBER'%s", instead);
	return false;
}

static bool has_scheme(const char *text)
{
	return !strncmp(text, "http://", 7) || !strncmp(text, "https://", 8);
}

/* The port of a URL that leads to this machine; 0 for any other. */
static int64_t local_port(const char *url)
{
	static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
	bool secure = !strncmp(url, "https://", 8);
	const char *host = url + (secure ? 8 : 7);
	size_t authority = strcspn(host, "/?#");
	const char *at = memchr(host, '@', authority);
	const char *end = host + authority;
	if (at)
		host = at + 1;
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		size_t length = strlen(hosts[i]);
		if ((size_t)(end - host) < length || strncmp(host, hosts[i], length) != 0)
			continue;
		if (host + length == end)
			return secure ? 443 : 80;
		if (host[length] != ':')
			continue;
		char digits[8] = "";
		size_t count = (size_t)(end - host) - length - 1;
		int64_t port = 0;
		if (count < sizeof digits)
			memcpy(digits, host + length + 1, count);
		number_parse(digits, 1, 65535, &port);
		return port;
	}
	return 0;
}

/* Whose listener is checked: only our own ports are. */
static uint16_t own_port(const struct probing *p, const char *url)
{
	int64_t port = local_port(url);
	for (size_t i = 0; i < p->service->port_count; i++)
		if (p->r->stack->ports[p->service->ports[i]].number == port)
			return (uint16_t)port;
	return 0;
}

static void fill_http(struct probing *p, struct probe *out)
{
	struct resolving *r = p->r;
	const char *rest = scope_fill(&r->shared, p->service->index, &p->site, p->check.rest);
	if (!rest)
		return;
	if (has_scheme(rest)) {
		out->url = rest;
		out->port = own_port(p, rest);
	} else if (*rest != '/') {
		value_refuse(&p->site, arena_format(r->arena, "http %s", rest));
		complaint_hint(
			r->complaints, "write 'http /%s', or a URL with http:// or https://", rest);
		return;
	} else if (needs_port(p, ", or a whole URL")) {
		out->port = main_port(p);
		out->url = arena_format(r->arena, "http://localhost:%u%s", out->port, rest);
	}
	out->kind = PROBE_HTTP;
}

static void fill_details(struct probing *p, struct probe *out)
{
	struct resolving *r = p->r;
	int index = p->service->index;
	struct site site = site_of(r, index, KEY_HEALTH_METHOD);
	const char *method = text_of(r, index, KEY_HEALTH_METHOD);
	int which;
	out->method = method && value_choice(&site, method, &which) ? method : "GET";
	struct status_range *ranges = NULL;
	site = site_of(r, index, KEY_HEALTH_STATUS);
	const char *statuses = text_of(r, index, KEY_HEALTH_STATUS);
	if (statuses)
		value_statuses(&site, statuses, &ranges, &out->status_count);
	out->statuses = ranges;
	site = site_of(r, index, KEY_HEALTH_BODY);
	const char *body = text_of(r, index, KEY_HEALTH_BODY);
	if (body && value_regex(&site, body))
		out->body_pattern = body;
	out->headers = pairs_of(r, index, &r->draft->services[index].headers, &out->header_count);
	out->tls_verify = boolean_of(r, index, KEY_HEALTH_TLS_VERIFY);
}

static void fill_probe(struct probing *p, struct probe *out)
{
	struct resolving *r = p->r;
	switch (p->check.kind) {
	case PROBE_NONE:
	case PROBE_NOTIFY:
		out->kind = p->check.kind;
		break;
	case PROBE_HTTP:
		fill_http(p, out);
		break;
	case PROBE_TCP:
	case PROBE_PORT:
		if (!needs_port(p, ""))
			return;
		out->kind = p->check.kind;
		out->host = "localhost";
		out->port = main_port(p);
		break;
	case PROBE_COMMAND:
		out->kind = PROBE_COMMAND;
		command_at(r, p->service->index, &p->site, p->check.rest, &out->command);
		break;
	case PROBE_LOG:
		out->pattern = scope_fill(&r->shared, p->service->index, &p->site, p->check.rest);
		if (out->pattern && value_regex(&p->site, out->pattern))
			out->kind = PROBE_LOG;
		break;
	}
}

/* False where the key is not there or was refused. */
static bool read_check(struct resolving *r, struct service *service, enum key_id id,
	struct probing *p)
{
	*p = (struct probing){.r = r, .service = service, .site = site_of(r, service->index, id)};
	const struct entry *entry = entry_of(r, service->index, id);
	return entry && value_check(&p->site, entry->value, &p->check);
}

static enum readiness readiness_of(enum probe_kind kind)
{
	switch (kind) {
	case PROBE_NONE:
		return READY_STARTED;
	case PROBE_PORT:
		return READY_PORT;
	case PROBE_LOG:
		return READY_LOG;
	case PROBE_NOTIFY:
		return READY_NOTIFY;
	case PROBE_HTTP:
	case PROBE_TCP:
	case PROBE_COMMAND:
		break;
	}
	return READY_PROBE;
}

/* sock_diag shows who listens with TCP; a UDP socket never does. */
static bool has_tcp_port(const struct resolving *r, const struct service *service)
{
	const struct port *port = stack_main_port(r->stack, service);
	return port && port->protocol != PROTOCOL_UDP;
}

/* Every process of a Procfile has a PORT, workers too, who never listen on it. */
static void default_ready(struct resolving *r, struct service *service)
{
	struct service_policy *policy = &service->policy;
	if (policy->health.present) {
		service->ready = service->health;
		policy->readiness = READY_PROBE;
		policy->readiness_is_health = true;
	} else if (has_tcp_port(r, service) && !r->stack->is_procfile) {
		service->ready.kind = PROBE_PORT;
		service->ready.port = stack_main_port(r->stack, service)->number;
		policy->readiness = READY_PORT;
	} else {
		policy->readiness = READY_STARTED;
	}
}

static void refuse_udp(struct probing *p)
{
	bool tcp = p->check.kind == PROBE_PORT || p->check.kind == PROBE_TCP;
	if (!tcp || !main_port(p) || has_tcp_port(p->r, p->service))
		return;
	complaint_error(p->r->complaints, p->site.file, p->site.line, p->site.key,
		"%s: nothing listens on a UDP port", p->site.key);
	complaint_hint(p->r->complaints, "check it with 'command CMD'");
}

static void resolve_health(struct resolving *r, struct service *service, bool *said)
{
	struct probing p;
	struct service_policy *policy = &service->policy;
	*said = entry_of(r, service->index, KEY_HEALTH) != NULL;
	if (!read_check(r, service, KEY_HEALTH, &p))
		return;
	fill_probe(&p, &service->health);
	refuse_udp(&p);
	policy->health.present = p.check.kind != PROBE_NONE;
}

static void resolve_ready(struct resolving *r, struct service *service, bool health_said)
{
	struct probing p;
	struct service_policy *policy = &service->policy;
	if (!read_check(r, service, KEY_READY, &p)) {
		default_ready(r, service);
		return;
	}
	fill_probe(&p, &service->ready);
	refuse_udp(&p);
	policy->readiness = readiness_of(p.check.kind);
	if (p.check.kind != PROBE_HTTP || health_said)
		return;
	service->health = service->ready;
	policy->health.present = true;
	policy->readiness_is_health = true;
}

/* What is about a check needs one. */
static void check_needless(struct resolving *r, struct service *service)
{
	static const enum key_id timing[] = {KEY_HEALTH_INTERVAL, KEY_HEALTH_TIMEOUT,
		KEY_HEALTH_RETRIES, KEY_HEALTH_SUCCESSES, KEY_HEALTH_START_PERIOD,
		KEY_HEALTH_ACTION};
	static const enum key_id http[] = {KEY_HEALTH_STATUS, KEY_HEALTH_BODY, KEY_HEALTH_METHOD,
		KEY_HEALTH_TLS_VERIFY};
	int index = service->index;
	bool is_http = service->health.kind == PROBE_HTTP || service->ready.kind == PROBE_HTTP;
	if (!service->policy.health.present)
		for (size_t i = 0; i < sizeof timing / sizeof timing[0]; i++)
			refuse_key(r, index, timing[i], "needs a health check",
				"write 'health = http /healthz', 'health = tcp' or 'health = "
				"command CMD'");
	if (is_http)
		return;
	for (size_t i = 0; i < sizeof http / sizeof http[0]; i++)
		refuse_key(r, index, http[i], "is about a check over http",
			"write 'health = http /healthz', or remove it");
	const struct members *headers = &r->draft->services[index].headers;
	for (size_t i = 0; i < headers->count; i++) {
		const struct entry *entry = headers->items[i].entry;
		if (draft_is_default(r->draft, entry))
			continue;
		complaint_error(r->complaints, r->draft->document->label, entry->line, entry->key,
			"'%s' is about a check over http", entry->key);
		complaint_hint(r->complaints, "write 'health = http /healthz', or remove it");
	}
}

void resolve_probes(struct resolving *r, struct service *service)
{
	size_t errors = r->complaints->errors;
	bool health_said;
	if (service->policy.type == TYPE_TASK) {
		refuse_key(r, service->index, KEY_READY,
			"is for services; a task is ready when it is done", "remove it");
		refuse_key(r, service->index, KEY_HEALTH,
			"is for services; a task tells by its exit "
			"status",
			"remove it");
		return;
	}
	struct probing details = {.r = r, .service = service};
	struct probe common = {0};
	fill_details(&details, &common);
	service->health = service->ready = common;
	resolve_health(r, service, &health_said);
	resolve_ready(r, service, health_said);
	if (r->complaints->errors == errors)
		check_needless(r, service);
}
