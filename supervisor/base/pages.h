/*
 * pages.h - large zeroed memory that a fork does not copy.
 *
 * Whoever forks often pays for every page that it has written: page tables are copied, and taken apart
 * again in the child. What a child never reads is better kept out of its sight (MADV_DONTFORK, see
 * madvise(2)). A child that touches it all the same is killed by SIGSEGV.
 */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include <stddef.h>

/* NULL: out of memory. Pages that are never touched cost nothing. */
void *pages_new(size_t size);
/* The same size as at pages_new; NULL is nothing. */
void pages_free(void *memory, size_t size);

#endif
