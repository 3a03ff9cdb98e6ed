#include "upkeep/debris_parts.h"

#include <string.h>

#include "base/words.h"

static const int64_t DAY_MS = INT64_C(24) * 60 * 60 * 1000;

WORDS(debris_kind_word, debris_kind, DEBRIS_KINDS)
static WORDS(debris_home_sentence, debris_home, DEBRIS_HOMES)

static const struct {
	const char *word;
	const char *sentence;
} answers[] = {
#define X(name, word, sentence) [name] = {word, sentence},
	DEBRIS_ANSWERS(X)
#undef X
};

const char *debris_answer_word(enum debris_answer answer)
{
	return answers[answer].word;
}

const char *debris_reason(const struct debris_fact *fact)
{
	if (fact->answer == DEBRIS_GUARDED)
		return fact->guard;
	if (fact->answer == DEBRIS_FAILED)
		return fact->failure;
	return answers[fact->answer].sentence;
}

static const char *why(const struct debris_fact *fact)
{
	switch (fact->kind) {
	case DEBRIS_SOCKET:
		return "nobody listens at it";
	case DEBRIS_ASIDE:
		return "it was set aside when the number changed hands";
	case DEBRIS_STATE:
		if (fact->worktree_gone)
			return "its worktree was removed";
		break;
	case DEBRIS_PROCESS:
	case DEBRIS_RUN:
	case DEBRIS_FILE:
		break;
	}
	return debris_home_sentence(fact->home);
}

static enum debris_answer answer_to_data(
	const struct debris_rules *rules, const struct debris_fact *fact)
{
	bool young = fact->kind == DEBRIS_ASIDE &&
		rules->now_ms - fact->since_ms < rules->keep_days * DAY_MS;
	if (young)
		return DEBRIS_YOUNG;
	return rules->may_delete ? DEBRIS_GOES : DEBRIS_ASKS;
}

/* What is set aside belongs to nobody who could run. */
static enum debris_answer answer_for(
	const struct debris_rules *rules, const struct debris_fact *fact)
{
	if (fact->is_answered || (fact->home == HOME_LIVES && fact->kind != DEBRIS_ASIDE))
		return DEBRIS_LIVES;
	if (fact->guard)
		return DEBRIS_GUARDED;
	if (fact->is_link)
		return DEBRIS_LINK;
	if (fact->is_foreign)
		return DEBRIS_FOREIGN;
	if (fact->kind == DEBRIS_STATE || fact->kind == DEBRIS_ASIDE)
		return answer_to_data(rules, fact);
	return DEBRIS_GOES;
}

static bool is_of_same(const struct debris_fact *a, const struct debris_fact *b)
{
	return a->instance == b->instance && !strcmp(a->project, b->project);
}

/* One of the run may need its ports, and is known by its roster; a visitor may use its data. */
static bool needs(const struct debris_fact *process, const struct debris_fact *fact)
{
	switch (fact->kind) {
	case DEBRIS_RUN:
	case DEBRIS_FILE:
		return !process->is_visitor && is_of_same(fact, process);
	case DEBRIS_STATE:
		return is_of_same(fact, process);
	case DEBRIS_PROCESS:
	case DEBRIS_SOCKET:
	case DEBRIS_ASIDE:
		break;
	}
	return false;
}

static void keep_for(struct debris *debris, const struct debris_fact *process)
{
	for (size_t i = 0; i < debris->count; i++) {
		struct debris_fact *fact = &debris->items[i];
		bool may_go = fact->answer == DEBRIS_GOES || fact->answer == DEBRIS_ASKS;
		if (may_go && needs(process, fact))
			fact->answer = DEBRIS_OCCUPIED;
	}
}

void debris_keep_occupied(struct debris *debris)
{
	for (size_t i = 0; i < debris->count; i++)
		if (debris->items[i].kind == DEBRIS_PROCESS &&
			debris->items[i].answer != DEBRIS_GOES)
			keep_for(debris, &debris->items[i]);
}

void debris_plan(const struct debris_rules *rules, struct debris *debris)
{
	for (size_t i = 0; i < debris->count; i++) {
		struct debris_fact *fact = &debris->items[i];
		fact->why = why(fact);
		fact->answer = answer_for(rules, fact);
	}
	debris_keep_occupied(debris);
}
