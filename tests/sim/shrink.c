/*
 * The shortest walk that still breaks the same rule: moves are left out in ever smaller pieces (see
 * A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input"), then services,
 * then every number becomes as simple as can be; until nothing can go any more.
 */
#include <stdlib.h>
#include <string.h>

#include "fields.h"

enum { TRIES_MOST = 20000 };

struct shrink {
	struct walk *best; /* borrows */
	struct ending *ending; /* borrows: of the best */
	struct walk trial;
	int tries;
};

/* Takes the trial when it fails in the same way. */
static bool try(struct shrink *s)
{
	struct ending ending;
	if (s->tries++ >= TRIES_MOST)
		return false;
	walk_play(&s->trial, NULL, &ending);
	if (!ending.failed || ending.rule != s->ending->rule)
		return false;
	*s->best = s->trial;
	*s->ending = ending;
	return true;
}

static void drop_moves(struct walk *walk, int64_t from, int64_t count)
{
	memmove(&walk->move[from], &walk->move[from + count],
		sizeof walk->move[0] * (size_t)(walk->moves - from - count));
	walk->moves -= count;
}

/* What was left out may have passed the time that the rest needs. */
static void drop_moves_keep_time(struct walk *walk, int64_t from, int64_t count)
{
	int64_t time = 0;
	for (int64_t i = from; i < from + count; i++)
		time += walk->move[i].wait_ms;
	drop_moves(walk, from, count);
	if (from < walk->moves)
		walk->move[from].wait_ms += time;
}

static bool fewer_moves(struct shrink *s)
{
	bool any = false;
	for (int64_t piece = s->best->moves; piece > 0; piece /= 2)
		for (int64_t from = 0; from + piece <= s->best->moves;) {
			s->trial = *s->best;
			drop_moves(&s->trial, from, piece);
			bool gone = try(s);
			if (!gone) {
				s->trial = *s->best;
				drop_moves_keep_time(&s->trial, from, piece);
				gone = try(s);
			}
			any |= gone;
			from += gone ? 0 : piece;
		}
	return any;
}

static bool drop_service(struct walk *walk, int gone)
{
	if (walk->services == 1)
		return false;
	for (int i = 0; i < walk->services; i++)
		for (int n = 0; n < WALK_NEEDS; n++) {
			struct walk_need *need = &walk->service[i].needs[n];
			if (need->on == gone)
				need->on = NEVER;
			else if (need->on > gone)
				need->on--;
		}
	for (int64_t i = walk->moves; i-- > 0;)
		if (walk->move[i].service == gone && walk->move[i].deed > DEED_DOWN)
			walk->move[i].deed = DEED_NONE;
		else if (walk->move[i].service >= gone && walk->move[i].service > 0)
			walk->move[i].service--;
	memmove(&walk->service[gone], &walk->service[gone + 1],
		sizeof walk->service[0] * (size_t)(walk->services - gone - 1));
	walk->services--;
	return true;
}

static bool fewer_services(struct shrink *s)
{
	bool any = false;
	for (int i = (int)s->best->services - 1; i >= 0; i--) {
		s->trial = *s->best;
		if (drop_service(&s->trial, i))
			any |= try(s);
	}
	return any;
}

/* values lie in the trial; the best has them at the same place. */
static int64_t *in_best(struct shrink *s, int64_t *value)
{
	return (int64_t *)(void *)((char *)s->best + ((char *)value - (char *)&s->trial));
}

static bool simpler_at_once(struct shrink *s, const struct fields *fields, int64_t *values)
{
	bool differs = false;
	s->trial = *s->best;
	for (size_t i = 0; i < fields->count; i++) {
		differs |= values[i] != fields->rows[i].simplest;
		values[i] = fields->rows[i].simplest;
	}
	return differs && try(s);
}

static bool set(struct shrink *s, int64_t *value, int64_t to)
{
	if (*in_best(s, value) == to)
		return false;
	s->trial = *s->best;
	*value = to;
	return try(s);
}

/* The simplest, or else a round number nearer to nothing. */
static bool simpler_value(struct shrink *s, int64_t *value, int64_t simplest)
{
	if (set(s, value, simplest))
		return true;
	static const int64_t round[] = {0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000};
	for (size_t i = 0; i < sizeof round / sizeof *round; i++)
		if (round[i] < *in_best(s, value) && *in_best(s, value) != simplest
			&& set(s, value, round[i]))
			return true;
	return false;
}

static bool simpler(struct shrink *s, const struct fields *fields, int64_t *values)
{
	if (simpler_at_once(s, fields, values))
		return true;
	bool any = false;
	for (size_t i = 0; i < fields->count; i++)
		if (*in_best(s, &values[i]) != fields->rows[i].simplest)
			any |= simpler_value(s, &values[i], fields->rows[i].simplest);
	return any;
}

/* All starts do what the nth did: only once, as it may make the others less simple. */
static void all_alike(struct shrink *s, int service)
{
	bool done = false;
	for (int n = 0; n < WALK_SCRIPTS && !done; n++) {
		s->trial = *s->best;
		struct walk_service *one = &s->trial.service[service];
		for (int other = 0; other < WALK_SCRIPTS; other++)
			one->scripts[other] = one->scripts[n];
		done = try(s);
	}
}

static bool simpler_numbers(struct shrink *s)
{
	bool any = s->best->luck && set(s, &s->trial.luck, 0);
	for (int i = 0; i < s->best->services; i++) {
		struct walk_service *service = &s->trial.service[i];
		for (int n = 0; n < WALK_SCRIPTS; n++)
			any |= simpler(s, &script_fields, (int64_t *)&service->scripts[n]);
		for (int n = 0; n < WALK_NEEDS; n++)
			any |= simpler(s, &need_fields, (int64_t *)&service->needs[n]);
		any |= simpler(s, &policy_fields, (int64_t *)&service->policy);
	}
	for (int i = 0; i < s->best->moves; i++)
		any |= simpler(s, &move_fields, (int64_t *)&s->trial.move[i]);
	return any;
}

int walk_shrink(struct walk *walk, struct ending *ending)
{
	struct shrink *s = calloc(1, sizeof *s);
	if (!s)
		return 0;
	*s = (struct shrink){.best = walk, .ending = ending};
	/* What came after the end plays no part. */
	s->trial = *walk;
	if (ending->move < walk->moves) {
		s->trial.moves = ending->move + 1;
		try(s);
	}
	fewer_moves(s);
	fewer_services(s);
	for (int i = 0; i < s->best->services; i++)
		all_alike(s, i);
	for (bool any = true; any && s->tries < TRIES_MOST;) {
		any = fewer_moves(s);
		any |= fewer_services(s);
		any |= simpler_numbers(s);
	}
	int tries = s->tries;
	free(s);
	return tries;
}
