/*
 * look_parts.h - what the questions about ports share with each other, and with whoever judges the
 * whole registry (upkeep/verify.h). Others ask by look.h.
 */
#ifndef SURVEY_LOOK_PARTS_H
#define SURVEY_LOOK_PARTS_H

#include "registry/projects.h"
#include "survey/look.h"

/*
 * A question while it is answered: fill it, look_make_views(), look_facts_release(). The arrays of the
 * registry lie in an arena and are in order of their ports, as the sockets are.
 */
struct look_facts {
	const char *state;
	const uint16_t *protects;
	size_t protect_count;
	const struct lease *leases;
	size_t lease_count;
	const struct reservation *reservations;
	size_t reservation_count;
	const struct project *projects; /* all: by them the run of a process is known */
	size_t project_count;
	struct socket_list sockets; /* owns */
	struct owner_index owners; /* owns */
	bool unnamed; /* no process was looked for: the views tell only the user */
	bool silent; /* leases and reservations on which nobody is get a view, too */
};
void look_facts_release(struct look_facts *facts);
/* Views are told one by one, in order of their ports. */
int look_make_views(
	const struct look_facts *facts, on_port_view *on_view, void *self, struct error *e);

#endif
