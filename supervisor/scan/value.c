#include <string.h>

#include "scan/hosts.h"
#include "scan/value.h"

enum { PORT_MOST = 65535, MAPPING_PARTS = 4 };

bool port_here(struct slice text, struct slice *digits)
{
	long number = 0;
	const char *at = text.at;
	for (; at < text.end && is_digit(*at) && number <= PORT_MOST; at++)
		number = number * 10 + (*at - '0');
	if (at == text.at || *text.at == '0' || number > PORT_MOST)
		return false;
	if (at < text.end && (is_word_char(*at) || (*at == '.' && at + 1 < text.end && is_digit(at[1]))))
		return false;
	*digits = (struct slice){text.at, at};
	return true;
}

/* "/tcp", "/udp", in any case. */
static const char *skip_protocol(const char *at, const char *end)
{
	if (at == end || *at != '/')
		return at;
	struct slice word = {at + 1, end};
	const char *stop = at + 1;
	while (stop < end && is_word_char(*stop) && !is_digit(*stop))
		stop++;
	return slice_length(word) >= 3 && stop - at >= 3 ? stop : at;
}

/* {{ .Values.port | default 9000 }} */
static bool template_default(struct find *f, struct slice value, struct as as)
{
	const char *word = slice_find(value, "default ");
	struct slice digits;
	if (!word || !port_here((struct slice){word + strlen("default "), value.end}, &digits))
		return false;
	found_port(f, digits, as);
	return true;
}

bool value_port(struct find *f, struct slice value, struct as as)
{
	struct slice name, inner, first, last = {0};
	value = slice_bare(value);
	if (slice_default(value, &name, &inner)) {
		as.variable = name;
		return value_port(f, inner, as);
	}
	if (slice_begins(value, "{{"))
		return template_default(f, value, as);
	if (!port_here(value, &first))
		return false;
	const char *at = first.end;
	if (at < value.end && *at == '-' && port_here((struct slice){at + 1, value.end}, &last))
		at = last.end;
	if (skip_protocol(at, value.end) != value.end)
		return false;
	as.is_udp = as.is_udp || slice_ends(value, "/udp") || slice_ends(value, "/UDP");
	found_port(f, first, as);
	if (last.at)
		found_port(f, last, as);
	return true;
}

void value_ports(struct find *f, struct slice value, struct as as)
{
	while (value.at < value.end) {
		struct slice word = {value.at, value.at};
		while (word.end < value.end && !is_blank(*word.end) && *word.end != ',')
			word.end++;
		value_port(f, word, as);
		value.at = word.end + (word.end < value.end);
	}
}

/* Colons outside of braces and brackets part it. */
static size_t split(struct slice value, struct slice parts[MAPPING_PARTS])
{
	size_t count = 0;
	int depth = 0;
	parts[0] = (struct slice){value.at, value.end};
	for (const char *at = value.at; at < value.end; at++) {
		depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
		if (*at != ':' || depth || count + 1 >= MAPPING_PARTS)
			continue;
		parts[count].end = at;
		parts[++count] = (struct slice){at + 1, value.end};
	}
	return count + 1;
}

/* `${BIND:+127.0.0.1:}8080`: what stands before the number says where, not which. */
static struct slice without_prefix(struct slice part)
{
	if (!slice_begins(part, "${"))
		return part;
	const char *close = slice_closing(part.at + 1, part.end);
	return close && close < part.end ? (struct slice){close, part.end} : part;
}

static bool is_part(struct slice part)
{
	struct slice digits, name, inner;
	part = without_prefix(part);
	return part.at == part.end || *part.at == '$' || port_here(part, &digits) ||
		slice_default(part, &name, &inner);
}

bool value_mapping(struct find *f, struct slice value, struct as as)
{
	struct slice name, inner, parts[MAPPING_PARTS];
	value = slice_bare(value);
	if (slice_default(value, &name, &inner) && slice_find(inner, ":")) {
		as.variable = name;
		return value_mapping(f, inner, as);
	}
	size_t count = split(value, parts);
	if (count > 3 || !is_part(parts[count - 1]) || (count > 1 && !is_part(parts[count - 2])))
		return false;
	as.form = count > 1 ? FORM_MAPPING : FORM_NUMBER;
	as.is_udp = slice_ends(value, "/udp") || slice_ends(value, "/UDP");
	as.role = ROLE_PUBLISH;
	if (count == 3)
		value_address(f, parts[0], as);
	if (count > 1)
		value_port(f, without_prefix(parts[count - 2]), as);
	as.role = ROLE_TARGET;
	return value_port(f, without_prefix(parts[count - 1]), as) || count > 1;
}

/* The host may be none, a star, a name, an address, or three colons as haproxy writes it. */
static bool host_and_port(struct find *f, struct slice host, struct slice port, struct as as)
{
	struct slice digits, name, inner;
	if (host.end > host.at && host.end[-1] == ':' && !slice_is(host, "::"))
		return false;
	if (!port_here(port, &digits) && !slice_default(port, &name, &inner))
		return false;
	hosts_address(f, host, as);
	as.host = host;
	as.form = FORM_HOST_PORT;
	return value_port(f, port, as);
}

bool value_address(struct find *f, struct slice value, struct as as)
{
	struct slice parts[MAPPING_PARTS], name, inner;
	value = slice_bare(value);
	if (slice_find(value, "://"))
		return hosts_find(f, value, as, HOSTS_ANY);
	if (slice_default(value, &name, &inner)) {
		as.variable = name;
		return value_address(f, inner, as);
	}
	if (slice_begins(value, "unix:") || slice_begins(value, "/") || slice_begins(value, "@"))
		return false;
	if (slice_begins(value, ":::"))
		return host_and_port(f, (struct slice){value.at, value.at + 2},
			(struct slice){value.at + 3, value.end}, as);
	size_t count = split(value, parts);
	if (count == 2)
		return host_and_port(f, parts[0], parts[1], as);
	return hosts_address(f, value, as) || (count == 1 && value_port(f, value, as));
}

/* The name behind the last `env.` before the operator, or in env['NAME'] and env.get('NAME'). */
struct slice expression_variable(struct slice value)
{
	const char *either = slice_find(value, "||"), *nullish = slice_find(value, "??");
	const char *operator = either ? either : nullish;
	struct slice before = {value.at, operator ? operator : value.at};
	const char *env = slice_find(before, "env");
	if (!env)
		return (struct slice){0};
	struct slice name = {env + 3, env + 3};
	if (slice_begins((struct slice){name.at, before.end}, ".get("))
		name.at += 5;
	while (name.at < before.end && strchr(".['\"(`", *name.at))
		name.at++;
	name.end = name.at;
	while (name.end < before.end && is_word_char(*name.end))
		name.end++;
	return name;
}

static struct slice after(struct slice value, const char *sign)
{
	const char *at = slice_find(value, sign);
	return at ? (struct slice){at + strlen(sign), value.end} : (struct slice){0};
}

bool value_expression(struct find *f, struct slice value, struct as as)
{
	static const char *const signs[] = {"||", "??", "Number(", "parseInt("};
	if (value_port(f, value, as))
		return true;
	as.variable = expression_variable(value);
	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
		struct slice digits, rest = slice_trim(after(value, signs[i]));
		while (rest.at < rest.end && strchr("'\"`", *rest.at))
			rest.at++;
		if (rest.at < rest.end && port_here(rest, &digits)) {
			found_port(f, digits, as);
			return true;
		}
	}
	return false;
}
