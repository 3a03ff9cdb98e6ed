/*
 * process.h - a line of the process table, and what tells a process from a later one of its number.
 *
 * A number (pid) is given again when its process is reaped and the numbers have gone round. Start
 * time and number together are one process until the machine is booted anew; so is the inode of a
 * pidfd alone, where the kernel has a file system for them (since Linux 6.9; see pidfd_open(2)).
 */
#ifndef LISTENERS_PROCESS_H
#define LISTENERS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid;
	pid_t parent;
	pid_t session;
	uint64_t start_ticks; /* field 22 of /proc/PID/stat */
	bool is_dead; /* nothing but its number is left: a zombie */
};

/* false: there is no such process. */
bool process_read(pid_t pid, struct process *out);
/* Of the pidfd's process; 0 where this kernel has none. */
uint64_t process_identity(int pidfd);
/* Now, in the ticks of start_ticks. */
uint64_t process_ticks_now(void);
/* Is it this process, or one that has led to its start? */
bool process_is_ancestor(pid_t pid);
/* Calls for every process of /proc. */
void process_each(void (*visit)(void *self, pid_t pid), void *self);

#endif
