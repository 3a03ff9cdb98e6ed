/* Files of lines: env files, Procfiles, Dockerfiles, Makefiles, shell scripts. */
#include <string.h>
#include <strings.h>

#include "scan/shell.h"
#include "scan/names.h"
#include "scan/readers.h"
#include "scan/hosts.h"
#include "scan/value.h"

struct slice cut_comment(struct slice *line)
{
	char quote = 0;
	for (const char *at = line->at; at < line->end; at++) {
		if (quote)
			quote = *at == quote ? 0 : quote;
		else if ((*at == '"' || *at == '\'') && (at == line->at || !is_word_char(at[-1])))
			quote = *at;
		else if (*at == '#' && (at == line->at || is_blank(at[-1]))) {
			struct slice comment = {at + 1, line->end};
			line->end = at;
			return comment;
		}
	}
	return (struct slice){0};
}

void find_hash_comments(struct find *f)
{
	struct slice rest = {f->bytes, f->bytes + f->length}, line;
	while (slice_line(&rest, &line)) {
		if (!memchr(line.at, '#', slice_length(line)))
			continue;
		struct slice comment = cut_comment(&line);
		if (comment.at)
			find_comment(f, comment);
	}
}

/* Lines that end in a backslash are one with the next. */
static bool logical_line(struct slice *rest, struct slice *line)
{
	struct slice next;
	if (!slice_line(rest, line))
		return false;
	while (line->end > line->at && line->end[-1] == '\\' && slice_line(rest, &next))
		line->end = next.end;
	return true;
}

/* The line as a command; its comment as that. */
static void find_command(struct find *f, struct slice line, enum finding_role role)
{
	struct slice comment = cut_comment(&line);
	if (comment.at)
		find_comment(f, comment);
	shell_find(f, line, (struct as){.role = role});
}

/* ---- env files ---- */

/* A value in quotes may go on over lines, and what is behind it is a comment. */
static struct slice dotenv_value(struct slice value, struct slice *rest, const char *end)
{
	value = slice_trim(value);
	if (value.at == value.end || (*value.at != '"' && *value.at != '\'')) {
		cut_comment(&value);
		return slice_trim(value);
	}
	const char *close = value.at + 1;
	while (close < end && *close != *value.at)
		close += *close == '\\' && close + 1 < end ? 2 : 1;
	if (close >= end)
		return value;
	if (close > value.end)
		rest->at = close + 1;
	return (struct slice){value.at + 1, close};
}

void read_dotenv(struct find *f)
{
	const char *end = f->bytes + f->length;
	struct slice rest = {f->bytes, end}, line;
	if (slice_begins(rest, "\xef\xbb\xbf"))
		rest.at += 3;
	while (slice_line(&rest, &line)) {
		line = slice_trim(line);
		if (slice_begins(line, "#")) {
			find_comment(f, (struct slice){line.at + 1, line.end});
			continue;
		}
		if (slice_begins(line, "export "))
			line = slice_trim((struct slice){line.at + 7, line.end});
		const char *equals = memchr(line.at, '=', slice_length(line));
		if (!equals)
			continue;
		struct slice value = dotenv_value((struct slice){equals + 1, line.end}, &rest, end);
		variable_find(f, slice_trim((struct slice){line.at, equals}), value, (struct as){.role = ROLE_CONNECT});
	}
}

/* ---- Procfile ---- */

void read_procfile(struct find *f)
{
	struct slice rest = {f->bytes, f->bytes + f->length}, line;
	while (slice_line(&rest, &line)) {
		const char *at = line.at;
		if (slice_begins(line, "#"))
			find_comment(f, (struct slice){line.at + 1, line.end});
		while (at < line.end && (is_word_char(*at) || *at == '-'))
			at++;
		if (at == line.at || at == line.end || *at != ':')
			continue;
		f->service = (struct slice){line.at, at};
		shell_find(f, (struct slice){at + 1, line.end}, (struct as){.role = ROLE_LISTEN});
	}
}

/* ---- Dockerfile ---- */

static bool is_instruction(struct slice word, const char *name)
{
	return slice_length(word) == strlen(name) && !strncasecmp(word.at, name, strlen(name));
}

/* As slice_word(); blanks in quotes do not end it. */
static bool quoted_word(struct slice *rest, struct slice *word)
{
	char quote = 0;
	*rest = slice_trim(*rest);
	*word = (struct slice){rest->at, rest->at};
	for (; rest->at < rest->end && (quote || !is_blank(*rest->at)); rest->at++)
		if (*rest->at == '"' || *rest->at == '\'')
			quote = quote == *rest->at ? 0 : quote ? quote : *rest->at;
	word->end = rest->at;
	return word->at < word->end;
}

/* ENV A=1 B="2", and the old ENV A 1. */
static void docker_env(struct find *f, struct slice rest, bool is_argument)
{
	struct slice word, old = rest;
	bool is_first = true;
	while (quoted_word(&rest, &word)) {
		const char *equals = memchr(word.at, '=', slice_length(word));
		if (!equals && is_first && slice_trim(rest).at < rest.end) {
			variable_find(f, word, rest, (struct as){.role = ROLE_CONNECT});
			return;
		}
		is_first = false;
		if (!equals)
			continue;
		struct as as = {.role = ROLE_CONNECT};
		if (is_argument)
			as.variable = (struct slice){word.at, equals};
		variable_find(f, (struct slice){word.at, equals}, (struct slice){equals + 1, word.end}, as);
	}
	hosts_find(f, old, (struct as){.role = ROLE_CONNECT}, HOSTS_KNOWN);
}

static void docker_instruction(struct find *f, struct slice word, struct slice rest)
{
	static const char *const commands[] = {"CMD", "ENTRYPOINT", "RUN"};
	if (is_instruction(word, "EXPOSE"))
		value_ports(f, rest, (struct as){.role = ROLE_TARGET});
	else if (is_instruction(word, "ENV") || is_instruction(word, "ARG"))
		docker_env(f, rest, is_instruction(word, "ARG"));
	else if (is_instruction(word, "HEALTHCHECK"))
		shell_find(f, rest, (struct as){.role = ROLE_CONNECT});
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (is_instruction(word, commands[i]))
			shell_find(f, rest, (struct as){.role = ROLE_LISTEN});
}

void read_dockerfile(struct find *f)
{
	struct slice rest = {f->bytes, f->bytes + f->length}, line, word;
	while (logical_line(&rest, &line)) {
		struct slice words = slice_trim(line);
		if (slice_begins(words, "#"))
			find_comment(f, (struct slice){words.at + 1, words.end});
		else if (slice_word(&words, &word))
			docker_instruction(f, word, words);
	}
}

/* ---- Makefile ---- */

/* PORT ?= 3000, also := += ::= and plain =. */
static bool make_assignment(struct find *f, struct slice line)
{
	struct slice words = slice_trim(line);
	if (slice_begins(words, "export "))
		words = slice_trim((struct slice){words.at + 7, words.end});
	const char *at = words.at;
	while (at < words.end && (is_word_char(*at) || *at == '.' || *at == '-'))
		at++;
	struct slice name = {words.at, at};
	while (at < words.end && is_blank(*at))
		at++;
	bool is_default = at < words.end && *at == '?';
	while (at < words.end && strchr(":?+!", *at))
		at++;
	if (name.at == name.end || at >= words.end || *at != '=')
		return false;
	struct as as = {.role = ROLE_CONNECT};
	if (is_default)
		as.variable = name;
	variable_find(f, name, (struct slice){at + 1, words.end}, as);
	return true;
}

void read_makefile(struct find *f)
{
	struct slice rest = {f->bytes, f->bytes + f->length}, line;
	while (logical_line(&rest, &line)) {
		struct slice comment = cut_comment(&line);
		if (comment.at)
			find_comment(f, comment);
		if (line.at == line.end)
			continue;
		const char *recipe = *line.at == '\t' ? line.at : memchr(line.at, ';', slice_length(line));
		if (*line.at != '\t' && make_assignment(f, line))
			continue;
		if (!recipe)
			continue;
		for (recipe++; recipe < line.end && strchr("@-+ ", *recipe);)
			recipe++;
		shell_find(f, (struct slice){recipe, line.end}, (struct as){.role = ROLE_LISTEN});
	}
}

/* ---- shell ---- */

void read_shell(struct find *f)
{
	struct slice rest = {f->bytes, f->bytes + f->length}, line;
	while (logical_line(&rest, &line))
		find_command(f, line, ROLE_LISTEN);
}
