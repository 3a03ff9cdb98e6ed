/*
 * recorded.h - what is known of a service when nobody supervises it any more.
 *
 * Two files of the instance tell: events.jsonl, of which the last run counts (a run begins where the
 * numbering does), and the service's log. A launch that failed before its first service is a run of
 * one event, which says why.
 */
#ifndef CLI_SHARED_RECORDED_H
#define CLI_SHARED_RECORDED_H

#include <jansson.h>

#include "base/error.h"

struct target;

/*
 * As the supervisor answers `why` (control/protocol.h): a new reference. Its transitions have the
 * event's kind as "event"; "health" is that of nobody who looks. EXIT_NOT_FOUND when nothing is
 * recorded of such a service.
 */
json_t *recorded_why(const struct target *target, const char *service, struct error *e);

/*
 * When and why the last run ended, in the target's arena: "2026-01-02T03:04:05.678Z: asked to stop", as the
 * last service to end has it; NULL where that is not recorded.
 */
const char *recorded_end(const struct target *target);

/* The instance's state as it was told last, in the target's arena; "starting" before the first time. */
const char *recorded_state(const struct target *target);

#endif
