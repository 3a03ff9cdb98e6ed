/*
 * dictionary.c - the dictionary of a target, made from the tables that the program itself is made from:
 *
 *	dictionary stackfile > stackfile.dict
 *
 * A target without a row gets an empty one. The format is that of libFuzzer and AFL: a string in quotes a
 * line. Prose of a table (what a key is for) is no word of it.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "ledger/columns.h"
#include "model/event.h"
#include "model/names.h"
#include "model/ranges.h"
#include "model/stack.h"

/* before and behind each word: as it stands in the input */
static void put(const char *before, const char *word, size_t length, const char *behind)
{
	const char *const parts[] = {before, word, behind};
	const size_t lengths[] = {strlen(before), length, strlen(behind)};
	putchar('"');
	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < lengths[i]; k++) {
			unsigned char c = (unsigned char)parts[i][k];
			if (c == '"' || c == '\\' || !isprint(c))
				printf("\\x%02x", c);
			else
				putchar(c);
		}
	puts("\"");
}

static void put_word(const char *before, const char *word, const char *behind)
{
	if (*word)
		put(before, word, strlen(word), behind);
}

static void put_each(const char *words, const char *separators)
{
	while (*words) {
		size_t length = strcspn(words, separators);
		if (length)
			put("", words, length, "");
		words += length + (words[length] != '\0');
	}
}

static void words_of_keys(void)
{
#define KEY(id, section, name, type, when, fallback, limits, summary, example)                     \
	put_word("\n", name, " = ");                                                               \
	put_word("", fallback, "");                                                                \
	put_word("", example, "");                                                                 \
	put_each(limits, " ,-");
#include "stackfile/keys.def"
#undef KEY
}

static void words_of_values(void)
{
#define KEY(id, section, name, type, when, fallback, limits, summary, example)                     \
	put_word("", fallback, "");                                                                \
	put_each(example, " ,");                                                                   \
	put_each(limits, " ,-");
#include "stackfile/keys.def"
#undef KEY
#define X(name, word) put_word("", word, " ");
	PROBE_KINDS(X)
#undef X
}

static void words_of_slots(void)
{
#define X(slot, name, aliases)                                                                     \
	put_word("", name, "");                                                                    \
	put_each(aliases, " ");
	SLOT_TABLE(X)
#undef X
#define X(number, name) put_word("", name, "");
	PURPOSE_TABLE(X)
#undef X
#define X(name, low, high, aliases, text) put_word("", name, "");
	TYPE_RANGE_TABLE(X)
	LEGACY_RANGE_TABLE(X)
#undef X
}

static void words_of_columns(void)
{
#define X(name, words) put_each(words, " ");
	COLUMNS(X)
#undef X
}

static void words_of_the_line(void)
{
#define COMMAND(name, alias, options, words, arguments, summary)                                   \
	put_word("", #name, "\n");                                                                 \
	put_word("", alias, "\n");
#include "cli/commands.def"
#undef COMMAND
#define OPTION(id, name, letter, argument, metavar, flags, help)                                   \
	put_word("--", name, "");                                                                  \
	put_word("--", name, "=");                                                                 \
	put_each(metavar, "|");                                                                    \
	put_word("-", (const char[]){letter, '\0'}, "");
#include "cli/options.def"
#undef OPTION
#define PORTS_VERB(name, options, least, most, arguments, summary) put_word("ports\n", #name, "\n");
#include "cli/ports/verbs.def"
#undef PORTS_VERB
#define REGISTRY_VERB(name, options, least, most, arguments, summary)                              \
	put_word("registry\n", #name, "\n");
#include "cli/registry/verbs.def"
#undef REGISTRY_VERB
#define INSTANCES_VERB(name, options, least, most, arguments, summary)                             \
	put_word("instances\n", #name, "\n");
#include "cli/instances/verbs.def"
#undef INSTANCES_VERB
}

static void words_of_events(void)
{
#define X(name, word, weight) put_word("\"kind\":\"", word, "\"");
	EVENT_KINDS(X)
#undef X
}

/* ---- what is in no table ---- */

static const char *const files[] = {"[stack]\n", "[service a]\n", "[service a @x]\n", "[defaults]\n",
	"[environment x]\n", "[instance 1]\n", "[ports]\n", "[registry]\n", "${", "${a.port}", "${HOME:-x}",
	"${HOME:?x}", "${instance}", "$${", "\\\n", "'", "\"", "$(", "`", "<<E\n", "\r\n", "\xef\xbb\xbf", "@",
	"env.", NULL};
static const char *const json[] = {"\"time\":\"", "\"seq\":", "\"service\":\"", "\"text\":\"",
	"\"instance\":", "{", "}\n", "null", "\\u001b", "\\u009b", "\\ud800", "\xe2\x80\xae", NULL};
static const char *const terminals[] = {"\033[", "\033]52;c;", "\033]0;", "\033]8;;", "\007", "\033\\",
	"\033P", "\033[6n", "\033[38;5;1m", "\033[0m", "\033[;m", "\233", "\302\233", "\r", "\n", "\b", "\177",
	"\342\200\256", "\342\200\213", "\342\201\246", "\357\273\277", "\355\240\200",
	"\364\220\200\200", NULL};
static const char *const kernel[] = {"%%\n", "00000000:1F90", "0100007F:0050 ", " 0A ", "/docker/",
	"/system.slice/", ".service", "docker-", ".scope", "libpod-", "crio-", "/lxc/", "machine.slice",
	"-host-port ", "-container-ip ", "-container-port ", "-proto udp", "docker-proxy", "0::/", NULL};
static const char *const git[] = {"%%\n", "ref: refs/heads/", "gitdir: ", "[core]\n", "worktree = ",
	"[remote \"origin\"]\n", "url = ", "../", "bare = true\n", " refs/heads/",
	"0123456789012345678901234567890123456789", NULL};
static const char *const notify[] = {"READY=1", "STOPPING=1", "RELOADING=1", "STATUS=", "\n", "MAINPID=1",
	"WATCHDOG=1", "FDSTORE=1", "BARRIER=1", NULL};
static const char *const ledger[] = {"| ", " |\n", "|---|", "\\|", "\"\"", ",", "\"projects\":[",
	"\"instances\":[", "\"version\":1", "{", "}", "]", "&#124;", "<br>", "`", "**", "&amp;", "30500-30599",
	NULL};

static const struct {
	const char *target;
	void (*put)(void);
	const char *const *list;
} rows[] = {
	{"stackfile", words_of_keys, files},
	{"stackfile", words_of_slots, NULL},
	{"settings", words_of_keys, files},
	{"settings", words_of_slots, NULL},
	{"values", words_of_values, NULL},
	{"values", words_of_slots, NULL},
	{"words", words_of_values, NULL},
	{"words", words_of_slots, NULL},
	{"procfile", NULL, files},
	{"dotenv", NULL, files},
	{"parts", NULL, files},
	{"arguments", words_of_the_line, NULL},
	{"frames", words_of_events, json},
	{"events", words_of_events, json},
	{"restored", words_of_columns, json},
	{"ledger", words_of_columns, ledger},
	{"ledger", words_of_slots, json},
	{"terminal", NULL, terminals},
	{"logs", NULL, terminals},
	{"kernel", NULL, kernel},
	{"git", NULL, git},
	{"notify", NULL, notify},
};

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: dictionary TARGET\n", stderr);
		return 2;
	}
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(rows[i].target, argv[1]) != 0)
			continue;
		if (rows[i].put)
			rows[i].put();
		for (const char *const *word = rows[i].list; word && *word; word++)
			put_word("", *word, "");
	}
	return 0;
}
