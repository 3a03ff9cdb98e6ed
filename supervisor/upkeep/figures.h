/*
 * figures.h - the figures of the report: how the ports of this machine are used, and how often
 * somebody was in the way.
 *
 * Of now: what verify.h sees. Of the time since `since`: what launches left in the registry. A
 * conflict is a port of a service that somebody else had when it was wanted, however it was
 * settled.
 */
#ifndef UPKEEP_FIGURES_H
#define UPKEEP_FIGURES_H

#include "registry/history_list.h"
#include "registry/launches.h"
#include "upkeep/idle.h"
#include "upkeep/verify.h"

struct block_use {
	int block;
	uint16_t base_port;
	const char *project;
	int instances; /* that are claimed, of ten */
	int running;
	int active_ports;
};

struct instance_use {
	const char *project;
	int instance;
	int64_t launches;
	int active_ports;
};

struct figures {
	/* now */
	int leased_ports; /* of services of instances that run */
	int active_ports; /* of these, the ones on which somebody of theirs listens */
	int moved_ports; /* of these, the ones that are not where they belong */
	int conflicts_now; /* of these, the ones on which a stranger listens */
	int projects, active_projects, reserved_projects, legacy_projects, archived_projects;
	int instances, running_instances;
	int blocks_owned;
	int blocks_left; /* that a new project can get, those of archived ones included */
	struct block_use *blocks; /* all that somebody owns, the fullest first */
	size_t block_count;
	struct idle_list idle;
	/* since */
	struct launch_figures launches;
	struct instance_use *busiest; /* of those that were launched and are still claimed */
	size_t busiest_count;
	struct conflict_count *ports; /* that conflicted, the most often first */
	size_t port_count;
	struct incident_count *incident_kinds; /* the most frequent first */
	size_t incident_kind_count;
	struct incident_row *incidents; /* the last few, the oldest first */
	size_t incident_count;
	/* of the last twelve months in which there was anything */
	struct month_figures *months;
	size_t month_count;
};

/* since is ISO, UTC. Everything lies in the arena or in the facts. */
int figures_read(const char *state, const char *since, int64_t now_ms,
	const struct verify_facts *facts, const struct verification *found, struct arena *arena,
	struct figures *out, struct error *e);

#endif
