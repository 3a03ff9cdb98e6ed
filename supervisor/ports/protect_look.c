#include "ports/protect_look.h"

#include "listeners/owner.h"
#include "listeners/sockets.h"
#include "ports/protect.h"

enum { SERVES = KIND_LISTEN | KIND_BOUND | KIND_UDP };

const char *protect_look(pid_t pid, const uint16_t *protects, size_t count)
{
	struct sockets sockets;
	struct socket_list list = {0};
	const char *found = NULL;
	sockets_init(&sockets);
	(void)sockets_dump(&sockets, SERVES, 1, UINT16_MAX, &list, NULL);
	for (size_t i = 0; i < list.count && !found; i++) {
		const char *why = protect_port(list.items[i].port, protects, count);
		if (why && owner_has_socket(pid, &list.items[i].inode, 1))
			found = why;
	}
	list_release(&list);
	sockets_release(&sockets);
	return found;
}
