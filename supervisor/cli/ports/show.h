/*
 * show.h - how the subcommands of `ports` print what they found. With --json all of them are
 * the same document; the sentence goes to stderr when there is nothing for people.
 */
#ifndef CLI_PORTS_SHOW_H
#define CLI_PORTS_SHOW_H

#include "cli/context.h"
#include "survey/look.h"

/* Leases and what is really there: a row each. */
void ports_show_list(const struct context *context, const struct port_look *look);
/* One port: a paragraph for each process, with the evidence. */
void ports_show_who(const struct context *context, const struct port_look *look);

/* "shop/1 api", "shop/1 api.admin"; nothing for a port without a lease. */
void ports_add_lease(struct text *out, const struct lease *lease);
/* Says on stderr, unless quiet, that /proc/net was read and what does not show there. */
void ports_note_proc(const struct context *context, bool by_proc);

#endif
