/*
 * sockets_proc.h - the same facts from /proc/net/tcp, tcp6, udp and udp6, for kernels (and
 * sandboxes) without sock_diag. It is up to a hundred times slower and shows no bound-only sockets.
 */
#ifndef LISTENERS_SOCKETS_PROC_H
#define LISTENERS_SOCKETS_PROC_H

#include "listeners/sockets.h"

/* Appends every socket. */
int sockets_read_proc(bool udp, struct socket_list *out, struct error *e);
/* One line of such a file; false for the heading and for what cannot be read. */
bool sockets_parse_proc_line(const char *line, bool v6, bool udp, struct socket_entry *entry);

#endif
