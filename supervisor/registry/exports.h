/*
 * exports.h - documents that are kept like the registry, whoever changes it.
 *
 * A document is a row: its path, its format, and how many changes it does not show yet (`behind`,
 * counted by triggers in the transaction that makes the change, so that no way of changing the
 * registry can forget it). registry_commit() writes those that are behind, after the transaction
 * and outside its lock. Writers take turns by a lock of their own and read what they write only
 * then: the later one is never overwritten by the earlier. Who dies in between leaves a row that is
 * behind, and the next commit makes it good.
 *
 * What a document looks like is not this room's: the program says once, before it starts a thread,
 * who writes them (exports_written_by()). Without a writer nothing is written.
 */
#ifndef REGISTRY_EXPORTS_H
#define REGISTRY_EXPORTS_H

#include "registry/registry.h"

struct export_row {
	const char *path; /* absolute */
	const char *format; /* json, markdown, csv */
};

struct export_writer {
	/*
	 * Brings one document up to date; reads by r, which is in a transaction, of this state
	 * directory.
	 */
	int (*write)(struct registry *r, const char *state, const struct export_row *row,
		struct error *e);
	/*
	 * A document could not be written: said once until one can be again; no command fails of
	 * it.
	 */
	void (*failed)(const struct export_row *row, const struct error *e);
};
/* Borrows it for ever. */
void exports_written_by(const struct export_writer *writer);

/* All, by path. */
int export_list(struct registry *r, struct arena *arena, struct export_row **out, size_t *count,
	struct error *e);
/* In a transaction; its commit writes the document. */
int export_put(struct registry *r, const struct export_row *row, struct error *e);
/* 1: it is followed no more, 0: it was not. */
int export_drop(struct registry *r, const char *path, struct error *e);

#endif
