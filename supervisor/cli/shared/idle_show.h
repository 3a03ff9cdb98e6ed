/*
 * idle_show.h - instances that nobody has used for a long time, each with the command that releases
 * it.
 */
#ifndef CLI_SHARED_IDLE_SHOW_H
#define CLI_SHARED_IDLE_SHOW_H

#include "upkeep/idle.h"

struct context;

/* Nothing for an empty list. */
void idle_show(const struct context *context, const struct idle_list *idle, struct text *out);
/* "idle":[...] */
void idle_add_json(struct text *out, const struct idle_list *idle);

#endif
