/*
 * forwarding.h - old ports of services that have moved, as long as they lead to the new ones.
 * Private to this room.
 *
 * The hold of such a port is a spare of the claim. The forward ends with its grace, or when the
 * port is a service's again; then the port is given back.
 */
#ifndef DAEMON_FORWARDING_H
#define DAEMON_FORWARDING_H

#include "daemon/takeover.h"

/* After the move: from t->port.from, where t->heard says, to wherever the service is. */
int forwarding_begin(struct instance *in, const struct takeover *t, struct error *e);
/* Services have other ports now: forwards lead there, or end. */
void forwarding_follow(struct instance *in);
/* A process of ours is about to bind this port itself. */
void forwarding_make_room(struct instance *in, uint16_t port);
/* One of them has accepted the connection with this inode. */
bool forwarding_has(const struct instance *in, uint64_t inode);
/* Once a turn: what is over is put away. */
void forwarding_turn(struct instance *in);
void forwarding_free(struct instance *in);

#endif
