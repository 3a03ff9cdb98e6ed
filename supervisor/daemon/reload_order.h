/*
 * reload_order.h - what a `reload` asks for, as the loader wants it. Private to this room.
 *
 *	struct reload_order order = {0};
 *	if (reload_order_read(in, body, &order, &complaints, &e)) ...
 *	load_stack(in, &order.request, ...);
 *	reload_order_release(&order);		// in any state
 */
#ifndef DAEMON_RELOAD_ORDER_H
#define DAEMON_RELOAD_ORDER_H

#include <jansson.h>

#include "daemon/instance.h"

struct reload_order {
	struct arena *arena; /* owns what the request points to, but for: */
	struct document *document; /* owns; may be taken */
	struct text environment; /* owns: entries that request.caller_env points into */
	enum port_strategy strategy; /* where request.strategy points to: it must not be moved */
	struct load_request request;
};

/*
 * body: of control/protocol.h, NULL for a SIGHUP: the same file with the environment that we were started
 * with. -1: the file cannot be read or has mistakes, which are in *c, or memory is out.
 */
int reload_order_read(struct instance *in, const json_t *body, struct reload_order *order,
	struct complaints *c, struct error *e);
void reload_order_release(struct reload_order *order);

#endif
