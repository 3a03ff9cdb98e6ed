/*
 * crash.h - what a supervisor that dies of its own mistake leaves behind, and how that is told.
 *
 * STATE/PROJECT/N/supervisor.log is the supervisor's standard error. On SIGSEGV, SIGBUS, SIGILL,
 * SIGFPE and SIGABRT (where every BUG() ends) it gets a report: the signal, the version, the run, and
 * each service with its last transitions and their reasons. Then the signal does what it always does.
 * The report calls only what signal-safety(7) allows, and shows no environment, no arguments and no
 * memory. SIGKILL leaves none; of that the guardian writes a line, as of every end that was no orderly
 * one, where it lives to see it.
 *
 * The next run begins a new file and keeps one that is not empty as supervisor.log.1. Who reads it:
 * orphans/death.h.
 */
#ifndef DAEMON_CRASH_H
#define DAEMON_CRASH_H

#include <stdbool.h>

struct instance;

/*
 * In the supervisor: standard error goes to the log from now on, and deaths are reported. `died`: the
 * last run ended without being stopped; why is added to the notices of the claim.
 */
void crash_log_begin(struct instance *in, bool died);
/* The end that is coming is an orderly one. */
void crash_log_end(struct instance *in);

#endif
