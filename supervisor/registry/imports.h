/*
 * imports.h - rows as a document has them, times and all, where projects.h, instances.h and
 * leases.h write what happens now. For who has made sure that nothing of it contradicts the
 * registry; in a transaction.
 */
#ifndef REGISTRY_IMPORTS_H
#define REGISTRY_IMPORTS_H

#include "registry/instances.h"
#include "registry/leases.h"
#include "registry/projects.h"
#include "registry/reservations.h"

/* The last known port of a service, and when that was. */
struct service_state {
	struct service_row row;
	const char *project; /* name; filled by queries */
	const char *status; /* active, inactive */
	const char *last_updated;
};

/* Of all instances of the machine, not what stands in files (found.h); by project (name), instance, service and port name. */
int service_list(struct registry *r, struct arena *arena, struct service_state **out, size_t *count,
	struct error *e);

/*
 * The id is kept where it was never used here, so import in their order; *project has the one it
 * got. Of the blocks, the first is its first; an archived project that has one of them loses it. It
 * may have none.
 */
int import_project(struct registry *r, struct project *project, const int *blocks,
	size_t block_count, struct error *e);
/*
 * It has not been run here: nobody's process stands behind it, and the last one imported was used
 * last.
 */
int import_instance(struct registry *r, const struct instance *instance, struct error *e);
/* What the registry knows already is not touched. */
int import_service(struct registry *r, const struct service_state *service, struct error *e);
int import_reservation(struct registry *r, const struct reservation *reservation, struct error *e);

#endif
