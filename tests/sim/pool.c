/*
 * The keeper's pages, kept from one walk to the next: asking the kernel for them and giving them back
 * took a fifth of the time. In the place of base/pages.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"

enum { KEPT_MOST = 64 };

static struct kept {
	void *memory;
	size_t size;
} kept[KEPT_MOST];
static int count;

void *pages_new(size_t size)
{
	for (int i = 0; i < count; i++) {
		if (kept[i].size != size)
			continue;
		void *memory = kept[i].memory;
		kept[i] = kept[--count];
		memset(memory, 0, size);
		return memory;
	}
	return calloc(1, size);
}

void pages_free(void *memory, size_t size)
{
	if (!memory || count == KEPT_MOST) {
		free(memory);
		return;
	}
	kept[count++] = (struct kept){memory, size};
}
