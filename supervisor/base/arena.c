#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_SIZE = 16 * 1024 };

struct chunk {
	struct chunk *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct chunk *chunks; /* owns */
	bool has_handler;
	jmp_buf failed;
};

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	for (struct chunk *next, *chunk = arena->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(arena);
}

jmp_buf *arena_on_failure(struct arena *arena)
{
	arena->has_handler = true;
	return &arena->failed;
}

static _Noreturn void give_up(struct arena *arena)
{
	if (arena->has_handler)
		longjmp(arena->failed, 1);
	static const char sentence[] = "stackup: out of memory; nothing was started\n";
	(void)!write(STDERR_FILENO, sentence, sizeof sentence - 1);
	_exit(1);
}

static struct chunk *chunk_for(struct arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunks;
	if (chunk && chunk->size - chunk->used >= size)
		return chunk;
	size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
	chunk = calloc(1, sizeof *chunk + room);
	if (!chunk)
		give_up(arena);
	chunk->size = room;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

void *arena_take(struct arena *arena, size_t size)
{
	size_t align = _Alignof(max_align_t);
	size_t room = (size + align - 1) / align * align;
	if (room < size)
		give_up(arena);
	struct chunk *chunk = chunk_for(arena, room);
	void *memory = chunk->bytes + chunk->used;
	chunk->used += room;
	return memory;
}

void *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
	void *memory = arena_take(arena, size);
	if (size)
		memcpy(memory, bytes, size);
	return memory;
}

char *arena_string_n(struct arena *arena, const char *string, size_t length)
{
	char *copy = arena_take(arena, length + 1);
	memcpy(copy, string, length);
	return copy;
}

char *arena_string(struct arena *arena, const char *string)
{
	return arena_string_n(arena, string, strlen(string));
}

char *arena_format(struct arena *arena, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		give_up(arena);
	char *string = arena_take(arena, (size_t)length + 1);
	va_start(args, format);
	vsnprintf(string, (size_t)length + 1, format, args);
	va_end(args);
	return string;
}

void *arena_grow(struct arena *arena, void *items, size_t count, size_t item_size)
{
	if (count & (count - 1))
		return items;
	size_t capacity = count ? count * 2 : 1;
	if (capacity > SIZE_MAX / item_size)
		give_up(arena);
	void *grown = arena_take(arena, capacity * item_size);
	if (count)
		memcpy(grown, items, count * item_size);
	return grown;
}
