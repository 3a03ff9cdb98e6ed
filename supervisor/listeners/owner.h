/*
 * owner.h - which processes have a socket, and what can be said about a process.
 *
 * A socket's inode is looked for in /proc/PID/fd. Other users' descriptors cannot be read: then the
 * uid is known, mostly the container or system service by the cgroup, and pid is 0; of docker-proxy
 * also who it is, by its command line. Several processes can have one inherited listener; all are
 * told. A container or service that we are in ourselves is none.
 * Text that could not be read (or for which there was no memory) is NULL. Nothing here is a proof of
 * identity for signalling: orphans/ending.h and ports/evict.h have that.
 */
#ifndef LISTENERS_OWNER_H
#define LISTENERS_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"
#include "listeners/sockets.h"

struct owner {
	uint64_t inode; /* the socket it was found by, 0 for owner_describe */
	pid_t pid; /* 0: cannot be read */
	uid_t uid;
	uint64_t start_ticks; /* field 22 of /proc/PID/stat */
	int64_t started_wall_ms;
	char *name; /* owns: comm */
	char *command; /* owns: the command line, blanks between the words */
	char *user; /* owns */
	char *cwd; /* owns */
	char *container; /* owns: its id or name, or what a port publisher publishes; else NULL */
	char *unit; /* owns: the system service it belongs to, "ssh.service"; else NULL */
	/* Of the run it belongs to (owner_marks.h), NULL where it is none of stackup's: */
	char *run_id; /* owns: STACKUP_ID */
	char *project; /* owns */
	char *service; /* owns */
	char *state_dir; /* owns: STACKUP_STATE_DIR */
	int instance; /* 0 where none */
	bool by_roster; /* the process says none of this: it is the run's by its roster (kin.h) */
	bool supervisor; /* it holds the byte of an instance (lock.h), of whatever registry */
};

struct owner_list {
	struct owner *items; /* owns */
	size_t count;
	size_t capacity;
};

/*
 * One scan of /proc for all sockets of the list; appends an entry per (socket, process). It costs
 * about a microsecond per open descriptor of the machine, whatever the number of sockets.
 */
void owners_find(const struct socket_list *sockets, struct owner_list *out);
/*
 * Who is in the way, for a sentence: one process of each socket, and the scan ends when all have one. It
 * begins with the youngest; of parent and child that share a socket the parent is told. Before anybody is
 * stopped all have to be known.
 */
void owners_find_one(const struct socket_list *sockets, struct owner_list *out);
void owners_release(struct owner_list *owners);

/* The same for thousands of sockets: each process once, and which socket it has. */
struct owner_index {
	struct owner_list owners; /* owns; their inode is 0 */
	struct owner_link {
		uint64_t inode;
		size_t owner; /* its place in the list */
	} *links; /* owns; by inode, then in the order of the list */
	size_t count;
	size_t capacity;
};
void owner_index_find(const struct socket_list *sockets, struct owner_index *index);
void owner_index_release(struct owner_index *index);
/* The first link of a socket, or index->count; those of the same inode follow. */
size_t owner_index_first(const struct owner_index *index, uint64_t inode);

/* What is known about one process. false: it is gone. */
bool owner_describe(pid_t pid, struct owner *out);
void owner_release(struct owner *owner);
/* With texts of its own. */
struct owner owner_copy(const struct owner *owner);

/*
 * Was it started by a stackup that keeps its state here? Its STACKUP_STATE_DIR is the directory of its
 * instance below `state`, or lies in it. The same project name means nothing in another registry.
 */
bool owner_is_ours(const struct owner *owner, const char *state);

/* Does this process have one of the sockets open? Costs 0.1 to 1 ms: ask the known children first. */
bool owner_has_socket(pid_t pid, const uint64_t *inodes, size_t count);

/* "pid 4242 (node), node server.js, user ann, project shop instance 3 service api". */
void owner_add_line(struct text *out, const struct owner *owner);

/* A variable of /proc/PID/environ appended to *out; false when absent or unreadable. */
bool owner_variable(pid_t pid, const char *name, struct text *out);
/* On the heap: its name, the number where it has none. */
char *owner_user_name(uid_t uid);
/* Field 22 of /proc/PID/stat; 0 when the process is gone. */
uint64_t owner_start_ticks(pid_t pid);

#endif
