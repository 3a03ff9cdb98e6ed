#include "stackfile/command.h"

#include <string.h>

#include "stackfile/shell_text.h"

#define METACHARACTERS "|&;<>()$`*?[]{}~!#\n"

/* Keywords and builtins of POSIX sh, dash and bash: run directly they would not be found, or do not
 * mean the same. */
static const char *const shell_words[] = {"!", ".", ":", "[", "[[", "]]", "alias", "bg", "bind",
	"break", "builtin", "caller", "case", "cd", "chdir", "command", "compgen", "complete",
	"compopt", "continue", "coproc", "declare", "dirs", "disown", "do", "done", "echo", "elif",
	"else", "enable", "esac", "eval", "exec", "exit", "export", "false", "fc", "fg", "fi",
	"for", "function", "getopts", "hash", "help", "history", "if", "in", "jobs", "kill", "let",
	"local", "logout", "mapfile", "popd", "printf", "pushd", "pwd", "read", "readarray",
	"readonly", "return", "select", "set", "shift", "shopt", "source", "suspend", "test",
	"then", "time", "times", "trap", "true", "type", "typeset", "ulimit", "umask", "unalias",
	"unset", "until", "wait", "while", "{", "}"};

static bool is_shell_word(const char *word)
{
	for (size_t i = 0; i < sizeof shell_words / sizeof *shell_words; i++)
		if (!strcmp(shell_words[i], word))
			return true;
	return false;
}

/* Goes over a text without metacharacters, word by word. */
struct splitter {
	const char *at;
	const struct interpolation *rules; /* NULL: references stay as they are */
	bool literal_equals; /* the word holds a '=' that was written there */
	struct error *e;
};

static int add_reference(struct splitter *s, size_t length, struct text *word)
{
	const char *begin = s->at;
	s->at += length;
	if (s->rules)
		return interpolate_part(begin, length, s->rules, word, s->e);
	text_add_bytes(word, begin, length);
	return 0;
}

/* In "..." a backslash is itself except before these (POSIX, 2.2.3). */
static bool escapes(const char *at, char quote)
{
	return *at == '\\' && at[1] && quote != '\'' && (!quote || strchr("$`\"\\", at[1]));
}

/* One step within a word; *quote is the open quote or 0. */
static int add_piece(struct splitter *s, char *quote, struct text *word)
{
	size_t ours = interpolate_ours(s->at);
	if (ours)
		return add_reference(s, ours, word);
	char c = *s->at;
	if (c == *quote && c) {
		*quote = '\0';
	} else if (!*quote && (c == '\'' || c == '"')) {
		*quote = c;
	} else {
		if (escapes(s->at, *quote))
			c = *++s->at;
		s->literal_equals = s->literal_equals || c == '=';
		text_add_char(word, c);
	}
	s->at++;
	return 0;
}

/* 1: a word was read, 0: there is none any more, -1: refused. */
static int next_word(struct splitter *s, struct text *word)
{
	char quote = '\0';
	text_clear(word);
	s->literal_equals = false;
	s->at += strspn(s->at, " \t");
	if (!*s->at)
		return 0;
	const char *begin = s->at;
	while (*s->at && (quote || !strchr(" \t", *s->at))) {
		if (*s->at == '\\' && quote != '\'' && interpolate_ours(s->at + 1)) {
			fail(s->e, EXIT_BAD_FILE, "a backslash stands before '%.60s'", s->at + 1);
			error_hint(s->e, "write $${...} for a variable of the shell's");
			return -1;
		}
		if (add_piece(s, &quote, word))
			return -1;
	}
	if (quote) {
		fail(s->e, EXIT_BAD_FILE, "the quote %c that begins in '%.40s' is not closed",
			quote, begin);
		error_hint(s->e, "close it, or put a backslash before it");
		return -1;
	}
	return text_ok(word) ? 1 : fail(s->e, EXIT_FAILED, "out of memory");
}

static bool has_metacharacter(const char *text, bool ours)
{
	for (; *text; text++) {
		size_t length = ours ? interpolate_ours(text) : 0;
		if (length)
			text += length - 1;
		else if (strchr(METACHARACTERS, *text))
			return true;
	}
	return false;
}

/* A leading `exec WORDS`: where WORDS begin, else NULL. */
static const char *behind_exec(const char *text)
{
	text += strspn(text, " \t");
	if (strncmp(text, "exec", 4) != 0 || !strchr(" \t", text[4]))
		return NULL;
	text += 4;
	text += strspn(text, " \t");
	return *text && *text != '-' ? text : NULL;
}

bool command_needs_shell(const char *text, bool ours)
{
	if (has_metacharacter(text, ours))
		return true;
	if (behind_exec(text))
		return false;
	struct error ignored;
	OWNED_TEXT word = {0};
	struct splitter s = {.at = text, .e = &ignored};
	return next_word(&s, &word) > 0 && (s.literal_equals || is_shell_word(text_string(&word)));
}

void command_quote(struct text *out, const char *word)
{
	if (shell_text_is_plain(word)) {
		text_add(out, word);
		return;
	}
	text_add_char(out, '\'');
	for (; *word; word++)
		if (*word == '\'')
			text_add(out, "'\\''");
		else
			text_add_char(out, *word);
	text_add_char(out, '\'');
}

static int make_shell(struct arena *arena, const char *text, const struct interpolation *rules,
	const char *shell, struct command *out, struct error *e)
{
	OWNED_TEXT filled = {0};
	if (rules && shell_text_fill(text, rules, &filled, e))
		return -1;
	char **argv = arena_take(arena, 4 * sizeof *argv);
	argv[0] = arena_string(arena, shell);
	argv[1] = arena_string(arena, "-c");
	argv[2] = arena_string(arena, rules ? text_string(&filled) : text);
	*out = (struct command){.text = argv[2], .argv = argv, .through_shell = true};
	return 0;
}

static int make_direct(struct arena *arena, const char *text, const struct interpolation *rules,
	struct command *out, struct error *e)
{
	const char *behind = behind_exec(text);
	struct splitter s = {.at = behind ? behind : text, .rules = rules, .e = e};
	OWNED_TEXT word = {0};
	OWNED_TEXT whole = {0};
	char **argv = NULL;
	size_t count = 0;
	int more;
	while ((more = next_word(&s, &word)) > 0) {
		*arena_append(arena, argv, count) = arena_string(arena, text_string(&word));
		text_add(&whole, count > 1 ? " " : "");
		command_quote(&whole, text_string(&word));
	}
	if (more < 0)
		return -1;
	if (!count || !*argv[0])
		return fail(e, EXIT_BAD_FILE, "the command is empty");
	if (!text_ok(&whole))
		return fail(e, EXIT_FAILED, "out of memory");
	*arena_append(arena, argv, count) = NULL;
	*out = (struct command){.text = arena_string(arena, text_string(&whole)), .argv = argv};
	return 0;
}

int command_make(struct arena *arena, const char *text, const struct interpolation *rules,
	const char *shell, struct command *out, struct error *e)
{
	if (text[strspn(text, " \t\n")] == '\0')
		return fail(e, EXIT_BAD_FILE, "the command is empty");
	if (command_needs_shell(text, rules != NULL))
		return make_shell(arena, text, rules, shell, out, e);
	return make_direct(arena, text, rules, out, e);
}
