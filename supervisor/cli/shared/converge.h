/*
 * converge.h - the second `up`: an instance that runs already follows the file as it is now.
 */
#ifndef CLI_SHARED_CONVERGE_H
#define CLI_SHARED_CONVERGE_H

#include "cli/context.h"
#include "daemon/daemon.h"

/*
 * Tells what is to be stopped, restarted and started before any of it is done. The complaints of a
 * refused file are shown like our own. A file in another directory than the one that runs is refused,
 * but for --yes. shown: how the file is called; name: "shop instance 1".
 */
int converge(struct context *context, const struct launch_request *request, const char *shown,
	const char *name, struct control_client *client, struct error *e);

#endif
