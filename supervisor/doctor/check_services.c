/*
 * What running instances should have and show: their ports, on addresses that clients ask.
 */
#include "doctor/doctor.h"

#include <string.h>

enum { TOLD_MOST = 5 }; /* ports that a sentence names */

static const uint8_t nothing[16];
static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:0:0/96 */

static bool is_mapped(const struct socket_entry *s)
{
	return s->v6 && !memcmp(s->address, mapped, sizeof mapped);
}

static bool takes_ipv4(const struct socket_entry *s)
{
	bool everywhere = !memcmp(s->address, nothing, sizeof nothing);
	return !s->v6 || is_mapped(s) || (everywhere && !s->v6_only);
}

static bool takes_ipv6(const struct socket_entry *s)
{
	return s->v6 && !is_mapped(s);
}

static const struct owner *owner_of(const struct facts *f, const struct socket_entry *s)
{
	for (size_t i = 0; i < f->owners.count; i++)
		if (f->owners.items[i].inode == s->inode)
			return &f->owners.items[i];
	return NULL;
}

/* Its supervisor, or a process of the instance. Who cannot be looked at is believed to be one. */
static bool is_of(const struct facts *f, const struct socket_entry *s, const struct held_port *held)
{
	bool doubt = true;
	for (size_t i = 0; i < f->owners.count; i++) {
		const struct owner *owner = &f->owners.items[i];
		if (owner->inode != s->inode || !owner->pid)
			continue;
		doubt = false;
		if (owner->supervisor ||
			(owner->project && !strcmp(owner->project, held->project) &&
				owner->instance == held->instance))
			return true;
	}
	return doubt;
}

/* Who has it instead; *held becomes whether the instance has it. NULL: nobody has it. */
static const struct socket_entry *look_up(
	const struct facts *f, const struct held_port *port, bool *held)
{
	const struct socket_entry *other = NULL;
	*held = false;
	for (size_t i = 0; i < f->sockets.count && !*held; i++) {
		const struct socket_entry *s = &f->sockets.items[i];
		if (s->udp || s->port != port->port)
			continue;
		*held = is_of(f, s, port);
		other = s;
	}
	return other;
}

static void add_port(struct text *out, const struct held_port *port, size_t index)
{
	text_addf(out, "%s%u of %s instance %d", index ? "; " : "", port->port, port->project,
		port->instance);
	if (*port->service)
		text_addf(out, " service '%s'", port->service);
}

static void add_rest(struct text *out, size_t count)
{
	if (count > TOLD_MOST)
		text_addf(out, "; and %zu more", count - TOLD_MOST);
}

static void add_missing(const struct facts *f, struct text *out, const struct held_port *port,
	const struct socket_entry *other, size_t index)
{
	const struct owner *owner = other ? owner_of(f, other) : NULL;
	add_port(out, port, index);
	text_add(out, owner ? ", had by " : ", had by nobody");
	if (owner)
		owner_add_line(out, owner);
}

/* first: of those that are missing; had: of those that somebody has, 0 where nobody has any. */
static void add_cure(struct text *out, uint16_t first, uint16_t had)
{
	static const char again[] = "`stackup down` and `stackup up` take the port again";
	if (had)
		text_addf(out, "`stackup ports who %u` tells more; end who has it, then %s", had, again);
	else
		text_addf(out, "what a connection has left there passes by itself in up to 60 s "
			"(`stackup ports who %u` tells); then %s", first, again);
}

void judge_holds(const struct facts *f, struct finding *out)
{
	size_t missing = 0;
	uint16_t first = 0, had = 0;
	OWNED_TEXT ports = {0};
	for (size_t i = 0; i < f->held_count; i++) {
		bool held;
		const struct socket_entry *other = look_up(f, &f->held[i], &held);
		if (held || (!other && !f->shows_bound))
			continue;
		if (missing < TOLD_MOST)
			add_missing(f, &ports, &f->held[i], other, missing);
		first = first ? first : f->held[i].port;
		had = had || !other ? had : f->held[i].port;
		enum verdict verdict = *f->held[i].service ? VERDICT_PROBLEM : VERDICT_WARNING;
		if (verdict > out->verdict)
			out->verdict = verdict;
		missing++;
	}
	add_rest(&ports, missing);
	if (!f->held_count) {
		text_add(&out->text, "no instance runs");
	} else if (missing) {
		text_addf(&out->text, "not held, %zu of %zu ports of running instances: %s",
			missing, f->held_count, text_string(&ports));
		add_cure(&out->fix, first, had);
	} else if (f->shows_bound) {
		text_addf(
			&out->text, "running instances hold all their ports (%zu)", f->held_count);
	} else {
		text_add(&out->text, "this kernel does not show placeholders (6.8 and later do)");
	}
}

struct listeners {
	bool any;
	bool ipv4;
	bool ipv6;
};

static struct listeners listeners_on(const struct facts *f, uint16_t port)
{
	struct listeners l = {0};
	for (size_t i = 0; i < f->sockets.count; i++) {
		const struct socket_entry *s = &f->sockets.items[i];
		if (s->port != port || s->udp || s->state != SOCKET_LISTEN)
			continue;
		l.any = true;
		l.ipv4 |= takes_ipv4(s);
		l.ipv6 |= takes_ipv6(s);
	}
	return l;
}

/* Services that listen, but not by this protocol. */
static size_t services_without(
	const struct facts *f, bool ipv4, struct text *out, size_t *listening)
{
	size_t count = 0;
	*listening = 0;
	for (size_t i = 0; i < f->held_count; i++) {
		struct listeners l = listeners_on(f, f->held[i].port);
		if (!l.any || !*f->held[i].service)
			continue;
		++*listening;
		if (ipv4 ? l.ipv4 : l.ipv6)
			continue;
		if (count < TOLD_MOST)
			add_port(out, &f->held[i], count);
		count++;
	}
	add_rest(out, count);
	return count;
}

void judge_ipv6_only(const struct facts *f, struct finding *out)
{
	OWNED_TEXT ports = {0};
	size_t listening;
	if (!services_without(f, true, &ports, &listening)) {
		text_add(&out->text,
			listening ? "all services that listen do so by IPv4"
				  : "no service listens");
		return;
	}
	out->verdict = VERDICT_WARNING;
	text_addf(&out->text, "listening by IPv6 only, so that 127.0.0.1 is refused: %s",
		text_string(&ports));
	text_add(&out->fix,
		"let the server listen on 127.0.0.1 or on all addresses, often with "
		"`--host 127.0.0.1` or `--host 0.0.0.0`");
}

void judge_localhost(const struct facts *f, struct finding *out)
{
	OWNED_TEXT ports = {0};
	size_t listening, without = services_without(f, false, &ports, &listening);
	if (f->localhost == LOCALHOST_UNKNOWN) {
		out->verdict = VERDICT_PROBLEM;
		text_add(&out->text, "`localhost` has no address");
		text_add(&out->fix, "write `127.0.0.1 localhost` into /etc/hosts");
	} else if (f->localhost == LOCALHOST_IPV4_FIRST) {
		text_add(&out->text, "`localhost` is 127.0.0.1 first");
	} else if (!without) {
		text_add(&out->text,
			"`localhost` is ::1 first, and no service listens by IPv4 only");
	} else {
		out->verdict = VERDICT_WARNING;
		text_addf(&out->text,
			"`localhost` is ::1 first, and clients that try no second address "
			"are refused where a service listens by IPv4 only: %s",
			text_string(&ports));
		text_add(&out->fix,
			"let the server listen on `::` as well, give it `url = "
			"http://127.0.0.1:${port}`, or write `precedence ::ffff:0:0/96 100` into "
			"/etc/gai.conf");
	}
}
