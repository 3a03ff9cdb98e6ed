/*
 * sheet.h - a stack file in the making: what another format says, as a person would write it down.
 *
 *	1. struct sheet sheet; sheet_init(&sheet, arena, &complaints);
 *	2. struct sheet_service *s = sheet_add(&sheet, "API Server", "compose.yml", 12);
 *	   The name is made one of a service, and one of its own.
 *	3. sheet_set(&sheet, s, "command", "node server.js");
 *	   sheet_want_port(&sheet, s, NULL);	// its slot is chosen when all are known
 *	   sheet_leave(&sheet, s, (struct sheet_place){"compose.yml", 14, "networks"}, "all services share ...");
 *	4. sheet_write(&sheet, &text);
 *
 * Values are those of a stack file: a '$' of their own is written "$$" (sheet_literal). What a stack file
 * cannot hold, a line break in a variable say, is left out and told. Whatever is left out becomes a warning
 * among the complaints and a comment in the file, so that nothing is lost in silence. Keys are written in the
 * order of keys.def, whatever order they were set in.
 *
 * Everything lives in the arena; strings that are given must live as long.
 */
#ifndef ADOPT_SHEET_H
#define ADOPT_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/text.h"
#include "model/complaint.h"

struct sheet_entry {
	const char *key;
	const char *value;
	const char *note; /* a comment above it, or NULL */
	int rank; /* its row in keys.def */
};

/* Where something stands that is left out; key may be NULL. */
struct sheet_place {
	const char *file;
	int line;
	const char *key;
};

struct sheet_service {
	const char *name;
	const char *original; /* as the other format calls it */
	const char *file; /* which says it, and where: line 0 is nowhere in particular */
	int line;
	struct sheet_entry *entries;
	size_t count;
	const char **notes; /* comments above it */
	size_t note_count;
	const char **left; /* what could not be taken over, a comment each */
	size_t left_count;
	bool wants_main; /* a port of its own */
	const char **ports; /* names of further ones */
	size_t port_count;
	bool dropped; /* not written */
};

struct sheet {
	struct arena *arena; /* borrows */
	struct complaints *complaints; /* borrows */
	const char *title; /* the comment at the top */
	const char *name; /* of the stack; NULL: the directory's */
	struct sheet_service **services; /* in order; each stays where it is */
	size_t count;
	struct sheet_entry *stack; /* keys of [stack] but name */
	size_t stack_count;
	const char **left; /* of the whole, a comment each */
	size_t left_count;
};

void sheet_init(struct sheet *sheet, struct arena *arena, struct complaints *complaints);

struct sheet_service *sheet_add(struct sheet *sheet, const char *original, const char *file, int line);
/* By the name that the other format has for it; NULL. */
struct sheet_service *sheet_find(const struct sheet *sheet, const char *original);

/* Replaces what the key has already. NULL as the service: a key of [stack]. */
void sheet_set(struct sheet *sheet, struct sheet_service *service, const char *key, const char *value);
/* NULL where it has none. */
const char *sheet_value(const struct sheet_service *service, const char *key);
void sheet_unset(struct sheet_service *service, const char *key);
/* A comment above the key, which is set. */
void sheet_note_key(struct sheet_service *service, const char *key, const char *note);
/* Behind what the list has already. */
void sheet_append(struct sheet *sheet, struct sheet_service *service, const char *key, const char *item);

/* A comment above the service. */
void sheet_note(struct sheet *sheet, struct sheet_service *service, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Not taken over, and why or what to do instead. NULL as the service: about the whole. */
void sheet_leave(struct sheet *sheet, struct sheet_service *service, struct sheet_place place,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* NULL: its own port, else a further one of that name. */
void sheet_want_port(struct sheet *sheet, struct sheet_service *service, const char *name);

/* Text with every '$' doubled: a value that refers to nothing. */
const char *sheet_literal(struct arena *arena, const char *text);
/* A name of a service from any text: lower case, what is not allowed becomes '-'. */
const char *sheet_name(struct arena *arena, const char *text);

/* Chooses slots, then appends the file. */
void sheet_write(struct sheet *sheet, struct text *out);

#endif
