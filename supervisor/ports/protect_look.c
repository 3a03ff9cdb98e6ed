#include "ports/protect_look.h"

#include "listeners/owner.h"
#include "listeners/sockets.h"
#include "ports/protect.h"

enum { SERVES = KIND_LISTEN | KIND_BOUND | KIND_UDP };

void protected_look(struct protected_sockets *out, const uint16_t *protects, size_t count)
{
	struct sockets sockets;
	struct socket_list all = {0};
	*out = (struct protected_sockets){0};
	sockets_init(&sockets);
	(void)sockets_dump(&sockets, SERVES, 1, UINT16_MAX, &all, NULL);
	for (size_t i = 0; i < all.count; i++) {
		struct protected_socket socket = {.inode = all.items[i].inode,
			.why = protect_port(all.items[i].port, protects, count)};
		if (socket.why)
			(void)list_push(&out->list, socket);
	}
	list_release(&all);
	sockets_release(&sockets);
}

const char *protected_for(const struct protected_sockets *all, pid_t pid)
{
	for (size_t i = 0; i < all->list.count; i++)
		if (owner_has_socket(pid, &all->list.items[i].inode, 1))
			return all->list.items[i].why;
	return NULL;
}

void protected_release(struct protected_sockets *all)
{
	list_release(&all->list);
}
