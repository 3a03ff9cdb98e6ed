/*
 * follow.h - the foreground of `up`: logs and news of an instance as they come, until it ends.
 *
 *	1. follow_open() before anything starts: what is printed from then on will be shown.
 *	2. follow_attach() with a connection to the supervisor.
 *	3. code = follow_run(): returns when the instance has ended, or, for a guest, at Ctrl-C.
 *	4. follow_close()
 *
 * The owner's first Ctrl-C (or TERM) asks the supervisor to stop everything, saying so; the second
 * one kills. A guest's Ctrl-C ends only the following. Log lines go to stdout in pieces that never
 * block, so a pager that does not read cannot make us deaf for Ctrl-C; news go to stderr. When
 * stdout is closed the owner's instance ends with us. Where the supervisor is replaced, the next one is
 * followed and owned as the last one was.
 */
#ifndef CLI_SHARED_FOLLOW_H
#define CLI_SHARED_FOLLOW_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/context.h"
#include "logs/reader.h"
#include "logs/show.h"

struct event_tail;

struct follow {
	struct context *context; /* borrows */
	struct run_place run; /* borrows */
	struct log_reader *logs; /* owns */
	struct log_show show; /* owns */
	struct event_tail *events; /* owns */
	int64_t since_ms; /* wall clock: earlier events are of earlier runs */
	struct control_client client; /* owns */
	struct text pending; /* owns: for stdout */
	sigset_t old_mask;
	int signal_fd; /* owns */
	int supervisor; /* owns; pidfd, -1 */
	int guardian; /* owns; pidfd, -1 */
	bool owner;
	bool gone; /* the connection has ended, and nobody goes on */
	json_t *options; /* owns: the `follow` request */
	int64_t follow_request;
	int64_t down_request;
	int64_t stop_timeout_ms; /* -1: as the stack file says */
	int stop_signal; /* the first of INT, TERM that came; 0 */
	int interrupts;
	int interrupted_by; /* si_code of the last of them */
	int64_t interrupted_ms;
	int exit_code; /* as the supervisor says; -1 while it has not */
	struct text reason; /* owns: why it ended */
};

struct follow_place {
	struct run_place run;
	const char *log_dir;
	const char *events;
	int64_t since_ms; /* wall clock: earlier lines are of earlier runs */
};

int follow_open(struct follow *follow, struct context *context, const struct follow_place *place,
	struct error *e);
/* Takes the client over. options (stolen) are members of the `follow` request. */
int follow_attach(struct follow *follow, struct control_client *client, pid_t supervisor,
	pid_t guardian, bool owner, json_t *options, struct error *e);
/* Exit code; -1 with e. */
int follow_run(struct follow *follow, struct error *e);
void follow_close(struct follow *follow);

#endif
