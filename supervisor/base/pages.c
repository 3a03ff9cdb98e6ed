#include "base/pages.h"

#include <sys/mman.h>

void *pages_new(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	/* Only an economy: where it is refused, the fork copies. */
	(void)madvise(memory, size, MADV_DONTFORK);
	return memory;
}

void pages_free(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}
