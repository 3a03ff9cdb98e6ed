/*
 * stale.h - what is kept of those who do not come back, and when it may go.
 *
 * A row a kind: its word, how many days it stays after the last sign of use, and why it goes. What
 * runs, what a process of a dead run still stands behind, what somebody listens on and what cannot
 * be seen (a disk that is away) is never stale, however old.
 *
 *	leases		of an instance that does not run: after a crash, or what a stopped one
 *			would move to
 *	worktrees	the claim on an instance number of a worktree that was removed; the state
 *			directory is set aside (aside.h). That of a main worktree goes only when
 *			somebody asks for it
 *	reservations	a port kept for somebody. Where it is for no service of ours nobody can tell
 *			whether it is used: it goes only when somebody asks for it
 *	directories	state that was set aside
 *
 *	1. stale_look() gathers facts by looking only, the oldest first within a kind.
 *	2. stale_plan() answers for each; pure.
 *	3. stale_remove() looks at each once more and removes it, everything of the registry in one
 *	   transaction, with a row of the audit each.
 *
 * In passing (`up`) the number of removals is bounded, and so is what is looked at: of many old
 * claims and directories another part every day.
 */
#ifndef UPKEEP_STALE_H
#define UPKEEP_STALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define STALE_KINDS(X)                                                                             \
	X(STALE_LEASES, "leases", 7, "its instance has not run since")                             \
	X(STALE_WORKTREE, "worktrees", 7, "its worktree was removed; last used")                   \
	X(STALE_RESERVATION, "reservations", 90, "nobody has used it since")                       \
	X(STALE_DIRECTORY, "directories", 30, "its instance changed hands, nobody has wanted it since")
#define X(name, word, days, why) name,
enum stale_kind { STALE_KINDS(X) STALE_KIND_COUNT };
#undef X
const char *stale_kind_word(enum stale_kind kind);
const char *stale_kind_why(enum stale_kind kind);

#define STALE_ANSWERS(X)                                                                           \
	X(STALE_GOES, "goes")                                                                      \
	X(STALE_LIVES, "its instance runs")                                                        \
	X(STALE_LEFTOVERS, "processes of its last run are left; `stackup cleanup` ends them")      \
	X(STALE_UNSEEN, "its file system is not there")                                            \
	X(STALE_IN_USE, "somebody has the port")                                                   \
	X(STALE_CHANGED, "it was used meanwhile")                                                  \
	X(STALE_YOUNG, "it is not old enough")                                                     \
	X(STALE_ON_REQUEST, "only `stackup registry gc` removes it")                               \
	X(STALE_LATER, "another day: `up` removes only a few")
#define X(name, sentence) name,
enum stale_answer { STALE_ANSWERS(X) };
#undef X
const char *stale_answer_sentence(enum stale_answer answer);

struct stale_fact {
	enum stale_kind kind;
	int64_t project_id; /* 0 where none, as the next */
	int instance;
	const char *project; /* "" where none */
	const char *what; /* "10 leases of shop instance 3", "port 8080, reserved for ann" */
	const char *path; /* the worktree, the directory; "" where none */
	uint16_t port; /* of a reservation */
	const char *created_at; /* likewise, as recorded */
	int64_t used; /* of an instance's row, as read */
	int64_t last_ms; /* the last sign of use, wall clock; what has none is from 1970 */
	bool lives; /* the lock byte is held */
	bool has_leftovers;
	bool is_unseen;
	bool is_in_use;
	bool on_request; /* not in passing */
	enum stale_answer answer; /* by the plan; stale_remove() may change it */
};

struct stale_facts {
	struct stale_fact *items; /* in the arena */
	size_t count;
};

enum {
	STALE_PASSING_MOST = 20, /* removals in passing */
	STALE_PASSING_LOOKS = 500, /* claims, and directories of projects, looked at in passing */
	STALE_PASSING_FILES = 500, /* a larger directory is not removed in passing */
};

struct stale_rules {
	int64_t now_ms; /* wall clock: this is about days, and what is in the future is young */
	int keep_days[STALE_KIND_COUNT];
	bool in_passing;
};
/* The table's days, now. */
struct stale_rules stale_rules_default(void);

/* When it is old enough: wall clock. */
int64_t stale_until(const struct stale_rules *rules, const struct stale_fact *fact);

/* Absent registry: no facts. */
int stale_look(const char *state, const struct stale_rules *rules, struct arena *arena,
	struct stale_facts *out, struct error *e);
/* Fills the answers; how many go. */
size_t stale_plan(const struct stale_rules *rules, struct stale_facts *facts);
/*
 * What goes; *removed is how many. Directories are removed after the transaction: when one cannot
 * be, the rest goes nevertheless and e tells the first.
 */
int stale_remove(const char *state, struct stale_facts *facts, size_t *removed, struct error *e);

#endif
