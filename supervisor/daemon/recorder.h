/*
 * recorder.h - what the registry learns of a run while it runs: the life of services, what went wrong with
 * them for good, and how their ports are held with success.
 *
 * The registry may be locked for a while and the loop does not wait for it, so a thread writes. Records
 * are collected for a moment and written together; with nothing to write, the thread sleeps.
 *
 *	1. recorder_new(); there is no thread yet
 *	2. recorder_event(), recorder_incident(), recorder_hold() during a turn, recorder_pass() at its end
 *	3. recorder_free(): what is left is written, in REGISTRY_LOOP_MS at most, or dropped
 *
 * When the registry cannot be used, what runs goes on. on_news() says so once, and once that it can be used
 * again; a limited number of records waits for that day. A service that does something all the time does not
 * push the history of everybody else out: there is a limit in the long run. What was not written for one
 * reason or the other is said in a row of its own; events.jsonl has all.
 */
#ifndef DAEMON_RECORDER_H
#define DAEMON_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/event.h"
#include "model/port.h"
#include "registry/history.h"

struct ev_loop;
struct recorder;

struct recorder_place {
	const char *state; /* borrows */
	int64_t project_id;
	int instance;
	const char *run_id; /* borrows */
};

/* on_news() is called from the loop. NULL: out of memory. */
struct recorder *recorder_new(struct ev_loop *loop, const struct recorder_place *place,
	void (*on_news)(void *self, const char *text), void *self);
/* NULL is nothing. write: false where the registry is known not to be usable. */
void recorder_free(struct recorder *recorder, bool write);

/* service: NULL for the instance. Both states must outlive the recorder; NULL where none changed. */
void recorder_event(struct recorder *recorder, const char *service, enum event_kind kind,
	const char *old_state, const char *new_state, const char *text);
/* It has an event of its own; where there are too many of them, it is left out with that one. */
void recorder_incident(struct recorder *recorder, enum incident_kind kind, const char *text);
void recorder_hold(struct recorder *recorder, const char *service, enum hold_mode mode);
/* This process supervises the instance now, its parent is the guardian. */
void recorder_owner(struct recorder *recorder);
/* What has come since the last time goes to the thread. */
void recorder_pass(struct recorder *recorder);

#endif
