/*
 * service.h - one service as the supervisor sees it: state, want and reason, and what can happen to
 * it.
 *
 * Want and state are two fields: want is what people asked for (up or down), state is where the
 * service is on its way. The reason is a sentence for people; it never decides anything.
 *
 *	down      no process, not asked for
 *	blocked   asked for, waits for what it depends on
 *	starting  its process runs, it is not ready (a task: it runs)
 *	ready     runs and does its work
 *	unhealthy runs, but its health check says no
 *	cooling   it ended; waits out the back-off before the next start
 *	stopping  being ended with its signal; until the process tree is empty
 *	killing   the same, past the timeout
 *	done      ended well and is not to be started again
 *	failed    will not be started again without somebody asking
 */
#ifndef WATCH_SERVICE_H
#define WATCH_SERVICE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heal/backoff.h"
#include "heal/budget.h"
#include "heal/verdict.h"
#include "model/policy.h"
#include "model/recipe.h"
#include "model/sys.h"
#include "stop/escalation.h"

#define SERVICE_STATES(X)                                                                          \
	X(STATE_DOWN, "down")                                                                      \
	X(STATE_BLOCKED, "blocked")                                                                \
	X(STATE_STARTING, "starting")                                                              \
	X(STATE_READY, "ready")                                                                    \
	X(STATE_UNHEALTHY, "unhealthy")                                                            \
	X(STATE_COOLING, "cooling")                                                                \
	X(STATE_STOPPING, "stopping")                                                              \
	X(STATE_KILLING, "killing")                                                                \
	X(STATE_DONE, "done")                                                                      \
	X(STATE_FAILED, "failed")

#define SERVICE_EVENTS(X)                                                                          \
	X(ON_WANT_UP, "asked to start")                                                            \
	X(ON_WANT_DOWN, "asked to stop")                                                           \
	X(ON_RESTART, "asked to restart")                                                          \
	X(ON_KILL, "asked to be killed")                                                           \
	X(ON_MAY_START, "dependencies are there")                                                  \
	X(ON_DEPENDENCY_FAILED, "a dependency failed")                                             \
	X(ON_MAY_STOP, "dependents are gone")                                                      \
	X(ON_SPAWNED, "process started")                                                           \
	X(ON_SHORTAGE, "process could not be started")                                         \
	X(ON_EXITED, "process exited")                                                             \
	X(ON_TREE, "process tree looked at")                                                       \
	X(ON_HOOK_EXITED, "stop command ended")                                                    \
	X(ON_PROBE, "probe answered")                                                              \
	X(ON_READY_SIGN, "it said that it is ready")                                               \
	X(ON_TIME, "time passed")

/* What a stop leads to once the tree is empty. */
#define AFTERS(X)                                                                                  \
	X(AFTER_DOWN, "down")                                                                      \
	X(AFTER_START, "start")                                                                    \
	X(AFTER_COOL, "cool")                                                                      \
	X(AFTER_DONE, "done")                                                                      \
	X(AFTER_FAIL, "fail")

/* Why it failed, for exit codes: 1 for a crash, 6 for the other two. */
#define FAIL_CAUSES(X)                                                                             \
	X(CAUSE_NONE, "none")                                                                      \
	X(CAUSE_CRASH, "crash")                                                                    \
	X(CAUSE_NOT_READY, "not ready")                                                            \
	X(CAUSE_DEPENDENCY, "dependency")

#define X(name, word) name,
enum service_state { SERVICE_STATES(X) };
enum service_event_kind { SERVICE_EVENTS(X) };
enum after { AFTERS(X) };
enum fail_cause { FAIL_CAUSES(X) };
#undef X
enum want { WANT_DOWN, WANT_UP };

const char *service_state_word(enum service_state state);
const char *service_event_word(enum service_event_kind kind);

#define NO_DEADLINE INT64_MAX
enum { REASON_SIZE = 448, TRANSITIONS = 32 };

struct service_event {
	enum service_event_kind kind;
	const char *reason; /* who asked, why a dependency failed, what a probe saw; may be NULL */
	struct child child; /* ON_SPAWNED */
	struct exit_status exit; /* ON_EXITED; ON_SHORTAGE: .number is the errno */
	bool again; /* ON_EXITED: the failure was ours and is mended */
	size_t left; /* ON_EXITED, ON_TREE: living processes of the tree without the leader */
	bool withstands; /* ON_TREE: what is left cannot be killed, for the reason given */
	uint64_t generation; /* ON_PROBE, ON_READY_SIGN: of the start it belongs to */
	enum probe_purpose purpose; /* ON_PROBE */
	enum probe_result result; /* ON_PROBE */
	bool follows; /* ON_RESTART: only because something that it depends on restarts */
	bool spread; /* ON_MAY_START: what it needs has come back after a failure, for others as well */
	bool cheap; /* ON_PROBE: only a look was taken, nobody listens yet */
};

struct transition {
	int64_t at_ms;
	int64_t wall_ms; /* filled by whoever shows it; 0 in tests */
	enum service_state from;
	enum service_state to;
	enum service_event_kind event;
	char reason[REASON_SIZE];
};

struct service_run {
	enum service_state state;
	enum want want;

	uint64_t generation; /* counts starts; what belongs to an older one is ignored */
	struct child leader;
	pid_t session; /* pid of the last leader: what is left of its tree is known by it */
	struct child hook; /* stop.command */
	bool stop_free; /* stopping does not wait for dependents (--no-deps, kill) */
	bool start_free; /* starting does not wait for dependencies (--no-deps) */
	bool spread; /* has waited its moment after what it needs came back */
	bool was_ready; /* this generation */
	bool waits_for_tree; /* leader gone, others of its tree are not */
	bool unkillable; /* what is left of its tree: nobody waits for its end any more */

	int64_t started_ms;
	int64_t ready_ms;
	int64_t deadline_ms; /* of the state: readiness, task timeout, end of cooling */
	int64_t probe_at_ms; /* next probe */
	int64_t probe_until_ms; /* in flight until then at the latest; NO_DEADLINE when none is */
	enum probe_purpose probe_purpose; /* of the next or the present one */
	int quick_probes; /* real attempts before the first success */

	struct backoff backoff;
	struct budget budget;
	struct verdict verdict;
	struct escalation escalation;
	enum after after;
	enum fail_cause cause;

	int restarts; /* automatic ones, since somebody asked for it last */
	bool has_exit; /* of the last leader */
	int exit_code; /* -1 when a signal ended it */
	int exit_signal;

	/* Texts come last: every turn looks at what is above, of every service. */
	char reason[REASON_SIZE];
	char after_reason[REASON_SIZE];
	struct transition transitions[TRANSITIONS]; /* ring; the newest at (transition_count - 1) */
	uint64_t transition_count;
};

#define EFFECTS(X)                                                                                 \
	X(EFFECT_SIGNAL) /* scope, signal */                                                       \
	X(EFFECT_ASK_WHO_IS_LEFT) /* whether that can be killed at all */                          \
	X(EFFECT_STOP_COMMAND)                                                                     \
	X(EFFECT_PROBE_CANCEL)                                                                     \
	X(EFFECT_TREE_GONE)                                                                        \
	X(EFFECT_SPAWN)                                                                            \
	X(EFFECT_LISTEN_READY)                                                                     \
	X(EFFECT_PROBE) /* purpose, timeout_ms */                                                  \
	X(EFFECT_TELL) /* event, text */
enum effect_kind {
#define X(name) name,
	EFFECTS(X)
#undef X
};

struct effect {
	enum effect_kind kind;
	enum signal_scope scope;
	int signal;
	enum probe_purpose purpose;
	int64_t timeout_ms;
	enum event_kind event;
	char text[REASON_SIZE];
};

enum { EFFECTS_MOST = 12 };

struct effects {
	struct effect items[EFFECTS_MOST];
	int count;
};

/* Formats a reason; one that is too long is cut at a word and ends in "...". */
void reason_format(char out[REASON_SIZE], const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void reason_vformat(char out[REASON_SIZE], const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* One that is there already, cut likewise. */
void reason_copy(char out[REASON_SIZE], const char *reason);

void service_run_init(struct service_run *run, const struct service_policy *policy);

/* It has or may have a process: dependents must be gone before it is stopped. */
bool service_occupied(const struct service_run *run);
/* The same, but for what cannot be killed: whoever waits for its end has to wait on. */
bool service_detains(const struct service_run *run);
/* starting, ready or unhealthy: its leader runs. */
bool service_running(const struct service_run *run);
/* The earliest time at which ON_TIME is due, NO_DEADLINE if none. */
int64_t service_next_time(const struct service_run *run);
/* Time stood still for us (suspend, SIGSTOP): everything that was due moves on by gap_ms. */
void service_forgive(struct service_run *run, int64_t gap_ms);

/* The number of remembered transitions, and the i-th of them, oldest first. */
size_t service_transitions(const struct service_run *run);
const struct transition *service_transition(const struct service_run *run, size_t i);

#endif
