/*
 * roster.h - which processes a run has started, written so that it outlives everybody who knew it.
 *
 * locks/p<ID>-<N>.leaders has a head, which says whose run it is, and a row for every leader whose
 * tree may still be there. A row is one pwrite(2) into the page cache: SIGKILL of the supervisor
 * and the guardian loses nothing, and a start costs microseconds. It need not survive the machine:
 * numbers of another boot, or of another pid namespace, say nothing, and such a roster is not read.
 * The fields are those of this program, in the order of the machine: nobody else reads it.
 *
 *	1. roster_begin()	in the boot, when nothing of the last run is left
 *	2. roster_add()		after each start of a leader, roster_ended() when it is reaped,
 *				roster_drop() when its whole tree is gone
 *	3. roster_seen()	now and then: who was in a leader's session by then is its child
 *	4. roster_end()		at an orderly end, while the lock byte is still held
 *
 * Nothing here fails: a run that cannot write its roster is known by its environment only. What the
 * rows prove is in kin.h.
 */
#ifndef ORPHANS_ROSTER_H
#define ORPHANS_ROSTER_H

#include <stdint.h>
#include <sys/types.h>

#include "listeners/owner.h"

struct roster_head {
	char magic[8];
	char run_id[40];
	char boot_id[40];
	char project[256];
	int64_t project_id;
	int64_t instance;
	uint64_t pidns; /* inode of /proc/self/ns/pid */
	uint64_t seen_ticks; /* the supervisor has lived until then at least */
};

struct roster_row {
	int64_t pid; /* 0: the row is free */
	uint64_t start_ticks;
	uint64_t ended_ticks; /* when it was reaped; 0: not yet. Its tree may be there still */
	uint64_t identity; /* process_identity(), 0 where there is none */
	uint64_t outputs[2]; /* inodes of the pipes into its log, 0 where there are none */
	char service[64];
};

struct roster {
	int fd; /* owns; -1: nothing is written */
	char *path; /* owns */
	struct roster_head head;
	struct roster_row *rows; /* owns; as in the file */
	size_t count;
	size_t capacity;
};

/* ---- the run that writes it ---- */

/* Who has nothing begun ends nothing: {.fd = -1} may be given to all of these. */
void roster_begin(struct roster *roster, const char *state, int64_t project_id, const char *project,
	int instance, const char *run_id);
/* Instead of roster_begin(), in another process of the same run: with the rows that there are. */
void roster_go_on(struct roster *roster, const char *state, int64_t project_id, const char *project,
	int instance, const char *run_id);
/* outputs are descriptors, -1 for none. */
void roster_add(struct roster *roster, const char *service, pid_t pid, int pidfd,
	const int outputs[2]);
void roster_ended(struct roster *roster, pid_t leader);
void roster_drop(struct roster *roster, pid_t leader);
void roster_seen(struct roster *roster);
/* Removes the file. */
void roster_end(struct roster *roster);
/* Leaves the file as it is. */
void roster_close(struct roster *roster);

/* ---- who comes later ---- */

struct rosters {
	struct roster *items; /* owns; their fd is -1 */
	size_t count;
	size_t capacity;
};

struct roster_query {
	const char *project; /* NULL: of all */
	int instance; /* 0: of all */
	const char *but_run; /* not the one of this run; NULL */
	bool of_any_boot; /* also those that say nothing here: to remove them */
};
/* Those of this boot and pid namespace. A file that is none, or half of one, is left out. */
void rosters_read(const char *state, const struct roster_query *query, struct rosters *out);
/* Only those whose lock byte nobody holds. */
void rosters_keep_dead(const char *state, struct rosters *rosters);
/* Removes the files as well: nothing of these runs is left. */
void rosters_forget(struct rosters *rosters);
void rosters_release(struct rosters *rosters);

/* Fills the marks of a process that a row is proof for. */
void roster_mark(const struct roster *roster, const struct roster_row *row, const char *state,
	struct owner *owner);

#endif
