#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "scan/hosts.h"
#include "scan/value.h"

enum { ADDRESS_MOST = 46, LEAST_BEHIND_A_NAME = 80 };

struct reading {
	struct find *f;
	struct slice text;
	struct as as;
	enum hosts_which hosts;
	size_t found;
};

static bool is_address(struct slice s, int family)
{
	char copy[ADDRESS_MOST];
	unsigned char number[16];
	if (slice_length(s) >= sizeof copy || s.at == s.end)
		return false;
	memcpy(copy, s.at, slice_length(s));
	copy[slice_length(s)] = '\0';
	return inet_pton(family, copy, number) == 1;
}

/* 0.0.0.0 is one, 0.1.2.3 and 255.255.0.0 are not. */
static bool is_ipv4(struct slice s)
{
	if (!is_address(s, AF_INET))
		return false;
	return slice_is(s, "0.0.0.0") || !(slice_begins(s, "0.") || slice_begins(s, "255."));
}

bool hosts_address(struct find *f, struct slice text, struct as as)
{
	struct slice name, inner;
	text = slice_bare(text);
	if (slice_default(text, &name, &inner)) {
		as.variable = name;
		return hosts_address(f, inner, as);
	}
	if (slice_length(text) > 2 && *text.at == '[' && text.end[-1] == ']')
		text = (struct slice){text.at + 1, text.end - 1};
	if (is_ipv4(text))
		found_address(f, text, FINDING_IPV4, as);
	else if (slice_find(text, ":") && is_address(text, AF_INET6))
		found_address(f, text, FINDING_IPV6, as);
	else
		return false;
	return true;
}

static bool is_host_char(char c)
{
	return is_word_char(c) || c == '.' || c == '-';
}

/* ":8000", ":${PORT:-8000}" or "#5054" behind a host; returns the place behind it, NULL: there is none. */
static const char *port_behind(struct reading *r, const char *at, struct slice host, enum finding_form form)
{
	struct as as = r->as;
	struct slice digits, rest = {at + 1, r->text.end};
	as.host = host;
	as.form = form;
	if (at >= r->text.end || (*at != ':' && *at != '#'))
		return NULL;
	const char *close = slice_begins(rest, "${") ? slice_closing(rest.at + 1, rest.end) : NULL;
	if (close)
		return value_port(r->f, (struct slice){rest.at, close}, as) ? (r->found++, close) : NULL;
	if (!port_here(rest, &digits))
		return NULL;
	if (digits.end < rest.end && (*digits.end == '-' && digits.end + 1 < rest.end && is_word_char(digits.end[1])))
		return NULL;
	found_port(r->f, digits, as);
	r->found++;
	return digits.end;
}

static bool is_wildcard(struct slice host)
{
	return slice_is(host, "*") || slice_is(host, "+") || slice_is(host, "0.0.0.0") || slice_is(host, "[::]");
}

/* Where the host and port of a URL end. */
static const char *authority_end(const char *at, const char *end)
{
	int depth = 0;
	for (; at < end; at++) {
		depth += (*at == '{') - (*at == '}');
		if (depth <= 0 && (is_blank(*at) || strchr("/?#\"'`<>,;|\\)", *at)))
			return at;
		if (depth < 0)
			return at;
	}
	return end;
}

/* The last colon outside of braces and brackets. */
static const char *port_colon(struct slice s)
{
	const char *colon = NULL;
	int depth = 0;
	for (const char *at = s.at; at < s.end; at++) {
		depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
		if (*at == ':' && !depth)
			colon = at;
	}
	return colon;
}

static const char *read_url(struct reading *r, const char *at)
{
	const char *end = authority_end(at, r->text.end);
	struct slice host = {at, end};
	for (const char *sign = at; sign < end; sign++)
		if (*sign == '@')
			host.at = sign + 1;
	const char *colon = port_colon(host);
	struct as outer = r->as;
	if (colon)
		host.end = colon;
	r->as.form = FORM_URL;
	if (is_wildcard(host) && r->as.role == ROLE_CONNECT)
		r->as.role = ROLE_LISTEN;
	r->found += hosts_address(r->f, host, r->as);
	if (colon)
		port_behind(r, colon, host, FORM_URL);
	r->as = outer;
	return end;
}

/* Versions have signs before them, networks and paths a slash behind or before. */
static bool is_bounded(const struct reading *r, struct slice s)
{
	char before = s.at > r->text.at ? s.at[-1] : ' ', after = s.end < r->text.end ? *s.end : ' ';
	if (is_host_char(before) || before == '/' || before == '~' || before == '^')
		return false;
	if (before == '=' && s.at - 1 > r->text.at && strchr("=<>~", s.at[-2]))
		return false;
	return !is_host_char(after) || (after == '.' && (s.end + 1 == r->text.end || !is_word_char(s.end[1])));
}

static bool is_network(const struct reading *r, struct slice s)
{
	return s.end + 1 < r->text.end && *s.end == '/' && is_digit(s.end[1]);
}

static const char *read_ipv4(struct reading *r, const char *at)
{
	struct slice s = {at, at};
	while (s.end < r->text.end && (is_digit(*s.end) || *s.end == '.'))
		s.end++;
	if (s.end > s.at && s.end[-1] == '.')
		s.end--;
	if (!is_ipv4(s) || !is_bounded(r, s) || is_network(r, s))
		return NULL;
	struct as outer = r->as;
	if (is_wildcard(s) && r->as.role == ROLE_CONNECT)
		r->as.role = ROLE_LISTEN;
	found_address(r->f, s, FINDING_IPV4, r->as);
	r->found++;
	const char *behind = port_behind(r, s.end, s, FORM_HOST_PORT);
	r->as = outer;
	return behind ? behind : s.end;
}

static const char *read_bracket(struct reading *r, const char *at)
{
	size_t left = (size_t)(r->text.end - at);
	const char *close = memchr(at, ']', left < ADDRESS_MOST + 2 ? left : ADDRESS_MOST + 2);
	struct slice s = {at + 1, close ? close : at + 1};
	if (!is_address(s, AF_INET6))
		return NULL;
	found_address(r->f, s, FINDING_IPV6, r->as);
	r->found++;
	const char *behind = port_behind(r, close + 1, (struct slice){at, close + 1}, FORM_HOST_PORT);
	return behind ? behind : close + 1;
}

/* Without brackets; `::` and `ab:c::` are too often something else: there is a digit in it. */
static const char *read_ipv6(struct reading *r, const char *at)
{
	struct slice s = {at, at};
	bool has_digit = false;
	for (; s.end < r->text.end && slice_length(s) < ADDRESS_MOST &&
		(is_word_char(*s.end) || *s.end == ':' || *s.end == '.');
		s.end++)
		has_digit = has_digit || is_digit(*s.end);
	if (!has_digit || !memchr(s.at, ':', slice_length(s)) || !is_address(s, AF_INET6))
		return NULL;
	if (!is_bounded(r, s) || is_network(r, s))
		return s.end;
	found_address(r->f, s, FINDING_IPV6, r->as);
	r->found++;
	return s.end;
}

static bool is_known_host(struct slice host)
{
	if (slice_is(host, "localhost") || slice_ends(host, ".localhost") || slice_is(host, "host.docker.internal"))
		return true;
	const char *dot = memrchr(host.at, '.', slice_length(host));
	if (!dot || host.end - dot < 3)
		return false;
	for (const char *at = dot + 1; at < host.end; at++)
		if (is_digit(*at) || *at == '_')
			return false;
	return true;
}

static bool is_any_host(struct slice host, struct slice port)
{
	static const char *const none[] = {"sha256", "sha512", "md5", "line", "col", "version", "v", "level"};
	bool has_letter = false;
	for (const char *at = host.at; at < host.end; at++)
		has_letter = has_letter || (is_word_char(*at) && !is_digit(*at));
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		if (!has_letter || slice_is(host, none[i]))
			return false;
	long number = 0;
	for (const char *at = port.at; at < port.end; at++)
		number = number * 10 + (*at - '0');
	return number >= LEAST_BEHIND_A_NAME;
}

static const char *read_name(struct reading *r, const char *at)
{
	struct slice host = {at, at}, digits;
	while (host.end < r->text.end && is_host_char(*host.end))
		host.end++;
	if (slice_begins((struct slice){host.end, r->text.end}, "://"))
		return read_url(r, host.end + 3);
	char before = at > r->text.at ? at[-1] : ' ';
	struct slice behind = {host.end + 1, r->text.end};
	bool known = is_known_host(host);
	if (host.end == r->text.end || *host.end != ':' || before == '/' || before == '\\' || before == '-')
		return host.end;
	if (!known && (r->hosts != HOSTS_ANY || !port_here(behind, &digits) || !is_any_host(host, digits)))
		return host.end;
	struct as outer = r->as;
	if (!known)
		r->as.confidence = CONFIDENCE_LIKELY;
	const char *end = port_behind(r, host.end, host, FORM_HOST_PORT);
	r->as = outer;
	return end ? end : host.end;
}

/* The place behind what begins here, or NULL: nothing does. */
static const char *read_at(struct reading *r, const char *at)
{
	const char *end = NULL;
	if (is_digit(*at))
		end = read_ipv4(r, at);
	if (!end && *at == '[')
		end = read_bracket(r, at);
	if (!end && (is_word_char(*at) || *at == ':') && (at == r->text.at || !is_word_char(at[-1])))
		end = read_ipv6(r, at);
	if (!end && is_word_char(*at))
		end = read_name(r, at);
	if (!end && slice_begins((struct slice){at, r->text.end}, "://"))
		end = read_url(r, at + 3);
	return end;
}

bool hosts_find(struct find *f, struct slice text, struct as as, enum hosts_which hosts)
{
	struct reading r = {.f = f, .text = text, .as = as, .hosts = hosts};
	/* Nearly all texts have none of these. */
	if (!memchr(text.at, ':', slice_length(text)) && !memchr(text.at, '.', slice_length(text)))
		return false;
	for (const char *at = text.at; at < text.end;) {
		const char *end = read_at(&r, at);
		at = end && end > at ? end : at + 1;
	}
	return r.found;
}
