#include "upkeep/stale.h"

#include "base/clock.h"
#include "base/words.h"

static const int64_t DAY_MS = INT64_C(24) * 60 * 60 * 1000;

const char *stale_kind_word(enum stale_kind kind)
{
	static const char *const words[] = {
#define X(name, word, days, why) [name] = word,
		STALE_KINDS(X)
#undef X
			[STALE_KIND_COUNT] = "",
	};
	return words[kind];
}

const char *stale_kind_why(enum stale_kind kind)
{
	static const char *const sentences[] = {
#define X(name, word, days, why) [name] = why,
		STALE_KINDS(X)
#undef X
			[STALE_KIND_COUNT] = "",
	};
	return sentences[kind];
}

WORDS(stale_answer_sentence, stale_answer, STALE_ANSWERS)

struct stale_rules stale_rules_default(void)
{
	return (struct stale_rules){.now_ms = clock_wall_ms(),
		.keep_days = {
#define X(name, word, days, why) [name] = days,
			STALE_KINDS(X)
#undef X
		}};
}

int64_t stale_until(const struct stale_rules *rules, const struct stale_fact *fact)
{
	return fact->last_ms + rules->keep_days[fact->kind] * DAY_MS;
}

static bool is_young(const struct stale_rules *rules, const struct stale_fact *fact)
{
	return rules->now_ms < stale_until(rules, fact);
}

static enum stale_answer answer_for(const struct stale_rules *rules, const struct stale_fact *fact)
{
	if (fact->lives)
		return STALE_LIVES;
	if (fact->has_leftovers)
		return STALE_LEFTOVERS;
	if (fact->is_unseen)
		return STALE_UNSEEN;
	if (fact->is_in_use)
		return STALE_IN_USE;
	if (is_young(rules, fact))
		return STALE_YOUNG;
	return rules->in_passing && fact->on_request ? STALE_ON_REQUEST : STALE_GOES;
}

size_t stale_plan(const struct stale_rules *rules, struct stale_facts *facts)
{
	size_t going = 0;
	for (size_t i = 0; i < facts->count; i++) {
		struct stale_fact *fact = &facts->items[i];
		fact->answer = answer_for(rules, fact);
		if (fact->answer != STALE_GOES)
			continue;
		if (rules->in_passing && going == STALE_PASSING_MOST)
			fact->answer = STALE_LATER;
		else
			going++;
	}
	return going;
}
