#include "base/lookup.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

struct lookup_slot {
	const char *name; /* NULL: free */
	uint64_t hash;
	size_t place;
};

/* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash_of(const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
	return hash ^ hash >> 32;
}

static struct lookup_slot *slot_of(const struct lookup *l, const char *name, uint64_t hash)
{
	size_t mask = l->capacity - 1;
	size_t at = (size_t)hash & mask;
	while (l->slots[at].name &&
		(l->slots[at].hash != hash || strcmp(l->slots[at].name, name) != 0))
		at = (at + 1) & mask;
	return &l->slots[at];
}

static void make_room(struct lookup *l)
{
	if (l->capacity && l->count < l->capacity / 2)
		return;
	struct lookup old = *l;
	l->capacity = old.capacity ? old.capacity * 2 : 16;
	l->slots = arena_take(l->arena, l->capacity * sizeof *l->slots);
	for (size_t i = 0; i < old.capacity; i++)
		if (old.slots[i].name)
			*slot_of(l, old.slots[i].name, old.slots[i].hash) = old.slots[i];
}

size_t *lookup_find(const struct lookup *l, const char *name)
{
	if (!l->capacity)
		return NULL;
	struct lookup_slot *slot = slot_of(l, name, hash_of(name));
	return slot->name ? &slot->place : NULL;
}

void lookup_add(struct lookup *l, const char *name, size_t place)
{
	make_room(l);
	uint64_t hash = hash_of(name);
	*slot_of(l, name, hash) = (struct lookup_slot){name, hash, place};
	l->count++;
}
