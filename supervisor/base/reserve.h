/*
 * reserve.h - memory for libraries that cannot stand running out of it.
 *
 * libev aborts the process when a list of watchers cannot grow. libcurl 7.88 divides by zero, or
 *waits for ever, when some allocation of a few bytes fails. A supervisor must outlive that: these
 * functions are malloc and its kin, and when those fail, they take from a reserve that is there
 *from the start (untouched, it costs no memory). Only when that is used up, too, is the answer
 *NULL.
 *
 *	1. give them to the library (curl_global_init_mem, ev_set_allocator(reserve_for_ev))
 *	2. note reserve_taken() before the work, compare after: another number means that memory was
 *	   short meanwhile, and a failure says nothing
 *
 * All of them may be called from any thread, and take each other's pointers and malloc's.
 */
#ifndef BASE_RESERVE_H
#define BASE_RESERVE_H

#include <stddef.h>

void *reserve_malloc(size_t size);
void *reserve_calloc(size_t count, size_t size);
void *reserve_realloc(void *memory, size_t size);
char *reserve_strdup(const char *string);
void reserve_free(void *memory);
/* realloc and free in one, as ev_set_allocator() wants it. */
void *reserve_for_ev(void *memory, long size);

/* How often malloc has failed here. */
unsigned long reserve_taken(void);

/* For tests: the k-th allocation from now on goes as if malloc had failed. 0: none. */
void reserve_fail(long k);
/* For tests: allocations that malloc was asked for since reserve_fail(). */
long reserve_asked(void);

#endif
