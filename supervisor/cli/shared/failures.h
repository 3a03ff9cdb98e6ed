/*
 * failures.h - the last words of services that have failed, for whoever waited for them in vain.
 */
#ifndef CLI_SHARED_FAILURES_H
#define CLI_SHARED_FAILURES_H

#include "control/client.h"

struct error;

/*
 * After a request that was refused with e. On stderr: reason and last log lines of the services that have
 * failed, of those it was about and what they need. Silent when there are none. The reason of the service
 * that e begins with is left to e, which is still to be said.
 */
void failures_show(struct control_client *client, const struct error *e);

#endif
