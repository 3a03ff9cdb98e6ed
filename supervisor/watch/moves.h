/*
 * moves.h - the moves that the states have in common. Private to this room's lifecycle.
 */
#ifndef WATCH_MOVES_H
#define WATCH_MOVES_H

#include "watch/lifecycle.h"

/* The only place where the state changes; also writes the transition down. */
void change(const struct step *s, const struct service_event *event, enum service_state to,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
struct effect *add_effect(const struct step *s, enum effect_kind kind);
void tell(const struct step *s, enum event_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Asked for: forget old failures and wait for the dependencies. */
void begin_anew(const struct step *s, const struct service_event *event);
/* Ends the present process tree; `after` says what comes then. `why` may be the run's after_reason. */
void end_tree(const struct step *s, const struct service_event *event, enum after after,
	const char *why, bool at_once);
/* The leader ended by itself and left others of its tree behind: they have to go first. */
void end_remnants(const struct step *s, const struct service_event *event);
/* The tree is empty: go where `after` says. */
void settle_after(const struct step *s, const struct service_event *event);
/* No probe in flight or due. */
void stop_probing(const struct step *s);
/* A start that failed for want of a resource, or was killed before exec, is worth another try. */
bool is_passing(const struct exit_status *exit);
/* Remembers how the leader ended. */
void note_exit(const struct step *s, const struct exit_status *exit);

void step_starting(const struct step *s, const struct service_event *event);
void step_running(const struct step *s, const struct service_event *event);
void step_stopping(const struct step *s, const struct service_event *event);

#endif
