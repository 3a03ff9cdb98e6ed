/*
 * origin.h - what a stack was loaded from, as JSON, and back: by it another supervisor of the same run
 * loads the same stack, whatever has become of the files since. Private to this room.
 *
 * It has the sections of the stack file and of the user's own one, env files with their contents, the
 * environment of the caller and what the command line said. There are secrets in it: it is never written
 * to a disk.
 *
 *	struct origin origin = {0};
 *	if (origin_read(json, &origin, &e)) ...
 *	load_past(in, &origin.request, &origin.past, ...);
 *	origin_release(&origin);		// in any state
 */
#ifndef DAEMON_ORIGIN_H
#define DAEMON_ORIGIN_H

#include <jansson.h>

#include "daemon/instance.h"
#include "stackfile/draft.h"

/* A new reference; NULL: out of memory. */
json_t *origin_of(const struct load_request *request, const struct draft *draft);

struct origin {
	struct arena *arena; /* owns what the request and the past point to, but for: */
	struct document *document; /* owns, also past.user; may be taken */
	struct text environment; /* owns: entries that request.caller_env points into */
	struct load_request request;
	struct draft_past past;
};

/* -1: it is not the whole of an origin, and what of it is not. */
int origin_read(const json_t *json, struct origin *origin, struct error *e);
void origin_release(struct origin *origin);

#endif
