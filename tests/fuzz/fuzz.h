/*
 * fuzz.h - what the targets share.
 *
 * A target makes a sentence of its own about any bytes, and MUST() is how it says it. Where a parser
 * reads files, the bytes become files of a scratch directory that is gone with the process: tape_part()
 * cuts them at lines of "%%", so that a corpus can be read and written by hand.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct tape {
	const char *at; /* borrows */
	size_t left;
};

static inline struct tape tape_of(const uint8_t *data, size_t size)
{
	return (struct tape){(const char *)data, size};
}

/* 0 where there is none. */
static inline uint8_t tape_byte(struct tape *tape)
{
	if (!tape->left)
		return 0;
	tape->left--;
	return (uint8_t)*tape->at++;
}

/* What stands before the next line "%%", or all that is left. */
static inline struct tape tape_part(struct tape *tape)
{
	static const char mark[] = "%%\n";
	struct tape part = {tape->at, tape->left};
	const char *end = tape->left ? memmem(tape->at, tape->left, mark, sizeof mark - 1) : NULL;
	if (end)
		part.left = (size_t)(end - tape->at);
	size_t used = part.left + (end ? sizeof mark - 1 : 0);
	if (used)
		tape->at += used;
	tape->left -= used;
	return part;
}

/* On the heap, with a NUL behind it, and cut at the first one. */
static inline char *tape_string(struct tape part)
{
	char *string = strndup(part.left ? part.at : "", part.left);
	MUST(string);
	return string;
}

/* No byte of it moves a cursor, sets a title or asks a terminal a question. */
static inline void must_be_tame(const struct text *shown)
{
	for (size_t i = 0; i < shown->length; i++) {
		unsigned char c = (unsigned char)shown->data[i];
		unsigned char next = i + 1 < shown->length ? (unsigned char)shown->data[i + 1] : 0;
		MUST(c >= 0x20 && c != 0x7f);
		MUST(!(c == 0xc2 && next < 0xa0)); /* C1 in UTF-8 */
	}
}

extern char scratch_root[];
/* Made at the first call, removed at exit. */
const char *scratch(void);
/* PATH below it, with what stands in part; directories on the way are made. */
void scratch_write(const char *path, struct tape part);

#endif
