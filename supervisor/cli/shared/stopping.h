/*
 * stopping.h - an instance is told to stop, and waited for until nothing of it is left.
 *
 * 1. `down` is asked at its control socket.
 * 2. Where nobody answers there, or answers no more, the supervisor is sent TERM, which asks for the
 *    same, and CONT, for somebody may have stopped it; then it is asked at its socket again.
 * 3. Where that changes nothing, KILL: its guardian ends the rest.
 * 4. The guardian, where it does not follow its supervisor, is sent CONT as well.
 * 5. Where another supervisor takes the place of one that has died, or is about to, all of this begins anew
 *    with that one. One that never gets so far is given up by the guardian for the next, which is waited for.
 *
 * A recorded pid is signalled through a pidfd, and only when the process behind it is proven to be
 * that supervisor: its start time, and the project's lock file that it has open. The guardian is known
 * as the parent of that supervisor.
 */
#ifndef CLI_SHARED_STOPPING_H
#define CLI_SHARED_STOPPING_H

#include "cli/context.h"

struct stopping {
	struct target *target; /* borrows */
	struct control_client client; /* owns */
	int supervisor; /* owns; pidfd, -1 */
	int guardian; /* owns; pidfd, -1 */
	bool is_guardian; /* it is proven to be */
	int64_t request; /* 0: not asked at the socket */
	int pushes; /* by signal */
	bool replied;
	bool told; /* or has nothing to be told */
};

/* Nothing to do where the target does not live. -1: it could not be told. Released in any case. */
int stopping_begin(
	struct context *context, struct stopping *stopping, struct target *target, struct error *e);
/*
 * Shows the progress; returns when supervisor and guardian have ended. The target is then `unclean`
 * where that was no orderly end, or may not have been: leftovers_clear() looks.
 */
int stopping_finish(struct context *context, struct stopping *stopping, struct error *e);
void stopping_release(struct stopping *stopping);

#endif
