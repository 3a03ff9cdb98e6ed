/*
 * host.h - which machine is this? Two of them can share a home directory.
 *
 * A host is written "ID NAME": the id of machine-id(5), where there is none the name; and the name
 * as people know it. The same disk in another machine is another host, too; that matters only
 * where a lock byte of the other machine cannot be seen, which is off a local disk (place.h).
 */
#ifndef REGISTRY_HOST_H
#define REGISTRY_HOST_H

#include <stdbool.h>

enum { HOST_SIZE = 256 };

/* Of the calling process; read once. */
const char *host_self(void);
/* Also "", which rows of earlier versions have. */
bool host_is_self(const char *host);
/* What people call it. */
const char *host_name(const char *host);

#endif
