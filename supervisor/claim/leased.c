#include "claim/leased.h"

#include <stdlib.h>

#include "registry/instances.h"

int leased_begin(struct arena **arena, const char *state, struct registry **r, struct error *e)
{
	*arena = arena_new();
	if (!*arena)
		return fail(e, EXIT_FAILED, "out of memory");
	*r = registry_open(state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	return *r ? 0 : -1;
}

static int by_port(const void *first, const void *second)
{
	const struct lease *a = first, *b = second;
	return a->port != b->port ? (a->port > b->port) - (a->port < b->port) : a->udp - b->udp;
}

const struct lease *leased_at(const struct lease *leases, size_t count, uint16_t port, bool udp)
{
	struct lease key = {.port = port, .udp = udp};
	return count ? bsearch(&key, leases, count, sizeof key, by_port) : NULL;
}

int leased_see(const uint16_t *ports, size_t count, struct socket_list *sockets, struct error *e)
{
	struct sockets s;
	sockets_init(&s);
	int result = sockets_all(&s, ports, count, true, sockets, e);
	sockets_release(&s);
	return result;
}

int leased_read(struct registry *r, const char *project, struct arena *arena,
	struct lease **out, size_t *count, struct error *e)
{
	struct project found = {0};
	struct owner_mark self;
	struct lease *all;
	size_t total;
	owner_mark_self(&self);
	*out = NULL;
	*count = 0;
	int got = project ? project_find_by_name(r, project, arena, &found, e) : 1;
	if (got < 0)
		return -1;
	if (!got)
		return fail(e, EXIT_NOT_FOUND, "there is no project '%s'", project);
	if (lease_list(r, found.id, 0, arena, &all, &total, e))
		return -1;
	for (size_t i = 0; i < total; i++)
		if (all[i].netns == self.netns)
			*arena_append(arena, *out, *count) = all[i];
	if (*count)
		qsort(*out, *count, sizeof **out, by_port);
	return 0;
}
