/*
 * verify.h - is what the registry says true? Its rows against who lives and who listens.
 *
 * Examined is every row that says something about now: a project (its directory is there), an
 * instance (it runs or not as recorded, its worktree is there, no other one that runs shares its
 * ports), a lease (its instance has it, and nobody else listens there), an active service (it has
 * the port of its lease). A row is true or differs for one reason, the first of VERIFY_KINDS that
 * holds. A listener of one of our runs on a port without a lease is a row that is missing: one that
 * was examined and is not true.
 *
 *	accuracy = rows that are true / rows examined, in percent
 *
 * Not examined: leases of another network namespace or machine whose instance lives, and of
 * archived projects their directory. A silent port is only a difference where somebody says that
 * its service is ready (a want).
 *
 *	1. verify_look() gathers facts: the sockets and the processes in one look each, lock bytes.
 *	2. verify_judge(): pure.
 *	3. While all of this moves, a start that is half done can look like a difference. What was
 *	   seen by two looks is one: verify_keep_seen().
 */
#ifndef UPKEEP_VERIFY_H
#define UPKEEP_VERIFY_H

#include "registry/leases.h"
#include "survey/look.h"
#include "upkeep/inventory.h"

/* Kind, word for scripts, how to put it right. */
#define VERIFY_KINDS(X)                                                                            \
	X(VERIFY_PATH_GONE, "path_gone", "`stackup registry archive PROJECT` when it is over")     \
	X(VERIFY_SUPERVISOR_DEAD, "supervisor_dead",                                               \
		"`stackup status` ends what is left, `stackup up` starts it again")                \
	X(VERIFY_RUNS_UNRECORDED, "runs_unrecorded", "`stackup down`, then `stackup up`")          \
	X(VERIFY_SHARED_RANGE, "shared_range", "`stackup down` one of the two")                    \
	X(VERIFY_WORKTREE_GONE, "worktree_gone", "`stackup registry gc --keep 0` gives its number back") \
	X(VERIFY_LEASE_ORPHAN, "lease_orphan", "`stackup registry gc --keep 0`")                   \
	X(VERIFY_LEASE_DEAD, "lease_dead",                                                         \
		"`stackup up` starts it again; else `stackup down` or `stackup registry gc --keep 0`") \
	X(VERIFY_LEASE_TWICE, "lease_twice", "`stackup down`, then `stackup up`")                  \
	X(VERIFY_LEASE_OUTSIDE, "lease_outside", "`stackup down`, then `stackup up`")              \
	X(VERIFY_STRANGER, "stranger", "`stackup ports resolve`, or `stackup ports free PORT`")    \
	X(VERIFY_SILENT, "silent", "does the service listen on $PORT? `stackup why SERVICE`")      \
	X(VERIFY_SERVICE_DEAD, "service_dead",                                                     \
		"`stackup up` starts it again; else `stackup down` or `stackup registry gc --keep 0`") \
	X(VERIFY_SERVICE_DIFFERS, "service_differs", "`stackup down`, then `stackup up`")          \
	X(VERIFY_UNLEASED, "unleased", "give it a port of its own with `port.NAME`")               \
	X(VERIFY_LEFTOVER, "leftover", "`stackup down` ends it")
#define X(name, word, fix) name,
enum verify_kind { VERIFY_KINDS(X) };
#undef X
const char *verify_kind_word(enum verify_kind kind);
const char *verify_kind_fix(enum verify_kind kind);

/* ---- facts ---- */

/* A service that is ready says that it listens on this port. */
struct verify_want {
	int64_t project_id;
	int instance;
	uint16_t port;
};

struct verify_project {
	const struct project *row;
	bool is_gone; /* its directory */
	bool is_unseen; /* the same may be said of it, or its disk is away: worktree_is_unseen() */
};

struct verify_instance {
	const struct inventory_instance *it; /* its status is whether it lives */
	bool is_gone; /* its worktree */
	bool is_unseen;
};

struct verify_lease {
	const struct lease *row;
	const struct inventory_instance *owner; /* NULL: no such instance */
	bool is_here; /* in our network namespace, on this machine: the views are about it */
	bool is_wanted;
	const struct port_view *views; /* of its port; */
	size_t view_count;
};

struct verify_service {
	const struct service_row *row;
	const struct inventory_instance *owner; /* NULL: no such instance */
};

/* Of one of our runs, listening without a lease. */
struct verify_stray {
	const struct port_view *view;
};

struct verify_facts {
	struct arena *arena; /* owns all of it but the look */
	struct inventory all;
	struct port_look look; /* owns */
	struct verify_project *projects;
	size_t project_count;
	struct verify_instance *instances;
	size_t instance_count;
	struct verify_lease *leases; /* by project, instance, service, name and port */
	size_t lease_count;
	struct verify_service *services;
	size_t service_count;
	struct verify_stray *strays;
	size_t stray_count;
};
int verify_look(const char *state, const struct verify_want *wants, size_t want_count,
	struct verify_facts *out, struct error *e);
void verify_facts_release(struct verify_facts *facts);

/* Its service listens on it, or somebody does in its place. */
bool verify_is_served(const struct verify_lease *lease);

/* ---- the judgement ---- */

struct difference {
	enum verify_kind kind;
	const char *project;
	int instance; /* 0 where none */
	const char *service; /* "" where none */
	uint16_t port; /* 0 where none */
	const char *reason; /* a sentence without a full stop */
};
/* Its directory is not there, and nothing is that would tell whether its disk is away. */
struct unjudged {
	const char *project;
	int instance; /* 0: the project itself */
	const char *path;
};

struct verification {
	size_t examined;
	size_t is_true;
	struct difference *items; /* in the arena */
	size_t count;
	struct unjudged *unjudged; /* in the arena; neither examined nor true */
	size_t unjudged_count;
};
void verify_judge(const struct verify_facts *facts, struct arena *arena, struct verification *out);
/* What differs in both; the rest is true. */
void verify_keep_seen(struct verification *v, const struct verification *again);
/* As number_permille(): 1000 means that all is true. Of nothing all is true. */
int verify_permille(const struct verification *v);

#endif
