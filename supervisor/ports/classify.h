/*
 * classify.h - what kind of thing has a port that we wanted, and how that is known.
 *
 * What a look found out is gathered into struct port_facts (verdict.c); the class follows from these
 * alone (classify.c, pure). Of several reasons the first counts:
 *
 *	no socket	refused below the unprivileged ports, a lease, refused by what cannot be seen
 *	marks		of a run of stackup: live or left behind, whose instance, which registry
 *	placeholders	a supervisor's socket that is bound and does not listen
 *	connections	nobody listens: an outgoing connection has it, or TIME_WAIT
 *	strangers	in a container, protected, of another user, on ::1 only, any other
 */
#ifndef PORTS_CLASSIFY_H
#define PORTS_CLASSIFY_H

#include "base/text.h"
#include "listeners/owner.h"
#include "listeners/sockets.h"
#include "registry/leases.h"
#include "registry/reservations.h"

#define PORT_CLASSES(X)                                                                            \
	X(CLASS_FREE, "free")                                                                      \
	X(CLASS_OWN_LIVE, "own_live") /* a service of this very instance, which runs */            \
	X(CLASS_OWN_STALE, "own_stale") /* left behind by a dead run of this instance */           \
	X(CLASS_OTHER_INSTANCE, "other_instance")                                                  \
	X(CLASS_OTHER_PROJECT, "other_project")                                                    \
	X(CLASS_OTHER_REGISTRY, "other_registry") /* a stackup that keeps another registry */      \
	X(CLASS_RESERVED, "reserved") /* kept for somebody who need not run now */                 \
	X(CLASS_LEASED, "leased") /* a lease or its placeholder has it, nobody listens */          \
	X(CLASS_FOREIGN, "foreign") /* another program of the same user */                         \
	X(CLASS_OTHER_USER, "other_user") /* another program, of another user */                   \
	X(CLASS_CONTAINER, "container") /* a process in a container, or its port publisher */      \
	X(CLASS_PROTECTED, "protected") /* of the system, or of what nobody may stop */            \
	X(CLASS_WRONG_FAMILY, "wrong_family") /* ::1 has a listener, 127.0.0.1 none */             \
	X(CLASS_EPHEMERAL, "ephemeral") /* an outgoing connection got it from the kernel */        \
	X(CLASS_TIME_WAIT, "time_wait")                                                            \
	X(CLASS_PRIVILEGED, "privileged") /* below net.ipv4.ip_unprivileged_port_start */          \
	X(CLASS_UNKNOWN, "unknown") /* taken, and nothing can be seen */
#define X(name, word) name,
enum port_class { PORT_CLASSES(X) };
#undef X
const char *port_class_word(enum port_class class);

/* Whose port it is asked for. */
struct port_asker {
	const char *state;
	int64_t project_id;
	const char *project;
	int instance;
	const char *run_id; /* of the run that asks or runs: its processes are alive; NULL */
	bool is_running; /* its supervisor lives (and is not the caller) */
	const uint16_t *protects; /* [ports] protect */
	size_t protect_count;
};

/* What a class was concluded from. */
enum port_evidence {
	SEEN_NOTHING,
	SEEN_ROOTS_PORT, /* the kernel refused it: below ip_unprivileged_port_start */
	SEEN_REFUSAL, /* the kernel refused it, and shows no socket */
	SEEN_LEASE, /* a lease whose supervisor lives */
	SEEN_PLACEHOLDER, /* of a supervisor, for a lease */
	SEEN_SUPERVISOR, /* a supervisor without a lease here */
	SEEN_OTHER_STATE, /* marks that name a directory of another registry */
	SEEN_LIVE_MARK, /* marks of a run whose supervisor lives */
	SEEN_DEAD_MARK,
	SEEN_CONNECTION,
	SEEN_TIME_WAIT,
	SEEN_CONTAINER,
	SEEN_PUBLISHER, /* a program that publishes ports of containers */
	SEEN_INIT, /* pid 1 */
	SEEN_SYSTEM, /* a program of the system, or what runs containers */
	SEEN_UNIT, /* a system service */
	SEEN_GUARD, /* the port is protected */
	SEEN_USER, /* another user */
	SEEN_SIX_ONLY,
	SEEN_NO_MARK,
	SEEN_UNASKED, /* nobody looked for its process (look.h) */
};

struct port_facts {
	int bind_errno; /* what an exclusive bind said, 0 when none was tried */
	const struct socket_entry *socket; /* the one that says most; NULL: none was seen */
	bool six_only; /* it listens, and nothing that listens there takes IPv4 */
	const struct owner *holder; /* NULL: nobody known */
	uid_t uid; /* the asker's */
	const char *guard; /* protect_port() */
	/* Of a holder with marks: */
	bool mark_is_here; /* of this registry */
	bool mark_is_project; /* of the asker's project */
	bool mark_is_instance; /* and of its instance */
	bool mark_lives; /* its supervisor does, or it is of the asker's own run */
	/* Of the registry's row for the port; all false without one: */
	bool lease_is_project;
	bool lease_is_instance;
	bool lease_lives; /* its supervisor does */
};

struct port_finding {
	enum port_class class;
	enum port_evidence evidence;
};
struct port_finding port_class_of(const struct port_facts *facts);

struct port_verdict {
	enum port_class class;
	const struct socket_entry *socket; /* borrows from the list that was given; NULL: none seen */
	const struct owner *holder; /* borrows; NULL: nobody known */
	uint32_t wait_ms; /* TIME_WAIT: until it is free */
	const struct reservation *reserved; /* borrows; CLASS_RESERVED, which no look can tell */
	bool is_own; /* the asker's own instance has it: no conflict */
	enum port_evidence evidence;
	const char *guard; /* static; SEEN_GUARD */
	uid_t uid; /* the asker's; SEEN_USER */
};

/*
 * Sockets and owners may cover many ports; lease is the registry's row for this port or NULL.
 * bind_errno is what an exclusive bind said, 0 when none was tried. Sockets of the asking process are
 * not counted.
 */
struct port_verdict port_classify(const struct port_asker *asker, uint16_t port, bool udp,
	int bind_errno, const struct socket_list *sockets, const struct owner_list *owners,
	const struct lease *lease);
/*
 * The same for one socket of a port and one process that has it (NULL: unknown). sockets are those
 * of the port, of which it is one.
 */
struct port_verdict port_classify_socket(const struct port_asker *asker,
	const struct socket_entry *socket, const struct owner *holder,
	const struct socket_list *sockets, const struct lease *lease);

/* "held by pid 4242 (node), ..." or what else is known; for messages. */
void port_verdict_add(struct text *out, const struct port_verdict *verdict,
	const struct lease *lease);
/* "it carries the marks of shop instance 2, whose supervisor is gone": what was seen. */
void port_evidence_add(struct text *out, const struct port_verdict *verdict,
	const struct lease *lease);

#endif
