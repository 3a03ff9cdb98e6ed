#include <arpa/inet.h>
#include <stdlib.h>

#include "base/words.h"
#include "listeners/sockets.h"

WORDS(socket_state_word, socket_state, SOCKET_STATES)

static int order(const void *first, const void *second)
{
	const struct socket_entry *a = first, *b = second;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	if (a->udp != b->udp)
		return a->udp ? 1 : -1;
	if (a->state != b->state)
		return a->state < b->state ? -1 : 1;
	return a->v6 != b->v6 ? (a->v6 ? 1 : -1) : (a->inode > b->inode) - (a->inode < b->inode);
}

void sockets_sort(struct socket_list *list)
{
	if (list->count)
		qsort(list->items, list->count, sizeof *list->items, order);
}

const char *socket_address(const struct socket_entry *entry, char buffer[SOCKET_ADDRESS_SIZE])
{
	if (!inet_ntop(entry->v6 ? AF_INET6 : AF_INET, entry->address, buffer, SOCKET_ADDRESS_SIZE))
		buffer[0] = '\0';
	return buffer;
}
