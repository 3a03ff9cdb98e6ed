#include "adopt/compose_ports.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"

struct range {
	int64_t low;
	int64_t high;
};

static int parse_range(struct arena *arena, const char *text, const char *what, struct range *out, struct error *e)
{
	const char *dash = strchr(text, '-');
	const char *low = dash ? arena_string_n(arena, text, (size_t)(dash - text)) : text;
	const char *high = dash ? dash + 1 : text;
	if (number_parse(low, 0, 65535, &out->low) && number_parse(high, 0, 65535, &out->high) &&
		out->low <= out->high)
		return 0;
	fail(e, EXIT_BAD_FILE, "'%.40s' is not a port%s", text, what);
	error_hint(e, "write a number up to 65535, or a range like 8000-8009");
	return -1;
}

static bool is_address(const char *text)
{
	unsigned char bytes[sizeof(struct in6_addr)];
	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* "1.2.3.4", "[::1]"; without the brackets in *out. */
static int parse_address(struct arena *arena, const char *text, const char **out, struct error *e)
{
	size_t length = strlen(text);
	bool brackets = length > 1 && text[0] == '[' && text[length - 1] == ']';
	*out = brackets ? arena_string_n(arena, text + 1, length - 2) : text;
	if (!length || (is_address(*out) && brackets == (strchr(*out, ':') != NULL)))
		return 0;
	fail(e, EXIT_BAD_FILE, "'%.60s' is not an address", text);
	error_hint(e, "write one like 127.0.0.1, or [::1]; names are not allowed there");
	return -1;
}

static int parse_protocol(const char *text, const char **out, struct error *e)
{
	static const char *const known[] = {"tcp", "udp", "sctp"};
	*out = "tcp";
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (!strcasecmp(known[i], text)) {
			*out = known[i];
			return 0;
		}
	if (!*text)
		return 0;
	fail(e, EXIT_BAD_FILE, "'%.20s' is not a protocol", text);
	error_hint(e, "write tcp, udp or sctp");
	return -1;
}

static const char *published_at(struct arena *arena, const struct range *host, const struct range *target, int64_t at)
{
	if (host->high < 0)
		return "";
	if (host->high != host->low && target->low == target->high)
		return arena_format(arena, "%d-%d", (int)host->low, (int)host->high);
	return arena_format(arena, "%d", (int)(host->low + at));
}

static int make(struct arena *arena, const struct compose_port *parts, const char *target_text,
	struct compose_ports *out, struct error *e)
{
	struct range target = {0, 0}, host = {-1, -1};
	struct compose_port port = {.host_ip = ""};
	if (!*target_text)
		return fail(e, EXIT_BAD_FILE, "there is no port of the container");
	if (parse_range(arena, target_text, " of the container", &target, e) ||
		(*parts->published && parse_range(arena, parts->published, " of the host", &host, e)) ||
		parse_address(arena, parts->host_ip, &port.host_ip, e) ||
		parse_protocol(parts->protocol, &port.protocol, e))
		return -1;
	if (host.high >= 0 && target.high != target.low && host.high - host.low != target.high - target.low) {
		fail(e, EXIT_BAD_FILE, "'%s' and '%s' are not ranges of one size", parts->published, target_text);
		error_hint(e, "give both the same number of ports");
		return -1;
	}
	for (int64_t at = 0; at <= target.high - target.low; at++) {
		port.target = (int)(target.low + at);
		port.published = published_at(arena, &host, &target, at);
		*arena_append(arena, out->items, out->count) = port;
	}
	return 0;
}

int compose_ports_long(struct arena *arena, const struct compose_port *parts, const char *target,
	struct compose_ports *out, struct error *e)
{
	struct compose_port whole = {.host_ip = parts->host_ip ? parts->host_ip : "",
		.published = parts->published ? parts->published : "",
		.protocol = parts->protocol ? parts->protocol : ""};
	*out = (struct compose_ports){0};
	return make(arena, &whole, target, out, e);
}

static const char *cut(struct arena *arena, const char *text, struct compose_span span)
{
	return arena_string_n(arena, text + span.start, span.end - span.start);
}

/* Where the last ':' before `end` is; outside of brackets there is no other meaning for it. */
static size_t colon_before(const char *text, size_t end)
{
	while (end > 0 && text[end - 1] != ':')
		end--;
	return end;
}

int compose_ports_parse(struct arena *arena, const char *text, struct compose_ports *out, struct error *e)
{
	*out = (struct compose_ports){0};
	const char *slash = strrchr(text, '/');
	size_t end = slash ? (size_t)(slash - text) : strlen(text);
	if (slash && slash[1])
		out->protocol = (struct compose_span){end + 1, strlen(text)};
	out->target = (struct compose_span){colon_before(text, end), end};
	if (out->target.start) {
		size_t before = out->target.start - 1;
		out->published = (struct compose_span){colon_before(text, before), before};
		if (out->published.start)
			out->host_ip = (struct compose_span){0, out->published.start - 1};
	}
	const struct compose_port parts = {.host_ip = cut(arena, text, out->host_ip),
		.published = cut(arena, text, out->published),
		.protocol = cut(arena, text, out->protocol)};
	return make(arena, &parts, cut(arena, text, out->target), out, e);
}
