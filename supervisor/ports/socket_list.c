#include <arpa/inet.h>
#include <stdlib.h>

#include "base/words.h"
#include "ports/sockets.h"

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

/* inet_ntop() prints with sprintf(), which a scan of thousands of sockets would feel. */
static void add_byte(char **at, uint8_t value)
{
	if (value >= 100)
		*(*at)++ = (char)('0' + value / 100);
	if (value >= 10)
		*(*at)++ = (char)('0' + value / 10 % 10);
	*(*at)++ = (char)('0' + value % 10);
}

const char *socket_address(const struct socket_entry *entry, char buffer[SOCKET_ADDRESS_SIZE])
{
	char *at = buffer;
	for (int i = 0; i < 4 && !entry->v6; i++) {
		if (i)
			*at++ = '.';
		add_byte(&at, entry->address[i]);
	}
	*at = '\0';
	if (entry->v6 && !inet_ntop(AF_INET6, entry->address, buffer, SOCKET_ADDRESS_SIZE))
		buffer[0] = '\0';
	return buffer;
}
