/*
 * classify.h - what kind of thing has a port that we wanted.
 */
#ifndef PORTS_CLASSIFY_H
#define PORTS_CLASSIFY_H

#include "base/text.h"
#include "ports/owner.h"
#include "ports/sockets.h"
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
};

struct port_verdict {
	enum port_class class;
	const struct socket_entry *socket; /* borrows from the list that was given; NULL: none seen */
	const struct owner *holder; /* borrows; NULL: nobody known */
	uint32_t wait_ms; /* TIME_WAIT: until it is free */
	const struct reservation *reserved; /* borrows; CLASS_RESERVED, which no look can tell */
};

/*
 * Sockets and owners may cover many ports; lease is the registry's row for this port or NULL.
 * bind_errno is what an exclusive bind said, 0 when none was tried.
 */
struct port_verdict port_classify(const struct port_asker *asker, uint16_t port, bool udp,
	int bind_errno, const struct socket_list *sockets, const struct owner_list *owners,
	const struct lease *lease);

/* "held by pid 4242 (node), ..." or what else is known; for messages. */
void port_verdict_add(struct text *out, const struct port_verdict *verdict,
	const struct lease *lease);

#endif
