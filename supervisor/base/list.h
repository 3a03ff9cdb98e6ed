/*
 * list.h - a growing array on the heap.
 *
 *	LIST(int) ports = {0};
 *	if (!list_push(&ports, 30520)) ...		// false: out of memory, list unchanged
 *	for (size_t i = 0; i < ports.count; i++) use(ports.items[i]);
 *	list_release(&ports);
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#define LIST(type)                                                                                 \
	struct {                                                                                   \
		type *items; /* owns */                                                            \
		size_t count;                                                                      \
		size_t capacity;                                                                   \
	}

bool list_reserve(void *items_address, size_t *capacity, size_t count, size_t item_size);

#define list_push(list, item)                                                                      \
	(list_reserve(&(list)->items, &(list)->capacity, (list)->count + 1,                        \
		 sizeof *(list)->items) /* NOLINT(bugprone-sizeof-expression): pointers too */ &&  \
		((list)->items[(list)->count++] = (item), true))

/* Order is kept. */
#define list_remove(list, index)                                                                   \
	list_close_gap((list)->items, &(list)->count, (index),                                     \
		sizeof *(list)->items) /* NOLINT(bugprone-sizeof-expression): pointers too */
void list_close_gap(void *items, size_t *count, size_t index, size_t item_size);

#define list_release(list)                                                                         \
	(list_free((list)->items), (list)->items = NULL, (list)->count = (list)->capacity = 0)
void list_free(void *items);

#endif
