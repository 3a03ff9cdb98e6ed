/*
 * protect.h - whom nobody stops to free a port: no strategy, no flag, no answer at a terminal. The leftovers
 * of an instance that starts are the exception (claim_obstacle()). Pure.
 *
 * Ports: those of [ports] protect, and the well-known ones of databases and caches, where somebody's
 * data lives. Processes: pid 1, those of other users, the system's and the session's own, sshd, container
 * runtimes with their port publishers, and whatever runs in a container. A supervisor of stackup is
 * asked to stop what it runs (`stackup down`), never signalled from here.
 */
#ifndef PORTS_PROTECT_H
#define PORTS_PROTECT_H

#include "listeners/owner.h"

/* A clause like "a database's port is protected", static; NULL: nothing protects it. */
const char *protect_port(uint16_t port, const uint16_t *protects, size_t count);
/* The same about a process, for somebody of this uid. */
const char *protect_process(const struct owner *owner, uid_t uid);

/* By name: runs containers or publishes their ports; publishes; is of the system or the session. */
bool protect_is_runtime(const struct owner *owner);
bool protect_is_publisher(const struct owner *owner);
bool protect_is_system(const struct owner *owner);

#endif
