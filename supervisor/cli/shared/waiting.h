/*
 * waiting.h - waiting for a supervisor and its guardian to be gone, by pidfd.
 */
#ifndef CLI_SHARED_WAITING_H
#define CLI_SHARED_WAITING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A pidfd, or -1: no such process. */
int process_open(pid_t pid);
/* True once the process has ended; fd -1 counts as ended. Negative timeout: for ever. */
bool process_ended(int fd, int64_t timeout_ms);
int process_signal(int fd, int signal);

#endif
