/*
 * hosts.h - URLs, host:port and addresses in any text.
 *
 * In a URL the port behind the host counts, in `user:1234@` it does not. Elsewhere `NAME:NUMBER` is a port
 * where the name is a host for sure (localhost, an address, a name with a dot in it), or any name where
 * the text is known to be about hosts. An address with a prefix length is a network and is left
 * out, as are netmasks and versions of four parts.
 */
#ifndef SCAN_HOSTS_H
#define SCAN_HOSTS_H

#include "scan/find.h"

enum hosts_which { HOSTS_KNOWN, HOSTS_ANY };

/* True: something was found. */
bool hosts_find(struct find *f, struct slice text, struct as as, enum hosts_which hosts);
/* Addresses alone; the text is one, or one in brackets, and nothing else. */
bool hosts_address(struct find *f, struct slice text, struct as as);

#endif
