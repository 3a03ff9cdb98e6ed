#include "cli/shared/known.h"

#include <string.h>

#include "cli/context.h"
#include "ports/policy.h"
#include "registry/instances.h"
#include "registry/leases.h"
#include "registry/projects.h"
#include "registry/reservations.h"

struct gathering {
	struct registry *registry;
	struct arena *arena;
	struct known_project *projects;
	struct known_block *blocks;
	struct known_port *ports;
	size_t project_count, block_count, port_count;
};

static void add_project(struct gathering *g, int64_t id, const char *name, const char *path, bool is_main)
{
	for (size_t i = 0; i < g->project_count; i++)
		if (!strcmp(g->projects[i].path, path) && g->projects[i].id == id)
			return;
	if (*path)
		*arena_append(g->arena, g->projects, g->project_count) = (struct known_project){id, name, path, is_main};
}

static bool is_in_use(const struct gathering *g, int64_t id)
{
	for (size_t i = 0; i < g->project_count; i++)
		if (g->projects[i].id == id)
			return true;
	return false;
}

static int read_projects(struct gathering *g, struct error *e)
{
	struct project *projects;
	struct instance *instances;
	size_t count, instance_count;
	if (project_list(g->registry, g->arena, &projects, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(projects[i].status, "archived"))
			continue;
		add_project(g, projects[i].id, projects[i].name, projects[i].path, true);
		if (instance_list(g->registry, projects[i].id, g->arena, &instances, &instance_count, e))
			return -1;
		for (size_t j = 0; j < instance_count; j++)
			add_project(g, projects[i].id, projects[i].name, instances[j].worktree, false);
	}
	return 0;
}

static int read_blocks(struct gathering *g, struct error *e)
{
	struct block_row *rows;
	size_t count;
	uint16_t base;
	if (ports_base_get(g->registry, &base, e) || block_list(g->registry, g->arena, &rows, &count, e))
		return -1;
	for (size_t i = 0; base && i < count; i++)
		if (is_in_use(g, rows[i].project_id))
			*arena_append(g->arena, g->blocks, g->block_count) =
				(struct known_block){block_port(base, rows[i].block), rows[i].project_id};
	return 0;
}

static void add_port(struct gathering *g, uint16_t port, int64_t project, const char *service, bool is_reservation)
{
	if (port && (!project || is_in_use(g, project)))
		*arena_append(g->arena, g->ports, g->port_count) =
			(struct known_port){port, project, service, is_reservation};
}

static int read_ports(struct gathering *g, struct error *e)
{
	struct lease *leases;
	struct service_row *services;
	struct reservation *reservations;
	size_t lease_count, service_count, reservation_count;
	if (lease_list(g->registry, 0, 0, g->arena, &leases, &lease_count, e) ||
		service_list_active(g->registry, g->arena, &services, &service_count, e) ||
		reservation_list(g->registry, g->arena, &reservations, &reservation_count, e))
		return -1;
	for (size_t i = 0; i < lease_count; i++)
		if (*leases[i].service)
			add_port(g, leases[i].port, leases[i].project_id, leases[i].service, false);
	for (size_t i = 0; i < service_count; i++)
		add_port(g, services[i].port, services[i].project_id, services[i].service, false);
	for (size_t i = 0; i < reservation_count; i++)
		add_port(g, reservations[i].port, reservations[i].project_id,
			*reservations[i].service ? reservations[i].service : reservations[i].owner, true);
	return 0;
}

int known_read(const struct context *context, struct arena *arena, struct known *out, struct error *e)
{
	struct gathering g = {.arena = arena};
	*out = (struct known){0};
	if (!registry_exists(context->paths.state))
		return 0;
	g.registry = context_registry(context, e);
	int result = g.registry ? 0 : -1;
	if (result == 0 && (read_projects(&g, e) || read_blocks(&g, e) || read_ports(&g, e)))
		result = -1;
	registry_close(g.registry);
	*out = (struct known){.projects = g.projects,
		.project_count = g.project_count,
		.blocks = g.blocks,
		.block_count = g.block_count,
		.ports = g.ports,
		.port_count = g.port_count};
	return result;
}
