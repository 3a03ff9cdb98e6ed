/*
 * ports_show.h - how the subcommands of `ports` print what they found.
 */
#ifndef CLI_PORTS_SHOW_H
#define CLI_PORTS_SHOW_H

#include "cli/context.h"
#include "ports/look.h"

/* A table, or JSON where wanted; the sentence on stderr when there is nothing. */
void ports_show(const struct context *context, const struct port_look *look, const char *nothing);

#endif
