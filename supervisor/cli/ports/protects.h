/*
 * protects.h - the ports of [ports] protect: of the stack file of this directory and of the user's own
 * file, which counts in any directory. A stack file with mistakes tells what it could.
 *
 *	struct protects protects = {0};
 *	if (protects_read(context, &protects, &e) < 0) ...
 *	use(protects.ports, protects.count);
 *	protects_release(&protects);			// in any case
 */
#ifndef CLI_PORTS_PROTECTS_H
#define CLI_PORTS_PROTECTS_H

#include <stddef.h>
#include <stdint.h>

#include "cli/context.h"

struct draft;

struct protects {
	const uint16_t *ports; /* borrows from the draft */
	size_t count;
	struct source source; /* owns */
	struct document *empty; /* owns; where there is no stack file */
	struct draft *draft; /* owns */
};

int protects_read(struct context *context, struct protects *protects, struct error *e);
void protects_release(struct protects *protects);

#endif
