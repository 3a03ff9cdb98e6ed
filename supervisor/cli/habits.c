#include "cli/habits.h"

#include <string.h>

const struct habit habits[] = {
#define HABIT(verb, word, instead) {verb, word, instead},
#include "cli/habits.def"
#undef HABIT
};
const size_t habit_count = sizeof habits / sizeof habits[0];

const char *habit_instead(const char *verb, const char *word)
{
	for (size_t i = 0; i < habit_count; i++)
		if (strcmp(habits[i].verb, verb) == 0 && strcmp(habits[i].word, word) == 0)
			return habits[i].instead;
	return NULL;
}
