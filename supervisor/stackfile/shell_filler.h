/*
 * shell_filler.h - one pass over a command for the shell; what shell_text.c, shell_insert.c and
 * shell_heredoc.c share, and nobody else.
 */
#ifndef STACKFILE_SHELL_FILLER_H
#define STACKFILE_SHELL_FILLER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"
#include "stackfile/interpolate.h"

enum { FRAMES_MOST = 64, HEREDOCS_MOST = 8 };

enum place {
	PLACE_CODE, /* the text itself, and (...) and $(...) */
	PLACE_BACKTICK,
	PLACE_SINGLE,
	PLACE_DOUBLE,
	PLACE_DOLLAR_SINGLE, /* $'...' */
	PLACE_PARAMETER, /* ${...} of the shell's */
	PLACE_ARITHMETIC, /* $((...)) */
};

struct frame {
	enum place place;
	bool quoted; /* PARAMETER, and DOUBLE in one: inside "..." */
	bool word_start; /* CODE, BACKTICK: the next character begins a word */
	bool command_start; /* ... and that word is where a command may stand */
	int cases; /* CODE: case without esac; its patterns end with a ')' of their own */
	int parens; /* ARITHMETIC: open ones */
};

struct heredoc {
	const char *word; /* as written, with its quotes */
	size_t length;
	bool quoted;
	bool strip_tabs;
};

struct filler {
	const char *text; /* the whole */
	const char *at;
	const struct interpolation *rules;
	struct text *out;
	struct text value; /* owns; of the reference at hand */
	struct error *e;
	struct frame frames[FRAMES_MOST];
	int depth;
	struct heredoc heredocs[HEREDOCS_MOST]; /* announced in this line */
	int heredoc_count;
	bool lone_dollar; /* the last character is a $ that begins nothing */
};

/* The innermost place. */
static inline struct frame *filler_top(struct filler *f)
{
	return &f->frames[f->depth - 1];
}

/* Takes bytes over as they are. */
static inline void filler_copy(struct filler *f, size_t length)
{
	text_add_bytes(f->out, f->at, length);
	f->at += length;
}

static inline bool filler_is_name_part(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '_';
}

/* -1: the reference at hand cannot stand here. */
int filler_refuse(const struct filler *f, const char *what, const char *hint);
/* Interpolates the first `length` bytes at hand into f->value. */
int filler_value(struct filler *f, size_t length);
/* Whether the output ends with $NAME or ${NAME, so that letters put there would join the name. */
bool filler_ends_in_name(const struct filler *f);
/* Appends f->value with a backslash before each of the special characters. */
void filler_add_escaped(struct filler *f, const char *special);
bool filler_in_backticks(const struct filler *f);

/* The reference at hand, `length` bytes long, with its value quoted for where it stands. */
int filler_insert(struct filler *f, size_t length);

/* At "<<": the announcement of a here-document. */
int filler_heredoc(struct filler *f);
/* Behind a line that announced some: their bodies. */
int filler_bodies(struct filler *f);

#endif
