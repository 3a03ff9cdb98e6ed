/*
 * own.h - who closes and who frees, said in the declaration.
 *
 *	OWNED_FD fd = open(...);		// closed at the end of the scope
 *	return take_fd(&fd);			// ... unless it is handed on
 */
#ifndef BASE_OWN_H
#define BASE_OWN_H

#include <stdlib.h>
#include <unistd.h>

static inline void own_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

static inline void own_free(void *address)
{
	void **memory = address;
	free(*memory);
	*memory = NULL;
}

/* Unused: held to the end of the scope is use enough (a listener, a lock); clang would warn. */
#define OWNED_FD   __attribute__((cleanup(own_close), unused)) int
#define OWNED(type) __attribute__((cleanup(own_free))) type *

#endif
