/*
 * script.h - what a process of a service does: one row a thing, all of them numbers, so that a walk
 * can be drawn, made simpler, written down and read again field by field.
 *
 * The last column is the simplest value: that of a process which starts, becomes ready, runs until
 * it is asked to end, and leaves nothing behind.
 */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include <stdint.h>

enum { NEVER = -1 };

/* Values of .probe: what is found by asking it. */
enum answers {
	ANSWERS_TRUE, /* as it is: nobody listens before ready_after_ms, sick when sick */
	ANSWERS_LATE, /* hangs until the probe's timeout */
	ANSWERS_UNKNOWN, /* we lack descriptors */
	ANSWERS_IMPOSTER, /* somebody else answers */
	ANSWERS_REFUSAL, /* somebody listens and refuses before ready_after_ms */
	ANSWERS_FLAPPING, /* now as it is, now refused, now by somebody else */
	ANSWERS_END,
};

#define SCRIPT_FIELDS(X)                                                                           \
	X(fork_error, "fork_error", 0) /* errno of the start: nothing was forked */                \
	X(exec_error, "exec_error", 0) /* errno of exec; -1: killed before it */                   \
	X(exec_after_ms, "exec_after", 1) /* that end comes */                                     \
	X(ready_after_ms, "ready_after", 20)                                                       \
	X(signs, "signs", 1) /* so often it says that it is ready, 7 ms apart */                   \
	X(unasked, "unasked", 0) /* says so although nobody listens for it */                      \
	X(exit_after_ms, "exit_after", NEVER)                                                      \
	X(exit_code, "exit_code", 0)                                                               \
	X(exit_signal, "exit_signal", 0)                                                           \
	X(again, "again", 0) /* the failure was ours */                                            \
	X(term_delay_ms, "term_delay", 5) /* NEVER: ignores whatever can be ignored */             \
	X(term_code, "term_code", 0) /* -1: its signal ends it; else it exits with this */         \
	X(withstands, "withstands", 0) /* also SIGKILL, until it is 0 again */                     \
	X(kill_delay_ms, "kill_delay", 1) /* in the kernel for so long */                          \
	X(reap_delay_ms, "reap_delay", 0) /* a zombie for so long */                               \
	X(orphans, "orphans", 0) /* processes that outlive it and ignore TERM */                   \
	X(polite_orphans, "polite_orphans", 0) /* ... that end at TERM */                          \
	X(orphans_last_ms, "orphans_last", NEVER) /* ... and all of these end by themselves */     \
	X(sick_from_ms, "sick_from", NEVER) /* health fails from then on after the start */        \
	X(sick_for_ms, "sick_for", 0)                                                              \
	X(probe, "probe", 0)                                                                       \
	X(odd_asks, "odd_asks", NEVER) /* only the first so many are answered so; NEVER: all */    \
	X(latency_ms, "latency", 1) /* of an answer */                                             \
	X(late_answers, "late_answers", 0) /* of probes that were cancelled come all the same */   \
	X(hook_error, "hook_error", 0) /* errno of the start of its stop command */                \
	X(hook_delay_ms, "hook_delay", 2) /* NEVER: hangs until it is killed */                    \
	X(hook_works, "hook_works", 0) /* the leader ends with it */                               \
	X(other_user, "other_user", 0) /* signals are refused for one of its processes */

struct script {
#define X(field, word, simplest) int64_t field;
	SCRIPT_FIELDS(X)
#undef X
};

enum { SCRIPT_FIELD_COUNT = sizeof(struct script) / sizeof(int64_t) };

extern const struct script script_simplest;

#endif
