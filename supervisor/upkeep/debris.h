/*
 * debris.h - what dead instances have left on this machine: found by identity, told with the
 * reason, removed; nothing else is touched.
 *
 *	process		of a run that has ended; by its environment or the run's roster
 *			(leftovers.h). One that has a protected port stays, and is named
 *	run		a row of the registry that says that it runs, or crashed, with its leases
 *	socket		in the directory of control sockets, at which nobody listens
 *	file		ports.env, ports.sh and the roster of a run that died
 *	state		data and logs of an instance that the registry does not know, or whose
 *			worktree is gone
 *	aside		data and logs that were set aside when the number changed hands (aside.h)
 *
 * Data and logs go only when somebody has said yes. What a stopped instance keeps (its row, logs,
 * data, ports.env, what it would move to) is no debris, nor is a lock file: removing one would let
 * two supervisors hold two files of one name. Rows of those who do not come back are stale.h's.
 *
 *	1. debris_look() gathers facts by looking only.
 *	2. debris_plan() answers for each; pure.
 *	3. debris_remove() holds the lock bytes of the instances, looks again and removes. A process
 *	   is signalled only through a pidfd that was opened before it was looked at once more, and
 *	   after the registry's audit has a row of it.
 *	4. debris_release()
 */
#ifndef UPKEEP_DEBRIS_H
#define UPKEEP_DEBRIS_H

#include "base/arena.h"
#include "base/error.h"
#include "listeners/owner.h"

#define DEBRIS_KINDS(X)                                                                            \
	X(DEBRIS_PROCESS, "process")                                                               \
	X(DEBRIS_RUN, "run")                                                                       \
	X(DEBRIS_SOCKET, "socket")                                                                 \
	X(DEBRIS_FILE, "file")                                                                     \
	X(DEBRIS_STATE, "state")                                                                   \
	X(DEBRIS_ASIDE, "aside")
#define X(name, word) name,
enum debris_kind { DEBRIS_KINDS(X) };
#undef X
const char *debris_kind_word(enum debris_kind kind);

/* What became of the instance that it belongs to; the reason why it goes. */
#define DEBRIS_HOMES(X)                                                                            \
	X(HOME_LIVES, "its instance runs")                                                         \
	X(HOME_DIED, "its supervisor died")                                                        \
	X(HOME_STOPPED, "its instance was stopped")                                                \
	X(HOME_UNKNOWN, "the registry knows no such instance")
#define X(name, sentence) name,
enum debris_home { DEBRIS_HOMES(X) };
#undef X

#define DEBRIS_ANSWERS(X)                                                                          \
	X(DEBRIS_GOES, "goes", "")                                                                 \
	X(DEBRIS_ASKS, "asks", "data and logs go only with --yes")                                 \
	X(DEBRIS_LIVES, "stays", "its instance runs")                                              \
	X(DEBRIS_YOUNG, "stays", "it is not old enough")                                           \
	X(DEBRIS_GUARDED, "skipped", "") /* by struct debris_fact.guard */                         \
	X(DEBRIS_LINK, "skipped", "it is a symbolic link, which is not followed")                  \
	X(DEBRIS_FOREIGN, "skipped", "it belongs to another user")                                 \
	X(DEBRIS_OCCUPIED, "skipped", "a process of its instance is still there")                  \
	X(DEBRIS_CHANGED, "stays", "it has changed meanwhile")                                     \
	X(DEBRIS_FAILED, "failed", "") /* by struct debris_fact.failure */
#define X(name, word, sentence) name,
enum debris_answer { DEBRIS_ANSWERS(X) };
#undef X
const char *debris_answer_word(enum debris_answer answer);

struct debris_fact {
	enum debris_kind kind;
	int64_t project_id; /* 0 where the registry has no such project */
	const char *project;
	int instance;
	const char *what; /* for people: "pid 4242 (redis-server), ...", "3 leases" */
	const char *path; /* "" where none */
	pid_t pid; /* of a process */
	const struct owner *owner; /* likewise; borrows from the list below; until it is ended */
	enum debris_home home;
	bool is_proven; /* of a process: by the roster of its run */
	bool is_visitor; /* of a process: started by `run` or `exec`, with the run's environment */
	const char *guard; /* a clause: why nobody ends this process; NULL */
	bool worktree_gone; /* of the instance */
	bool is_roster; /* of a file: roster.h */
	bool is_link;
	bool is_foreign; /* another user's */
	bool is_answered; /* of a socket: somebody listens */
	int64_t since_ms; /* of what was set aside; wall clock */
	int64_t bytes; /* of a directory */
	const char *why; /* by the plan: a clause, why it is debris */
	enum debris_answer answer; /* by the plan; debris_remove() may change it */
	const char *failure; /* a sentence */
};

struct debris {
	struct debris_fact *items; /* in the arena; by kind, in the order of the kinds */
	size_t count;
	struct owner_list owners; /* owns */
};

struct debris_rules {
	const char *state; /* of the registry */
	const char *run; /* of the control sockets */
	const char *project; /* only what belongs to it; NULL: to all */
	int instance; /* likewise; 0: to all */
	int64_t now_ms; /* wall clock */
	int keep_days; /* of what was set aside */
	bool may_delete; /* data and logs */
	const uint16_t *protects; /* [ports] protect: who has one of these is not ended */
	size_t protect_count;
};

int debris_look(const struct debris_rules *rules, struct arena *arena, struct debris *out,
	struct error *e);
/* Fills why and answer. */
void debris_plan(const struct debris_rules *rules, struct debris *debris);
/*
 * What goes by the plan. One that cannot be removed is DEBRIS_FAILED and holds up nothing but what
 * depends on it. -1: the registry cannot be used; what was not touched then stays.
 */
int debris_remove(const struct debris_rules *rules, struct debris *debris, struct arena *arena,
	struct error *e);
void debris_release(struct debris *debris);

/* The sentence behind an answer that is not `goes`. */
const char *debris_reason(const struct debris_fact *fact);

#endif
