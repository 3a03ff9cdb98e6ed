/*
 * clearing.h - strangers on ports of a changed stack are ended beside the loop.
 *
 * A launch stops whoever has its ports by itself (claim/claim.h), and takes the seconds for it that
 * a process has between TERM and KILL. A supervisor has services meanwhile. Before a reload claims:
 *
 *	1. clearing_new()	who would be stopped, by looking only; NULL: nobody
 *	2. clearing_begin()	a thread stops them; a turn of the loop comes when it is done
 *	3. clearing_is_done(), clearing_tell(), clearing_free()
 *	4. the claim goes by a strategy that stops nobody: what could not be freed moves or fails
 *
 * Every signal is in the registry's audit, as for evict(), and what was stopped among the conflicts.
 */
#ifndef DAEMON_CLEARING_H
#define DAEMON_CLEARING_H

#include <stdbool.h>
#include <stddef.h>

struct claim_options;
struct clearing;
struct instance;
struct port;

/*
 * rows and options as for claim_ports(), only for the call. NULL also where one of the ports cannot
 * be had in any way (then nobody is stopped for the others), and where nothing can be seen.
 */
struct clearing *clearing_new(struct instance *in, const struct port *rows, size_t count,
	const struct claim_options *options);
/* Without a thread (a shortage) it is done at once, and nobody was stopped. */
void clearing_begin(struct clearing *clearing);
bool clearing_is_done(const struct clearing *clearing);
/* An event for each port: who was stopped there, or why not. */
void clearing_tell(const struct clearing *clearing);
/* Waits for the thread, a few seconds at most. NULL is nothing. */
void clearing_free(struct clearing *clearing);

#endif
