#include <string.h>

#include "scan/shell.h"
#include "scan/names.h"
#include "scan/hosts.h"
#include "scan/value.h"

enum meaning {
	NOTHING,
	PORT,
	MAPPING,
	ADDRESS,
	PROTO, /* 3000/tcp */
	GUESS, /* of a program that is not in the table: as most do */
};

struct program {
	const char *name;
	enum meaning p, P, l, words;
	enum finding_role role;
};

static const struct program programs[] = {
#define PROGRAM(name, p, P, l, words, role) {name, p, P, l, words, role},
#include "scan/programs.def"
#undef PROGRAM
};
static const struct program any_program = {"", GUESS, NOTHING, GUESS, NOTHING, ROLE_LISTEN};

/* Also by its path. */
static bool is_program(struct slice word, const char *name)
{
	const char *slash = slice_length(word) ? memrchr(word.at, '/', slice_length(word)) : NULL;
	if (slash)
		word.at = slash + 1;
	return slice_is(word, name);
}

static const struct program *program_of(const struct command_state *s)
{
	for (size_t i = 0; s->program.at && i < sizeof programs / sizeof *programs; i++)
		if (is_program(s->program, programs[i].name))
			return &programs[i];
	return &any_program;
}

/* What starts another program: the next word is the one that counts. */
static bool is_wrapper(struct slice word)
{
	static const char *const wrappers[] = {"npx", "bunx", "exec", "sudo", "env", "cross-env", "bundle", "nohup",
		"time", "timeout", "yarn", "pnpm", "npm", "run", "dlx", "until", "while", "if", "then", "do", "else", "!",
		"pipx", "poetry", "uv", "dotenv", "--", "[", "rails", "CMD", "CMD-SHELL", "-c", "sh", "bash"};
	for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
		if (is_program(word, wrappers[i]))
			return true;
	return false;
}

/* `adduser -u 1001`: a role of those that have no ports. */
static bool has_ports(const struct program *program)
{
	return program->role != ROLE_MENTION;
}

static struct as meant(const struct program *program, struct as as)
{
	if (as.role == ROLE_LISTEN)
		as.role = program->role;
	return as;
}

/* `-p 4` is not a port; `-p 8080:80` is what container programs take, also behind a wrapper. */
static bool guess(struct find *f, struct slice value, struct as as)
{
	struct slice digits;
	if (slice_find(value, ":") && is_digit(*value.at))
		return value_mapping(f, value, as);
	if (port_here(value, &digits) && slice_length(digits) < 3 && !(digits.at[0] >= '8' && slice_length(digits) == 2))
		return false;
	return value_port(f, value, as);
}

static bool value_of(struct find *f, enum meaning meaning, struct slice value, struct as as)
{
	switch (meaning) {
	case NOTHING:
		return false;
	case PORT:
		return value_port(f, value, as);
	case MAPPING:
		return value_mapping(f, value, as);
	case ADDRESS:
		return value_address(f, value, as);
	case GUESS:
		return slice_length(value) && guess(f, value, as);
	case PROTO:
		return slice_find(value, "/") && value_port(f, value, as);
	}
	return false;
}

/* ---- options ---- */

static bool is_one_of(struct slice name, const char *const *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_is(name, table[i]))
			return true;
	return false;
}
#define ONE_OF(name, table) is_one_of((name), (table), sizeof(table) / sizeof *(table))

/* -L 15432:db.internal:5432 of ssh, also with an address before it. */
static bool forward_find(struct find *f, struct slice value, struct as as)
{
	const char *colon = memchr(value.at, ':', slice_length(value));
	struct slice digits;
	if (!colon || !port_here(value, &digits) || digits.end != colon)
		return false;
	as.role = ROLE_LISTEN;
	found_port(f, digits, as);
	as.role = ROLE_CONNECT;
	return value_address(f, (struct slice){colon + 1, value.end}, as);
}

static bool long_option(struct find *f, struct slice name, struct slice value, struct as as)
{
	static const char *const binds[] = {"bind", "listen", "addr", "address", "http", "bind-address",
		"listen-address", "http-address", "advertise", "web.listen-address", "bind_address"};
	static const char *const hosts[] = {"host", "hostname", "ip", "bind-host"};
	const struct program *program = program_of(&f->command);
	struct as own = meant(program, as);
	if (slice_begins(name, "inspect") || slice_is(name, "debug-port")) {
		as.role = ROLE_DEBUG;
		return value_address(f, value, as);
	}
	if (slice_is(name, "publish"))
		return value_mapping(f, value, as);
	if (name_is_port(name)) {
		if (name_role(name) != ROLE_LISTEN)
			own.role = name_role(name);
		return value_port(f, value, own);
	}
	if (ONE_OF(name, binds))
		return value_address(f, value, own);
	return ONE_OF(name, hosts) && hosts_address(f, value, own);
}

static bool short_option(struct find *f, char letter, struct slice value, struct as as)
{
	const struct program *program = program_of(&f->command);
	as = meant(program, as);
	switch (letter) {
	case 'p':
		return value_of(f, program->p, value, as);
	case 'P':
		return value_of(f, program->P, value, as);
	case 'l':
		return value_of(f, program->l, value, as) || (program->l && value_address(f, value, as));
	case 'b':
	case 'S':
		return has_ports(program) &&
			(slice_find(value, ":") ? value_address(f, value, as) : hosts_address(f, value, as));
	case 'h':
	case 'H':
		return has_ports(program) && hosts_address(f, value, as);
	case 'L':
	case 'R':
		return is_program(f->command.program, "ssh") && forward_find(f, value, as);
	case 'i':
		return is_program(f->command.program, "lsof") && value_address(f, value, as);
	default:
		return false;
	}
}

/* -port and -addr are one option, not letters. */
static bool is_long_name(struct slice name)
{
	return slice_length(name) > 2 && (name_is_port(name) || name_is_bind(name));
}

/* The value is in the same word, or it is the next one. */
static void option_word(struct find *f, struct slice word, struct as as)
{
	const char *equals = memchr(word.at, '=', slice_length(word));
	const char *colon = memchr(word.at, ':', slice_length(word));
	f->command.flag = (struct slice){0};
	if (slice_begins(word, "--")) {
		struct slice name = {word.at + 2, equals ? equals : word.end};
		if (!equals)
			f->command.flag = word;
		else if (!long_option(f, name, (struct slice){equals + 1, word.end}, as))
			assignment_find(f, (struct slice){name.at, word.end}, (struct as){.role = ROLE_CONNECT});
		return;
	}
	struct slice digits, name = {word.at + 1, equals ? equals : word.end};
	if (is_program(f->command.program, "lsof") && colon && port_here((struct slice){colon + 1, word.end}, &digits))
		found_port(f, digits, (struct as){.role = ROLE_CONNECT});
	else if (slice_length(word) == 2 || (!equals && is_long_name(name)))
		f->command.flag = word;
	else if (is_long_name(name)) /* as Go's programs have them */
		long_option(f, name, (struct slice){equals + 1, word.end}, as);
	else if (slice_begins(word, "-D") && equals) /* java -Dserver.port=8080 */
		variable_find(f, (struct slice){word.at + 2, equals}, (struct slice){equals + 1, word.end}, as);
	else
		short_option(f, word.at[1], (struct slice){word.at + 2, word.end}, as);
}

static bool option_value(struct find *f, struct slice word, struct as as)
{
	struct slice flag = f->command.flag;
	f->command.flag = (struct slice){0};
	if (!flag.at)
		return false;
	if (slice_length(flag) == 2)
		return short_option(f, flag.at[1], word, as);
	return long_option(f, (struct slice){flag.at + 1 + slice_begins(flag, "--"), flag.end}, word, as);
}

/* ---- words ---- */

/* `http.server 8000`, `runserver 0.0.0.0:8000`, `tcp:5432`, `:9001`, `kill-port 3000`. */
static void plain_word(struct find *f, struct slice word, struct slice before, struct as as)
{
	const struct program *program = program_of(&f->command);
	struct slice name, inner;
	as = meant(program, as);
	if (slice_begins(word, "tcp:") && !slice_begins(word, "tcp://")) {
		as.role = ROLE_CONNECT;
		value_address(f, (struct slice){word.at + 4, word.end}, as);
	} else if (slice_begins(word, "TCP-LISTEN:")) { /* of socat */
		value_port(f, (struct slice){word.at + 11, word.end}, as);
	} else if (slice_default(word, &name, &inner)) {
		if (name_is_port(name)) /* : "${PORT:=3000}" */
			value_port(f, word, as);
	} else if (before.at && (slice_is(before, "http.server") || slice_is(before, "runserver"))) {
		value_address(f, word, as);
	} else if (slice_length(word) > 1 && *word.at == ':' && is_digit(word.at[1]) && has_ports(program)) {
		as.confidence = CONFIDENCE_LIKELY;
		value_address(f, word, as);
	} else if (f->command.words > 1) {
		value_of(f, program->words, word, as);
	}
}

/* Below `docker exec NAME`, and after what only starts it, the next word is the program. */
static void note_program(struct command_state *s, struct slice word)
{
	bool is_docker = is_program(s->program, "docker") || is_program(s->program, "podman");
	if (is_docker && slice_is(word, "exec")) {
		*s = (struct command_state){.to_skip = 1};
	} else if (s->to_skip) {
		s->to_skip--;
	} else if (!s->program.at && !is_wrapper(word) && !is_digit(*word.at)) {
		s->program = word;
	}
	s->words += s->program.at != NULL;
}

static void command_word(struct find *f, struct slice word, struct slice before, struct as as)
{
	struct command_state *s = &f->command;
	if (word.at == word.end)
		return;
	if (slice_length(word) > 1 && *word.at == '-' && !is_digit(word.at[1])) {
		option_word(f, word, as);
		return;
	}
	struct as own = as;
	if (own.role == ROLE_CONNECT)
		own.role = ROLE_LISTEN;
	struct slice digits;
	bool is_value = s->flag.at && port_here(word, &digits) && digits.end == word.end;
	if (option_value(f, word, own) || assignment_find(f, word, (struct as){.role = ROLE_CONNECT}))
		return;
	note_program(s, word);
	/* The number of an option that is not known is its own: `wait-port -t 30000`. */
	if (!is_value)
		plain_word(f, word, before, own);
}

static bool is_separator(char c)
{
	return is_blank(c) || (c && strchr("\"'`;|&()<>,", c));
}

/* A line ends, or one command of it does. */
static bool ends_command(const char *at)
{
	return *at == '\n' || *at == ';' || *at == '|' || *at == '&' || *at == '(' || *at == '`';
}

/* Where a word ends: not within ${...}, nor in the quotes of NAME="VALUE". */
static const char *word_end(const char *at, const char *end)
{
	while (at < end) {
		const char *close = *at == '{' && at[-1] == '$' ? slice_closing(at, end) : NULL;
		if (!close && at[-1] == '=' && (*at == '"' || *at == '\'')) {
			close = memchr(at + 1, *at, (size_t)(end - at - 1));
			close = close ? close + 1 : NULL;
		}
		if (!close && is_separator(*at))
			return at;
		at = close ? close : at + 1;
	}
	return at;
}

void shell_find(struct find *f, struct slice text, struct as as)
{
	struct slice before = {0};
	f->command = (struct command_state){0};
	for (const char *at = text.at; at < text.end;) {
		if (is_separator(*at) || *at == '\\') {
			bool opens = at + 1 < text.end && (*at == '\'' || *at == '"') && f->command.program.at == NULL;
			/* A line that is continued is one. */
			bool continues = *at == '\n' && at > text.at && at[-1] == '\\';
			if (ends_command(at) && !continues && !opens) {
				f->command = (struct command_state){0};
				before = (struct slice){0};
			}
			at++;
			continue;
		}
		struct slice word = {at, word_end(at + 1, text.end)};
		at = word.end;
		while (word.end > word.at + 1 && word.end[-1] == '\\')
			word.end--;
		if (at < text.end && *at == '>' && is_digit(*word.at)) /* 2>&1 */
			continue;
		command_word(f, word, before, as);
		before = word;
	}
	hosts_find(f, text, (struct as){.role = ROLE_CONNECT}, HOSTS_KNOWN);
}

void shell_argument(struct find *f, struct slice word, struct as as)
{
	word = slice_bare(word);
	bool is_line = false;
	for (const char *at = word.at; at < word.end; at++)
		is_line = is_line || is_blank(*at);
	if (is_line) {
		struct command_state outer = f->command;
		shell_find(f, word, as);
		f->command = outer;
		return;
	}
	command_word(f, word, (struct slice){0}, as);
	hosts_find(f, word, (struct as){.role = ROLE_CONNECT}, HOSTS_KNOWN);
}
