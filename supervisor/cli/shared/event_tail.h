/*
 * event_tail.h - reads an instance's events.jsonl, and what is added to it, without its supervisor.
 *
 *	struct event_tail *tail = event_tail_open(path, follow, &e);
 *	while (event_tail_next(tail, &event)) use(event), json_decref(event);
 *	poll(event_tail_fd(tail)) ...		// -1: cannot be waited for
 *
 * An event is {"time","seq","instance","service","kind","text"}. A line that is no JSON object (torn
 * by a full disk) is skipped. A file that was replaced is read to its end, then the new one.
 */
#ifndef CLI_SHARED_EVENT_TAIL_H
#define CLI_SHARED_EVENT_TAIL_H

#include <stdbool.h>

#include <jansson.h>

#include "base/error.h"
#include "base/text.h"

struct event_tail;

/* A missing file is no error: there are no events yet. */
struct event_tail *event_tail_open(const char *path, bool follow, struct error *e);
void event_tail_free(struct event_tail *tail);
/* A new reference in *event; false when there is none now. */
bool event_tail_next(struct event_tail *tail, json_t **event);
int event_tail_fd(const struct event_tail *tail);

/* "api: ready after 1.2 s", safe for a terminal, without newline. */
void event_add_line(struct text *out, const json_t *event);
/* A member that is a string, else "". */
const char *event_string(const json_t *event, const char *key);
/* Wall time of the event in ms; 0 where it has none. */
int64_t event_time(const json_t *event);

#endif
