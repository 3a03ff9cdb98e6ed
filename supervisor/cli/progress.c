#include "cli/progress.h"

#include <string.h>

#include "base/text.h"
#include "cli/context.h"
#include "cli/event_tail.h"
#include "cli/out.h"
#include "model/event.h"

enum weight { STEP, NEWS, TROUBLE };

/* A switch over all kinds: a new one must be thought about here. */
static enum weight weight_of(enum event_kind kind)
{
	switch (kind) {
	case EVENT_STARTING:
	case EVENT_READY:
	case EVENT_DONE:
	case EVENT_EXITED: /* what follows from it says it again */
	case EVENT_STOPPING:
	case EVENT_DOWN:
	case EVENT_WAITING:
	case EVENT_INSTANCE:
		return STEP;
	case EVENT_RESTARTING:
	case EVENT_UNHEALTHY:
	case EVENT_RECOVERED:
	case EVENT_KILLED:
	case EVENT_PORT:
	case EVENT_LOG:
	case EVENT_RELOADED:
	case EVENT_WARNING:
		return NEWS;
	case EVENT_SPAWN_FAILED:
	case EVENT_IMPOSTER:
	case EVENT_FAILED:
		return TROUBLE;
	}
	return NEWS;
}

static const char *const kind_words[] = {
#define X(name, word) [name] = word,
	EVENT_KINDS(X)
#undef X
};

static enum weight weight_of_word(const char *word)
{
	for (size_t i = 0; i < sizeof kind_words / sizeof kind_words[0]; i++)
		if (strcmp(kind_words[i], word) == 0)
			return weight_of((enum event_kind)i);
	return NEWS;
}

static void show(const struct context *context, enum weight weight, const json_t *item)
{
	if (weight != TROUBLE && context->quiet)
		return;
	if (weight == STEP && !err_is_terminal() && !context->verbose)
		return;
	OWNED_TEXT line = {0};
	event_add_line(&line, item);
	say("%s", text_string(&line));
}

void progress_event(const struct context *context, const json_t *event)
{
	show(context, weight_of_word(event_string(event, "kind")), event);
}

/* The kinds are those of events; an older supervisor sends only the state. */
void progress_frame(const struct context *context, const json_t *frame)
{
	const char *kind = event_string(frame, "kind");
	bool failed = strcmp(event_string(frame, "state"), "failed") == 0;
	if (event_string(frame, "text")[0])
		show(context, kind[0] ? weight_of_word(kind) : failed ? TROUBLE : STEP, frame);
}
