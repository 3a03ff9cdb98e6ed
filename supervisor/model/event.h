/*
 * event.h - what happened, for people and programs: one row of events.jsonl.
 *
 * Kinds are part of the contract with scripts that follow `stackup events --json`. The supervisor tells all
 * but EVENT_CRASHED, which is written by whoever finds it dead (orphans/crash_note.h).
 */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include <stdint.h>

#include "base/text.h"

/* What a person who waits is shown: steps that go well on a terminal only, trouble always. */
enum event_weight {
	WEIGHT_ECHO, /* another event says it again; only who wants to know more sees both */
	WEIGHT_STEP,
	WEIGHT_NEWS,
	WEIGHT_TROUBLE
};

#define EVENT_KINDS(X)                                                                             \
	X(EVENT_INSTANCE, "instance", WEIGHT_STEP) /* starting, ready, degraded, stopping, stopped, failed */ \
	X(EVENT_STARTING, "starting", WEIGHT_STEP)						\
	X(EVENT_READY, "ready", WEIGHT_STEP)							\
	X(EVENT_DONE, "done", WEIGHT_STEP)							\
	X(EVENT_EXITED, "exited", WEIGHT_ECHO) /* what follows from it says it again */		\
	X(EVENT_SPAWN_FAILED, "spawn_failed", WEIGHT_TROUBLE)					\
	X(EVENT_RESTARTING, "restarting", WEIGHT_NEWS)						\
	X(EVENT_UNHEALTHY, "unhealthy", WEIGHT_NEWS)						\
	X(EVENT_RECOVERED, "recovered", WEIGHT_NEWS)						\
	X(EVENT_IMPOSTER, "imposter", WEIGHT_TROUBLE)						\
	X(EVENT_STOPPING, "stopping", WEIGHT_STEP)						\
	X(EVENT_KILLED, "killed", WEIGHT_NEWS)							\
	X(EVENT_DOWN, "down", WEIGHT_STEP)							\
	X(EVENT_FAILED, "failed", WEIGHT_TROUBLE)						\
	X(EVENT_WAITING, "waiting", WEIGHT_STEP)						\
	X(EVENT_PORT, "port", WEIGHT_NEWS) /* conflict, moved, hold mode changed */		\
	X(EVENT_HANDOVER, "handover", WEIGHT_STEP) /* a second process of a service comes or goes */ \
	X(EVENT_LOG, "log", WEIGHT_NEWS) /* the log itself: disk full, file vanished */		\
	X(EVENT_RELOADED, "reloaded", WEIGHT_NEWS)						\
	X(EVENT_WARNING, "warning", WEIGHT_NEWS)						\
	X(EVENT_CRASHED, "crashed", WEIGHT_STEP) /* always of the run before, of which has been told */
#define X(name, word, weight) name,
enum event_kind { EVENT_KINDS(X) };
#undef X
const char *event_kind_word(enum event_kind kind);
enum event_weight event_kind_weight(enum event_kind kind);
/* -1: no such kind. */
int event_kind_named(const char *word);

struct event_record {
	int64_t wall_ms;
	uint64_t seq;
	int instance;
	const char *service; /* NULL for the instance itself */
	enum event_kind kind;
	const char *text; /* one line; escaped by whoever shows it */
};
/* Its object of events.jsonl but for the brace at the end: what belongs to a kind alone may follow. */
void event_record_add(struct text *out, const struct event_record *record);

#endif
