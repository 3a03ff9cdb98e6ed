#include "model/event.h"

const char *event_kind_word(enum event_kind kind)
{
	static const char *const words[] = {
#define X(name, word) [name] = word,
		EVENT_KINDS(X)
#undef X
	};
	return words[kind];
}
