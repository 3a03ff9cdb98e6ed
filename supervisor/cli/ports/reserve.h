/*
 * reserve.h - what `ports reserve` and `ports release` share.
 */
#ifndef CLI_PORTS_RESERVE_H
#define CLI_PORTS_RESERVE_H

#include "claim/reserve.h"
#include "cli/context.h"

/* A line for each, PREFIX first ("reserved", "released"); {"version":1,"reservations":[...]} for JSON. */
void ports_show_reserved(const struct context *context, const struct reserve_list *list,
	const char *done);

#endif
