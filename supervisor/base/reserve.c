#include "base/reserve.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * Three sizes: nodes and names; buffers and handles (a libcurl handle has 6 KiB, its buffer 16);
 * lists of watchers.
 */
enum {
	SMALL = 512,
	SMALLS = 2048,
	MIDDLE = 20 * 1024,
	MIDDLES = 48,
	LARGE = 256 * 1024,
	LARGES = 4,
};

static _Alignas(max_align_t) unsigned char small[SMALLS][SMALL];
static _Alignas(max_align_t) unsigned char middle[MIDDLES][MIDDLE];
static _Alignas(max_align_t) unsigned char large[LARGES][LARGE];
static atomic_bool small_used[SMALLS];
static atomic_bool middle_used[MIDDLES];
static atomic_bool large_used[LARGES];
static atomic_ulong taken;
static atomic_long fail_at; /* 0: never */
static atomic_long asked;

static const struct shelf {
	unsigned char *start;
	atomic_bool *used;
	size_t size;
	size_t count;
} shelves[] = {
	{small[0], small_used, SMALL, SMALLS},
	{middle[0], middle_used, MIDDLE, MIDDLES},
	{large[0], large_used, LARGE, LARGES},
};

enum { SHELVES = sizeof shelves / sizeof shelves[0] };

static bool may_ask(void)
{
	return atomic_fetch_add(&asked, 1) + 1 != atomic_load(&fail_at);
}

void reserve_fail(long k)
{
	atomic_store(&asked, 0);
	atomic_store(&fail_at, k);
}

long reserve_asked(void)
{
	return atomic_load(&asked);
}

static const struct shelf *shelf_of(const void *memory)
{
	uintptr_t at = (uintptr_t)memory;
	for (size_t i = 0; i < SHELVES; i++) {
		uintptr_t start = (uintptr_t)shelves[i].start;
		if (at >= start && at < start + shelves[i].size * shelves[i].count)
			return &shelves[i];
	}
	return NULL;
}

static void *take_from(const struct shelf *shelf)
{
	for (size_t i = 0; i < shelf->count; i++)
		if (!atomic_exchange(&shelf->used[i], true))
			return shelf->start + i * shelf->size;
	return NULL;
}

static void *take(size_t size)
{
	atomic_fetch_add(&taken, 1);
	for (size_t i = 0; i < SHELVES; i++) {
		void *memory = size <= shelves[i].size ? take_from(&shelves[i]) : NULL;
		if (memory)
			return memory;
	}
	errno = ENOMEM;
	return NULL;
}

void *reserve_malloc(size_t size)
{
	void *memory = may_ask() ? malloc(size ? size : 1) : NULL;
	return memory ? memory : take(size);
}

void *reserve_calloc(size_t count, size_t size)
{
	void *memory = may_ask() ? calloc(count ? count : 1, size ? size : 1) : NULL;
	if (memory)
		return memory;
	size_t total;
	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	memory = take(total);
	return memory ? memset(memory, 0, total) : NULL;
}

/* From the reserve to wherever there is room; the piece itself where it is long enough. */
static void *move_out(const struct shelf *shelf, void *memory, size_t size)
{
	if (size <= shelf->size)
		return memory;
	void *moved = reserve_malloc(size);
	if (!moved)
		return NULL;
	memcpy(moved, memory, shelf->size);
	reserve_free(memory);
	return moved;
}

void *reserve_realloc(void *memory, size_t size)
{
	if (!memory)
		return reserve_malloc(size);
	const struct shelf *shelf = shelf_of(memory);
	if (shelf)
		return move_out(shelf, memory, size);
	void *moved = may_ask() ? realloc(memory, size ? size : 1) : NULL;
	if (moved)
		return moved;
	/* How much of it holds anything only malloc knows: its block may end before `size`. */
	size_t held = malloc_usable_size(memory);
	moved = take(size);
	if (moved) {
		memcpy(moved, memory, held < size ? held : size);
		free(memory);
	}
	return moved;
}

char *reserve_strdup(const char *string)
{
	size_t size = strlen(string) + 1;
	char *copy = reserve_malloc(size);
	return copy ? memcpy(copy, string, size) : NULL;
}

void reserve_free(void *memory)
{
	const struct shelf *shelf = shelf_of(memory);
	if (!shelf) {
		free(memory);
		return;
	}
	size_t index = (size_t)((unsigned char *)memory - shelf->start) / shelf->size;
	atomic_store(&shelf->used[index], false);
}

void *reserve_for_ev(void *memory, long size)
{
	if (size > 0)
		return reserve_realloc(memory, (size_t)size);
	reserve_free(memory);
	return NULL;
}

unsigned long reserve_taken(void)
{
	return atomic_load(&taken);
}
