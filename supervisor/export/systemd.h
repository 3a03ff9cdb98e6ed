/*
 * systemd.h - one service of the stack as a unit, for systemd.c.
 */
#ifndef EXPORT_SYSTEMD_H
#define EXPORT_SYSTEMD_H

#include "export/exported.h"

/* "shop-1": what the names of all units begin with. In the arena. */
const char *systemd_stem(const struct exported *x);
/* "shop-1-api.service" */
const char *systemd_unit(const struct exported *x, const struct service *service, const char *kind);
/* "NAME=value" lines. */
void systemd_key(struct text *out, const char *key, const char *value);
void systemd_service(struct exported *x, const struct service *service, struct text *out);
/* The n-th port of `hold = listen`, whose socket systemd passes on; NULL: there are no more. */
const struct port *systemd_socket(const struct exported *x, const struct service *service, size_t n);
const char *systemd_socket_unit(const struct exported *x, const struct service *service, const struct port *port);
void systemd_add_socket(const struct exported *x, const struct service *service, const struct port *port,
	struct text *out);

#endif
