/*
 * commands.h - a probe as a command of a shell, for programs that check by running something.
 */
#ifndef EXPORT_COMMANDS_H
#define EXPORT_COMMANDS_H

#include "base/text.h"
#include "model/stack.h"

/*
 * Appends a command that succeeds when the probe does, for `sh -c`; false and nothing where there is none
 * (log, notify, none). It needs curl for http, and bash for a port.
 */
bool commands_of_probe(const struct probe *probe, struct text *out);
/* What says whether the service is ready: its probe, else its health check. NULL: nothing to ask. */
const struct probe *commands_ready_probe(const struct service *service);

#endif
