/*
 * clients.h - who asked for something gets one final answer: it is there, or it will not come.
 *
 * They judge as the daemon does for `--wait`, by what the keeper shows of the service (its state,
 * what is wanted of it, the number of its start).
 */
#ifndef SIM_CLIENTS_H
#define SIM_CLIENTS_H

#include "world.h"

enum wish { WISH_UP, WISH_DOWN };

struct client {
	int who; /* service */
	enum wish wish;
	uint64_t generation; /* WISH_UP: of this start or a later one */
	int swaps; /* before: another process may have its place since */
};

struct clients {
	int count; /* of those that wait */
	struct client waiting[WORLD_SERVICES];
};

/* Before the verb is performed; again: it is to be replaced by another process. */
void clients_ask(struct clients *c, struct world *w, int service, enum wish wish, bool again);
/* After a turn. */
void clients_look(struct clients *c, struct world *w);

#endif
