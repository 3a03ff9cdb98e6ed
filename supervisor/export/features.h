/*
 * features.h - what a stack file says of a service and another format may not.
 *
 * A format names what it keeps; of everything else that a service uses there is a note. A new key of the
 * stack file that others can see is a row here.
 */
#ifndef EXPORT_FEATURES_H
#define EXPORT_FEATURES_H

#include <stdint.h>

#include "export/exported.h"

/* identifier, whether service `s` with policy `p` uses it, the note */
#define EXPORT_FEATURES(X)                                                                         \
	X(ORDER, s->dependency_count > 0, "depends_on is not kept: what it needs does not start first")    \
	X(WEAK_ORDER, has_optional_dependency(s), "a dependency with '?' becomes one that must not fail")  \
	X(RESTART, p->restart.rule != RESTART_NO, "restart is not kept: when it ends, so do all others")   \
	X(BACKOFF, p->restart.rule != RESTART_NO, "restarts do not wait longer each time")                 \
	X(LIMIT, p->restart.rule != RESTART_NO, "restart.limit is not kept")                               \
	X(READY, waits_for_more(s), "nobody waits until it is ready")                                      \
	X(READY_LOG, p->readiness == READY_LOG, "'ready = log' is not kept: it counts as ready when it has started") \
	X(READY_NOTIFY, p->readiness == READY_NOTIFY,                                                      \
		"'ready = notify' is not kept: it counts as ready when it has started")                    \
	X(HEALTH, p->health.present, "its health is not checked while it runs")                            \
	X(HEALTH_ACTION, p->health.present && p->health.action == HEALTH_RESTART,                          \
		"it is not restarted when it becomes unhealthy")                                           \
	X(HEALTH_DETAIL, has_http_detail(s),                                                               \
		"health.status, health.body, health.header and health.method are not kept: any answer below 400 will do") \
	X(STOP_SIGNAL, p->stop.signal != SIGTERM, "stop.signal is not kept")                               \
	X(STOP_TIMEOUT, p->stop.timeout_ms != 10000, "stop.timeout is not kept")                           \
	X(STOP_COMMAND, p->stop.has_command, "stop.command is not kept: it is stopped by a signal")        \
	X(STOP_LEADER, p->stop.scope == STOP_LEADER, "'stop.to = leader' is not kept: all its processes get the signal") \
	X(TASK_TIMEOUT, p->task_timeout_ms > 0, "timeout is not kept: the task may run for ever")          \
	X(OPTIONAL, p->optional, "'optional = yes' is not kept")                                           \
	X(ESSENTIAL, p->essential, "'essential = yes' is not kept: when it has failed, the others go on")  \
	X(ON_DEPENDENCY, p->on_dependency == DEPENDENCY_RESTART,                                           \
		"'on_dependency = restart' is not kept")                                                   \
	X(LISTEN, listens(stack, s), "'hold = listen' is not kept, and it gets no socket")                 \
	X(PROFILE, s->profile_count > 0, "its profile is not kept")                                        \
	X(LOG, s->log.file != NULL, "log.file is not kept")                                                \
	X(LOG_SIZE, s->log.max_size != INT64_C(10) * 1024 * 1024 || s->log.keep != 5,                                \
		"log.max_size and log.keep are not kept")                                                  \
	X(LOG_SPLIT, s->log.split, "log.split is not kept")                                                \
	X(TTY, s->tty, "'tty = yes' is not kept: it has no terminal")                                      \
	X(USER, s->user != NULL, "user is not kept")                                                       \
	X(FILES_MAX, s->files_max > 0, "files_max is not kept")

#define X(id, used, note) FEATURE_##id,
enum export_feature { EXPORT_FEATURES(X) FEATURE_COUNT };
#undef X

#define FEATURE(id) (UINT64_C(1) << FEATURE_##id)

/* Notes of what the service uses and `kept` does not have. */
void features_note_lost(struct exported *x, const struct service *service, uint64_t kept);

#endif
