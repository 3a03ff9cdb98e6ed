/*
 * reader.h - the lines of an INI text, through libinih, with nothing lost and nothing merged.
 *
 * inih parses; a reader function of ours stands between it and the text (ini_parse_stream). It
 * counts lines, takes section and key from the line itself (inih cuts both at 49 bytes), and gives
 * inih an empty line in place of each one it refuses:
 *
 *	- longer than LINE_MOST bytes (inih would parse the rest as a line of its own)
 *	- with a NUL, a carriage return that ends no line, or invalid UTF-8
 *	- a section that is not closed, has no name, or has text behind the bracket
 *	- without '=', with nothing before it, with ':' before it, or with a strange or long key
 *	- indented, and looking like a section, like a key of its own section, or with no value to
 *	  continue
 *
 * A BOM at the start and CRLF are fine. Lines that start with '#' or ';', indented or not, are
 * comments everywhere, also between the lines of a continued value; blank lines are skipped there.
 * Everything behind '=' is the value: quotes, ';', '#', '=' and '\' mean nothing here. Blanks
 * around it go; the lines of a continued value are joined by one newline.
 */
#ifndef STACKFILE_READER_H
#define STACKFILE_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "model/complaint.h"

struct reader_sink {
	void *self;
	const char *label; /* the file, for complaints */
	struct complaints *complaints;
	/* `header` is what stands between the brackets, without outer blanks; never empty. */
	void (*on_section)(void *self, int line, const char *header);
	/* A key with its whole value. */
	void (*on_entry)(void *self, int line, const char *key, const char *value);
	/* Whether the section that is being read has such a key. */
	bool (*is_key)(void *self, const char *key);
};

void reader_run(const char *text, size_t length, const struct reader_sink *sink);

#endif
