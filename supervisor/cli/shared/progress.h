/*
 * progress.h - what happens meanwhile, a line a service, on stderr.
 *
 * Two sources: parts of a stream of the control socket ({"more","service","state","text"}) and events
 * of events.jsonl. Steps that go well are shown on a terminal only; trouble is shown always; -q leaves
 * only failures.
 */
#ifndef CLI_SHARED_PROGRESS_H
#define CLI_SHARED_PROGRESS_H

#include <jansson.h>

struct context;

void progress_frame(const struct context *context, const json_t *frame);
void progress_event(const struct context *context, const json_t *event);
/* Has the supervisor send steps as well, where they will be shown. A request of NULL stays NULL. */
void progress_ask(const struct context *context, json_t *request);

#endif
