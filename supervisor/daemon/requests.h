/*
 * requests.h - the verbs of control/protocol.h, inside the supervisor. Private to this room.
 *
 * One row of the table in requests.c a verb. A function answers its ticket exactly once: at once, or
 * through a pending request.
 */
#ifndef DAEMON_REQUESTS_H
#define DAEMON_REQUESTS_H

#include "daemon/instance.h"

struct pending;

struct control_handler requests_handler(struct instance *in);
/* Always -1: the error with the nearest name. */
int no_such_service(const struct instance *in, const char *name, struct error *e);

/* What many bodies have: the time to wait, -1 without one; a member that is true; news meanwhile. */
int64_t request_timeout_ms(const json_t *body);
bool request_has(const json_t *body, const char *key);
void request_progress(struct pending *p, const json_t *body);

/* actions.c */
void action_start(struct instance *in, struct control_ticket ticket, const json_t *body);
void action_stop(struct instance *in, struct control_ticket ticket, const json_t *body);
void action_restart(struct instance *in, struct control_ticket ticket, const json_t *body);
void action_kill(struct instance *in, struct control_ticket ticket, const json_t *body);
void action_down(struct instance *in, struct control_ticket ticket, const json_t *body);

/* show.c */
json_t *show_status(struct instance *in);
json_t *show_why(struct instance *in, int service);
json_t *show_running(struct instance *in);
/* Why it is in its state, in one line, with what is wrong with its log. */
void show_reason(const struct instance *in, int service, char *out, size_t size);

/* attach.c */
void attach_request(struct instance *in, struct control_ticket ticket, const json_t *body);
void attach_input(struct instance *in, struct control_ticket ticket, const json_t *body);
void attach_winch(struct instance *in, struct control_ticket ticket, const json_t *body);
void attach_drop_client(struct instance *in, uint64_t client);
/* New bytes may be in a service's log; text: it has ended. */
void attach_pump(struct service_io *io);
void attach_end(struct service_io *io, const char *text);

#endif
