/*
 * look.h - questions about ports that change nothing: `ports who`, `ports list`, `ports scan`. For
 * what is in the way of a launch see claim/check.h.
 */
#ifndef SURVEY_LOOK_H
#define SURVEY_LOOK_H

#include "claim/claim.h"
#include "ports/classify.h"

/* One socket and one process that has it; or a port that is somebody's and on which nobody is. */
struct port_view {
	uint16_t port;
	bool udp;
	bool seen; /* a socket was seen: `socket` is filled */
	struct socket_entry socket;
	size_t connections; /* of a listener: open on its port; of TIME_WAIT: all of the port */
	enum port_class class;
	enum port_evidence evidence;
	const char *guard; /* as in struct port_verdict */
	struct owner holder;
	bool has_holder;
	struct lease lease;
	bool has_lease;
	const struct reservation *reservation; /* borrows from the arena; NULL: not reserved */
};
/* What was seen, as a sentence. */
void port_view_add_evidence(struct text *out, const struct port_view *view);

struct port_look {
	struct arena *arena; /* owns the strings of leases and reservations */
	struct port_view *items; /* owns; by port, TCP before UDP */
	size_t count;
	size_t capacity;
	/* Set by the caller before: [ports] protect. Borrowed. */
	const uint16_t *protects;
	size_t protect_count;
	bool by_proc; /* this kernel has no sock_diag: what is only held could not be seen */
};
void port_look_release(struct port_look *look);

/*
 * Everything that has this port, whatever its state; TCP and UDP. Connections on the port of a
 * listener are counted with it, and those in TIME_WAIT are one: that which lasts longest.
 */
int ports_who(const char *state, uint16_t port, struct port_look *look, struct error *e);
/*
 * Every lease of a project's service (all projects with NULL), every reservation, and who is really
 * there: a listener, else the placeholder, else nobody.
 */
int ports_list(const char *state, const char *project, struct port_look *look,
	struct error *e);

/* The same of all projects, and whoever listens on any other port of the machine. */
int ports_list_all(const char *state, struct port_look *look, struct error *e);

/* ---- the machine ---- */

/* Above this many sockets a scan names no processes by itself: that costs more than all the rest. */
enum { SCAN_NAMES_MOST = 1000 };
struct port_scan {
	uint16_t low;
	uint16_t high;
	bool names; /* look for the processes of however many sockets */
	bool connections; /* also ports that only connections have */
	const uint16_t *protects; /* as in struct port_look */
	size_t protect_count;
};

/* What is known before the first view of a scan: how wide columns must be, and what is missing. */
struct port_survey {
	const struct socket_list *sockets; /* that will have views */
	const struct lease *leases; /* of these ports */
	size_t lease_count;
	size_t unnamed; /* sockets whose processes were not looked for */
	bool by_proc; /* as in struct port_look */
};

/* A view and all it points to is only there during the call. */
typedef int on_port_view(void *self, const struct port_view *view, struct error *e);
struct port_reader {
	void *self;
	void (*on_survey)(void *self, const struct port_survey *survey);
	on_port_view *on_view; /* fails with e, which ends the scan */
};
/*
 * Who listens on these ports of the machine or keeps them bound; TCP and UDP. Views come in order of
 * their ports, TCP first; they are not collected, for there can be thousands.
 */
int ports_scan(const char *state, const struct port_scan *scan, const struct port_reader *reader,
	struct error *e);

#endif
