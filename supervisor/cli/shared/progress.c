#include "cli/shared/progress.h"

#include <string.h>

#include "base/text.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/event_tail.h"
#include "model/event.h"

static bool shows_steps(const struct context *context)
{
	return !context->quiet && (err_is_terminal() || context->verbose);
}

static enum event_weight weight_of(const char *word)
{
	int kind = event_kind_named(word);
	return kind < 0 ? WEIGHT_NEWS : event_kind_weight((enum event_kind)kind);
}

static void show(const struct context *context, enum event_weight weight, const json_t *item)
{
	if (weight != WEIGHT_TROUBLE && context->quiet)
		return;
	if (weight <= WEIGHT_STEP && !shows_steps(context))
		return;
	if (weight == WEIGHT_ECHO && !context->verbose)
		return;
	OWNED_TEXT line = {0};
	event_add_line(&line, item);
	say("%s", text_string(&line));
}

void progress_event(const struct context *context, const json_t *event)
{
	show(context, weight_of(event_string(event, "kind")), event);
}

/* The kinds are those of events; an older supervisor sends only the state. */
void progress_frame(const struct context *context, const json_t *frame)
{
	const char *kind = event_string(frame, "kind");
	bool failed = strcmp(event_string(frame, "state"), "failed") == 0;
	if (event_string(frame, "text")[0])
		show(context, kind[0] ? weight_of(kind) : failed ? WEIGHT_TROUBLE : WEIGHT_STEP, frame);
}

void progress_ask(const struct context *context, json_t *request)
{
	if (request && shows_steps(context))
		json_object_set_new(request, "steps", json_true());
}
