/*
 * sys.h - the one seam between the running supervisor and the kernel.
 *
 * Everything the keeper asks of the system on behalf of a service goes through this table. The real
 * one is assembled in daemon/ from spawn/, ports/, logs/ and probe/; tests put a fake world with
 * virtual time behind it (tests/sim). Functions must not call back into the keeper: what happens
 * later arrives as an event.
 */
#ifndef MODEL_SYS_H
#define MODEL_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/event.h"
#include "model/recipe.h"

enum signal_scope {
	SIGNAL_LEADER, /* the child itself, by pidfd */
	SIGNAL_GROUP, /* its process group; only while the leader is not reaped */
	SIGNAL_HOOK, /* the stop command and what it started */
	SIGNAL_STRAYS, /* those of its tree that are not in that group; the leader may be gone */
	SIGNAL_TREE, /* the leader if alive and every descendant, adopted ones too, by pidfd */
};

enum probe_purpose { PROBE_FOR_READY, PROBE_FOR_HEALTH };

enum probe_result {
	PROBE_OK,
	PROBE_FAILED,
	PROBE_UNKNOWN, /* it failed for our own reasons (no descriptors, no memory): changes nothing */
	PROBE_IMPOSTER, /* somebody outside the service's process tree answered */
};

/* One service whose leader is gone and whose tree is being waited for; census() fills left. */
struct tree_mark {
	int service;
	pid_t session; /* pid of its last leader, which was the session of its tree */
	size_t left; /* living processes of its tree, the leader not counted */
};

struct sys {
	void *self;

	/* Monotonic, one value per loop turn. */
	int64_t (*now_ms)(void *self);

	/*
	 * Starts the service's command (its recipe is built by the implementation) and fills *child.
	 * -1: it could not be forked; e->number EAGAIN, ENOMEM, EMFILE, ENFILE are passing shortages.
	 */
	int (*spawn)(void *self, int service, uint64_t generation, struct child *child,
		struct error *e);
	/* The command of stop.command. Its exit arrives as ON_HOOK_EXITED of the same service. */
	int (*spawn_stop_command)(void *self, int service, struct child *child, struct error *e);
	/* Signals; a child that is gone already is success. -1 only for EPERM. */
	int (*signal)(void *self, int service, const struct child *child, enum signal_scope scope,
		int signal);
	/*
	 * Whether all that is left of the service's tree withstands SIGKILL, and in `why` who does and for
	 * what reason. False also where nothing is left.
	 */
	bool (*withstands)(void *self, int service, char *why, size_t size);
	/* One look for all marks. */
	void (*census)(void *self, struct tree_mark *marks, size_t count);
	/* The child is reaped: close its pidfd. */
	void (*forget)(void *self, int service, struct child *child);
	/* The tree is empty: drain its log to the end, mark the boundary, arm the holds of its ports. */
	void (*tree_gone)(void *self, int service);

	/* Starts one attempt; its result arrives later with the same generation. One per service. */
	void (*probe)(void *self, int service, uint64_t generation, enum probe_purpose purpose,
		int64_t timeout_ms);
	void (*probe_cancel)(void *self, int service);
	/* Passive readiness (log line, sd_notify) counts from now on, for this generation. */
	void (*listen_ready)(void *self, int service, uint64_t generation);

	/* Something to tell: kind and one sentence. */
	void (*tell)(void *self, int service, enum event_kind kind, const char *text);
	/* A number in [0, 2^32) for jitter; seeded in tests. */
	uint32_t (*random)(void *self);
};

#endif
