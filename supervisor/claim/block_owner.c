#include "claim/block_owner.h"

#include <string.h>

#include "ports/policy.h"
#include "registry/instances.h"
#include "registry/leases.h"
#include "registry/lock.h"
#include "registry/projects.h"

static int find_lease(struct registry *r, uint16_t port, struct arena *arena,
	struct block_owner *out, struct error *e)
{
	struct owner_mark self;
	struct lease lease;
	owner_mark_self(&self);
	for (int udp = 0; udp < 2; udp++) {
		int got = lease_find(r, self.netns, udp, port, arena, &lease, e);
		if (got < 0)
			return -1;
		if (got && lease.project_id == out->project_id)
			out->leased_to = lease.instance;
	}
	return 1;
}

static int find(struct registry *r, uint16_t port, struct arena *arena, struct block_owner *out,
	struct error *e)
{
	uint16_t base;
	struct project project;
	if (ports_base_get(r, &base, e))
		return -1;
	int block = base ? block_of_port(base, port) : -1;
	int got = block < 0 ? 0 : project_find_by_block(r, block, arena, &project, e);
	if (got <= 0 || !strcmp(project.status, "archived"))
		return got < 0 ? -1 : 0;
	out->project_id = project.id;
	out->project = project.name;
	return find_lease(r, port, arena, out, e);
}

int block_owner_find(const char *state, uint16_t port, struct arena *arena,
	struct block_owner *out, struct error *e)
{
	*out = (struct block_owner){0};
	if (!registry_exists(state))
		return 0;
	struct registry *r = registry_open(state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	int found = r ? find(r, port, arena, out, e) : -1;
	registry_close(r);
	return found;
}
