/*
 * sysctl.h - sets of ports as sysctls write them, and the file a sysctl is set in.
 */
#ifndef DOCTOR_SYSCTL_H
#define DOCTOR_SYSCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/text.h"

struct port_set {
	bool has[65536];
};

void port_set_add(struct port_set *set, uint16_t low, uint16_t high);
/* "8080,32768-39999", as net.ipv4.ip_local_reserved_ports wants it; false: not such a list. */
bool port_set_parse(struct port_set *set, const char *text);
void port_set_print(const struct port_set *set, const char *separator, struct text *out);
size_t port_set_count(const struct port_set *set);

struct sysctl_line {
	const char *file; /* NULL: no file sets it */
	const char *value;
};

/*
 * The last line that sets a key, in the order of sysctl.d(5) and sysctl(8): files of /etc, /run,
 * /usr/local/lib, /usr/lib and /lib by name, one of an earlier directory instead of the same name
 * in a later one, then /etc/sysctl.conf. root stands before these paths, "" for this machine.
 */
struct sysctl_line sysctl_find(const char *root, const char *key, struct arena *arena);

#endif
