/*
 * death.h - why a supervisor died, as its log tells (daemon/crash.h).
 */
#ifndef ORPHANS_DEATH_H
#define ORPHANS_DEATH_H

#include "base/text.h"

/* How its own report begins; a signal's name follows. What the guardian writes: spawn/guardian.h. */
#define DEATH_REPORTED "supervisor died of "

/*
 * Appends "its supervisor died of SIGSEGV, see PATH", "its supervisor was killed by SIGKILL" or that it
 * died without a word, as far as the log at that path tells. One line.
 */
void death_explain(const char *path, struct text *out);

#endif
