/*
 * reload.h - converging a running instance to a changed stack file.
 *
 *	1. The new file is loaded as at boot: all complaints, then ports. A mistake changes nothing. Whom
 *	   the strategy stops for a port is stopped beside the loop (clearing.h).
 *	2. plan/change compares. What is gone is stopped first.
 *	3. When that is down, the new stack takes the old one's place in one turn: what is unchanged goes
 *	   on with its process, what changed restarts, what is new starts.
 */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

#include "daemon/instance.h"

/* The verb `reload`; answers the ticket when it is done. Waits while another one is under way. */
void reload_request(struct instance *in, struct control_ticket ticket, const json_t *body);
/* SIGHUP: the same file with the environment that we were started with. */
void reload_from_disk(struct instance *in);
void reload_abandon(struct instance *in);
/* Until it is false in every turn; true when services were fed or the next one has begun. */
bool reload_continue(struct instance *in);

#endif
