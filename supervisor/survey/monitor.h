/*
 * monitor.h - what changed between two looks at who listens, held against the leases.
 *
 * A picture is a struct port_look (look.h) of everybody who listens where it matters to us: on
 * ports whose lease stands, because its supervisor lives, and in blocks that projects own. A leased
 * port on which nobody listens is a view with `seen` false. A view of class own_live is the lease's own
 * service; everybody else is a stranger. One view a socket: where several processes have it, the
 * oldest of its service, else the oldest.
 *
 *	appeared	the service of a lease listens
 *	vanished	nobody of them listens any more
 *	changed		the port has passed to another process: another pid, start time or user
 *	unexpected	a stranger listens on a leased port
 *	unleased	a stranger listens in a block of ours on a port without a lease
 *
 * Strangers that come are alerts, and so is a service that vanishes while its lease stands. What a
 * start, a restart or a `down` makes is none, and neither is a stranger that leaves. (Whether a
 * service was stopped on purpose its supervisor knows; who shows events asks it.)
 *
 *	1. monitor_look(&sockets, state, &before, &picture, e) takes a picture. The one before
 *	   spares the scan of /proc: who was seen is only looked at again.
 *	2. monitor_compare(&before, &picture, &events, e); against an empty picture first.
 *	3. list_release(&events); port_look_release(&before); the new picture is the one before.
 */
#ifndef SURVEY_MONITOR_H
#define SURVEY_MONITOR_H

#include "survey/look.h"

#define PORT_EVENT_KINDS(X)                                                                        \
	X(PORT_APPEARED, "appeared")                                                               \
	X(PORT_VANISHED, "vanished")                                                               \
	X(PORT_CHANGED, "changed")                                                                 \
	X(PORT_UNEXPECTED, "unexpected")                                                           \
	X(PORT_UNLEASED, "unleased")
#define X(name, word) name,
enum port_event_kind { PORT_EVENT_KINDS(X) };
#undef X
const char *port_event_word(enum port_event_kind kind);

struct port_event {
	enum port_event_kind kind;
	bool alert;
	const struct port_view *before; /* who left; borrows from that picture; NULL */
	const struct port_view *after; /* who came; the same; NULL */
	const struct lease *lease; /* that stands, or stood before; borrows; NULL */
};
struct port_events {
	struct port_event *items; /* owns */
	size_t count;
	size_t capacity;
};

/* Appends what happened; -1 without memory. Pure. Both pictures are in order of their ports. */
int monitor_compare(const struct port_look *before, const struct port_look *after,
	struct port_events *out, struct error *e);

/* The port an event is about. */
const struct port_view *port_event_view(const struct port_event *event);
/* One sentence about it, without a full stop. Not made safe for a terminal. */
void port_event_add(struct text *out, const struct port_event *event);

/*
 * Takes a picture; before is the last one, or an empty one. Only looks: a dump of the listeners,
 * the registry read, and /proc scanned only for sockets that were not there before.
 */
int monitor_look(struct sockets *sockets, const char *state, const struct port_look *before,
	struct port_look *out, struct error *e);

#endif
