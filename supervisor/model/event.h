/*
 * event.h - what happened, for people and programs: one row of events.jsonl.
 *
 * Kinds are part of the contract with scripts that follow `stackup events --json`.
 */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include <stdint.h>

#define EVENT_KINDS(X)                                                                             \
	X(EVENT_INSTANCE, "instance") /* starting, ready, degraded, stopping, stopped, failed */   \
	X(EVENT_STARTING, "starting")                                                              \
	X(EVENT_READY, "ready")                                                                    \
	X(EVENT_DONE, "done")                                                                      \
	X(EVENT_EXITED, "exited")                                                                  \
	X(EVENT_SPAWN_FAILED, "spawn_failed")                                                      \
	X(EVENT_RESTARTING, "restarting")                                                          \
	X(EVENT_UNHEALTHY, "unhealthy")                                                            \
	X(EVENT_RECOVERED, "recovered")                                                            \
	X(EVENT_IMPOSTER, "imposter")                                                              \
	X(EVENT_STOPPING, "stopping")                                                              \
	X(EVENT_KILLED, "killed")                                                                  \
	X(EVENT_DOWN, "down")                                                                      \
	X(EVENT_FAILED, "failed")                                                                  \
	X(EVENT_WAITING, "waiting")                                                                \
	X(EVENT_PORT, "port") /* conflict, moved, hold mode changed */                             \
	X(EVENT_LOG, "log") /* the log itself: disk full, file vanished */                         \
	X(EVENT_RELOADED, "reloaded")                                                              \
	X(EVENT_WARNING, "warning")

#define X(name, word) name,
enum event_kind { EVENT_KINDS(X) };
#undef X
const char *event_kind_word(enum event_kind kind);

struct event_record {
	int64_t wall_ms;
	uint64_t seq;
	int instance;
	const char *service; /* NULL for the instance itself */
	enum event_kind kind;
	const char *text; /* one line; escaped by whoever shows it */
};

#endif
