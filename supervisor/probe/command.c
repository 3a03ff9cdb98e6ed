#include "probe/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"

enum {
	TAIL_MOST = 512, /* of the output; its last line is in there */
	LINE_SHOWN = 200,
	READ_BYTES = 64 * 1024,
	READS_AT_EXIT = 16, /* a pipe holds 64 KiB, or 1 MiB where somebody asked for that */
};

/* A command from its start until it is reaped, which may be long after its attempt has ended. */
struct command_run {
	struct command_run *next;
	struct attempt *attempt; /* borrows; NULL when its result is told or void */
	int service;
	enum probe_purpose purpose;
	pid_t pid;
	int output; /* owns: read end; -1 */
	struct io_watch watch;
	struct text tail;
};

static void close_output(struct command_run *run)
{
	if (run->output < 0)
		return;
	io_watch_stop(&run->watch);
	close(run->output);
	run->output = -1;
}

/* Reads once; false when there is nothing more for now, or for ever. */
static bool read_output(struct command_run *run)
{
	static char bytes[READ_BYTES];
	ssize_t n = read(run->output, bytes, sizeof bytes);
	if (n < 0)
		return errno == EINTR;
	if (n == 0) {
		close_output(run);
		return false;
	}
	size_t length = (size_t)n;
	size_t kept = length < TAIL_MOST ? length : TAIL_MOST;
	text_add_bytes(&run->tail, bytes + length - kept, kept);
	if (run->tail.length > TAIL_MOST)
		text_consume(&run->tail, run->tail.length - TAIL_MOST);
	return true;
}

static void on_output(struct io_watch *watch, int events)
{
	(void)events;
	read_output(watch->owner);
}

/* The last line that holds anything. */
static void last_line(const struct text *tail, const char **start, size_t *length)
{
	const char *bytes = text_string(tail);
	size_t end = tail->length;
	while (end > 0 && strchr(" \t\r\n", bytes[end - 1]))
		end--;
	size_t begin = end;
	while (begin > 0 && bytes[begin - 1] != '\n')
		begin--;
	*start = bytes + begin;
	*length = end - begin < LINE_SHOWN ? end - begin : LINE_SHOWN;
}

static void kill_tree(struct prober *prober, const struct command_run *run)
{
	prober->hooks.kill_command(prober->hooks.self, run->service, run->pid);
}

/* The attempt is over before its command: the run stays until the command is reaped. */
static void command_drop(struct attempt *a)
{
	struct command_run *run = a->command;
	if (!run)
		return;
	a->command = NULL;
	run->attempt = NULL;
	close_output(run);
	kill_tree(a->prober, run);
}

static const struct command_run *still_ending(const struct attempt *a)
{
	const struct command_run *run = a->prober->commands;
	for (; run; run = run->next)
		if (run->service == a->service && run->purpose == a->purpose)
			return run;
	return NULL;
}

static void end_unstarted(struct attempt *a, const struct error *e)
{
	attempt_end(a, is_shortage(e->number) ? PROBE_UNKNOWN : PROBE_FAILED,
		"cannot start the check's command: %s", e->text);
}

static void start_run(struct attempt *a, struct command_run *run, int output, int input)
{
	struct prober *prober = a->prober;
	struct error e = {0};
	run->pid = prober->hooks.start_command(
		prober->hooks.self, a->service, &a->probe->command, input, &e);
	if (run->pid <= 0) {
		free(run);
		close(output);
		end_unstarted(a, &e);
		return;
	}
	run->attempt = a;
	run->service = a->service;
	run->purpose = a->purpose;
	run->output = output;
	run->next = prober->commands;
	prober->commands = run;
	a->command = run;
	io_watch_init(&run->watch, prober->loop, output, EV_READ, on_output, run);
	io_watch_start(&run->watch);
}

static void command_start(struct attempt *a)
{
	const struct command_run *old = still_ending(a);
	a->command = NULL;
	if (old) {
		attempt_end(a, PROBE_UNKNOWN,
			"the last check's command (pid %d) was killed and has not ended yet",
			(int)old->pid);
		return;
	}
	int ends[2];
	struct command_run *run = calloc(1, sizeof *run);
	if (!run || pipe2(ends, O_CLOEXEC)) {
		attempt_end(a, PROBE_UNKNOWN, "cannot start the check's command: %s",
			strerror(run ? errno : ENOMEM));
		free(run);
		return;
	}
	OWNED_FD input = ends[1];
	/* Only our end: the command's own writes are not to fail with EAGAIN. */
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	start_run(a, run, ends[0], input);
}

static void judge_unstarted(struct attempt *a, const struct exit_status *status)
{
	struct error e = {.number = status->number};
	fail(&e, EXIT_FAILED, "%s: %s", status->stage,
		status->number ? strerror(status->number) : "killed before it ran");
	e.number = status->number;
	end_unstarted(a, &e);
}

static void judge_exit(struct attempt *a, const struct exit_status *status, const struct text *tail)
{
	const char *line;
	size_t length;
	last_line(tail, &line, &length);
	const char *colon = length ? ": " : "";
	int shown = (int)length;
	if (status->stage)
		judge_unstarted(a, status);
	else if (status->signal)
		attempt_end(a, PROBE_FAILED, "the check's command was killed by SIG%s%s%.*s",
			sigabbrev_np(status->signal) ? sigabbrev_np(status->signal) : "?", colon,
			shown, line);
	else if (status->code)
		attempt_end(a, PROBE_FAILED, "the check's command exited with code %d%s%.*s",
			status->code, colon, shown, line);
	else
		attempt_succeed(a);
}

static struct command_run *take_run(struct prober *prober, pid_t pid)
{
	for (struct command_run **at = &prober->commands; *at; at = &(*at)->next) {
		struct command_run *run = *at;
		if (run->pid == pid) {
			*at = run->next;
			return run;
		}
	}
	return NULL;
}

static void free_run(struct command_run *run)
{
	close_output(run);
	text_release(&run->tail);
	free(run);
}

bool command_exited(struct prober *prober, const struct exit_status *status)
{
	struct command_run *run = take_run(prober, status->pid);
	if (!run)
		return false;
	struct attempt *a = run->attempt;
	kill_tree(prober, run); /* what it left behind */
	/* Not to the end of the output: something it left behind may hold that open. */
	for (int i = 0; a && run->output >= 0 && i < READS_AT_EXIT; i++)
		if (!read_output(run))
			break;
	if (a) {
		a->command = NULL;
		judge_exit(a, status, &run->tail);
	}
	free_run(run);
	return true;
}

size_t command_runs(const struct prober *prober)
{
	size_t count = 0;
	for (const struct command_run *run = prober->commands; run; run = run->next)
		count += !run->attempt;
	return count;
}

void command_free_all(struct prober *prober)
{
	while (prober->commands) {
		struct command_run *run = prober->commands;
		prober->commands = run->next;
		free_run(run);
	}
}

static void command_explain_timeout(const struct attempt *a, struct text *reason)
{
	const char *line;
	size_t length;
	text_add(reason, "; the check's command was killed");
	if (!a->command)
		return;
	last_line(&a->command->tail, &line, &length);
	if (length) {
		text_add(reason, ": ");
		text_add_bytes(reason, line, length);
	}
}

const struct way way_command = {
	.plural = "command checks",
	.most = PROBER_COMMAND_MOST,
	.lane = 2,
	.start = command_start,
	.drop = command_drop,
	.explain_timeout = command_explain_timeout,
};
