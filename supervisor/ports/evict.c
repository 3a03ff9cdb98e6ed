#include "ports/evict.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/own.h"
#include "listeners/process.h"
#include "ports/protect.h"
#include "registry/history.h"
#include "registry/lock.h"

enum { GRACE_MS = 5000, KILL_WAIT_MS = 2000, CLOSE_MS = 1000, LOOK_AGAIN_MS = 10 };

/* ---- who may not be signalled ---- */

static bool keeps_port(const struct socket_entry *s, uint16_t port, bool udp)
{
	return s->port == port && s->udp == udp && s->state != SOCKET_TIME_WAIT &&
		s->state != SOCKET_CONNECTED;
}

static bool keeps(uint64_t inode, uint16_t port, bool udp, const struct socket_list *sockets)
{
	for (size_t i = 0; i < sockets->count; i++)
		if (sockets->items[i].inode == inode && keeps_port(&sockets->items[i], port, udp))
			return true;
	return false;
}

static const char *obstacle_of(const struct owner *owner)
{
	const char *why = protect_process(owner, geteuid());
	if (!why && owner->run_id)
		why = "it belongs to an instance of stackup";
	return why || !process_is_ancestor(owner->pid) ? why : "this command was started by it";
}

const char *evict_obstacle(uint16_t port, bool udp, const struct socket_list *sockets,
	const struct owner_list *owners, const uint16_t *protects, size_t protect_count)
{
	const char *why = protect_port(port, protects, protect_count);
	for (size_t i = 0; !why && i < owners->count; i++)
		if (keeps(owners->items[i].inode, port, udp, sockets))
			why = obstacle_of(&owners->items[i]);
	return why;
}

/* ---- one eviction ---- */

struct target {
	int fd; /* owns: a pidfd */
	struct owner *owner; /* borrows from the look: one of its sockets */
};

struct evicting {
	const struct eviction *order;
	struct sockets sockets;
	struct socket_list seen;
	struct owner_list owners;
	LIST(uint64_t) inodes; /* of the port */
	LIST(struct target) targets; /* one a process */
};

static void release(struct evicting *v)
{
	for (size_t i = 0; i < v->targets.count; i++)
		close(v->targets.items[i].fd);
	list_release(&v->targets);
	list_release(&v->inodes);
	list_release(&v->seen);
	owners_release(&v->owners);
	sockets_release(&v->sockets);
}

static int look(struct evicting *v, struct error *e)
{
	list_release(&v->seen);
	return sockets_all(&v->sockets, &v->order->port, 1, true, &v->seen, e);
}

static bool is_kept(const struct evicting *v)
{
	for (size_t i = 0; i < v->seen.count; i++)
		if (keeps_port(&v->seen.items[i], v->order->port, v->order->udp))
			return true;
	return false;
}

static int note_inodes(struct evicting *v, struct error *e)
{
	for (size_t i = 0; i < v->seen.count; i++)
		if (keeps_port(&v->seen.items[i], v->order->port, v->order->udp) &&
			!list_push(&v->inodes, v->seen.items[i].inode))
			return fail(e, EXIT_FAILED, "out of memory");
	return 0;
}

static bool has_port(const struct evicting *v, pid_t pid)
{
	return owner_has_socket(pid, v->inodes.items, v->inodes.count);
}

static bool is_target(const struct evicting *v, pid_t pid)
{
	for (size_t i = 0; i < v->targets.count; i++)
		if (v->targets.items[i].owner->pid == pid)
			return true;
	return false;
}

static int refuse(const struct evicting *v, const struct owner *owner, const char *why,
	struct error *e)
{
	OWNED_TEXT line = {0};
	owner_add_line(&line, owner);
	return fail(e, EXIT_CONFLICT, "port %u is kept by %s, which is not stopped: %s", v->order->port,
		text_string(&line), why);
}

/* The pidfd comes first: what is asked afterwards is about the process behind it, or it is gone. */
static int take_target(struct evicting *v, struct owner *owner, struct error *e)
{
	OWNED_FD fd = owner->pid ? pidfd_open(owner->pid, 0) : -1;
	struct owner now;
	if (owner->pid && (fd < 0 || !owner_describe(owner->pid, &now)))
		return fd < 0 && errno != ESRCH ? fail_errno(e, EXIT_FAILED, "pidfd_open") : 0;
	bool same = !owner->pid || (now.start_ticks == owner->start_ticks && now.uid == owner->uid &&
		has_port(v, owner->pid));
	const char *why = obstacle_of(owner->pid ? &now : owner);
	if (owner->pid)
		owner_release(&now);
	if (!same)
		return 0;
	if (why)
		return refuse(v, owner, why, e);
	struct target target = {fd, owner};
	if (!list_push(&v->targets, target))
		return fail(e, EXIT_FAILED, "out of memory");
	(void)take_fd(&fd);
	return 0;
}

static bool is_shown(const struct evicting *v)
{
	for (size_t i = 0; i < v->targets.count; i++)
		if (v->targets.items[i].owner->pid == v->order->pid &&
			v->targets.items[i].owner->start_ticks == v->order->start_ticks)
			return true;
	return !v->order->pid;
}

static int take_targets(struct evicting *v, struct error *e)
{
	const struct eviction *order = v->order;
	const char *why = protect_port(order->port, order->protects, order->protect_count);
	if (why)
		return fail(e, EXIT_CONFLICT, "nobody is stopped on port %u: %s", order->port, why);
	if (look(v, e) || note_inodes(v, e))
		return -1;
	owners_find(&v->seen, &v->owners);
	for (size_t i = 0; i < v->owners.count; i++) {
		struct owner *owner = &v->owners.items[i];
		if (keeps(owner->inode, order->port, order->udp, &v->seen) &&
			!is_target(v, owner->pid) && take_target(v, owner, e))
			return -1;
	}
	if (is_kept(v) && !is_shown(v))
		return fail(e, EXIT_CONFLICT, "port %u has changed hands: pid %d has it no more",
			order->port, (int)order->pid);
	return 0;
}

static int audit(const struct eviction *order, const struct owner *owner, const char *signal,
	struct error *e)
{
	struct registry *r = registry_open(order->state, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, e);
	OWNED_TEXT line = {0};
	if (!r)
		return -1;
	owner_add_line(&line, owner);
	int result = registry_begin(r, e) ||
			history_audit(r, order->project_id, order->instance, signal,
				text_string(&line), order->why, e)
		? -1 : registry_commit(r, e);
	registry_close(r);
	return result;
}

static int send_signal(const struct evicting *v, const struct target *target, int number,
	struct error *e)
{
	if (instance_lock_is_held_by(target->owner->pid))
		return refuse(v, target->owner, "it is a supervisor of stackup", e);
	if (audit(v->order, target->owner, number == SIGKILL ? "SIGKILL" : "SIGTERM", e))
		return -1;
	(void)pidfd_send_signal(target->fd, number, NULL, 0);
	/* A stopped process gets TERM only after it goes on. */
	if (number == SIGTERM)
		(void)pidfd_send_signal(target->fd, SIGCONT, NULL, 0);
	return 0;
}

static bool has_ended(const struct target *target)
{
	struct pollfd end = {.fd = target->fd, .events = POLLIN};
	return poll(&end, 1, 0) > 0;
}

/* Until none of those who had a socket of the port has it any more. */
static bool wait_until_let_go(struct evicting *v, int ms)
{
	int64_t deadline = clock_now_ms() + ms;
	for (;;) {
		bool kept = false;
		for (size_t i = 0; i < v->targets.count && !kept; i++) {
			const struct target *t = &v->targets.items[i];
			kept = !has_ended(t) && has_port(v, t->owner->pid);
		}
		if (!kept || clock_now_ms() > deadline)
			return !kept;
		(void)poll(NULL, 0, LOOK_AGAIN_MS);
	}
}

static int signal_all(struct evicting *v, int number, struct error *e)
{
	for (size_t i = 0; i < v->targets.count; i++) {
		const struct target *t = &v->targets.items[i];
		bool done = has_ended(t) || !has_port(v, t->owner->pid);
		if (!done && send_signal(v, t, number, e))
			return -1;
	}
	return 0;
}

static bool is_one_of_theirs(const struct evicting *v, const struct socket_entry *s)
{
	for (size_t i = 0; i < v->inodes.count; i++)
		if (v->inodes.items[i] == s->inode)
			return true;
	return !s->inode;
}

static bool is_closing(const struct evicting *v)
{
	for (size_t i = 0; i < v->seen.count; i++)
		if (keeps_port(&v->seen.items[i], v->order->port, v->order->udp) &&
			is_one_of_theirs(v, &v->seen.items[i]))
			return true;
	return false;
}

/* A process that ends loses its descriptors first: for a moment what they stood for is nobody's. */
static int look_when_closed(struct evicting *v, struct error *e)
{
	int64_t deadline = clock_now_ms() + CLOSE_MS;
	while (!look(v, e)) {
		if (!is_closing(v) || clock_now_ms() > deadline)
			return 0;
		(void)poll(NULL, 0, LOOK_AGAIN_MS);
	}
	return -1;
}

/* Somebody who was not there before: most likely what was ended is kept alive by its parent. */
static int fail_kept(struct evicting *v, struct error *e)
{
	struct owner_list now = {0};
	OWNED_TEXT line = {0};
	owners_find(&v->seen, &now);
	for (size_t i = 0; i < now.count && !line.length; i++)
		if (keeps(now.items[i].inode, v->order->port, v->order->udp, &v->seen))
			owner_add_line(&line, &now.items[i]);
	owners_release(&now);
	fail(e, EXIT_CONFLICT, "port %u is not free yet: %s has it", v->order->port,
		line.length ? text_string(&line) : "somebody");
	error_hint(e, "something may start it again and again: stop that");
	return -1;
}

static int carry_out(struct evicting *v, struct error *e)
{
	int grace = v->order->grace_ms ? v->order->grace_ms : GRACE_MS;
	if (take_targets(v, e) || signal_all(v, SIGTERM, e))
		return -1;
	if (!wait_until_let_go(v, grace)) {
		if (signal_all(v, SIGKILL, e))
			return -1;
		(void)wait_until_let_go(v, KILL_WAIT_MS);
	}
	if (look_when_closed(v, e))
		return -1;
	return is_kept(v) ? fail_kept(v, e) : 0;
}

int evict(const struct eviction *eviction, struct owner_list *ended, struct error *e)
{
	struct evicting v = {.order = eviction};
	sockets_init(&v.sockets);
	int result = carry_out(&v, e);
	for (size_t i = 0; !result && i < v.targets.count; i++) {
		struct owner *owner = v.targets.items[i].owner;
		if (list_push(ended, *owner))
			*owner = (struct owner){0};
	}
	release(&v);
	return result;
}
