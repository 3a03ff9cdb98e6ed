/*
 * judge.h - what in a document contradicts itself, the registry or the machine.
 *
 * Every row gets its fate. FATE_LEFT_OUT comes with an error that names its line; the rows that
 * remain do not contradict each other, so they can be written together. Of rows that contradict
 * each other none is taken: which one is right, the document does not say. What the registry has is
 * never changed by a row that contradicts it, and what runs is not changed at all.
 *
 * A contradiction is: one block for two projects (an archived one loses it without a word); ports
 * outside the row's block, or outside all; a block that there is not; one name or one instance in
 * two rows; a project that is registered with another block or directory; an active project whose
 * directory is not there; an instance outside its project's blocks, of a project that nobody knows,
 * or across another one; a port that is reserved for somebody else.
 *
 * The document's rows are completed on the way: blocks from ports, numbers of instances from ports,
 * a free block for a project that has none, the names and times that are not said.
 */
#ifndef LEDGER_JUDGE_H
#define LEDGER_JUDGE_H

#include "ledger/ledger.h"

struct ledger_facts {
	const struct ledger *now; /* the registry */
	uint16_t ports_base; /* of the registry, or what it would get */
	void *self;
	bool (*exists)(void *self, const char *path); /* a directory */
	bool (*runs)(void *self, int64_t project_id, int instance); /* instance 0: any */
};

/* Judges *reading->ledger. Not sorted: complaints_sort(). */
void ledger_judge(const struct ledger_reading *reading, const struct ledger_facts *facts);

/* The row of that name; NULL. */
const struct ledger_project *ledger_project_named(const struct ledger *ledger, const char *name);

#endif
