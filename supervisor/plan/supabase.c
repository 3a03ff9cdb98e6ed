#include "plan/supabase.h"

#include <ctype.h>
#include <string.h>

#include "base/words.h"
#include "model/names.h"

WORDS(supabase_outcome_word, supabase_outcome, SUPABASE_OUTCOMES)

static const struct known_key {
	const char *section;
	const char *key;
	int slot;
	const char *names;
} known_keys[] = {
#define X(section, key, slot, names) {section, key, slot, names},
	SUPABASE_KEYS(X)
#undef X
};
enum { KNOWN_KEYS = sizeof known_keys / sizeof known_keys[0] };

/* ---- which port ---- */

/* The main port is called as its service. */
static bool is_called(const struct port *port, const char *names)
{
	return name_is_among(names, !strcmp(port->name, "main") ? port->service : port->name);
}

static const struct port *port_for(const struct known_key *key, const struct port *ports, int count)
{
	const struct port *called = NULL, *placed = NULL;
	for (int i = 0; i < count; i++) {
		const struct port *port = &ports[i];
		if (!port->number)
			continue;
		if (is_called(port, key->names) && strstr(port->service, "supabase"))
			return port;
		if (!called && is_called(port, key->names))
			called = port;
		/* A slot that was given automatically means nothing. */
		if (!placed && port->source == PORT_SLOT && port->slot == key->slot)
			placed = port;
	}
	return called ? called : placed;
}

/* ---- the file: as much of TOML (https://toml.io/en/v1.0.0) as tells keys from text ---- */

struct scan {
	const char *at; /* of the line */
	const char *end; /* of the line */
	int line;
	char section[64]; /* "" before the first one; a name that is too long is none of ours */
	const char *open; /* the quotes of a string of several lines that is not closed; NULL */
};

struct assignment {
	char name[96]; /* with its section */
	const char *value;
	const char *value_end;
	bool commented;
};

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

/* A dotted name without its blanks and quotes; NULL: none, or one that is too long. */
static const char *take_name(const char *at, const char *end, char *out, size_t size)
{
	size_t length = 0;
	char quote = 0;
	for (; at < end; at++) {
		bool bare = isalnum((unsigned char)*at) || *at == '_' || *at == '-' || *at == '.';
		if (quote && *at == quote)
			quote = 0;
		else if (!quote && (*at == '"' || *at == '\''))
			quote = *at;
		else if (!quote && !bare && *at != ' ' && *at != '\t')
			break;
		else if (length + 1 < size && (quote || bare))
			out[length++] = *at;
		else if (quote || bare)
			return NULL;
	}
	out[length] = '\0';
	return length && !quote ? at : NULL;
}

static void enter_section(struct scan *s, const char *at)
{
	bool array = at + 1 < s->end && at[1] == '[';
	const char *after = take_name(at + 1, s->end, s->section, sizeof s->section);
	if (array || !after || after == s->end || *after != ']')
		memcpy(s->section, "?", 2);
}

/* NAME = VALUE, or the same behind a #. */
static bool read_assignment(const struct scan *s, const char *at, struct assignment *a)
{
	char key[64];
	a->commented = *at == '#';
	if (a->commented)
		at = skip_blanks(at + 1, s->end);
	at = take_name(at, s->end, key, sizeof key);
	if (!at || at == s->end || *at != '=')
		return false;
	size_t section = strlen(s->section), length = strlen(key);
	if (section + length + 2 > sizeof a->name)
		return false;
	memcpy(a->name, s->section, section);
	memcpy(a->name + section, ".", 1);
	memcpy(a->name + section + (section > 0), key, length + 1);
	a->value = skip_blanks(at + 1, s->end);
	a->value_end = a->value;
	while (a->value_end < s->end && !strchr(" \t\r\n#", *a->value_end))
		a->value_end++;
	return true;
}

/* Does a string of several lines begin here and go on after it? */
static void follow_string(struct scan *s, const char *at)
{
	static const char *const quotes[] = {"\"\"\"", "'''"};
	for (int i = 0; i < 2 && s->end - at >= 3; i++)
		if (!memcmp(at, quotes[i], 3) &&
			!memmem(at + 3, (size_t)(s->end - at - 3), quotes[i], 3))
			s->open = quotes[i];
}

/* True: *a is an assignment of the line. */
static bool read_line(struct scan *s, struct assignment *a)
{
	if (s->open) {
		if (memmem(s->at, (size_t)(s->end - s->at), s->open, 3))
			s->open = NULL;
		return false;
	}
	const char *at = skip_blanks(s->at, s->end);
	if (at == s->end)
		return false;
	if (*at == '[')
		return enter_section(s, at), false;
	if (!read_assignment(s, at, a))
		return false;
	if (!a->commented)
		follow_string(s, a->value);
	return true;
}

/* ---- writing ---- */

struct writing {
	struct arena *arena;
	struct supabase_key all[KNOWN_KEYS];
	struct text *out;
};

static struct supabase_key *key_named(struct writing *w, const char *name)
{
	for (int i = 0; i < KNOWN_KEYS; i++) {
		struct supabase_key *key = &w->all[i];
		size_t section = strlen(key->section);
		if (!strncmp(name, key->section, section) && name[section] == '.' &&
			!strcmp(name + section + 1, key->key))
			return key;
	}
	return NULL;
}

static int base_of(const char *prefix)
{
	return !strcmp(prefix, "0x") ? 16 : !strcmp(prefix, "0o") ? 8 : !strcmp(prefix, "0b") ? 2 : 10;
}

/*
 * An integer as TOML has it: +54321, 54_321, 0xD431. An underscore is between two digits; a decimal
 * number does not begin with 0. -1: it is none, or larger than a port.
 */
static int integer_of(const struct assignment *a)
{
	char prefix[3] = "";
	const char *at = a->value + (a->value < a->value_end && *a->value == '+');
	memcpy(prefix, at, a->value_end - at > 2 ? 2 : 0);
	int base = base_of(prefix), number = 0;
	bool leads_with_zero = a->value_end - at > 1 && *at == '0';
	if (base != 10 ? at > a->value : leads_with_zero)
		return -1;
	at += base != 10 ? 2 : 0;
	bool digit_before = false;
	for (; at < a->value_end && number <= UINT16_MAX; at++) {
		int digit = !isxdigit((unsigned char)*at) ? base
			: isdigit((unsigned char)*at) ? *at - '0'
						      : tolower((unsigned char)*at) - 'a' + 10;
		if (digit >= base && (*at != '_' || !digit_before))
			return -1;
		digit_before = digit < base;
		number = digit_before ? number * base + digit : number;
	}
	return digit_before && number <= UINT16_MAX ? number : -1;
}

/*
 * A key that is set counts, wherever it stands; one that is commented out only where there is no
 * other.
 */
static void note(struct writing *w, struct supabase_key *key, const struct assignment *a, int line)
{
	if (a->commented && key->line)
		return;
	key->line = line;
	key->before = arena_string_n(w->arena, a->value, (size_t)(a->value_end - a->value));
	if (!key->port)
		key->outcome = SUPABASE_NO_PORT;
	else if (a->commented)
		key->outcome = SUPABASE_COMMENTED;
	else if (integer_of(a) < 0)
		key->outcome = SUPABASE_NO_NUMBER;
	else
		key->outcome = integer_of(a) == key->port ? SUPABASE_SAME : SUPABASE_CHANGED;
}

static void write_line(struct writing *w, const struct scan *s, const struct assignment *a)
{
	struct supabase_key *key = a ? key_named(w, a->name) : NULL;
	if (key)
		note(w, key, a, s->line);
	if (!key || a->commented || key->outcome != SUPABASE_CHANGED)
		return text_add_bytes(w->out, s->at, (size_t)(s->end - s->at));
	text_add_bytes(w->out, s->at, (size_t)(a->value - s->at));
	text_addf(w->out, "%u", key->port);
	text_add_bytes(w->out, a->value_end, (size_t)(s->end - a->value_end));
}

static void begin(struct writing *w, const struct port *ports, int count)
{
	for (int i = 0; i < KNOWN_KEYS; i++) {
		const struct port *port = port_for(&known_keys[i], ports, count);
		w->all[i] = (struct supabase_key){.section = known_keys[i].section,
			.key = known_keys[i].key,
			.service = port ? port->service : NULL,
			.port_name = port ? port->name : NULL,
			.port = port ? port->number : 0,
			.outcome = SUPABASE_ABSENT};
	}
}

size_t supabase_write(struct arena *arena, const char *content, size_t length,
	const struct port *ports, int port_count, struct supabase_key **keys, struct text *out)
{
	struct writing w = {.arena = arena, .out = out};
	struct scan s = {.at = content};
	const char *end = content + length;
	size_t count = 0, there = 0;
	begin(&w, ports, port_count);
	for (; s.at < end; s.at = s.end) {
		struct assignment a;
		const char *newline = memchr(s.at, '\n', (size_t)(end - s.at));
		s.end = newline ? newline + 1 : end;
		s.line++;
		write_line(&w, &s, read_line(&s, &a) ? &a : NULL);
	}
	*keys = NULL;
	for (int i = 0; i < KNOWN_KEYS; i++) {
		there += w.all[i].line > 0;
		if (w.all[i].line || w.all[i].port)
			*arena_append(arena, *keys, count) = w.all[i];
	}
	return there ? count : 0;
}
