/*
 * names.h - what the name of a key or of a variable tells about its value.
 *
 * A name is taken apart into words at `_`, `-`, `.`, `/` and where lower case becomes upper case: `DB_PORT`,
 * `dbPort` and `db.port` have the words db and port. The tables are in names.c: it is the one place
 * where decoys are listed.
 */
#ifndef SCAN_NAMES_H
#define SCAN_NAMES_H

#include "scan/finding.h"
#include "scan/slice.h"

/* Its value is a port when it is a number: PORT, httpPort, api_ports, PGPORT. */
bool name_is_port(struct slice name);
/* Its value is an address on which something listens: BIND, listen, ADDR; not REDIS_ADDR. */
bool name_is_bind(struct slice name);
/* Its value never has ports or addresses, whatever it looks like: versions, images, users, keys, sizes, times. */
bool name_is_decoy(struct slice name);
/* Of the port or address: who is named with a client's word (db, smtp, redis) is connected to. */
enum finding_role name_role(struct slice name);
/* The words before port, host, url: `api` of API_PORT; empty where nothing is left. */
struct slice name_service(struct slice name);

#endif
