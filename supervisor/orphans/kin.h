/*
 * kin.h - which processes belong to a dead run, by what its roster says and how processes hang
 * together.
 *
 * Most processes of a service have STACKUP_ID in their environment. One that has written over it,
 * or was started by `env -i`, is known by the first of these that holds:
 *
 *	leader		number and start time are those of a row (and the pidfd's inode, where there
 *			is one)
 *	output		it prints into the pipe of a service's log, which comes by inheritance only
 *	session		its session is that of a leader, and it was there while the supervisor
 *			lived, which had not reaped that leader: the number of a session is nobody
 *			else's while it has members
 *	session		its session is that of a leader, and one of that session is known already
 *	child		its parent is known
 *
 * A process that says itself that it is of another run is never one of these. What is known changes
 * when somebody ends, so who wants to end them all remembers who was known (leftovers.c).
 */
#ifndef ORPHANS_KIN_H
#define ORPHANS_KIN_H

#include "base/list.h"
#include "listeners/process.h"
#include "orphans/roster.h"

#define KINS(X)                                                                                    \
	X(KIN_NONE, "none")                                                                        \
	X(KIN_LEADER, "it is the process that was started")                                        \
	X(KIN_OUTPUT, "it prints into the service's log")                                          \
	X(KIN_SESSION, "it is of the service's session")                                           \
	X(KIN_CHILD, "a process of the service has started it")
#define X(name, word) name,
enum kin { KINS(X) };
#undef X
/* A clause. */
const char *kin_word(enum kin kin);

struct kin_process {
	struct process process;
	uint64_t identity; /* process_identity(); 0: not asked or not there */
	uint64_t outputs[2]; /* inodes of the pipes at its descriptors 1 and 2, 0 where none */
	bool is_other; /* its environment names another run */
	/* What follows: */
	enum kin kin;
	const struct roster *roster; /* borrows, as row; NULL where kin is KIN_NONE */
	const struct roster_row *row;
};

struct kin_list {
	struct kin_process *items; /* owns; by pid */
	size_t count;
	size_t capacity;
};

/* Pure. The processes are in the order of their numbers, all that there are. */
void kin_conclude(struct kin_list *processes, const struct rosters *rosters);

/* Looks at every process of the machine, about 20 us each; without rosters at none. Concludes. */
void kin_look(const struct rosters *rosters, struct kin_list *out);

/*
 * Fills the marks of those among the owners that have none and are of a dead run of this state
 * directory. Costs next to nothing while there is no such run.
 */
void kin_mark_owners(const char *state, struct owner_list *owners);

#endif
