/*
 * clear.h - `ports free PORT`: who keeps a port is ended, when that is allowed at all.
 *
 *	1. ports_who()		(look.h) who is there
 *	2. clear_check()	may all of them be ended? Else what to do instead
 *	3. (the caller)		tells who it is, and asks
 *	4. clear_port()		ends those who were shown, and nobody else
 */
#ifndef SURVEY_CLEAR_H
#define SURVEY_CLEAR_H

#include "survey/look.h"

struct port_clear {
	const char *state;
	uint16_t port;
	const uint16_t *protects; /* [ports] protect */
	size_t protect_count;
};

/* Does it keep others from having the port? Connections do not listen, and end by themselves. */
bool clear_is_kept_by(const struct port_view *view);
/* 0, or -1 with EXIT_CONFLICT: somebody there may not be ended, for a reason that is told. */
int clear_check(const struct port_clear *clear, const struct port_look *look, struct error *e);
/* Errors as evict(). Everything is audited. */
int clear_port(const struct port_clear *clear, const struct port_look *look,
	struct owner_list *ended, struct error *e);

#endif
