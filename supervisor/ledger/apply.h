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
 * Judges the document (judge.h) and writes what contradicts nothing, in one transaction. Each row's fate is
 * in the ledger then. -1: the registry cannot be used, or the document's ports begin elsewhere than its.
 */
int ledger_import(const struct ledger_import *import, struct text *notices, struct error *e);

/* A struct export_writer's write(): rewrites the file where its content is another one. */
int ledger_keep(struct registry *r, const char *state, const struct export_row *row, struct error *e);

#endif
