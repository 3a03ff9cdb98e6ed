#include "ledger/cells.h"

#include <ctype.h>
#include <string.h>

#include "ledger/cell_parts.h"
#include "model/names.h"
#include "ports/policy.h"

/* ---- numbers ---- */

const char *cell_plain(const char *text, struct arena *arena)
{
	static const char *const dashes[] = {
		"\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2212", ".."};
	char *out = arena_string(arena, text), *at = out;
	while (*text) {
		size_t length = 0;
		for (size_t i = 0; !length && i < sizeof dashes / sizeof dashes[0]; i++)
			if (!strncmp(text, dashes[i], strlen(dashes[i])))
				length = strlen(dashes[i]);
		*at++ = (char)(length ? '-' : tolower((unsigned char)*text));
		text += length ? length : 1;
	}
	*at = '\0';
	return out;
}

const char *cell_skip_word(const char *at, const char *const *words)
{
	for (; *words; words++) {
		size_t length = strlen(*words);
		if (!strncmp(at, *words, length) && !isalpha((unsigned char)at[length]))
			return at + length;
	}
	return NULL;
}

/* Blanks, separators, remarks in parentheses, and words that say nothing. */
static const char *skip(const char *at)
{
	static const char *const words[] = {
		"and", "blocks", "block", "ports", "port", "instance", NULL};
	for (;;) {
		const char *after = cell_skip_word(at, words);
		if (after)
			at = after;
		else if (*at == '(' && strchr(at, ')'))
			at = strchr(at, ')') + 1;
		else if (*at && strchr(" \t\n,;&+#:", *at))
			at++;
		else
			return at;
	}
}

const char *cell_skip_blanks(const char *at)
{
	return at + strspn(at, " \t\n");
}

/* "305xx" is 30500 to 30599. Returns what follows; NULL: no number, or one that is too large. */
static const char *take_number(const char *at, int *low, int *high)
{
	if (!isdigit((unsigned char)*at))
		return NULL;
	*low = *high = 0;
	for (int digits = 0; isdigit((unsigned char)*at) || *at == 'x'; at++) {
		if (++digits > 5 || (at[0] == 'x' && isdigit((unsigned char)at[1])))
			return NULL;
		*low = *low * 10 + (*at == 'x' ? 0 : *at - '0');
		*high = *high * 10 + (*at == 'x' ? 9 : *at - '0');
	}
	return isalpha((unsigned char)*at) ? NULL : at;
}

/* "30100-99": the second number has the first digits of the first one. */
static int complete(int first, int last)
{
	int unit = 10;
	while (unit <= last)
		unit *= 10;
	return last < first ? first / unit * unit + last : last;
}

static const char *skip_dash(const char *at)
{
	static const char *const words[] = {"to", NULL};
	const char *dash = cell_skip_blanks(at);
	const char *after = cell_skip_word(dash, words);
	return after ? cell_skip_blanks(after) : *dash == '-' ? cell_skip_blanks(dash + 1) : NULL;
}

/* A number or a range; NULL: neither. */
static const char *take_range(const char *at, int *low, int *high)
{
	int second;
	at = take_number(at, low, high);
	const char *after = at ? skip_dash(at) : NULL;
	if (!after)
		return at;
	after = take_number(after, &second, high);
	*high = complete(*low, *high);
	return after && *high >= *low ? after : NULL;
}

bool cell_ports(const char *text, struct arena *arena, struct ledger_ports **out, size_t *count)
{
	const char *at = skip(cell_plain(text, arena));
	while (*at) {
		int low, high;
		at = take_range(at, &low, &high);
		if (!at || low < 1 || high > UINT16_MAX)
			return false;
		*arena_append(arena, *out, *count) =
			(struct ledger_ports){(uint16_t)low, (uint16_t)high};
		at = skip(at);
	}
	return true;
}

/* Also those that there are not: whoever judges says so. */
static bool add_blocks(struct arena *arena, int low, int high, int **blocks, size_t *count)
{
	for (int block = low; block <= high && high < PORTS_BASE_LEAST; block++)
		*arena_append(arena, *blocks, *count) = block;
	return high < PORTS_BASE_LEAST;
}

bool cell_blocks(const char *text, struct arena *arena, int **blocks, size_t *block_count,
	struct ledger_ports **ports, size_t *port_count)
{
	const char *whole = cell_plain(text, arena);
	size_t length = strcspn(whole, "(");
	const char *at = skip(arena_string_n(arena, whole, length));
	while (*at) {
		int low, high;
		at = take_range(at, &low, &high);
		if (!at || high > UINT16_MAX)
			return false;
		if (low >= PORTS_BASE_LEAST)
			*arena_append(arena, *ports, *port_count) =
				(struct ledger_ports){(uint16_t)low, (uint16_t)high};
		else if (!add_blocks(arena, low, high, blocks, block_count))
			return false;
		at = skip(at);
	}
	if (!whole[length])
		return true;
	const char *inside = whole + length + 1;
	return cell_ports(
		arena_string_n(arena, inside, strcspn(inside, ")")), arena, ports, port_count);
}

int cell_instance(const char *text)
{
	int number = 0;
	while (*text && !isdigit((unsigned char)*text))
		if (!isalpha((unsigned char)*text) && !strchr(" #:", *text))
			return 0;
		else
			text++;
	for (; isdigit((unsigned char)*text) && number < 1000; text++)
		number = number * 10 + (*text - '0');
	text = cell_skip_blanks(text);
	return *text && !strchr("(:,-", *text) ? 0 : number;
}

/* ---- words ---- */

/* Its letters alone, up to a remark: an emoji or a blank before the word says nothing. */
static void take_letters(const char *text, char *out, size_t size)
{
	size_t length = 0;
	for (; *text && !strchr("(:,;/", *text) && strncmp(text, " - ", 3) != 0 &&
		length + 1 < size;
		text++)
		if (isalpha((unsigned char)*text))
			out[length++] = (char)tolower((unsigned char)*text);
	out[length] = '\0';
}

const char *cell_project_status(const char *text)
{
	static const struct {
		const char *words;
		const char *status;
	} meanings[] = {
		{"active inuse used live running current ongoing yes", "active"},
		{"reserved planned future upcoming pending allocated", "reserved"},
		{"legacy deprecated old maintenance", "legacy"},
		{"archived retired inactive done closed removed decommissioned", "archived"},
		{"free available unassigned unused open", "free"},
	};
	char word[32];
	take_letters(text, word, sizeof word);
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
		if (*word && name_is_among(meanings[i].words, word))
			return meanings[i].status;
	return NULL;
}

bool cell_instance_status(const char *text, enum instance_status *out)
{
	char word[32];
	take_letters(text, word, sizeof word);
	*out = !strcmp(word, "crashed") ? INSTANCE_CRASHED : INSTANCE_STOPPED;
	return *word &&
		name_is_among(
			"crashed stopped running active inuse used live current reserved planned "
			"inactive idle paused down up ready degraded starting failed done pending",
			word);
}

/* ---- branch and environment in one ---- */

static bool is_environment(const char *word)
{
	return name_is_among(
		"development dev test tests testing ci qa staging stage production prod "
		"preview local integration performance uat demo",
		word);
}

static const char *known(struct arena *arena, const char *text, size_t length)
{
	return length == 1 && *text == '-' ? "" : arena_string_n(arena, text, length);
}

void cell_split_branch(
	const char *text, struct arena *arena, const char **branch, const char **environment)
{
	const char *bar = strstr(text, " / ");
	*branch = *environment = NULL;
	if (bar) {
		*branch = known(arena, text, (size_t)(bar - text));
		*environment = known(arena, bar + 3, strlen(bar + 3));
	} else if (is_environment(text)) {
		*environment = arena_string(arena, text);
	} else if (*text) {
		*branch = known(arena, text, strlen(text));
	}
}

void cell_join_branch(struct text *out, const char *branch, const char *environment)
{
	bool usual = !strcmp(environment, "development");
	if (!*branch && is_environment(environment))
		text_add(out, environment);
	else if (*branch && usual && !is_environment(branch) && !strstr(branch, " / "))
		text_add(out, branch);
	else
		text_addf(out, "%s / %s", *branch ? branch : "-", *environment ? environment : "-");
}
