#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "control/wire.h"
#include "daemon/crash.h"
#include "daemon/instance.h"
#include "daemon/resume.h"
#include "registry/lock.h"
#include "stackfile/describe.h"

/* How long another command's boot is waited for, and how often it is looked at. */
enum { BOOT_MOST_MS = 20000, LOOK_AGAIN_MS = 5 };

static json_t *questions_of(const struct claim *claim)
{
	json_t *list = json_array();
	for (size_t i = 0; i < claim->question_count; i++) {
		const struct claim_question *q = &claim->questions[i];
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:i, s:i, s:o, s:b, s:b, s:i, s:i, s:I}", "service",
				q->service, "name", q->name, "port", (int)q->port, "line", q->line,
				"text", wire_string(q->text), "can_stop", q->can_stop, "can_move", q->can_move,
				"move_to", (int)q->move_to, "pid", (int)q->pid, "start_ticks",
				(json_int_t)q->start_ticks));
	}
	return list;
}

/*
 * The boot report is the last frame over a socketpair; {"progress": "a line"} may come before. Afterwards
 * the same socket is the lifeline: when the client that launched a foreground instance is gone, the
 * supervisor reads its end.
 */
static json_t *report_of(const struct instance *in, bool ok, const struct complaints *c,
	const struct error *e)
{
	json_t *report = json_pack("{s:b, s:b, s:i, s:o}", "up", ok, "running",
		in->claim.outcome == CLAIM_RUNNING, "supervisor", (int)getpid(), "complaints",
		complaints_json(c));
	if (!report)
		return NULL;
	if (text_string(&in->claim.notices)[0])
		json_object_set_new(report, "notices", wire_string(text_string(&in->claim.notices)));
	if (!ok) {
		if (in->claim.question_count)
			json_object_set_new(report, "questions", questions_of(&in->claim));
		json_object_set_new(report, "error",
			json_pack("{s:i, s:i, s:o, s:o}", "code", e->code, "number", e->number, "text",
				wire_string(e->text), "hint", wire_string(e->hint)));
		return report;
	}
	if (in->claim.outcome == CLAIM_RUNNING)
		json_object_set_new(report, "supervisor", json_integer(in->claim.pid));
	json_object_set_new(report, "place",
		json_pack("{s:I, s:s, s:s, s:i, s:i, s:s, s:s, s:s}", "project_id", (json_int_t)in->claim.project_id, "root",
			in->paths.state, "project", in->claim.project, "instance",
			in->claim.instance, "base_port", (int)in->claim.base_port, "socket",
			in->socket_path, "state", in->claim.state_dir, "logs", in->log_dir));
	return report;
}

static void send_report(int fd, json_t *report)
{
	OWNED_TEXT frame = {0};
	if (report && !frame_encode(report, &frame, NULL)) {
		size_t sent = 0;
		while (sent < frame.length) {
			ssize_t n = send(fd, frame.data + sent, frame.length - sent, MSG_NOSIGNAL);
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				break;
			sent += (size_t)n;
		}
	}
	json_decref(report);
}

static void on_progress(void *self, const char *line)
{
	const int *fd = self;
	send_report(*fd, json_pack("{s:o}", "progress", wire_string(line)));
}

/* The client that launched it is gone, by Ctrl-C most likely. */
static bool is_given_up(void *self)
{
	const int *fd = self;
	struct pollfd end = {.fd = *fd, .events = POLLRDHUP};
	return poll(&end, 1, 0) > 0;
}

/* What the last run left has not been looked at yet: then the row still says so to whoever comes next. */
static void give_back(struct instance *in)
{
	struct claim *claim = &in->claim;
	roster_end(&in->roster);
	if (!claim->unclean || claim->crash_known)
		claim_stop(in->paths.state, claim, claim->unclean, NULL);
}

/* The supervisor, from the fork to its end. */
static _Noreturn void supervise(const struct launch_request *asked, struct guardian *guardian,
	int fd, struct complaints *c)
{
	struct launch_request own = *asked;
	const struct launch_request *request = &own;
	own.on_progress = on_progress;
	own.is_given_up = is_given_up;
	own.self = &fd;
	static struct instance in;
	struct error e = {0};
	bool *wanted = NULL;
	int code = EXIT_FAILED;
	in.guardian = *guardian;
	bool ok = !instance_boot(&in, request, &wanted, c, &e);
	if (!ok && in.claimed && in.claim.outcome == CLAIM_OURS && in.claim.arena) {
		tell_not_started(&in, c, &e);
		give_back(&in);
	}
	send_report(fd, report_of(&in, ok, c, &e));
	complaints_release(c);
	if (ok && in.claim.outcome == CLAIM_OURS) {
		if (request->detached)
			close(fd);
		else
			in.lifeline_fd = fd;
		code = instance_run(&in, wanted);
	}
	instance_free(&in);
	crash_log_end(&in);
	_exit(ok ? code : e.code);
}

int daemon_state_format(void)
{
	return RESUME_FORMAT;
}

_Noreturn void daemon_resume(void)
{
	static struct instance in;
	struct error e = {0};
	/* Nothing is undone: the guardian tries again, or ends everything. */
	if (instance_resume(&in, &e)) {
		fprintf(stderr, "cannot go on where the last supervisor was: %s\n", e.text);
		_exit(e.code);
	}
	int code = instance_run(&in, NULL);
	instance_free(&in);
	crash_log_end(&in);
	_exit(code);
}

static int take_error(const json_t *report, struct complaints *c, struct error *e)
{
	const json_t *item;
	size_t i;
	json_array_foreach(json_object_get(report, "complaints"), i, item)
	{
		const char *severity = json_string_value(json_object_get(item, "severity"));
		enum severity kind = !severity || !strcmp(severity, "error") ? SEVERITY_ERROR
			: !strcmp(severity, "warning") ? SEVERITY_WARNING : SEVERITY_NOTICE;
		const char *hint = json_string_value(json_object_get(item, "hint"));
		complaint_add(c, kind, json_string_value(json_object_get(item, "file")),
			(int)json_integer_value(json_object_get(item, "line")),
			json_string_value(json_object_get(item, "key")), "%s",
			json_string_value(json_object_get(item, "text")));
		if (hint && *hint)
			complaint_hint(c, "%s", hint);
	}
	const json_t *error = json_object_get(report, "error");
	if (!error)
		return 0;
	fail(e, (int)json_integer_value(json_object_get(error, "code")), "%s",
		json_string_value(json_object_get(error, "text")));
	e->number = (int)json_integer_value(json_object_get(error, "number"));
	error_hint(e, "%s", json_string_value(json_object_get(error, "hint")));
	return -1;
}

static char *copy_of(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return strdup(value ? value : "");
}

static int take_report(const json_t *report, struct launch_result *result, struct complaints *c,
	struct error *e)
{
	const char *notices = json_string_value(json_object_get(report, "notices"));
	if (notices)
		text_add(&result->notices, notices);
	if (take_error(report, c, e)) {
		result->questions = json_incref(json_object_get(report, "questions"));
		return -1;
	}
	const json_t *place = json_object_get(report, "place");
	result->already_running = json_is_true(json_object_get(report, "running"));
	result->supervisor = (pid_t)json_integer_value(json_object_get(report, "supervisor"));
	result->instance = (int)json_integer_value(json_object_get(place, "instance"));
	result->base_port = (uint16_t)json_integer_value(json_object_get(place, "base_port"));
	result->project = copy_of(place, "project");
	result->socket_path = copy_of(place, "socket");
	result->state_dir = copy_of(place, "state");
	result->log_dir = copy_of(place, "logs");
	if (!result->project || !result->socket_path || !result->state_dir || !result->log_dir)
		return fail(e, EXIT_FAILED, "out of memory");
	return 0;
}

/* Is it the report? What is said before it is passed on. */
static bool is_report(const struct launch_request *request, const json_t *frame)
{
	const char *line = json_string_value(json_object_get(frame, "progress"));
	if (line && request->on_progress)
		request->on_progress(request->self, line);
	return !line;
}

/* NULL: the supervisor *ended without a word, or what it says cannot be read. */
static json_t *receive_report(const struct launch_request *request, int fd, bool *ended,
	struct error *e)
{
	struct frame_reader reader = {0};
	json_t *report = NULL;
	char block[4096];
	enum frame_result what = FRAME_PARTIAL;
	ssize_t got = 0;
	while (what == FRAME_PARTIAL) {
		got = read(fd, block, sizeof block);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || !frame_feed(&reader, block, (size_t)got))
			break;
		while ((what = frame_next(&reader, &report, e)) == FRAME_READY &&
			!is_report(request, report)) {
			json_decref(report);
			report = NULL;
		}
	}
	*ended = got == 0;
	if (!report && !*ended)
		fail(e, EXIT_FAILED, "the supervisor's report cannot be read: %s",
			got < 0 ? strerror(errno) : "out of memory");
	frame_reader_release(&reader);
	return report;
}

static int died_silently(pid_t guardian, struct error *e)
{
	int status = 0;
	while (waitpid(guardian, &status, 0) < 0 && errno == EINTR)
		;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (code > 128)
		return fail(e, EXIT_FAILED, "the supervisor was killed by signal %d while it started",
			code - 128);
	return fail(e, EXIT_FAILED, "the supervisor ended with code %d while it started", code);
}

/* One attempt. *place: who has the instance, when somebody has. */
static int launch_once(const struct launch_request *request, struct launch_result *result,
	struct complaints *c, json_t **place, struct error *e)
{
	int ends[2];
	struct guardian guardian;
	enum guardian_side side;
	*result = (struct launch_result){.lifeline = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return fail_errno(e, EXIT_FAILED, "socketpair");
	if (guardian_start(&guardian, STDERR_FILENO, &side, e)) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	if (side == GUARDIAN_SUPERVISOR) {
		close(ends[0]);
		supervise(request, &guardian, ends[1], c);
	}
	close(ends[1]);
	/* The supervisor has its own copy, goes on with it, and sends it back. */
	complaints_release(c);
	result->guardian = guardian.pid;
	bool ended = false;
	json_t *report = receive_report(request, ends[0], &ended, e);
	if (!report) {
		close(ends[0]);
		if (ended)
			return died_silently(guardian.pid, e);
		error_hint(e, "`stackup status` shows whether it runs");
		return -1;
	}
	int rc = take_report(report, result, c, e);
	bool runs = json_is_true(json_object_get(report, "up"));
	*place = json_incref(json_object_get(report, "place"));
	json_decref(report);
	bool keep = !rc && !result->already_running && !request->detached;
	if (keep)
		result->lifeline = ends[0];
	else
		close(ends[0]);
	/* Without a supervisor the guardian ends at once; nothing of the launch is left then. */
	if (!runs || result->already_running)
		while (waitpid(guardian.pid, NULL, 0) < 0 && errno == EINTR)
			;
	return rc;
}

static bool answers(const char *socket_path)
{
	OWNED_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && !path_connect(fd, socket_path);
}

bool daemon_await_socket(const char *state, int64_t project_id, int instance,
	const char *socket_path, int64_t patience_ms)
{
	int64_t end = clock_now_ms() + patience_ms;
	while (!answers(socket_path)) {
		if (!instance_is_alive(state, project_id, instance))
			return false;
		if (clock_now_ms() > end)
			return true;
		poll(NULL, 0, LOOK_AGAIN_MS);
	}
	return true;
}

/* Somebody holds the instance. False when his boot has failed and it is free again. */
static bool await_other(const struct launch_result *result, const json_t *place)
{
	return daemon_await_socket(json_string_value(json_object_get(place, "root")),
		json_integer_value(json_object_get(place, "project_id")), result->instance,
		result->socket_path, BOOT_MOST_MS);
}

int daemon_launch(const struct launch_request *request, struct launch_result *result,
	struct complaints *c, struct error *e)
{
	for (;;) {
		json_t *place = NULL;
		int rc = launch_once(request, result, c, &place, e);
		bool settled = rc || !result->already_running || await_other(result, place);
		json_decref(place);
		if (settled)
			return rc;
		launch_result_release(result);
	}
}

void launch_result_release(struct launch_result *result)
{
	free(result->project);
	free(result->socket_path);
	free(result->state_dir);
	free(result->log_dir);
	text_release(&result->notices);
	json_decref(result->questions);
	if (result->lifeline >= 0)
		close(result->lifeline);
	*result = (struct launch_result){.lifeline = -1};
}
