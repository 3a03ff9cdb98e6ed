/*
 * tree.h - which processes belong to which service, and signals to all of them.
 *
 * The tree of a service is its leader, all descendants of it, and orphans that fell to us (the
 * supervisor is a subreaper) whose session is the leader's, or which carry STACKUP_ID of this run
 * and STACKUP_SERVICE in their environment, or which we saw in the tree when it was last signalled,
 * or whose standard output or error is the pipe into the service's log.
 * Two trees of one service are told apart by STACKUP_RUN.
 * An orphan that fits nowhere is counted as unknown and belongs to the instance as a whole.
 *
 * Every process of ours hangs below a direct child of ours, and direct children leave only when we
 * reap them. So a tree is empty when its leader is reaped and no living direct child is attributed
 * to it, and that changes only when something is reaped: ask for a census then, never by a timer.
 *
 * 1. tree_open() with this run's id and the services' names (index = service).
 * 2. tree_started() and tree_outputs() after each start of a leader, tree_helper() after that of any
 * other child (probe command, stop command: these are nobody's tree), tree_reaped() for every pid
 * that is reaped.
 * 3. tree_census() fills tree_mark.left; with all leaders known and no orphans it is one read.
 * 4. tree_signal(). SIGKILL freezes the tree first (SIGSTOP until a look finds nothing new), so
 * that it cannot fork away; call it again when a later census still counts something.
 *
 * No stranger is ever hit: a direct child's pid is reserved until we reap it; for deeper ones a
 * pidfd is opened before the parent is checked again (PORTS: "pidfd opened before the re-check").
 */
#ifndef SPAWN_TREE_H
#define SPAWN_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/text.h"
#include "model/sys.h"

enum { TREE_EVERYTHING = -1 }; /* as service: all trees, unknown orphans and helpers at once */

struct tree_output {
	dev_t device;
	ino_t inode; /* 0: none */
};

struct tree_leader {
	char *name; /* owns */
	struct tree_output outputs[2]; /* of the service */
	int of;	    /* the row whose second tree this one is, -1 */
	uint64_t run; /* of the last leader, as STACKUP_RUN says in its environment */
	pid_t pid;  /* of the last leader, also after its end: its session may live on; 0: none */
	bool alive; /* not reaped yet */
};

/* A direct child that we started ourselves. */
struct tree_known {
	pid_t pid;
	int service; /* -1: a helper */
};

/* A process seen in a tree when that was signalled. */
struct tree_memory {
	pid_t pid;
	uint64_t start;
	int service;
};

struct tree {
	char *id;                    /* owns; "STACKUP_ID=..." */
	struct tree_leader *leaders; /* owns; index is the service */
	size_t leader_count;
	struct {
		struct tree_known *items; /* sorted by pid */
		size_t count;
		size_t capacity;
	} known;
	struct {
		struct tree_memory *items;
		size_t count;
		size_t capacity;
	} memory;
	size_t unknown; /* of the last census: living orphans (with descendants) of no service */
	bool unsure; /* of the last census: an orphan in the middle of exec or exit counts for all
		      */
	pid_t self;
	pid_t foster; /* has direct children of ours, too: see tree_fostered(); 0 */
	bool orphaned; /* it had, and has died */
};

int tree_open(struct tree *tree, const char *stackup_id, const char *const *names, size_t count,
	struct error *e);
void tree_close(struct tree *tree);
/*
 * What the supervisor before this one has started are children of another process of ours, which reaps
 * them when we say so (guardian.h): they count as direct ones, but for ourselves. 0: it has died; the leaders
 * and helpers that it had still count, what they have left behind is not found any more.
 */
void tree_fostered(struct tree *tree, pid_t foster);
/* A reload changed the services: same meaning of the index for those that are kept. */
int tree_rename(struct tree *tree, const char *const *names, size_t count, struct error *e);
/* A second tree of a service has this row from now on; the next tree_rename() ends that. */
void tree_double(struct tree *tree, int service, int row);
/* The trees of two rows change places, the names stay. */
void tree_swap(struct tree *tree, int a, int b);

/* run: the value of STACKUP_RUN that it was started with. */
void tree_started(struct tree *tree, int service, pid_t leader, uint64_t run);
/* The pipes into the service's log, by any of their ends; -1: none. */
void tree_outputs(struct tree *tree, int service, const int fds[2]);
void tree_helper(struct tree *tree, pid_t pid);
/* Of which service it was the leader; -1: of none. */
int tree_reaped(struct tree *tree, pid_t pid);

/*
 * Fills .left of each mark and tree->unknown. Zombies do not count. For a mark whose leader still
 * lives the descendants are walked, about 25 us a process; otherwise only direct children are.
 */
void tree_census(struct tree *tree, struct tree_mark *marks, size_t count);

/* -1 (EPERM): at least one process refused, all others were signalled. Empty trees are success. */
int tree_signal(struct tree *tree, int service, int signal, struct error *e);
/* The same, but for those in the process group of its last leader. */
int tree_signal_strays(struct tree *tree, int service, int signal, struct error *e);

/* The same for a helper and what it left behind; it may be reaped already. */
int tree_signal_helper(struct tree *tree, pid_t helper, int signal, struct error *e);

/*
 * True when something of the tree lives and all of that withstands SIGKILL; `why` then says who and for
 * what reason, of the first. To be asked some time after that signal: before, a process may just be busy.
 */
bool tree_withstands(struct tree *tree, int service, char *why, size_t size);

/* A process of the tree that a debugger has stopped; 0: none. */
pid_t tree_at_breakpoint(struct tree *tree, int service);

/* Pids of a service's tree, leader first, for status and usage. Returns how many there are. */
size_t tree_pids(struct tree *tree, int service, pid_t *pids, size_t room);

/* Where a socket was found last; zeroed at first, one per port. Makes the second look cheap. */
struct tree_listener {
	pid_t pid;
	uint64_t start;
	int fd;
};
enum { TREE_STRANGER = 0, TREE_UNKNOWN = -1 };
/*
 * Which process of the service's tree has the socket with this inode open: its pid, TREE_STRANGER
 * where none has, TREE_UNKNOWN where none was found but some process could not be looked into.
 */
pid_t tree_listener_pid(struct tree *tree, int service, uint64_t inode, struct tree_listener *seen);

#endif
