#include "base/list.h"

#include <stdlib.h>
#include <string.h>

bool list_reserve(void *items_address, size_t *capacity, size_t count, size_t item_size)
{
	if (count <= *capacity)
		return true;
	size_t grown = *capacity ? *capacity * 2 : 8;
	while (grown < count)
		grown *= 2;
	void *items;
	memcpy(&items, items_address, sizeof items);
	void *moved = reallocarray(items, grown, item_size);
	if (!moved)
		return false;
	memcpy(items_address, &moved, sizeof moved);
	*capacity = grown;
	return true;
}

void list_close_gap(void *items, size_t *count, size_t index, size_t item_size)
{
	char *at = (char *)items + index * item_size;
	memmove(at, at + item_size, (*count - index - 1) * item_size);
	--*count;
}

void list_free(void *items)
{
	free(items);
}
