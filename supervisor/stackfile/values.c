#include "stackfile/values.h"

#include <ctype.h>
#include <signal.h>
#include <string.h>

#include "base/nearest.h"
#include "base/number.h"
#include "base/text.h"
#include "model/names.h"
#include "stackfile/values_list.h"

enum { SHOWN_MOST = 60 };

static bool write_form(const struct site *site)
{
	complaint_hint(site->complaints, "write %s", schema_form(site->row->type));
	return false;
}

bool value_refuse(const struct site *site, const char *text)
{
	size_t length = strcspn(text, "\n");
	bool cut = length > SHOWN_MOST || text[length];
	if (!*text)
		complaint_error(site->complaints, site->file, site->line, site->key,
			"%s has no value", site->key);
	else
		complaint_error(site->complaints, site->file, site->line, site->key,
			"%s cannot be '%.*s%s'", site->key,
			length > SHOWN_MOST ? SHOWN_MOST : (int)length, text, cut ? "..." : "");
	return write_form(site);
}

bool value_boolean(const struct site *site, const char *text, bool *out)
{
	return number_boolean(text, out) || value_refuse(site, text);
}

static void limits_of(const struct key *row, int64_t *least, int64_t *most)
{
	*least = 0;
	*most = INT32_MAX;
	const char *dash = strchr(row->limits, '-');
	if (!dash)
		return;
	char low[24] = "";
	memcpy(low, row->limits, (size_t)(dash - row->limits));
	number_parse(low, 0, INT32_MAX, least);
	number_parse(dash + 1, 0, INT32_MAX, most);
}

bool value_number(const struct site *site, const char *text, int64_t *out)
{
	int64_t least;
	int64_t most;
	limits_of(site->row, &least, &most);
	if (number_parse(text, least, most, out))
		return true;
	value_refuse(site, text);
	complaint_hint(site->complaints, "write a number %lld to %lld", (long long)least,
		(long long)most);
	return false;
}

bool value_duration(const struct site *site, const char *text, int64_t *ms)
{
	int64_t value;
	if (!number_duration(text, &value) ||
		(site->row->type == VALUE_DURATION_ABOVE_ZERO && value == 0))
		return value_refuse(site, text);
	*ms = value;
	return true;
}

bool value_size(const struct site *site, const char *text, int64_t *bytes)
{
	return number_size(text, bytes) || value_refuse(site, text);
}

/* "a, b or c" of the words in limits */
static void hint_words(const struct site *site, const struct words *words)
{
	struct text list = {0};
	for (size_t i = 0; i < words->count; i++)
		text_addf(&list, "%s%s", i == 0 ? "" : i + 1 < words->count ? ", " : " or ",
			words->items[i]);
	complaint_hint(site->complaints, "write %s", text_string(&list));
	text_release(&list);
}

/* Place of a word among words with blanks between them; -1 where it is none of them. */
static int word_index(const char *words, const char *word)
{
	size_t length = strlen(word);
	for (int i = 0; *words; i++) {
		size_t next = strcspn(words, " ");
		if (next == length && !strncmp(words, word, length))
			return i;
		words += next + strspn(words + next, " ");
	}
	return -1;
}

bool value_choice(const struct site *site, const char *text, int *out)
{
	int index = word_index(site->row->limits, text);
	if (index >= 0) {
		*out = index;
		return true;
	}
	struct words words = value_words(site->arena, site->row->limits);
	struct nearest near = {.wanted = text};
	for (size_t i = 0; i < words.count; i++)
		nearest_offer(&near, words.items[i]);
	value_refuse(site, text);
	if (near.best)
		complaint_hint(site->complaints, "did you mean '%s'?", near.best);
	else
		hint_words(site, &words);
	return false;
}

bool value_variable(const struct site *site, const char *text)
{
	return name_is_variable(text) || value_refuse(site, text);
}

static bool refuse_slot(const struct site *site, const char *text, int slots)
{
	struct nearest near = {.wanted = text};
	for (int slot = 0; slot < SLOTS; slot++) {
		nearest_offer(&near, slot_name(slot));
		struct words aliases = value_words(site->arena, slot_aliases(slot));
		for (size_t i = 0; i < aliases.count; i++)
			nearest_offer(&near, aliases.items[i]);
	}
	nearest_offer(&near, "auto");
	if (site->row->type != VALUE_SLOT)
		nearest_offer(&near, "pool");
	value_refuse(site, text);
	if (near.best)
		complaint_hint(site->complaints, "did you mean '%s'?", near.best);
	else
		complaint_hint(site->complaints, "write a slot name like api, a number 0 to %d%s",
			slots - 1, site->row->type == VALUE_SLOT ? ", or auto"
								 : ", auto, pool, or a port number");
	return false;
}

/* What belongs into another key. */
static bool refuse_port(const struct site *site, const char *text)
{
	uint16_t low;
	uint16_t high;
	value_refuse(site, text);
	if (number_port_range(text, &low, &high))
		complaint_hint(site->complaints, "write 'port = %u' and 'range = %s'", low, text);
	else if (!strcmp(text, "auto") || slot_by_name(text) != NO_SLOT)
		complaint_hint(site->complaints, "write 'slot = %s'", text);
	return false;
}

bool value_wish(const struct site *site, const char *text, struct wish *out)
{
	int slots = site->slots ? site->slots : SLOTS;
	int64_t number;
	bool is_number = number_parse(text, 0, 65535, &number);
	if (site->row->type != VALUE_SLOT && !strcmp(text, "pool")) {
		*out = (struct wish){.kind = WISH_POOL, .number = NO_SLOT};
		return true;
	}
	if (site->row->type == VALUE_PORT) {
		if (!is_number || number == 0)
			return refuse_port(site, text);
		*out = (struct wish){WISH_PORT, (int)number};
		return true;
	}
	if (!strcmp(text, "auto")) {
		*out = (struct wish){.kind = WISH_AUTO, .number = NO_SLOT};
		return true;
	}
	bool is_slot = is_number && number < slots;
	if (is_number && !is_slot && site->row->type == VALUE_SLOT) {
		value_refuse(site, text);
		complaint_hint(site->complaints,
			"write a slot 0 to %d, or 'port = %s' for a fixed port", slots - 1, text);
		return false;
	}
	int slot = is_slot ? (int)number : slot_by_name(text);
	if (!is_number && slot == NO_SLOT)
		return refuse_slot(site, text, slots);
	*out = is_number && !is_slot ? (struct wish){WISH_PORT, (int)number}
				     : (struct wish){WISH_SLOT, slot};
	return true;
}

bool value_port_range(const struct site *site, const char *text, uint16_t *low, uint16_t *high)
{
	return number_port_range(text, low, high) || value_refuse(site, text);
}

bool value_limit(const struct site *site, const char *text, int *limit, int64_t *window_ms)
{
	struct words words = value_words(site->arena, text);
	int64_t count;
	int64_t window;
	if (words.count != 3 || strcmp(words.items[1], "in") != 0 ||
		!number_parse(words.items[0], 0, 1000000, &count) ||
		!number_duration(words.items[2], &window) || window == 0)
		return value_refuse(site, text);
	*limit = (int)count;
	*window_ms = window;
	return true;
}

bool value_signal(const struct site *site, const char *text, int *out)
{
	const char *name = !strncmp(text, "SIG", 3) ? text + 3 : text;
	for (int number = 1; number < 32; number++) {
		const char *known = sigabbrev_np(number);
		if (!known || strcmp(known, name) != 0)
			continue;
		if (number == SIGSTOP)
			break;
		*out = number;
		return true;
	}
	return value_refuse(site, text);
}

struct check_word {
	const char *word;
	enum probe_kind kind;
	bool for_ready;
	bool for_health;
	bool takes_rest;
	const char *example;
};

static const struct check_word check_words[] = {
	{"http", PROBE_HTTP, true, true, true, "http /healthz"},
	{"tcp", PROBE_TCP, true, true, false, "tcp"},
	{"command", PROBE_COMMAND, true, true, true, "command pg_isready -p ${port}"},
	{"started", PROBE_NONE, true, false, false, "started"},
	{"port", PROBE_PORT, true, false, false, "port"},
	{"log", PROBE_LOG, true, false, true, "log listening on"},
	{"notify", PROBE_NOTIFY, true, false, false, "notify"},
	{"none", PROBE_NONE, false, true, false, "none"},
};

static bool refuse_check(const struct site *site, const char *text, const char *word)
{
	struct nearest near = {.wanted = word};
	bool ready = site->row->type == VALUE_READY;
	for (size_t i = 0; i < sizeof check_words / sizeof check_words[0]; i++)
		if (ready ? check_words[i].for_ready : check_words[i].for_health)
			nearest_offer(&near, check_words[i].word);
	value_refuse(site, text);
	if (*word == '/' || !strncmp(word, "http:", 5) || !strncmp(word, "https:", 6))
		complaint_hint(site->complaints, "write '%s = http %.100s'", site->key, text);
	else if (near.best && strcmp(near.best, word) != 0)
		complaint_hint(site->complaints, "did you mean '%s'?", near.best);
	return false;
}

bool value_check(const struct site *site, const char *text, struct check *out)
{
	const char *word = arena_string_n(site->arena, text, strcspn(text, " \t\n"));
	const char *rest = text + strlen(word);
	rest += strspn(rest, " \t\n");
	bool ready = site->row->type == VALUE_READY;
	for (size_t i = 0; i < sizeof check_words / sizeof check_words[0]; i++) {
		const struct check_word *known = &check_words[i];
		if (strcmp(known->word, word) != 0 ||
			!(ready ? known->for_ready : known->for_health))
			continue;
		if (!*rest == known->takes_rest) {
			value_refuse(site, text);
			complaint_hint(
				site->complaints, "write '%s = %s'", site->key, known->example);
			return false;
		}
		*out = (struct check){known->kind, rest};
		return true;
	}
	return refuse_check(site, text, word);
}
