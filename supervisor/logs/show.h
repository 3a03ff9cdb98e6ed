/*
 * show.h - one log line as people or programs read it.
 *
 * For people: the service's name in its colour, padded to the widest, then the text. Of the text
 * only printable characters, tabs and colours (SGR) pass; everything else becomes visible
 * (base/terminal.h). Of a line that was redrawn with '\r' the last state is shown. Every line starts
 * with a prefix of ours, so no service can speak in another's name. A line over 16 KiB comes in
 * pieces, "api + " instead of "api | " before all but the first; without prefix they are joined again.
 *
 * For programs (--json): one object a line, exactly {"time","service","stream","text","seq"}. The text
 * is valid UTF-8 whatever the bytes: an invalid byte is U+FFFD; characters that a terminal might act
 * on are escaped. Output that was rotated away unread is told as a line of the stream "stackup".
 *
 *	struct log_show show;
 *	log_show_init(&show, &options, &e);
 *	log_show_name(&show, "api") ...		// names known beforehand, for the width
 *	log_show_add(&show, &line, &out);
 *	log_show_release(&show);
 */
#ifndef LOGS_SHOW_H
#define LOGS_SHOW_H

#include <regex.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/list.h"
#include "base/text.h"
#include "logs/reader.h"

struct log_show_options {
	bool colour;
	bool json;
	bool timestamps;
	bool no_prefix;
	const char *grep; /* POSIX extended regular expression, NULL: all lines */
};

struct log_show {
	struct log_show_options options;
	regex_t grep;
	LIST(char *) names; /* owns; their order gives the colours */
	int width;
	char *open_line; /* borrows from names: whose line waits for its end (no_prefix) */
};

/* Fails (EXIT_USAGE) for a bad regular expression. */
int log_show_init(struct log_show *show, const struct log_show_options *options, struct error *e);
void log_show_release(struct log_show *show);

/* A service that may appear: widens the column. Its place in the order decides its colour. */
void log_show_name(struct log_show *show, const char *service);

/* Whether --grep lets it through. Has the shape of log_reader_options.wanted. */
bool log_show_wanted(void *show, const struct log_line *line);

/* Appends the line with its newline. Does not ask log_show_wanted(). */
void log_show_add(struct log_show *show, const struct log_line *line, struct text *out);

#endif
