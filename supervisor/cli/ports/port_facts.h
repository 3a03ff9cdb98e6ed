/*
 * port_facts.h - a service's ports and URL: of the running instance, else as they would be.
 */
#ifndef CLI_PORTS_PORT_FACTS_H
#define CLI_PORTS_PORT_FACTS_H

#include <jansson.h>

#include "base/error.h"

struct context;

/*
 * {"name", "file", "ports": {"main": n, ...}, "url": string or null} as a new reference. NULL with e:
 * EXIT_NOT_FOUND with the nearest name when there is no such service.
 */
json_t *port_facts(struct context *context, const char *service, struct error *e);
/* Hint: what to write below the service's section, and where, as a Procfile has none. */
void port_facts_hint(const json_t *facts, const char *what, struct error *e);

#endif
