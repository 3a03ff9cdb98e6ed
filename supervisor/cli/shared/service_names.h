/*
 * service_names.h - the services of an instance that may not run: whoever left a log or an event, and
 * those that its supervisor knows.
 *
 *	struct service_names known = {0}, chosen = {0};
 *	service_names_of_logs(&known, target);
 *	service_names_of_supervisor(&known, target);
 *	if (service_names_choose(context, &known, &chosen, e) < 0) ...	// the verb's words
 *	service_names_release(&known); service_names_release(&chosen);
 */
#ifndef CLI_SHARED_SERVICE_NAMES_H
#define CLI_SHARED_SERVICE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/list.h"

struct context;
struct target;

struct service_names {
	LIST(char *) list; /* owns; each name once */
};

void service_names_release(struct service_names *names);

/* By name; nothing where there is nothing. */
void service_names_of_logs(struct service_names *names, const struct target *target);
/* In the order in which they were told of first. */
void service_names_of_events(struct service_names *names, const struct target *target);
/* Nothing when it does not live. */
void service_names_of_supervisor(struct service_names *names, const struct target *target);

/*
 * Those that the words of the command line mean, wildcards as in `start`. -1: one means none
 * (EXIT_NOT_FOUND, with the nearest name).
 */
int service_names_choose(const struct context *context, const struct service_names *known,
	struct service_names *chosen, struct error *e);
bool service_names_have(const struct service_names *names, const char *name);

#endif
