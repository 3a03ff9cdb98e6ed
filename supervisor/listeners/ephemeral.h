/*
 * ephemeral.h - the ports that the kernel gives to outgoing connections and to bind(0), of this network
 * namespace: net.ipv4.ip_local_port_range less ip_local_reserved_ports (ip-sysctl).
 */
#ifndef LISTENERS_EPHEMERAL_H
#define LISTENERS_EPHEMERAL_H

#include <stdbool.h>
#include <stdint.h>

struct ephemeral {
	uint16_t low; /* 32768 and 60999 where the kernel does not say */
	uint16_t high;
	bool reserved[65536]; /* ip_local_reserved_ports */
};

void ephemeral_read(struct ephemeral *out);
/* Can the kernel give it to somebody? */
bool ephemeral_has(const struct ephemeral *e, uint16_t port);

#endif
