/*
 * ports_show.h - how the subcommands of `ports` print what they found. With --json all of them are
 * the same document; the sentence goes to stderr when there is nothing for people.
 */
#ifndef CLI_PORTS_SHOW_H
#define CLI_PORTS_SHOW_H

#include "cli/context.h"
#include "ports/look.h"

/* Leases and what is really there: a row each. */
void ports_show_list(const struct context *context, const struct port_look *look);
/* Sockets of the machine: a row each. */
void ports_show_scan(const struct context *context, const struct port_look *look);
/* One port: a paragraph for each process, with the evidence. */
void ports_show_who(const struct context *context, const struct port_look *look);

#endif
