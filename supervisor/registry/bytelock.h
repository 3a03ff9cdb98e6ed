/*
 * bytelock.h - locks on single bytes of a file, freed by the kernel when their owner is gone.
 *
 * They are open file description locks (fcntl(2), F_OFD_SETLK): held by the descriptor, not by the
 * process, so they survive a fork that keeps the descriptor, work across pid namespaces, and end with
 * the last close, SIGKILL included. No clock and no expiry takes part. Descriptors are close-on-exec,
 * otherwise an exec'ed child would keep the lock. Lock files are never removed: removing one would
 * let two processes lock two different files of the same name.
 */
#ifndef REGISTRY_BYTELOCK_H
#define REGISTRY_BYTELOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Opens or creates the file, 0600; a symbolic link is refused. Descriptor or -1. */
int bytelock_open(const char *path, struct error *e);
/* 1: locked, 0: somebody else has one of the bytes, -1: error. Exclusive, `count` bytes. */
int bytelock_try(int fd, int64_t first, int64_t count, struct error *e);
/* Waits at most timeout_ms; same results, 0 when the time has passed. */
int bytelock_wait(int fd, int64_t first, int64_t count, int64_t timeout_ms, struct error *e);
void bytelock_free(int fd, int64_t first, int64_t count);
/* Is one of the bytes locked through another descriptor than this one? Takes nothing. */
bool bytelock_is_held(int fd, int64_t first, int64_t count);

#endif
