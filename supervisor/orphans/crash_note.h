/*
 * crash_note.h - a supervisor that died wrote nothing of it: whoever finds out does.
 *
 * The crash becomes a row of the registry's history, and the last line of the dead run in its
 * events.jsonl (model/event.h), under the next number of that run: the next one begins with 0. Both say
 * why, as everybody does (death.h).
 */
#ifndef ORPHANS_CRASH_NOTE_H
#define ORPHANS_CRASH_NOTE_H

#include <stdint.h>

#include "base/error.h"
#include "registry/registry.h"

/*
 * Once a crash, inside the transaction that makes it known, of an instance whose supervisor is dead.
 * The file keeps its time, which is the last sign of life of that run. Where there is no file, or it
 * cannot be written, the row says it alone.
 */
int crash_note(struct registry *r, const char *state, const char *project, int64_t project_id,
	int instance, struct error *e);

#endif
