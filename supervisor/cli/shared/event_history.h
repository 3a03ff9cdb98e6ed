/*
 * event_history.h - events as the registry has them: of instances that are gone, of a project, of all.
 */
#ifndef CLI_SHARED_EVENT_HISTORY_H
#define CLI_SHARED_EVENT_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct context;
struct tail_options;

struct event_scope {
	int64_t project_id; /* 0: every project; there are no services then */
	int instance; /* 0: every one */
};

/* Of many rows the newest, where the command line names no other limit: said on stderr. */
enum { HISTORY_SHOWN = 1000 };

/*
 * Calls show() for each, the oldest first: {"time","seq","project","instance","service","kind","old",
 * "new","text"}. The words of the command line are services.
 */
int event_history(struct context *context, const struct event_scope *scope,
	const struct tail_options *options, void (*show)(const struct context *context, json_t *event),
	struct error *e);

#endif
