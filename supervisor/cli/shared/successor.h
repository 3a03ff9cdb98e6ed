/*
 * successor.h - when the supervisor of an instance is replaced (`on_crash = resume`, `upgrade`), whoever
 * speaks with it goes on with the next one.
 *
 * The connection ends with the supervisor; the socket it was made at does not, for the guardian keeps it
 * until the next supervisor answers there. So: nobody listens any more, and the instance has ended; or
 * somebody does, and says by the id of the run whether it is still the same one.
 */
#ifndef CLI_SHARED_SUCCESSOR_H
#define CLI_SHARED_SUCCESSOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "base/error.h"
#include "control/client.h"

enum {
	SUCCESSOR_MS = 10000, /* a new supervisor needs a fraction of a second ... */
	SUCCESSOR_LAST_MS = 30000, /* ... but for one that its guardian gives up (spawn/guardian.h) */
};

/* All borrowed. */
struct run_place {
	const char *name; /* "shop instance 3" */
	const char *socket;
	const char *run_id;
	bool quiet;
	int64_t patience_ms; /* for the next supervisor; 0: SUCCESSOR_MS */
};

/* The id of the run on the other side, to be freed; NULL where it does not say. */
char *successor_run_id(struct control_client *client);

/*
 * After the other side left (EPIPE): closes the client and connects it to the supervisor that continues
 * the run; *pid (may be NULL) is that one's. 1: done. 0: the run has ended. -1: there is one that does not
 * answer in time.
 */
int successor_connect(struct control_client *client, const struct run_place *place, pid_t *pid,
	struct error *e);

/*
 * As client_call_stream(), of requests that may be made twice: where the supervisor is replaced before it
 * has replied, the next one is asked, and a sentence says so. The "timeout_ms" of a wait and of a start
 * counts from the first time; what has been restarted since then is not again.
 */
int successor_call(struct control_client *client, const struct run_place *place, json_t *request,
	int64_t timeout_ms, void (*on_more)(void *self, const json_t *part), void *self,
	json_t **reply, struct error *e);

/* Before a request is made once more: the patience that is left of it. began_ms: of clock_now_ms(). */
void successor_shorten(json_t *request, int64_t patience_ms, int64_t began_ms);

/*
 * As successor_call(), for a request that is not made twice: where the supervisor is replaced, that is the
 * error.
 */
int successor_call_once(struct control_client *client, const struct run_place *place,
	json_t *request, void (*on_more)(void *self, const json_t *part), void *self,
	json_t **reply, struct error *e);

#endif
