/*
 * container.h - what the kernel's names for groups of processes, and the command lines of port
 * publishers, say about containers and system services. Pure.
 *
 * A container with a network of its own has no socket in ours: its ports are published by a helper
 * (docker-proxy, rootlessport) that has them here. One with the host's network has them itself and
 * is known by its cgroup. `groups` is the content of a /proc/PID/cgroup, or a bare path.
 */
#ifndef LISTENERS_CONTAINER_H
#define LISTENERS_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/*
 * Docker, podman, containerd and CRI-O: the first twelve digits of the id; LXC and systemd-nspawn:
 * the name. false: no container; *out is as it was.
 */
bool container_of_groups(const char *groups, struct text *out);
/* "ssh.service" for a process below /system.slice; false for all others. */
bool service_of_groups(const char *groups, struct text *out);

/*
 * What docker-proxy publishes, from its command line with blanks between the words: the container's
 * "172.17.0.2:80", and the port here. false: no docker-proxy.
 */
bool container_of_proxy(const char *command, struct text *out, uint16_t *port, bool *udp);

#endif
