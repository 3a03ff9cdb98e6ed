#include "adopt/servers.h"

#include <string.h>

#include "base/text.h"
#include "model/names.h"

#define SERVER(program, word, options, flags, protocol) {program, word, options, flags, protocol},
static const struct server servers[] = {
#include "adopt/servers.def"
};
#undef SERVER
enum { SERVER_COUNT = sizeof servers / sizeof servers[0] };

/* What stands before a program and starts it. */
static const char runners[] = "exec env cross-env npx pnpx bunx bun pnpm yarn poetry pipenv uv pdm run bundle "
			      "python python3 php node dotenv time nohup sudo";

/* ---- words of the last command ---- */

struct word {
	const char *at; /* in the command */
	size_t length;
};

struct words {
	struct word *items;
	size_t count;
};

static const char *last_command(const char *command)
{
	const char *start = command;
	for (const char *at = command; *at; at++)
		if (strchr(";|&\n", *at) && at[1] && !(at > command && at[-1] == '>'))
			start = at + 1;
	return start;
}

/* Split at blanks; good enough for who looks for a program and its port. */
static struct words words_of(struct arena *arena, const char *command)
{
	struct words words = {0};
	const char *at = last_command(command);
	for (;;) {
		at += strspn(at, " \t");
		size_t length = strcspn(at, " \t");
		if (!length)
			return words;
		*arena_append(arena, words.items, words.count) = (struct word){at, length};
		at += length;
	}
}

static const char *text_of(struct arena *arena, const struct word *word)
{
	return arena_string_n(arena, word->at, word->length);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool is_assignment(const char *word)
{
	const char *equals = strchr(word, '=');
	return equals && equals > word && strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == (size_t)(equals - word);
}

static const struct server *find_row(const char *program, const char *next)
{
	for (size_t i = 0; i < SERVER_COUNT; i++)
		if (!strcmp(servers[i].program, program) && (!*servers[i].word || !strcmp(servers[i].word, next)))
			return &servers[i];
	return NULL;
}

/* "vite build" and its like end; a server they are not. */
static bool ends(const char *next)
{
	return name_is_among("build generate optimize lint info telemetry migrate test", next);
}

const struct server *server_of(struct arena *arena, const char *command)
{
	struct words words = words_of(arena, command);
	for (size_t i = 0; i < words.count; i++) {
		const char *word = text_of(arena, &words.items[i]);
		const char *next = i + 1 < words.count ? text_of(arena, &words.items[i + 1]) : "";
		const char *program = last_part(word);
		const struct server *row = find_row(program, next);
		if (row)
			return ends(next) ? NULL : row;
		bool option = *word == '-' && i;
		if (!option && !is_assignment(word) && !name_is_among(runners, program))
			return NULL;
	}
	return NULL;
}

/* ---- the port in it ---- */

static size_t digits_at(const char *at)
{
	return strspn(at, "0123456789");
}

/* Where a number that is a port begins at the end of the word: "3000", "127.0.0.1:3000"; NULL. */
static const char *trailing_port(const struct word *word)
{
	size_t digits = 0;
	while (digits < word->length && word->at[word->length - 1 - digits] >= '0' &&
		word->at[word->length - 1 - digits] <= '9')
		digits++;
	const char *start = word->at + word->length - digits;
	bool whole = digits == word->length || start[-1] == ':' || start[-1] == '=';
	return digits >= 2 && digits <= 5 && whole ? start : NULL;
}

/* "--port" and the word after it, "--port=3000", "-p3000". */
static const char *port_of_option(const struct words *words, size_t i, const char *option)
{
	const struct word *word = &words->items[i];
	size_t length = strlen(option);
	if (word->length < length || strncmp(word->at, option, length) != 0)
		return NULL;
	if (word->length == length)
		return i + 1 < words->count ? trailing_port(&words->items[i + 1]) : NULL;
	bool attached = word->at[length] == '=' || (option[1] != '-' && digits_at(word->at + length));
	if (!attached)
		return NULL;
	const char *port = trailing_port(word);
	return port ? port : digits_at(word->at + length) ? word->at + length : NULL;
}

/* The first digit of the port in the command, or NULL. */
static const char *find_port(struct arena *arena, const struct server *server, const char *command)
{
	struct words words = words_of(arena, command);
	if (!strcmp(server->options, "*"))
		return words.count ? trailing_port(&words.items[words.count - 1]) : NULL;
	for (const char *at = server->options; *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");
		const char *option = arena_string_n(arena, at, length);
		for (size_t i = 0; i < words.count; i++) {
			const char *port = port_of_option(&words, i, option);
			if (port)
				return port;
		}
		at += length;
	}
	return NULL;
}

/* PORT=3000 as a word of its own; NULL. */
static const char *find_assignment(const char *command)
{
	for (const char *at = command; (at = strstr(at, "PORT=")); at++)
		if ((at == command || at[-1] == ' ') && digits_at(at + 5))
			return at;
	return NULL;
}

bool server_has_port(struct arena *arena, const struct server *server, const char *command)
{
	return find_assignment(command) || (server && find_port(arena, server, command));
}

bool server_takes_variable(const char *command)
{
	return strstr(command, "$PORT") || strstr(command, "${PORT");
}

static const char *without_assignment(struct arena *arena, const char *command)
{
	const char *at = find_assignment(command);
	if (!at)
		return command;
	const char *after = at + 5 + digits_at(at + 5);
	after += strspn(after, " ");
	return arena_format(arena, "%.*s%s", (int)(at - command), command, after);
}

const char *server_fit(struct arena *arena, const struct server *server, const char *command)
{
	command = without_assignment(arena, command);
	const char *port = server ? find_port(arena, server, command) : NULL;
	if (port)
		return arena_format(arena, "%.*s${port}%s", (int)(port - command), command, port + digits_at(port));
	if (!server || !*server->flags || server_takes_variable(command))
		return command;
	return arena_format(arena, "%s %s", command, server->flags);
}
