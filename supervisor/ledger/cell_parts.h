/*
 * cell_parts.h - what reading any cell needs. Private to this room.
 */
#ifndef LEDGER_CELL_PARTS_H
#define LEDGER_CELL_PARTS_H

struct arena;

/* In lower case (ASCII), and every dash of typographers a '-'. */
const char *cell_plain(const char *text, struct arena *arena);
/* What follows when one of the words begins there; NULL. */
const char *cell_skip_word(const char *at, const char *const *words);
const char *cell_skip_blanks(const char *at);

#endif
