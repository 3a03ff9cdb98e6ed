#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "cli/out.h"
#include "cli/ports/conflict_ask.h"
#include "cli/shared/await.h"
#include "cli/shared/converge.h"
#include "cli/shared/dry_run.h"
#include "cli/shared/failures.h"
#include "cli/shared/farewell.h"
#include "cli/shared/follow.h"
#include "cli/shared/tidy.h"
#include "cli/shared/waiting.h"
#include "cli/verbs/verb.h"
#include "daemon/daemon.h"

enum {
	LOOK_AGAIN_MS = 100, /* at the time, while an instance ends */
	LEAVE_MS = 1000, /* a supervisor that has closed its socket */
};

struct up {
	struct context *context; /* borrows */
	struct source source; /* owns */
	const char **profiles; /* owns */
	const char **env_files; /* owns */
	struct launch_request request;
	struct launch_result result; /* owns */
	bool detach;
	bool wait;
	int64_t wait_ms; /* -1: as long as it takes */
	enum port_strategy strategy; /* where request.strategy points to */
	struct conflict_answers answers; /* owns */
	int64_t started_ms; /* wall clock, before anything was started */
	char *name; /* owns: "shop instance 3" */
	char *run_id; /* owns; NULL where the supervisor did not say */
};

/* ---- the request ---- */

static int take_modes(struct up *up, struct error *e)
{
	const struct command_line *line = &up->context->line;
	up->wait = option_given(line, OPTION_WAIT);
	up->detach = up->wait || option_given(line, OPTION_DETACH);
	if (option_seconds(line, OPTION_WAIT_TIMEOUT, &up->wait_ms, e) < 0 ||
		option_seconds(line, OPTION_TIMEOUT, &up->request.stop_timeout_ms, e) < 0)
		return -1;
	if (up->wait_ms >= 0 && !up->wait)
		return fail(e, EXIT_USAGE, "--wait-timeout is for --wait");
	static const enum option foreground[] = {OPTION_ABORT_ON_FAILURE, OPTION_EXIT_CODE_FROM};
	for (size_t i = 0; up->detach && i < 2; i++)
		if (option_given(line, foreground[i]))
			return fail(e, EXIT_USAGE, "--%s is for the foreground, not with --%s",
				option_rows[foreground[i]].name, up->wait ? "wait" : "detach");
	return 0;
}

static void take_instance(struct up *up)
{
	static const enum launch_instance kinds[] = {[CHOICE_NONE] = LAUNCH_DEFAULT,
		[CHOICE_NUMBER] = LAUNCH_NUMBER,
		[CHOICE_AUTO] = LAUNCH_AUTO,
		[CHOICE_NEW] = LAUNCH_NEW};
	up->request.which = kinds[up->context->choice];
	up->request.instance = up->context->number;
}

static void on_progress(void *self, const char *line)
{
	const struct up *up = self;
	if (!up->context->quiet)
		say("%s", line);
}

static int take_port_rules(struct up *up, struct error *e)
{
	struct launch_request *r = &up->request;
	int given = conflict_strategy(up->context, &up->strategy, e);
	if (given < 0)
		return -1;
	r->strategy = given ? &up->strategy : NULL;
	r->strict_ports = option_given(&up->context->line, OPTION_STRICT_PORTS);
	r->may_ask = conflict_can_ask(up->context);
	r->choices = up->answers.choices;
	r->choice_count = up->answers.count;
	r->on_progress = on_progress;
	r->self = up;
	return 0;
}

static int fill_request(struct up *up, struct error *e)
{
	const struct command_line *line = &up->context->line;
	struct launch_request *r = &up->request;
	const struct source *source = &up->source;
	up->profiles = option_values(line, OPTION_PROFILE, &r->profile_count);
	up->env_files = option_values(line, OPTION_ENV_FILE, &r->env_file_count);
	if (!up->profiles || !up->env_files)
		return fail(e, EXIT_FAILED, "out of memory");
	r->document = source->document;
	r->file = source->location.file;
	r->dir = source->location.dir;
	r->worktree = source->worktree;
	r->main_dir = source->main_dir;
	r->branch = source->git.present ? source->git.branch : "";
	r->commit = locate_commit(source->arena, &source->git);
	r->git_dir = source->git.is_linked ? source->git.git_dir : NULL;
	r->stack_name = source->name;
	r->project = option_value(line, OPTION_PROJECT);
	r->environment = option_value(line, OPTION_ENV);
	r->purpose = option_value(line, OPTION_PURPOSE);
	r->profiles = up->profiles;
	r->env_files = up->env_files;
	r->caller_env = environ;
	r->services = line->words;
	r->service_count = line->word_count;
	r->no_deps = option_given(line, OPTION_NO_DEPS);
	r->detached = up->detach;
	take_instance(up);
	return take_port_rules(up, e);
}

/* ---- launching ---- */

static int launch(struct up *up, struct error *e)
{
	struct complaints *complaints = &up->source.complaints;
	up->started_ms = clock_wall_ms();
	int result = daemon_launch(&up->request, &up->result, complaints, e);
	/*
	 * For a bad file its complaints are the better sentence; what the machine lacks is no mistake of
	 * the file. Warnings are shown in any case.
	 */
	struct error judged = {0};
	if (context_judge(up->context, complaints, &judged) < 0) {
		if (result == 0 || e->code == EXIT_BAD_FILE)
			*e = judged;
		return -1;
	}
	if (!up->context->quiet)
		say_lines(text_string(&up->result.notices));
	if (result < 0)
		return -1;
	OWNED_TEXT name = {0};
	text_addf(&name, "%s instance %d", up->result.project, up->result.instance);
	up->name = text_take(&name);
	return up->name ? 0 : fail(e, EXIT_FAILED, "out of memory");
}

static int read_again(struct up *up, struct error *e)
{
	free(up->profiles);
	free(up->env_files);
	up->profiles = up->env_files = NULL;
	source_release(&up->source);
	up->source = (struct source){0};
	if (context_source(up->context, &up->source, e) < 0)
		return -1;
	if (!up->source.document)
		return context_judge(up->context, &up->source.complaints, e);
	return fill_request(up, e);
}

/* `on_conflict = ask`: the questions of a launch that failed are answered, and it is tried again. */
static int launch_asking(struct up *up, struct error *e)
{
	for (;;) {
		int code = launch(up, e);
		if (!up->result.questions)
			return code;
		*e = (struct error){0};
		code = conflict_ask_report(
			&up->answers, up->result.questions, up->request.file, e);
		launch_result_release(&up->result);
		if (code == 0)
			code = up->answers.edited ? read_again(up, e) : take_port_rules(up, e);
		if (code < 0)
			return -1;
	}
}

/* ---- detached ---- */

static json_t *wait_request(const struct up *up)
{
	json_t *request = json_pack("{s:s, s:[]}", "verb", "wait", "targets");
	if (request && up->wait_ms >= 0)
		json_object_set_new(request, "timeout_ms", json_integer(up->wait_ms));
	return request;
}

static struct run_place run_of(const struct up *up)
{
	return (struct run_place){.name = up->name, .socket = up->result.socket_path,
		.run_id = up->run_id, .quiet = up->context->quiet};
}

static int wait_until_ready(struct up *up, struct control_client *client, struct error *e)
{
	OWNED_TEXT events = {0};
	text_addf(&events, "%s/events.jsonl", up->result.state_dir);
	farewell(up->context, "%s goes on, `stackup down` ends it", up->name);
	const struct run_place run = run_of(up);
	int result = await_reply(up->context, &run, client, wait_request(up), text_string(&events),
		up->started_ms, e);
	farewell_over();
	if (result == 0)
		return 0;
	failures_show(client, e);
	if (e->number == EPIPE) {
		fail(e, EXIT_FAILED, "%s ended before it was ready", up->name);
		error_hint(e, "`stackup events` shows why");
	} else if (!e->hint[0]) {
		error_hint(e, "%s goes on; `stackup status` shows it", up->name);
	}
	return -1;
}

static int stay_detached(struct up *up, struct control_client *client, struct error *e)
{
	const struct launch_result *r = &up->result;
	if (!up->context->quiet && !r->already_running)
		say("%s runs on ports from %d (supervisor pid %d)", up->name, (int)r->base_port,
			(int)r->supervisor);
	if (up->wait && wait_until_ready(up, client, e) < 0)
		return -1;
	if (up->wait && !up->context->quiet)
		say("%s is ready", up->name);
	if (up->context->json)
		out_json(json_pack("{s:i, s:s, s:i, s:i, s:i, s:s, s:s, s:b}", "version", 1, "project",
			r->project, "instance", r->instance, "base_port", (int)r->base_port, "pid",
			(int)r->supervisor, "state_dir", r->state_dir, "log_dir", r->log_dir,
			"already_running", (int)r->already_running));
	return EXIT_DONE;
}

/* ---- in the foreground ---- */

static json_t *follow_options(const struct up *up, bool owner)
{
	const struct command_line *line = &up->context->line;
	const char *from = option_value(line, OPTION_EXIT_CODE_FROM);
	json_t *options = json_pack("{s:b, s:b}", "owner", (int)owner, "abort_on_failure",
		(int)option_given(line, OPTION_ABORT_ON_FAILURE));
	/* Not by "s*" of json_pack: out of memory it would leave the wish out. */
	if (from && json_object_set_new(options, "exit_code_from", json_string(from)) < 0) {
		json_decref(options);
		return NULL;
	}
	return options;
}

static int stay_in_front(struct up *up, struct control_client *client, struct error *e)
{
	struct launch_result *r = &up->result;
	bool owner = !r->already_running;
	struct follow follow;
	OWNED_TEXT events = {0};
	text_addf(&events, "%s/events.jsonl", r->state_dir);
	struct follow_place place = {.run = run_of(up), .log_dir = r->log_dir,
		.events = text_string(&events), .since_ms = up->started_ms};
	int code = follow_open(&follow, up->context, &place, e);
	if (code == 0)
		code = follow_attach(&follow, client, r->supervisor, r->guardian, owner,
			follow_options(up, owner), e);
	follow.stop_timeout_ms = up->request.stop_timeout_ms;
	if (code == 0 && !owner && err_is_terminal() && !up->context->quiet)
		say("following %s, which runs already; Ctrl-C ends only this", up->name);
	if (code == 0)
		code = follow_run(&follow, e);
	follow_close(&follow);
	return code;
}

/* The file was read once, and that is what runs. */
static void tell_newer(const struct up *up)
{
	if (!up->context->quiet && document_changed(up->source.document))
		say("%s has changed since it was read; `stackup up` applies the newer one",
			up->source.document->label);
}

/* True when it has ended; false when --wait-timeout was over before. */
static bool await_end(struct up *up, const struct control_client *client, struct error *e)
{
	struct pollfd end = {.fd = client->fd, .events = POLLRDHUP};
	int64_t deadline_ms = clock_now_ms() + up->wait_ms;
	if (err_is_terminal() && !up->context->quiet)
		say("%s is being stopped; it is started again when it is down", up->name);
	while (poll(&end, 1, LOOK_AGAIN_MS) <= 0) {
		if (up->wait_ms < 0 || clock_now_ms() < deadline_ms)
			continue;
		fail(e, EXIT_TIMED_OUT, "%s is still being stopped", up->name);
		error_hint(e, "`stackup status` shows what it waits for");
		return false;
	}
	int64_t left_ms = deadline_ms - clock_now_ms();
	if (up->wait_ms >= 0)
		up->wait_ms = left_ms > 0 ? left_ms : 0;
	return true;
}

/* It runs already. *ended: it was about to stop, or to die, and is not there any more. */
static int join(struct up *up, struct control_client *client, bool *ended, struct error *e)
{
	if (converge(up->context, &up->request, up->source.location.shown, up->name, client, e) == 0)
		return 0;
	bool ends = json_is_true(json_object_get(client->refusal, "stopping")) || e->number == EPIPE;
	*ended = ends && await_end(up, client, e);
	return -1;
}

/* It ran a moment ago: whom nobody can speak to any more was just leaving. */
static bool has_left(const struct up *up)
{
	pid_t supervisor = up->result.already_running ? up->result.supervisor : 0;
	OWNED_FD fd = supervisor > 0 ? process_open(supervisor) : -1;
	return supervisor > 0 && process_ended(fd, LEAVE_MS);
}

static int go_on(struct up *up, bool *ended, struct error *e)
{
	struct control_client client = {.fd = -1};
	int code = client_connect(&client, up->result.socket_path, ANSWER_MS, e);
	if (code < 0)
		*ended = has_left(up);
	else
		up->run_id = successor_run_id(&client);
	if (code == 0 && up->result.already_running)
		code = join(up, &client, ended, e);
	if (code == 0)
		tell_newer(up);
	if (code == 0)
		tidy_in_passing(up->context);
	if (code == 0)
		code = up->detach ? stay_detached(up, &client, e) : stay_in_front(up, &client, e);
	client_close(&client);
	return code;
}

static int launch_and_go_on(struct up *up, struct error *e)
{
	for (;;) {
		bool ended = false;
		int code = launch_asking(up, e);
		if (code == 0)
			code = go_on(up, &ended, e);
		if (!ended)
			return code;
		*e = (struct error){0};
		launch_result_release(&up->result);
		free(up->name);
		free(up->run_id);
		up->name = up->run_id = NULL;
	}
}

int verb_up(struct context *context, struct error *e)
{
	struct up up = {.context = context, .result = {.lifeline = -1}};
	int code = take_modes(&up, e);
	if (code == 0 && option_given(&context->line, OPTION_DRY_RUN))
		return dry_run(context, e);
	conflict_answers_init(&up.answers);
	if (code == 0 && !up.answers.arena)
		code = fail(e, EXIT_FAILED, "out of memory");
	if (code == 0)
		code = context_source(context, &up.source, e);
	if (code == 0 && !up.source.document)
		code = context_judge(context, &up.source.complaints, e);
	if (code == 0)
		code = fill_request(&up, e);
	if (code == 0)
		code = launch_and_go_on(&up, e);
	launch_result_release(&up.result);
	conflict_answers_release(&up.answers);
	source_release(&up.source);
	free(up.profiles);
	free(up.env_files);
	free(up.name);
	free(up.run_id);
	return code;
}
