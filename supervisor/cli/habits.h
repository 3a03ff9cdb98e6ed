/*
 * habits.h - words of other programs, and what does the same here.
 *
 * Somebody who types `top` or `up --build` has done so for years: the nearest of our own words ('stop') would
 * be no help. The table is habits.def; a row goes when the word gets a meaning of its own.
 */
#ifndef CLI_HABITS_H
#define CLI_HABITS_H

#include <stddef.h>

struct habit {
	const char *verb; /* "" where the word is a verb */
	const char *word;
	const char *instead;
};
extern const struct habit habits[];
extern const size_t habit_count;

/* What to do instead; NULL for a word that nobody brings along. */
const char *habit_instead(const char *verb, const char *word);

#endif
