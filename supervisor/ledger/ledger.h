/*
 * ledger.h - the registry as a document that people read, version and edit.
 *
 *	json		everything a registry elsewhere needs: a superset of `registry list --json`
 *	markdown	the table of a team's ports.md, and the table of instances
 *	csv		the same in one table (RFC 4180): rows with an instance are instances
 *
 * The same rows are written and read, so a document that was written reads back as what it was
 * written from (as far as its columns go). What people write by hand is read too: see columns.h for
 * what a table may look like.
 *
 * How to use it:
 *	1. ledger_collect() (collect.h) fills a ledger from the registry; ledger_write() makes a
 *	   document.
 *	2. ledger_read() makes a ledger of a document. What cannot be meant is a complaint with its
 *	   line, and that row is left out.
 *	3. ledger_import() (apply.h) judges what in it contradicts itself or the registry
 *	   (judge.h), and writes the rest.
 *
 * Pure: text in, rows and complaints out. All strings live in the arena or borrow from who filled
 * it.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "model/complaint.h"
#include "registry/imports.h"

#define LEDGER_FORMATS(X)                                                                          \
	X(LEDGER_JSON, "json")                                                                     \
	X(LEDGER_MARKDOWN, "markdown")                                                             \
	X(LEDGER_CSV, "csv")
#define X(name, word) name,
enum ledger_format { LEDGER_FORMATS(X) };
#undef X
const char *ledger_format_word(enum ledger_format format);
/* -1: unknown (EXIT_USAGE), with what there is. */
int ledger_format_parse(const char *word, enum ledger_format *format, struct error *e);
/* By the end of the name, else by the first bytes of the content (may be empty). */
enum ledger_format ledger_format_of(const char *path, const char *content, size_t length);

/* What becomes of a row of a document that was read (judge.h). */
enum ledger_fate { FATE_ADD, FATE_CHANGE, FATE_SAME, FATE_LEFT_OUT };

struct ledger_ports {
	uint16_t low;
	uint16_t high;
};

/* In a document that was read, a NULL is what it says nothing about. */
struct ledger_project {
	struct project row; /* block is -1 where the document does not say */
	const int *blocks; /* all it owns, its first one first */
	size_t block_count;
	const struct ledger_ports *ports; /* as the document says; only of one that was read */
	size_t port_count;
	int line;
	enum ledger_fate fate;
};

struct ledger_instance {
	struct instance row; /* number is 0 where the document does not say; project is the name */
	bool has_status; /* the document says one */
	const struct ledger_ports *ports;
	size_t port_count;
	int line;
	enum ledger_fate fate;
};

struct ledger_slot {
	const char *project;
	struct slot_row row;
};

struct ledger_reservation {
	struct reservation row;
	int line;
	enum ledger_fate fate;
};

struct ledger {
	uint16_t ports_base; /* 0: not said */
	struct ledger_project *projects; /* of the registry: by name */
	size_t project_count;
	struct ledger_instance *instances; /* of the registry: by project and number */
	size_t instance_count;
	struct service_state *services; /* in the same order */
	size_t service_count;
	struct ledger_slot *slots; /* in the same order */
	size_t slot_count;
	struct lease *leases; /* by project and instance; of those that run, and never read */
	size_t lease_count;
	struct ledger_reservation *reservations;
	size_t reservation_count;
	size_t tables; /* read: of projects and of instances */
};

/* Appends the document; what is not UTF-8 has question marks in it. */
void ledger_write(const struct ledger *ledger, enum ledger_format format, struct text *out);

struct ledger_reading {
	struct arena *arena;
	const char *label; /* of the document, for complaints */
	struct complaints *complaints;
	struct ledger *ledger;
	const char *home; /* what ~ means in a path; NULL: nothing */
	int64_t now_ms; /* for rows without a date */
};

/* Fills *reading->ledger, which is {0} before. -1: this is no such document at all. */
int ledger_read(const struct ledger_reading *reading, enum ledger_format format, const char *bytes,
	size_t length, struct error *e);

#endif
