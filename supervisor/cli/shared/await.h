/*
 * await.h - a request that takes as long as services take to start, with the news of that time.
 *
 * The news come from events.jsonl and not from the stream of the request: a service that crashes at
 * once has done so before anybody could be connected.
 */
#ifndef CLI_SHARED_AWAIT_H
#define CLI_SHARED_AWAIT_H

#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "control/client.h"

struct context;
struct run_place;

/*
 * Steals the request; shows what happened since then (wall clock). The reply itself says nothing. Where the
 * supervisor is replaced meanwhile, the next one is asked.
 */
int await_reply(const struct context *context, const struct run_place *run,
	struct control_client *client, json_t *request, const char *events, int64_t since_ms,
	struct error *e);

#endif
