#include "cli/shared/follow.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "cli/out.h"
#include "cli/shared/event_tail.h"
#include "cli/shared/progress.h"
#include "cli/shared/waiting.h"

enum {
	PENDING_MOST = 64 * 1024,
	/* A pipe that poll(2) says is writable takes this much without blocking (PIPE_BUF). */
	WRITE_MOST = 4096,
	GUARDIAN_MS = 5000,
	HANDED_ON_MS = 1000,
};

enum { FD_OUT, FD_SIGNAL, FD_CLIENT, FD_LOGS, FD_EVENTS, FD_COUNT };

int follow_open(struct follow *f, struct context *context, const struct follow_place *place,
	struct error *e)
{
	*f = (struct follow){.context = context, .run = place->run, .client = {.fd = -1},
		.signal_fd = -1, .supervisor = -1, .guardian = -1, .exit_code = -1,
		.stop_timeout_ms = -1, .since_ms = place->since_ms};
	const struct command_line *line = &context->line;
	struct log_show_options show = {.colour = context->colour,
		.json = context->json,
		.timestamps = option_given(line, OPTION_TIMESTAMPS),
		.no_prefix = option_given(line, OPTION_NO_PREFIX)};
	if (log_show_init(&f->show, &show, e) < 0)
		return -1;
	struct log_reader_options logs = {.directory = place->log_dir, .tail = -1,
		.since_ms = place->since_ms, .follow = true};
	f->logs = log_reader_open(&logs, e);
	f->events = f->logs ? event_tail_open(place->events, true, e) : NULL;
	if (!f->events)
		return -1;
	return 0;
}

/* From here on Ctrl-C is ours to read, not to die of. */
static int catch_signals(struct follow *f, struct error *e)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &f->old_mask);
	/* The first process of a container gets all orphans in it: the kernel is to reap them. */
	if (getpid() == 1)
		signal(SIGCHLD, SIG_IGN);
	f->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return f->signal_fd < 0 ? fail_errno(e, EXIT_FAILED, "waiting for signals") : 0;
}

/* Before the first line: the column of names is as wide as the longest that may come. */
static void learn_names(struct follow *f)
{
	json_t *reply = NULL;
	struct error ignored;
	json_t *request = json_pack("{s:s}", "verb", "status");
	if (client_call(&f->client, request, ANSWER_MS, &reply, &ignored) < 0)
		return;
	const json_t *instance = json_object_get(reply, "instance");
	size_t index;
	json_t *service;
	json_array_foreach(json_object_get(instance, "services"), index, service)
		if (json_is_true(json_object_get(service, "_wanted")))
			log_show_name(&f->show, event_string(service, "name"));
	json_decref(reply);
}

/* Who has left already is noticed when it is listened to. */
static int ask_to_follow(struct follow *f, struct error *e)
{
	struct error why = {0};
	if (client_send(&f->client, json_incref(f->options), &f->follow_request, &why) == 0
		|| why.number == EPIPE)
		return 0;
	*e = why;
	return -1;
}

int follow_attach(struct follow *f, struct control_client *client, pid_t supervisor,
	pid_t guardian, bool owner, json_t *options, struct error *e)
{
	f->client = *client;
	client->fd = -1;
	client->reader = (struct frame_reader){0};
	f->owner = owner;
	f->supervisor = process_open(supervisor);
	f->guardian = process_open(guardian);
	f->options = options;
	learn_names(f);
	if (options)
		json_object_set_new(options, "verb", json_string("follow"));
	return catch_signals(f, e) < 0 ? -1 : ask_to_follow(f, e);
}

void follow_close(struct follow *f)
{
	log_reader_free(f->logs);
	log_show_release(&f->show);
	event_tail_free(f->events);
	client_close(&f->client);
	json_decref(f->options);
	text_release(&f->pending);
	text_release(&f->reason);
	own_close(&f->supervisor);
	own_close(&f->guardian);
	if (f->signal_fd >= 0)
		sigprocmask(SIG_SETMASK, &f->old_mask, NULL);
	own_close(&f->signal_fd);
}

/* ---- what comes ---- */

static void take_logs(struct follow *f)
{
	struct log_line line;
	while (f->pending.length < PENDING_MOST && log_reader_next(f->logs, &line))
		log_show_add(&f->show, &line, &f->pending);
}

static void take_events(struct follow *f)
{
	json_t *event;
	while (event_tail_next(f->events, &event)) {
		if (event_time(event) >= f->since_ms)
			progress_event(f->context, event);
		json_decref(event);
	}
}

/* False when nobody reads stdout any more. */
static bool write_some(struct follow *f)
{
	size_t count = f->pending.length < WRITE_MOST ? f->pending.length : WRITE_MOST;
	ssize_t written = write(STDOUT_FILENO, f->pending.data, count);
	if (written > 0)
		text_consume(&f->pending, (size_t)written);
	return written >= 0 || errno == EINTR || errno == EAGAIN;
}

static void ask_to_stop(struct follow *f, bool kill)
{
	struct error why;
	json_t *request = json_pack("{s:s, s:b}", "verb", "down", "kill", (int)kill);
	if (request && f->stop_timeout_ms >= 0)
		json_object_set_new(request, "timeout_ms", json_integer(f->stop_timeout_ms));
	if (client_send(&f->client, request, &f->down_request, &why) < 0 && why.number != EPIPE)
		say("%s", why.text);
}

/*
 * A second TERM says nothing new (timeout(1) sends two); only Ctrl-C asks for more force. What the terminal has
 * sent to all of its processes, one that runs us for somebody (npm, timeout --foreground) hands on as well.
 */
static bool says_more(const struct follow *f, const struct signalfd_siginfo *info)
{
	if (!f->stop_signal)
		return true;
	bool handed_on = f->stop_signal == SIGINT && info->ssi_code != f->interrupted_by &&
		clock_now_ms() - f->interrupted_ms < HANDED_ON_MS;
	return info->ssi_signo == SIGINT && !handed_on;
}

static void take_signal(struct follow *f)
{
	struct signalfd_siginfo info;
	if (read(f->signal_fd, &info, sizeof info) != (ssize_t)sizeof info || !says_more(f, &info))
		return;
	if (!f->stop_signal)
		f->stop_signal = (int)info.ssi_signo;
	f->interrupts++;
	f->interrupted_by = info.ssi_code;
	f->interrupted_ms = clock_now_ms();
	if (!f->owner || f->gone)
		return;
	/* A terminal shows ^C: our sentence starts on a line of its own. */
	if (err_is_terminal() && info.ssi_signo == SIGINT)
		(void)!write(STDERR_FILENO, "\n", 1);
	if (f->interrupts == 1)
		say("stopping %s; press Ctrl-C again to kill everything at once", f->run.name);
	else if (f->interrupts == 2)
		say("killing everything of %s", f->run.name);
	ask_to_stop(f, f->interrupts > 1);
}

static void take_end(struct follow *f, const json_t *frame)
{
	f->exit_code = (int)json_integer_value(json_object_get(frame, "exit"));
	text_clear(&f->reason);
	text_add(&f->reason, event_string(frame, "text"));
}

/* The other side left without a word: to the next one, if there is one. */
static int turn_to_next(struct follow *f, struct error *e)
{
	pid_t pid = 0;
	int next = f->exit_code < 0 ? successor_connect(&f->client, &f->run, &pid, e) : 0;
	f->gone = next == 0;
	if (next <= 0)
		return next;
	own_close(&f->supervisor);
	f->supervisor = process_open(pid);
	if (ask_to_follow(f, e) < 0)
		return -1;
	if (f->owner && f->interrupts)
		ask_to_stop(f, f->interrupts > 1);
	return 0;
}

/* 0, or -1 when the supervisor refused to follow, or is replaced by one that does not answer. */
static int take_frames(struct follow *f, struct error *e)
{
	for (;;) {
		json_t *frame;
		struct error why = {0};
		enum client_result what =
			client_next(&f->client, f->follow_request, 0, &frame, &why);
		if (what == CLIENT_REPLY)
			take_end(f, frame);
		json_decref(frame);
		if (what == CLIENT_WAITING)
			return 0;
		if (what != CLIENT_FAILED)
			continue;
		if (why.number == EPIPE)
			return turn_to_next(f, e);
		if (f->exit_code < 0) {
			*e = why;
			return -1;
		}
	}
}

/* ---- the loop ---- */

static void prepare(const struct follow *f, struct pollfd fds[FD_COUNT])
{
	fds[FD_OUT] = (struct pollfd){.fd = STDOUT_FILENO, .events = f->pending.length ? POLLOUT : 0};
	fds[FD_SIGNAL] = (struct pollfd){.fd = f->signal_fd, .events = POLLIN};
	fds[FD_CLIENT] = (struct pollfd){.fd = f->client.fd, .events = POLLIN};
	/* While stdout is slow, logs wait in their files. */
	bool room = f->pending.length < PENDING_MOST;
	fds[FD_LOGS] = (struct pollfd){.fd = room ? log_reader_fd(f->logs) : -1, .events = POLLIN};
	fds[FD_EVENTS] = (struct pollfd){.fd = event_tail_fd(f->events), .events = POLLIN};
}

/* True when there is a reason to leave the loop. */
static bool turn(struct follow *f, int *result, struct error *e)
{
	struct pollfd fds[FD_COUNT];
	take_events(f);
	take_logs(f);
	prepare(f, fds);
	if (poll(fds, FD_COUNT, log_reader_wait_ms(f->logs)) < 0 && errno != EINTR) {
		*result = fail_errno(e, EXIT_FAILED, "waiting for output");
		return true;
	}
	if (fds[FD_OUT].revents & (POLLERR | POLLNVAL | POLLHUP)) {
		*result = EXIT_DONE;
		return true;
	}
	if (fds[FD_OUT].revents & POLLOUT && !write_some(f)) {
		*result = EXIT_DONE;
		return true;
	}
	if (fds[FD_SIGNAL].revents)
		take_signal(f);
	if (fds[FD_CLIENT].revents && take_frames(f, e) < 0) {
		*result = -1;
		return true;
	}
	return f->gone || (f->interrupts && !f->owner);
}

/* What was written until the very end; the files are complete once the guardian has ended. */
static void drain(struct follow *f)
{
	process_ended(f->supervisor, GUARDIAN_MS);
	process_ended(f->guardian, GUARDIAN_MS);
	log_reader_finish(f->logs);
	take_events(f);
	do {
		take_logs(f);
		while (f->pending.length)
			if (!write_some(f))
				return;
		take_logs(f);
	} while (f->pending.length);
}

/* What a process has exited with, and Ctrl-C, are not our failures; that a service failed is one. */
static void tell_end(const struct follow *f)
{
	struct error e = {0};
	const char *reason = text_string(&f->reason);
	bool failed = f->owner && f->exit_code && !f->interrupts;
	if (!*reason || (f->context->quiet && !f->exit_code))
		return;
	fail(&e, EXIT_FAILED, "%s", reason);
	say_error(&e, f->context->json && failed, NULL);
}

static int end_of_owner(const struct follow *f)
{
	if (f->interrupts)
		return f->stop_signal == SIGTERM ? EXIT_TERMINATED : EXIT_INTERRUPTED;
	return f->exit_code;
}

int follow_run(struct follow *f, struct error *e)
{
	int result = 0;
	while (!turn(f, &result, e))
		continue;
	if (!f->gone) {
		if (result == 0 && f->interrupts && !f->context->quiet)
			say("no longer following %s; it goes on", f->run.name);
		if (result == 0 && f->interrupts)
			return f->stop_signal == SIGTERM ? EXIT_TERMINATED : EXIT_INTERRUPTED;
		return result;
	}
	drain(f);
	if (f->exit_code < 0) {
		fail(e, EXIT_FAILED, "the supervisor of %s died; its services were ended", f->run.name);
		error_hint(e, "`stackup logs` and `stackup events` show what was last");
		return -1;
	}
	tell_end(f);
	return f->owner ? end_of_owner(f) : EXIT_DONE;
}
