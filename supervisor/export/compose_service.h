/*
 * compose_service.h - one service of the stack as one of a compose file, for compose.c.
 *
 * In its container the stack file's directory is /app and the instance's state directory /state, a volume;
 * another service is reached by its name, at the port that it has here.
 */
#ifndef EXPORT_COMPOSE_SERVICE_H
#define EXPORT_COMPOSE_SERVICE_H

#include "export/exported.h"

void compose_service(struct exported *x, const struct service *service, struct text *out);

#endif
