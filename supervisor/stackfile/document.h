/*
 * document.h - a stack file as written: sections, keys, values and their lines; nothing
 * interpreted.
 *
 * The text goes through libinih behind a reader of our own (reader.c), because inih alone cuts
 * names at 49 bytes, takes the rest of a long line for a new one, glues indented keys to the value
 * above and shows neither empty nor repeated sections. What the document has, the file has, byte
 * for byte.
 *
 * How to use it:
 *	1. struct document *d = document_read("stack.ini", &complaints);   // "-" is standard input
 *	2. if (!d) ...		// it could not be read at all; the complaints say why
 *	3. const char *name = document_name(d);	// NULL: the main worktree's directory decides
 *	4. draft_new(...)	// see draft.h; the draft borrows from the document
 *	5. document_free(d);	// after the draft
 *
 * A file whose name begins with "Procfile" is read as one: every entry becomes a [service NAME]
 * with a command, and is_procfile is set.
 *
 * The file is read once: what is applied is what was checked. `version` tells whether it has
 * changed since.
 */
#ifndef STACKFILE_DOCUMENT_H
#define STACKFILE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/complaint.h"

enum { DOCUMENT_SIZE_MOST = 4 * 1024 * 1024 };

struct entry {
	const char *key;
	const char *value; /* continuation lines joined by '\n' */
	int line; /* of the key */
};

#define SECTION_KINDS(X)                                                                           \
	X(SECTION_STACK, "stack")                                                                  \
	X(SECTION_DEFAULTS, "defaults")                                                            \
	X(SECTION_SERVICE, "service") /* [service NAME] and [service NAME @ENVIRONMENT] */         \
	X(SECTION_PORTS, "ports")                                                                  \
	X(SECTION_ENVIRONMENT, "environment")                                                      \
	X(SECTION_INSTANCE, "instance")                                                            \
	X(SECTION_REGISTRY, "registry") /* in the user's own file only */

#define X(name, word) name,
enum section_kind { SECTION_KINDS(X) SECTION_KIND_COUNT };
#undef X

struct section {
	enum section_kind kind;
	const char *header; /* "service api @test": between the brackets, blanks tidied */
	const char *name; /* "api"; "" for [stack], [defaults], [ports] */
	const char *environment; /* "test"; NULL where there is no @ */
	int line;
	bool is_partial; /* a line of it was refused: what is not there may have been in it */
	const struct entry *entries;
	size_t entry_count;
};

/* Two equal versions: nobody has written the file in between. */
struct file_version {
	uint64_t device;
	uint64_t inode;
	int64_t size;
	int64_t mtime_ns;
};

struct document {
	struct arena *arena; /* owns */
	const char *file; /* absolute path; "-" for standard input */
	const char *label; /* as complaints name it: the path as it was given */
	const char *dir; /* absolute: what relative paths in it start from */
	bool is_procfile;
	bool is_users; /* the user's own config.ini: no service is expected */
	struct file_version version; /* all zero for standard input */
	const struct section *sections; /* in file order */
	size_t section_count;
};

/*
 * NULL: it cannot be read at all. A document with mistakes in it is returned as well, with the
 * mistakes left out and complained about, so that the next steps can find the other mistakes.
 */
struct document *document_read(const char *path, struct complaints *complaints);
/* The same; complaints call it `shown` (a path relative to where the user stands, say). */
struct document *document_read_as(const char *path, const char *shown,
	struct complaints *complaints);
/* The same of the user's own config.ini. */
struct document *document_read_users(const char *path, struct complaints *complaints);
/* The same of text in memory; `label` names it in complaints, `dir` is absolute. */
struct document *document_parse(const char *text, size_t length, const char *label,
	const char *dir, struct complaints *complaints);
void document_free(struct document *document);

/* NULL where the document has no such section or key. */
const struct section *document_section(const struct document *document, enum section_kind kind,
	const char *name);
const struct entry *section_entry(const struct section *section, const char *key);

/* [stack] name, or NULL: then the directory of the main worktree gives it. */
const char *document_name(const struct document *document);
/* [stack] block, or -1. */
int document_block(const struct document *document);
/* By its name: is what lies there read as a Procfile? */
bool document_is_procfile(const char *path);
/* Whether the file on disk is another one than what was read. Standard input never changes. */
bool document_changed(const struct document *document);

#endif
