/*
 * failures.h - the last words of services that have failed, for whoever waited for them in vain.
 */
#ifndef CLI_FAILURES_H
#define CLI_FAILURES_H

#include "control/client.h"

/* On stderr: each failed service's reason and its last log lines. Silent when there are none. */
void failures_show(struct control_client *client);

#endif
