/*
 * find.h - a file while its findings are gathered.
 *
 *	1. struct find f = {.bytes = ..., .length = ..., .format = format_of(path), .arena = arena};
 *	2. find_all(&f): the reader of the format takes the file apart, the format's rules say what each
 *	   piece means (rules.h), value.h, hosts.h and shell.h take ports and addresses out of it.
 *	3. f.found, f.count: by place.
 *
 * Any bytes are fine. Nothing is executed, opened or resolved.
 */
#ifndef SCAN_FIND_H
#define SCAN_FIND_H

#include "base/arena.h"
#include "scan/finding.h"
#include "scan/slice.h"

struct format;

enum { CONFIDENCE_GUESSED = 60, CONFIDENCE_LIKELY = 80, CONFIDENCE_SURE = 95 };

/* How a value is meant, by where it stood. */
struct as {
	enum finding_role role;
	enum finding_form form;
	struct slice variable;
	struct slice host;
	int confidence; /* 0: sure */
	bool is_udp;
};

/* What the words before the next one of a command tell about it; {0}: it begins. */
struct command_state {
	struct slice program;
	struct slice flag; /* that waits for its value */
	int to_skip; /* words before the program */
	int words; /* without flags */
};

struct find {
	const char *bytes; /* borrows */
	size_t length;
	const struct format *format; /* borrows */
	struct arena *arena; /* borrows */
	struct finding *found; /* in the arena */
	size_t count;
	unsigned char *taken; /* owns; a bit per byte of the file: it is part of a finding */
	/* Where the reader is. */
	struct slice service;
	bool is_variables; /* the service is only a variable's name: USER_API of USER_API_PORT */
	struct command_state command; /* of a list of words */
	bool in_comment;
	bool in_container;
	bool is_optional;
	bool is_rough; /* the file could not be read by its grammar */
};

void find_all(struct find *f);

/* The value must be a part of the file. What was found at the place before stays. */
void found_port(struct find *f, struct slice digits, struct as as);
void found_address(struct find *f, struct slice text, enum finding_kind kind, struct as as);

/* Is it the beginning, the end, or a comment's text? Comments are looked through by one rule. */
void find_comment(struct find *f, struct slice text);

#endif
