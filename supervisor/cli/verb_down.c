#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "cli/context.h"
#include "cli/leftovers.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/verb.h"
#include "cli/waiting.h"
#include "ports/lock.h"
#include "ports/owner.h"

/* How long the two processes may take to leave after all they cared for is gone. */
enum { LEAVE_MS = 5000 };

struct stopping {
	struct target *target; /* borrows */
	struct control_client client; /* owns */
	int supervisor; /* owns; pidfd, -1 */
	int guardian; /* owns; pidfd, -1 */
	int64_t request; /* 0: asked by a signal */
	bool asked;
};

/* Asked after its pidfd was opened, so that the answer is about the process behind that. */
static bool is_its_supervisor(const struct context *context, const struct target *t)
{
	return owner_start_ticks(t->supervisor) == t->supervisor_start &&
		instance_lock_is_open_in(context->paths.state, t->project_id, t->supervisor);
}

/*
 * Nobody answers at the socket, but the lock byte is held: the recorded pid is signalled, when it is
 * proven to be that of the supervisor.
 */
static int ask_by_signal(const struct context *context, struct stopping *s, struct error *e)
{
	const struct target *t = s->target;
	if (s->supervisor < 0 || !is_its_supervisor(context, t) ||
		process_signal(s->supervisor, SIGTERM) < 0)
		return fail_while(e, "%s cannot be told to stop", target_name(t));
	say("%s does not answer at its socket; sent TERM to its supervisor, pid %d", target_name(t),
		(int)t->supervisor);
	s->asked = true;
	return 0;
}

static int ask(struct context *context, struct stopping *s, struct error *e)
{
	int64_t timeout_ms;
	if (option_seconds(&context->line, OPTION_TIMEOUT, &timeout_ms, e) < 0)
		return -1;
	s->supervisor = process_open(s->target->supervisor);
	s->guardian = process_open(s->target->guardian);
	struct error why = {0};
	if (target_connect(s->target, ANSWER_MS, &s->client, &why) < 0) {
		*e = why;
		return ask_by_signal(context, s, e);
	}
	json_t *request = json_pack("{s:s}", "verb", "down");
	if (request && timeout_ms >= 0)
		json_object_set_new(request, "timeout_ms", json_integer(timeout_ms));
	progress_ask(context, request);
	if (client_send(&s->client, request, &s->request, e) < 0)
		return fail_while(e, "%s", target_name(s->target));
	s->asked = true;
	return 0;
}

/* Until its reply, or until it has gone without one. */
static int hear(struct context *context, struct stopping *s, struct error *e)
{
	while (s->request) {
		json_t *frame;
		struct error why = {0};
		enum client_result what =
			client_next(&s->client, s->request, -1, &frame, &why);
		if (what == CLIENT_MORE)
			progress_frame(context, frame);
		json_decref(frame);
		if (what == CLIENT_REPLY)
			return 0;
		if (what == CLIENT_FAILED && why.number != EPIPE) {
			*e = why;
			return fail_while(e, "stopping %s", target_name(s->target));
		}
		if (what == CLIENT_FAILED)
			return 0;
	}
	return 0;
}

static int await_end(struct context *context, struct stopping *s, struct error *e)
{
	if (hear(context, s, e) < 0)
		return -1;
	int64_t patience = s->request ? LEAVE_MS : -1;
	if (!process_ended(s->supervisor, patience) || !process_ended(s->guardian, LEAVE_MS))
		return fail(e, EXIT_FAILED, "%s: its supervisor (pid %d) does not end",
			target_name(s->target), (int)s->target->supervisor);
	s->target->alive = false;
	return 0;
}

static bool confirmed(const struct context *context, const char *what)
{
	char answer[8] = "";
	if (context->yes)
		return true;
	fprintf(stderr, "stackup: delete %s? [y/N] ", what);
	return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int delete_data(const struct context *context, const struct target *t, struct error *e)
{
	if (!context->yes && !isatty(STDIN_FILENO)) {
		fail(e, EXIT_USAGE, "--data deletes %s and has nobody to ask", t->state_dir);
		error_hint(e, "say --yes");
		return -1;
	}
	if (!confirmed(context, t->state_dir))
		return 0;
	if (file_remove_tree(t->state_dir, e) < 0)
		return -1;
	if (!context->quiet)
		say("deleted %s", t->state_dir);
	return 0;
}

static int finish_one(struct context *context, struct stopping *s, struct error *e)
{
	struct target *t = s->target;
	if (s->asked) {
		if (await_end(context, s, e) < 0)
			return -1;
		if (!context->quiet)
			say("%s is down", target_name(t));
	} else {
		bool died = t->unclean || t->crashed;
		if (leftovers_clear(context, t, true, e) < 0)
			return -1;
		if (!context->quiet)
			say("%s %s", target_name(t), died ? "is down" : "does not run");
	}
	return option_given(&context->line, OPTION_DATA) ? delete_data(context, t, e) : 0;
}

/* All are asked before the first is waited for: they stop at the same time. */
static int stop_all(struct context *context, struct target *targets, size_t count, struct error *e)
{
	struct stopping *all = calloc(count + 1, sizeof *all);
	int result = all ? 0 : fail(e, EXIT_FAILED, "out of memory");
	for (size_t i = 0; all && i < count; i++) {
		all[i] = (struct stopping){.target = &targets[i], .client = {.fd = -1},
			.supervisor = -1, .guardian = -1};
		if (targets[i].alive && ask(context, &all[i], e) < 0)
			result = -1;
	}
	for (size_t i = 0; all && i < count; i++) {
		bool failed = targets[i].alive && !all[i].asked;
		if (!failed && finish_one(context, &all[i], e) < 0)
			result = -1;
		client_close(&all[i].client);
		own_close(&all[i].supervisor);
		own_close(&all[i].guardian);
	}
	free(all);
	return result;
}

int verb_down(struct context *context, struct error *e)
{
	enum target_set set = context_set(context);
	if (context->line.word_count) {
		fail(e, EXIT_USAGE, "`down` stops the whole instance");
		error_hint(e, "`stackup stop %s` stops one service", context->line.words[0]);
		return -1;
	}
	struct target one;
	struct target *targets = &one;
	size_t count = 1;
	int result = set == SET_ONE ? context_target(context, &one, e)
				    : context_targets(context, set, &targets, &count, e);
	if (result == 0)
		result = stop_all(context, targets, count, e);
	for (size_t i = 0; i < count; i++)
		target_release(&targets[i]);
	if (set != SET_ONE)
		free(targets);
	if (result == 0 && context->json)
		out_json(json_pack("{s:i, s:i}", "version", 1, "stopped", (int)count));
	return result;
}
