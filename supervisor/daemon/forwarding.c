#include "daemon/forwarding.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "forward/forward.h"

struct forwarding {
	struct forward *forward; /* owns */
	char *service; /* owns: its name */
	struct port port; /* the row as it was */
	struct port_move move;
	bool left; /* the old port is somebody's again */
	bool told; /* that it is full */
};

static void listen_on(struct forwarding *f, struct hold *hold, bool v6, const uint8_t *address)
{
	int fd = hold_answer(hold, v6, address, NULL);
	if (fd >= 0)
		(void)forward_listen(f->forward, fd);
}

/* Where the old process listened and nowhere else: nobody comes in who could not before. */
static void listen_beside(struct forwarding *f, struct hold *hold, const struct socket_list *heard)
{
	static const uint8_t loopback4[16] = {127, 0, 0, 1};
	static const uint8_t loopback6[16] = {[15] = 1};
	for (size_t i = 0; i < heard->count; i++)
		listen_on(f, hold, heard->items[i].v6, heard->items[i].address);
	if (heard->count)
		return;
	listen_on(f, hold, false, loopback4);
	listen_on(f, hold, true, loopback6);
}

static int listen_there(struct forwarding *f, const struct takeover *t, struct error *e)
{
	struct hold *hold = claim_hold(f->move.claim, f->move.from, false);
	if (hold)
		(void)hold_rearm(hold, NULL);
	if (!hold || hold->fd < 0)
		return fail(e, EXIT_CONFLICT, "port %u leads nowhere: it could not be held",
			f->move.from);
	if (hold->state == HOLD_IS_LISTENING) {
		int fd = fcntl(hold->fd, F_DUPFD_CLOEXEC, 3);
		if (fd < 0 || !forward_listen(f->forward, fd))
			return fail_errno(e, EXIT_FAILED, "port %u leads nowhere", f->move.from);
		return 0;
	}
	listen_beside(f, hold, &t->heard);
	if (forward_is_over(f->forward))
		return fail_errno(e, EXIT_CONFLICT, "port %u leads nowhere", f->move.from);
	return 0;
}

static void free_one(struct forwarding *f)
{
	forward_free(f->forward);
	free(f->service);
	free(f);
}

int forwarding_begin(struct instance *in, const struct takeover *t, struct error *e)
{
	struct forwarding *f = calloc(1, sizeof *f);
	if (!f || !list_push(&in->forwardings, f)) {
		free(f);
		return fail(e, EXIT_FAILED, "out of memory");
	}
	f->port = *t->port.port;
	f->move = t->port;
	f->move.port = &f->port;
	f->service = strdup(service_at(in, t->wish.service)->name);
	f->port.service = f->service;
	f->port.name = "main";
	f->forward = forward_new(in->loop, t->port.to, t->wish.grace_ms);
	if (f->service && f->forward && !listen_there(f, t, e))
		return 0;
	if (!f->service || !f->forward)
		fail(e, EXIT_FAILED, "out of memory");
	in->forwardings.count--;
	free_one(f);
	return -1;
}

static bool is_used(const struct instance *in, uint16_t port)
{
	for (int i = 0; i < in->loaded.stack->port_count; i++)
		if (in->loaded.stack->ports[i].number == port
			&& in->loaded.stack->ports[i].protocol != PROTOCOL_UDP)
			return true;
	return false;
}

static void follow_one(struct instance *in, struct forwarding *f)
{
	const struct service *s = stack_service(in->loaded.stack, f->service);
	const struct port *port = s ? stack_main_port(in->loaded.stack, s) : NULL;
	f->left |= is_used(in, f->move.from);
	if (f->left || !port)
		forward_close(f->forward);
	else
		forward_aim(f->forward, port->number);
}

void forwarding_follow(struct instance *in)
{
	for (size_t i = 0; i < in->forwardings.count; i++)
		follow_one(in, in->forwardings.items[i]);
}

void forwarding_make_room(struct instance *in, uint16_t port)
{
	for (size_t i = 0; i < in->forwardings.count; i++) {
		struct forwarding *f = in->forwardings.items[i];
		struct hold *hold = claim_hold(&in->claim, port, false);
		if (f->move.from != port || !hold || hold->state == HOLD_IS_LISTENING)
			continue;
		f->left = true;
		forward_close(f->forward);
	}
}

bool forwarding_has(const struct instance *in, uint64_t inode)
{
	for (size_t i = 0; i < in->forwardings.count; i++)
		if (forward_has(in->forwardings.items[i]->forward, inode))
			return true;
	return false;
}

static void tell_full(struct instance *in, struct forwarding *f)
{
	char text[REASON_SIZE];
	if (f->told || !forward_refused(f->forward))
		return;
	f->told = true;
	reason_format(text, "port %u leads at most %zu connections to '%s' at once, and more are "
		"closed; let clients use its own port", f->move.from, forward_most(f->forward), f->service);
	tell_event(in, -1, EVENT_WARNING, text);
}

void forwarding_turn(struct instance *in)
{
	for (size_t i = 0; i < in->forwardings.count;) {
		struct forwarding *f = in->forwardings.items[i];
		struct error e = {0};
		tell_full(in, f);
		if (!forward_is_over(f->forward)) {
			i++;
			continue;
		}
		list_remove(&in->forwardings, i);
		forward_free(f->forward);
		f->forward = NULL;
		if (!f->left && port_move_leave(&f->move, f->move.from, &e))
			tell_event(in, -1, EVENT_WARNING, e.text);
		free_one(f);
	}
}

void forwarding_free(struct instance *in)
{
	while (in->forwardings.count) {
		free_one(in->forwardings.items[in->forwardings.count - 1]);
		in->forwardings.count--;
	}
	list_release(&in->forwardings);
}
