#include "survey/suggest.h"

#include <stdlib.h>

static const struct {
	const char *word;
	int points;
} kinds[] = {
#define X(name, word, points) [name] = {word, points},
	SUGGEST_KINDS(X)
#undef X
};

const char *suggest_kind_word(enum suggest_kind kind)
{
	return kinds[kind].word;
}

static int points_of(const struct suggest_fact *fact)
{
	int times = fact->kind == SUGGEST_CONFLICTS ? fact->times : 1;
	if (times > SUGGEST_CONFLICTS_MOST)
		times = SUGGEST_CONFLICTS_MOST;
	return kinds[fact->kind].points * times;
}

static void add_fact(struct arena *arena, struct suggestion *s, const struct suggest_fact *fact)
{
	int points = points_of(fact);
	*arena_append(arena, s->reasons, s->reason_count) =
		(struct suggest_reason){fact->kind, points, fact->text};
	s->out = s->out || points <= SUGGEST_OUT;
	s->score += points;
}

static int by_points(const void *a, const void *b)
{
	const struct suggest_reason *x = a, *y = b;
	return x->points != y->points ? y->points - x->points : (int)x->kind - (int)y->kind;
}

static int by_score(const void *a, const void *b)
{
	const struct suggestion *x = a, *y = b;
	if (x->out != y->out)
		return x->out - y->out;
	return x->score != y->score ? y->score - x->score : x->port - y->port;
}

struct suggestion *suggest_rank(struct arena *arena, const uint16_t *candidates, size_t count,
	const struct suggest_fact *facts, size_t fact_count)
{
	struct suggestion *all = arena_take(arena, (count + 1) * sizeof *all);
	/* A place among the suggestions for every port, 0 for none. */
	size_t *places = arena_take(arena, (UINT16_MAX + 1) * sizeof *places);
	for (size_t i = 0; i < count; i++) {
		all[i].port = candidates[i];
		places[candidates[i]] = i + 1;
	}
	for (size_t i = 0; i < fact_count; i++)
		if (places[facts[i].port])
			add_fact(arena, &all[places[facts[i].port] - 1], &facts[i]);
	for (size_t i = 0; i < count; i++) {
		all[i].score = all[i].out ? 0 : all[i].score;
		if (all[i].reason_count)
			qsort(all[i].reasons, all[i].reason_count, sizeof *all[i].reasons, by_points);
	}
	if (count)
		qsort(all, count, sizeof *all, by_score);
	return all;
}
