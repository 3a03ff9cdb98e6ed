#include "pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/pages.h"

enum { KEPT_MOST = 64, HEAD = 64 };

int pool_out;

/* What is given out begins behind its size. */
static char *kept[KEPT_MOST];
static int count;

static size_t size_of(const char *block)
{
	size_t size;
	memcpy(&size, block, sizeof size);
	return size;
}

void *pages_new(size_t size)
{
	pool_out++;
	for (int i = 0; i < count; i++) {
		if (size_of(kept[i]) != size)
			continue;
		char *block = kept[i];
		kept[i] = kept[--count];
		return memset(block + HEAD, 0, size);
	}
	char *block = calloc(1, HEAD + size);
	if (!block)
		return NULL;
	memcpy(block, &size, sizeof size);
	return block + HEAD;
}

void pages_free(void *memory, size_t size)
{
	if (!memory)
		return;
	char *block = (char *)memory - HEAD;
	if (size_of(block) != size)
		BUG("%zu bytes of pages are given back as %zu", size_of(block), size);
	pool_out--;
	if (count == KEPT_MOST)
		free(block);
	else
		kept[count++] = block;
}
