#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "daemon/forwarding.h"
#include "daemon/instance.h"
#include "daemon/second.h"

enum { PORTS_A_LOOK = 256, PIDS_A_TREE = 256 };

static uint16_t port_of(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
	return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
}

/* Who else: the first process that can be found, for the message. */
static void name_stranger(const struct socket_entry *socket, struct listener_look *look)
{
	struct socket_entry one = *socket;
	const struct socket_list list = {.items = &one, .count = 1, .capacity = 1};
	struct owner_list owners = {0};
	owners_find(&list, &owners);
	if (owners.count) {
		look->pid = owners.items[0].pid;
		snprintf(look->name, sizeof look->name, "%s", owners.items[0].name ? owners.items[0].name : "");
	}
	owners_release(&owners);
}

static void judge(struct instance *in, const struct socket_entry *socket, struct listener_look *look)
{
	struct service_io *io = in->io[look->service];
	enum identity identity = service_at(in, look->service)->identity;
	if (identity == IDENTITY_OFF) {
		look->owner = LISTENER_OURS;
		return;
	}
	pid_t pid = tree_listener_pid(&in->tree, look->service, socket->inode, &io->run.seen);
	if (pid > 0) {
		look->owner = LISTENER_OURS;
	} else if (pid == TREE_UNKNOWN) {
		look->owner = LISTENER_UNKNOWN;
	} else {
		look->owner = identity == IDENTITY_WARN ? LISTENER_TOLERATED : LISTENER_OTHER;
		name_stranger(socket, look);
	}
}

/* Our own tree anywhere among the listeners of the port is enough; else the first stranger counts. */
static void judge_listeners(struct instance *in, const struct socket_list *list,
	struct listener_look *look)
{
	look->owner = LISTENER_NOBODY;
	for (size_t i = 0; i < list->count && look->owner != LISTENER_OURS; i++)
		if (list->items[i].port == look->port && list->items[i].state == SOCKET_LISTEN)
			judge(in, &list->items[i], look);
	in->io[look->service]->run.last_look = look->owner;
}

/* The row of the other run of the same service; -1. */
static int sibling_of(const struct instance *in, int row)
{
	if (row == second_row(in))
		return in->second.service;
	return second_is_of(in, row) ? second_row(in) : -1;
}

bool identity_shares(void *self, int row)
{
	struct instance *in = self;
	const struct service *s = service_at(in, row);
	return sibling_of(in, row) >= 0 && s->has_main_port
		&& port_at(in, row, 0)->hold == HOLD_LISTEN;
}

/*
 * Two runs on one socket take turns, and so does the forward of a port that its service comes back to:
 * what another one answered says nothing about this one.
 */
static bool sibling_has(struct instance *in, int row, uint64_t inode)
{
	if (forwarding_has(in, inode))
		return true;
	int sibling = sibling_of(in, row);
	struct tree_listener seen = {0};
	return sibling >= 0 && tree_listener_pid(&in->tree, sibling, inode, &seen) > 0;
}

/* The server's end of the connection; one that is not accepted yet has no inode. */
static const struct socket_entry *find_end(struct instance *in, const struct listener_look *look,
	struct socket_list *list)
{
	uint16_t client = port_of(look->client);
	list_release(list);
	if (sockets_all(&in->sockets, &look->port, 1, false, list, NULL))
		return NULL;
	for (size_t i = list->count; i-- > 0;)
		if (list->items[i].state == SOCKET_CONNECTED && list->items[i].peer_port == client
			&& list->items[i].inode)
			return &list->items[i];
	return NULL;
}

/* Two runs take turns on one socket, so the listener is no witness for either. */
static void judge_shared(struct instance *in, struct listener_look *look)
{
	struct socket_list list = {0};
	const struct socket_entry *end = find_end(in, look, &list);
	if (!end)
		look->owner = look->fresh ? LISTENER_UNKNOWN : LISTENER_SIBLING;
	else if (sibling_has(in, look->service, end->inode))
		look->owner = LISTENER_SIBLING;
	else
		judge(in, end, look);
	in->io[look->service]->run.last_look = look->owner;
	list_release(&list);
}

/* Whose socket is the server's end of this connection? Where that is nobody's the listener answers. */
static void judge_connection(struct instance *in, struct listener_look *look)
{
	struct socket_list list = {0};
	look->owner = LISTENER_UNKNOWN;
	if (identity_shares(in, look->service)) {
		judge_shared(in, look);
		return;
	}
	const struct socket_entry *end = find_end(in, look, &list);
	if (end)
		judge(in, end, look);
	/* The process that accepted may be gone already; its listener is not. */
	if (list.count && (!end || look->owner == LISTENER_OTHER))
		judge_listeners(in, &list, look);
	list_release(&list);
}

void identity_look(void *self, struct listener_look *looks, size_t count)
{
	struct instance *in = self;
	uint16_t ports[PORTS_A_LOOK];
	size_t asked = 0;
	for (size_t i = 0; i < count; i++) {
		if (looks[i].server)
			judge_connection(in, &looks[i]);
		else if (asked < PORTS_A_LOOK)
			ports[asked++] = looks[i].port;
		else
			asked = PORTS_A_LOOK + 1;
	}
	if (!asked)
		return;
	struct socket_list list = {0};
	/* More ports than that: all listeners are cheaper than a filter for each. */
	if (!sockets_listeners(&in->sockets, ports, asked > PORTS_A_LOOK ? 0 : asked, &list, NULL))
		for (size_t i = 0; i < count; i++)
			if (!looks[i].server)
				judge_listeners(in, &list, &looks[i]);
	list_release(&list);
}

uint16_t identity_listens_at(struct instance *in, int service)
{
	struct socket_list list = {0};
	uint16_t port = 0;
	if (!sockets_listeners(&in->sockets, NULL, 0, &list, NULL))
		for (size_t i = 0; i < list.count && !port; i++) {
			struct tree_listener seen = {0};
			if (tree_listener_pid(&in->tree, service, list.items[i].inode, &seen) > 0)
				port = list.items[i].port;
		}
	list_release(&list);
	return port;
}

int identity_service_of(struct instance *in, pid_t pid)
{
	pid_t pids[PIDS_A_TREE];
	for (int i = 0; i <= second_row(in); i++) {
		if (!in->io[i]->run.waits_for_notify)
			continue;
		if (keeper_run(in->keeper, i)->leader.pid == pid)
			return i;
		size_t count = tree_pids(&in->tree, i, pids, PIDS_A_TREE);
		for (size_t p = 0; p < count && p < PIDS_A_TREE; p++)
			if (pids[p] == pid)
				return i;
	}
	return -1;
}
