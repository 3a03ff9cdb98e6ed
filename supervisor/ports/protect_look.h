/*
 * protect_look.h - is a process one of those that nobody ends, for a port that it has? By looking only.
 */
#ifndef PORTS_PROTECT_LOOK_H
#define PORTS_PROTECT_LOOK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * protect_port() of a port on which it listens or to which it is bound, TCP or UDP; NULL: of none, or that
 * cannot be seen. protects: [ports] protect.
 */
const char *protect_look(pid_t pid, const uint16_t *protects, size_t count);

#endif
