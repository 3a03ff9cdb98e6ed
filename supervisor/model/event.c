#include "model/event.h"

#include <string.h>

#include "base/clock.h"
#include "base/json_text.h"

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

void event_record_add(struct text *out, const struct event_record *record)
{
	char iso[CLOCK_ISO_SIZE];
	text_addf(out, "{\"time\":\"%s\",\"seq\":%llu,\"instance\":%d,\"service\":",
		clock_iso(record->wall_ms, iso), (unsigned long long)record->seq, record->instance);
	json_text_add(out, record->service);
	text_addf(out, ",\"kind\":\"%s\",\"text\":", event_kind_word(record->kind));
	json_text_add(out, record->text);
}
