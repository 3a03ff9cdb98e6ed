/*
 * schema.h - what a stack file may say: keys.def as a table, and how a key is found in it.
 *
 * One row feeds the parser, the complaint about an unknown key, `help KEY` and the documentation.
 * Rows whose name ends in .NAME or .PORT stand for a family: `env.DATABASE_URL` is KEY_ENV_NAME
 * with the rest "DATABASE_URL".
 */
#ifndef STACKFILE_SCHEMA_H
#define STACKFILE_SCHEMA_H

#include <stddef.h>

#include "stackfile/document.h"

/* type and what it accepts, for people */
#define VALUE_TYPES(X)                                                                             \
	X(TEXT, "any text")                                                                        \
	X(NAME, "a name of letters, digits, '.', '_' and '-'")                                     \
	X(WORD, "a name like test or feature-1: lower-case letters, digits, '_' and '-'")          \
	X(NUMBER, "a number")                                                                      \
	X(BOOLEAN, "yes or no")                                                                    \
	X(DURATION, "a duration like 500ms, 30s, 2m or 1h")                                        \
	X(DURATION_ABOVE_ZERO, "a duration above zero like 500ms, 30s, 2m or 1h")                  \
	X(SIZE, "a size like 512K, 64M or 2G")                                                     \
	X(CHOICE, "one of the words listed")                                                       \
	X(PATH, "a path")                                                                          \
	X(FILES, "a list of paths, with a comma between them")                                     \
	X(NAMES, "a list of names, with a comma between them")                                     \
	X(VARIABLE, "the name of a variable like API_PORT")                                        \
	X(VARIABLES, "a list of variables like API_TOKEN, REGION")                                 \
	X(REQUIREMENTS, "a list of commands like node>=18, psql")                                  \
	X(COMMAND, "a command")                                                                    \
	X(REGEX, "an extended regular expression")                                                 \
	X(SLOT, "a slot name, a number 0 to 9, or auto")                                           \
	X(PORT, "a port number 1 to 65535, or pool")                                               \
	X(SLOT_OR_PORT, "a slot name, a number 0 to 9, auto, pool, or a port number")              \
	X(RANGE, "ports like 8000-8009, or the name of a range")                                   \
	X(PORT_RANGE, "ports like 8000-8099")                                                      \
	X(PORT_LIST, "a list of port numbers like 5432, 6379")                                     \
	X(DEPENDENCIES, "a list of services like db, migrate:completed, cache:ready?")             \
	X(READY, "started, port, http PATH, tcp, log REGEX, command CMD, or notify")               \
	X(HEALTH, "http PATH-or-URL, tcp, command CMD, or none")                                   \
	X(STATUSES, "HTTP statuses like 200-399 or 200, 204")                                      \
	X(LIMIT, "a number of restarts in a time like 10 in 5m")                                   \
	X(SIGNAL, "a signal like TERM, INT, QUIT, HUP or USR1")

#define X(name, form) VALUE_##name,
enum value_type { VALUE_TYPES(X) };
#undef X

enum key_time {
	KEY_LITERAL, /* read before anything else: nothing is interpolated */
	KEY_EARLY, /* interpolated before ports are known */
	KEY_LATE,
};

#define KEY(id, section, name, type, when, fallback, limits, summary, example) KEY_##id,
enum key_id {
#include "stackfile/keys.def"
	KEY_COUNT
};
#undef KEY

struct key {
	enum key_id id;
	enum section_kind section; /* SECTION_SERVICE rows serve [defaults], too */
	const char *name; /* "env.NAME": the last part stands for the user's own */
	size_t stem; /* length of "env." in a family, 0 in a plain key */
	enum value_type type;
	enum key_time when;
	const char *fallback; /* as a value in the file; "" where there is none */
	const char *limits;
	const char *summary;
	const char *example;
};

/* The row of a key in a section of this kind, or NULL. *rest is NAME, "" for a plain key. */
const struct key *schema_find(enum section_kind kind, const char *name, const char **rest);
const struct key *schema_key(enum key_id id);
/* What the type accepts, for complaints and help. */
const char *schema_form(enum value_type type);
/* A known key near this one, of the same section; NULL where nothing is near. */
const char *schema_nearest(enum section_kind kind, const char *name);
/* The kind of section that has such a key although this one has not; "" where none. */
const char *schema_elsewhere(enum section_kind kind, const char *name);

const char *section_kind_word(enum section_kind kind);

#endif
