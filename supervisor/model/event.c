#include "model/event.h"

#include <string.h>

static const struct {
	const char *word;
	enum event_weight weight;
} kinds[] = {
#define X(name, word, weight) [name] = {word, weight},
	EVENT_KINDS(X)
#undef X
};

const char *event_kind_word(enum event_kind kind)
{
	return kinds[kind].word;
}

enum event_weight event_kind_weight(enum event_kind kind)
{
	return kinds[kind].weight;
}

int event_kind_named(const char *word)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i].word, word) == 0)
			return (int)i;
	return -1;
}
