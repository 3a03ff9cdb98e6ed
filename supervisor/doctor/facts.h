/*
 * facts.h - what the checks have to know about this machine; gathered once, by reading only.
 *
 * Of the network namespace, the user and the registry of whoever asks.
 */
#ifndef DOCTOR_FACTS_H
#define DOCTOR_FACTS_H

#include "base/arena.h"
#include "base/error.h"
#include "doctor/sysctl.h"
#include "listeners/ephemeral.h"
#include "listeners/owner.h"
#include "listeners/sockets.h"

/* A port that a running instance should hold. */
struct held_port {
	uint16_t port;
	const char *project;
	int instance;
	const char *service; /* "" for one that no service uses */
};

enum localhost_order { LOCALHOST_UNKNOWN, LOCALHOST_IPV4_FIRST, LOCALHOST_IPV6_FIRST };

struct facts {
	struct arena *arena; /* owns the strings and arrays */

	/* The kernel's own ports. */
	struct ephemeral ephemeral;
	struct sysctl_line reserved_line; /* the line of a file that sets ip_local_reserved_ports */

	/* Ours. */
	uint16_t ports_base; /* where block 0 begins */
	struct port_set ours; /* blocks that projects own, and whatever is leased besides */
	struct held_port *held; /* of running instances, by port */
	size_t held_count;
	const char *registry_error; /* NULL: it can be read */
	const char *registry_hint;

	/* Who is there: sockets on held ports, listening, bound or UDP. */
	struct socket_list sockets; /* owns */
	struct owner_list owners; /* owns */
	bool shows_bound; /* the kernel shows sockets that are only bound */
	bool by_proc; /* no sock_diag */
	const char *kubernetes; /* "kubelet (pid 812)"; NULL: not seen */
	const char *docker; /* the same */

	enum localhost_order localhost;

	/* This user. */
	uint64_t descriptors_most; /* hard RLIMIT_NOFILE */
	const char *user;

	/* The state directory, or its nearest parent that exists. */
	const char *state;
	const char *file_system; /* "NFS"; NULL: a local one */
	int64_t disk_free; /* bytes that this user may still write there; -1: not known */
	bool no_inodes; /* no further file can be made there */

	/* The stack of this directory; the caller fills these, 0 where there is none. */
	int services;
	int ports;
};

/* -1: nothing can be said, out of memory or no look at the sockets. Release it in any case. */
int facts_look(const char *state, struct facts *facts, struct error *e);
void facts_release(struct facts *facts);

#endif
