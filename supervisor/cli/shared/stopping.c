#include "cli/shared/stopping.h"

#include <errno.h>
#include <signal.h>

#include "base/own.h"
#include "cli/out.h"
#include "cli/shared/progress.h"
#include "cli/shared/waiting.h"
#include "listeners/owner.h"
#include "listeners/process.h"
#include "registry/lock.h"

/*
 * A supervisor answers within a fraction of a second. Its first push asks for nothing but what was
 * asked already, so it comes early; the second one is the end of it.
 */
enum {
	FIRST_PATIENCE_MS = 3000,
	LAST_PATIENCE_MS = 10000,
	SILENT_MS = 5000, /* of a request: it may just take its time */
	PUSHED_MS = 500,
	LEAVE_MS = 5000, /* both processes, after all they cared for is gone */
};

static int ask_at_socket(struct context *context, struct stopping *s, struct error *e)
{
	int64_t timeout_ms;
	if (option_seconds(&context->line, OPTION_TIMEOUT, &timeout_ms, e) < 0)
		return -1;
	client_close(&s->client);
	if (target_connect(s->target, s->pushes ? LAST_PATIENCE_MS : FIRST_PATIENCE_MS, &s->client, e) < 0)
		return -1;
	json_t *request = json_pack("{s:s}", "verb", "down");
	if (request && timeout_ms >= 0)
		json_object_set_new(request, "timeout_ms", json_integer(timeout_ms));
	progress_ask(context, request);
	return client_send(&s->client, request, &s->request, e);
}

/* Asked after its pidfd was opened, so that the answer is about the process behind that. */
static bool is_its_supervisor(const struct target *t)
{
	return owner_start_ticks(t->supervisor) == t->supervisor_start &&
		instance_lock_is_open_in(t->state, t->project_id, t->supervisor);
}

/* The parent is asked for first: it is that of the supervisor if this is one afterwards. */
static bool is_its_guardian(const struct target *t)
{
	struct process supervisor;
	return process_read(t->supervisor, &supervisor) && supervisor.parent == t->guardian &&
		is_its_supervisor(t);
}

/* It was a process of here, and is none any more. */
static bool is_gone(const struct target *t)
{
	return t->supervisor && owner_start_ticks(t->supervisor) != t->supervisor_start;
}

/* The instance lives, and nobody that may be pushed is there. */
static int go_without_push(struct stopping *s, struct error *e)
{
	const struct target *t = s->target;
	if (!is_gone(t)) {
		fail_while(e, "%s cannot be told to stop", target_name(t));
		error_hint(e, "its supervisor is not to be seen from here; `stackup down` where it was started");
		return -1;
	}
	own_close(&s->supervisor);
	s->request = 0;
	say("the supervisor of %s is being replaced; waiting for the next one", target_name(t));
	return 0;
}

static int push(struct stopping *s, struct error *e)
{
	const struct target *t = s->target;
	const char *name = target_name(t);
	bool is_found = s->supervisor >= 0;
	bool is_there = is_found && is_its_supervisor(t);
	if (is_found && process_ended(s->supervisor, 0))
		return 0;
	/* It may have ended since it was looked up: somebody else's `down` had come first. */
	if (!is_there && !instance_is_alive(t->state, t->project_id, t->instance))
		return 0;
	if (!is_there)
		return go_without_push(s, e);
	bool first = s->pushes++ == 0;
	if (s->pushes > 2 || process_signal(s->supervisor, first ? SIGTERM : SIGKILL) < 0)
		return fail(e, EXIT_FAILED, "%s: its supervisor (pid %d) does not end", name,
			(int)t->supervisor);
	if (first)
		process_signal(s->supervisor, SIGCONT);
	say(first ? "%s does not answer at its socket; sent TERM to its supervisor, pid %d"
		  : "%s still does not answer; killed its supervisor, pid %d", name, (int)t->supervisor);
	return 0;
}

int stopping_begin(
	struct context *context, struct stopping *s, struct target *t, struct error *e)
{
	*s = (struct stopping){.target = t, .client = {.fd = -1},
		.supervisor = process_open(t->supervisor), .guardian = process_open(t->guardian)};
	s->is_guardian = is_its_guardian(t);
	struct error why = {0};
	s->told = !t->alive || ask_at_socket(context, s, &why) == 0 || push(s, &why) == 0;
	if (!s->told)
		*e = why;
	return s->told ? 0 : -1;
}

/* 1: it has replied, or gone without a reply; 0: silent for a while; -1: refused. */
static int hear(struct context *context, struct stopping *s, struct error *e)
{
	for (;;) {
		json_t *frame;
		struct error why = {0};
		enum client_result what =
			client_next(&s->client, s->request, SILENT_MS, &frame, &why);
		if (what == CLIENT_MORE)
			progress_frame(context, frame);
		json_decref(frame);
		switch (what) {
		case CLIENT_MORE:
			break;
		case CLIENT_WAITING:
			return 0;
		case CLIENT_REPLY:
			s->replied = true;
			return 1;
		case CLIENT_FAILED:
			if (why.number == EPIPE)
				return 1;
			*e = why;
			return fail_while(e, "stopping %s", target_name(s->target));
		}
	}
}

/* It is there, though it says nothing for now. */
static bool is_awake(struct context *context, struct stopping *s, struct error *e)
{
	if (!s->request)
		return ask_at_socket(context, s, e) == 0;
	struct control_client client;
	int result = target_connect(s->target, FIRST_PATIENCE_MS, &client, e);
	client_close(&client);
	return result == 0;
}

/*
 * 1: another supervisor goes on with the run, and is told to stop it as the last one was; 0: none does. Its
 * guardian has to be awake for that.
 */
static int turn_to_next(struct context *context, struct stopping *s, struct error *e)
{
	struct target *t = s->target;
	struct run_place run = target_run(t, true);
	run.patience_ms = SUCCESSOR_LAST_MS;
	if (s->is_guardian)
		process_signal(s->guardian, SIGCONT);
	int next = successor_connect(&s->client, &run, &t->supervisor, e);
	if (next <= 0)
		return next;
	s->request = 0;
	own_close(&s->supervisor);
	s->supervisor = process_open(t->supervisor);
	t->supervisor_start = owner_start_ticks(t->supervisor);
	struct error why;
	ask_at_socket(context, s, &why);
	return 1;
}

/* Somebody may have stopped it; who is at work does not mind. */
static bool guardian_has_ended(const struct stopping *s)
{
	if (process_ended(s->guardian, PUSHED_MS))
		return true;
	if (s->is_guardian)
		process_signal(s->guardian, SIGCONT);
	return process_ended(s->guardian, LEAVE_MS);
}

/* 0: it has replied, or is gone; -1: refused, or nothing helps. */
static int await_one(struct context *context, struct stopping *s, struct error *e)
{
	int heard;
	struct error why = {0};
	while (!(heard = s->request ? hear(context, s, e) : process_ended(s->supervisor, PUSHED_MS)))
		if (!is_awake(context, s, &why) && push(s, &why) < 0)
			break;
	if (!heard)
		*e = why;
	return heard > 0 ? 0 : -1;
}

int stopping_finish(struct context *context, struct stopping *s, struct error *e)
{
	const struct target *t = s->target;
	int next;
	do {
		if (await_one(context, s, e) < 0)
			return -1;
		next = s->replied ? 0 : turn_to_next(context, s, e);
	} while (next > 0);
	if (next < 0)
		return -1;
	if (!process_ended(s->supervisor, LEAVE_MS))
		return fail(e, EXIT_FAILED, "%s: its supervisor (pid %d) does not end", target_name(t),
			(int)t->supervisor);
	if (!guardian_has_ended(s))
		return fail(e, EXIT_FAILED, "%s: its guardian (pid %d) does not end", target_name(t),
			(int)t->guardian);
	s->target->alive = false;
	s->target->unclean = !s->replied; /* it may have died instead */
	return 0;
}

void stopping_release(struct stopping *s)
{
	client_close(&s->client);
	own_close(&s->supervisor);
	own_close(&s->guardian);
}
