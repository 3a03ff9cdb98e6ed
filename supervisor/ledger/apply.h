/*
 * apply.h - a document into the registry, and the registry into a document that follows it.
 */
#ifndef LEDGER_APPLY_H
#define LEDGER_APPLY_H

#include "ledger/ledger.h"
#include "registry/exports.h"

struct ledger_import {
	const char *state;
	const struct ledger_reading *reading; /* of a document that was read */
	uint16_t ports_base; /* that the user's configuration asks for; 0: none */
	bool dry_run;
};

/*
 * Judges the document (judge.h) and writes what contradicts nothing, in one transaction. Each row's
 * fate is in the ledger then. -1: the registry cannot be used, or the document's ports begin
 * elsewhere than its.
 */
int ledger_import(const struct ledger_import *import, struct text *notices, struct error *e);

/*
 * Rewrites the file where its content is another one. Of a markdown file with the lines
 * `<!-- stackup: begin -->` and `<!-- stackup: end -->` only what is between them is replaced, so
 * that the tables can stand in somebody's text. 1: written, 0: it was so already, -1.
 */
int ledger_write_file(
	const struct ledger *ledger, enum ledger_format format, const char *path, struct error *e);

/* A struct export_writer's write(). */
int ledger_keep(
	struct registry *r, const char *state, const struct export_row *row, struct error *e);

#endif
