#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "daemon/instance.h"
#include "daemon/requests.h"
#include "daemon/resume.h"

static void watch(struct service_io *io, bool on)
{
	for (int i = 0; i < 2; i++) {
		if (io->watch[i].io.fd < 0)
			continue;
		if (on)
			io_watch_start(&io->watch[i]);
		else
			io_watch_stop(&io->watch[i]);
	}
}

static void on_readable(struct io_watch *readable, int events)
{
	(void)events;
	struct service_io *io = readable->owner;
	int pipe = readable == &io->watch[1];
	switch (intake_drain(&io->intake, pipe, INTAKE_BUDGET, clock_wall_ms())) {
	case INTAKE_MOVED:
	case INTAKE_EMPTY:
		break;
	case INTAKE_BLOCKED:
		watch(io, false);
		ev_timer_set(&io->retry, INTAKE_RETRY_MS / 1000.0, 0.);
		ev_timer_start(io->instance->loop, &io->retry);
		break;
	case INTAKE_END:
		io_watch_stop(readable);
		break;
	}
	if (io->attached)
		attach_pump(io);
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	watch(w->data, true);
}

/* A terminal only for a supervisor that goes on with it: its last words end with it. */
static void keep(struct service_io *io)
{
	const struct intake *intake = &io->intake;
	struct guardian *guardian = &io->instance->guardian;
	for (int p = 0; p < 2; p++)
		if (intake->pipe_read[p] >= 0)
			guardian_keep(guardian, io->slot + p, intake->pipe_read[p], intake->log_fd, NULL);
	if (intake->terminal >= 0 && io->instance->resume)
		guardian_keep(guardian, io->slot, intake->terminal, intake->log_fd, NULL);
}

/* The log has a new file: the guardian must know where to put the last words. */
static void on_file(void *self, struct intake *intake)
{
	struct instance *in = self;
	for (int i = 0; in->io && i < in->loaded.stack->service_count; i++)
		if (in->io[i] && &in->io[i]->intake == intake)
			keep(in->io[i]);
}

void io_keep_all(struct instance *in)
{
	for (int i = 0; i < in->loaded.stack->service_count; i++)
		keep(in->io[i]);
}

static void on_notice(void *self, struct intake *intake, const char *text)
{
	struct instance *in = self;
	for (int i = 0; in->io && i < in->loaded.stack->service_count; i++)
		if (in->io[i] && &in->io[i]->intake == intake)
			tell_event(in, i, EVENT_LOG, text);
}

struct intake_hooks io_hooks(struct instance *in)
{
	return (struct intake_hooks){.self = in, .on_file = on_file, .on_notice = on_notice};
}

static void set_watch(struct service_io *io, int i, int fd)
{
	io_watch_init(&io->watch[i], io->instance->loop, fd, EV_READ, on_readable, io);
	if (fd >= 0)
		io_watch_start(&io->watch[i]);
}

/* What the service writes into goes on; where it cannot, its next start writes into another pipe. */
static void take_pipes(struct service_io *io)
{
	struct intake *intake = &io->intake;
	for (int p = 0; p < 2; p++) {
		int fd = inherited_pipe(io->instance, io->slot + p);
		if (fd >= 0 && intake->pipe_read[p] >= 0)
			(void)intake_take_pipe(intake, p, fd, NULL);
		else if (fd >= 0 && p == 0 && isatty(fd))
			intake_terminal(intake, fd);
		else if (fd >= 0)
			close(fd);
	}
}

int io_open(struct instance *in, int service, struct error *e)
{
	const struct service *s = service_at(in, service);
	struct service_io *io = calloc(1, sizeof *io);
	if (!io)
		return fail(e, EXIT_FAILED, "service '%s': out of memory", s->name);
	io->instance = in;
	io->service = service;
	io->log = io;
	int slot = inherited_slot(in, s->name);
	io->slot = slot < 0 ? in->next_slot : slot;
	io->run.last_look = LISTENER_UNKNOWN;
	if (intake_open(&io->intake, &in->pool, s->name, &s->log, s->tty, e)) {
		free(io);
		return fail_while(e, "service '%s'", s->name);
	}
	if (slot < 0)
		in->next_slot += 2;
	else
		take_pipes(io);
	in->io[service] = io;
	io->open = true;
	on_file(in, &io->intake);
	set_watch(io, 0, io->intake.terminal >= 0 ? io->intake.terminal : io->intake.pipe_read[0]);
	set_watch(io, 1, io->intake.pipe_read[1]);
	ev_timer_init(&io->retry, on_retry, 0., 0.);
	io->retry.data = io;
	return 0;
}

int io_open_second(struct instance *in, struct error *e)
{
	struct service_io *io = calloc(1, sizeof *io);
	if (!io)
		return fail(e, EXIT_FAILED, "out of memory");
	io->instance = in;
	io->service = second_row(in);
	io->log = io;
	in->io[io->service] = io;
	return 0;
}

static void drain(struct intake *intake)
{
	for (int p = 0; p < 2; p++)
		if (intake->pipe_read[p] >= 0 || (p == 0 && intake->terminal >= 0))
			(void)intake_drain(intake, p, INTAKE_BUDGET, clock_wall_ms());
}

static void close_log(struct service_io *io)
{
	watch(io, false);
	drain(&io->intake); /* the last chance of what has waited for room on the disk */
	ev_timer_stop(io->instance->loop, &io->retry);
	for (int p = 0; p < 2; p++)
		guardian_drop(&io->instance->guardian, io->slot + p, NULL);
	intake_close(&io->intake);
}

void io_close(struct service_io *io)
{
	if (!io)
		return;
	if (io->open)
		close_log(io);
	if (io->has_pattern)
		regfree(&io->pattern);
	free(io);
}

/* A pseudo-terminal for one generation: *slave for the child, the master stays with the log. */
static int open_terminal(struct service_io *io, int *slave, struct error *e)
{
	char name[64];
	OWNED_FD master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) || unlockpt(master) || ptsname_r(master, name, sizeof name))
		return fail_errno(e, EXIT_FAILED, "a pseudo-terminal");
	OWNED_FD other = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (other < 0)
		return fail_errno(e, EXIT_FAILED, "pseudo-terminal %s", name);
	*slave = take_fd(&other);
	if (io->watch[0].io.fd >= 0)
		io_watch_stop(&io->watch[0]);
	int fd = take_fd(&master);
	intake_terminal(&io->intake, fd);
	keep(io);
	set_watch(io, 0, fd);
	return 0;
}

int io_begin(struct service_io *io, uint64_t generation, const struct service *service,
	struct recipe *recipe, int *slave, struct error *e)
{
	io->run.generation = generation;
	io->run.seen = (struct tree_listener){0};
	io->run.last_look = LISTENER_UNKNOWN;
	io->run.elsewhere_at_ms = 0;
	io->run.wandered = false;
	io->run.at_breakpoint = false;
	io->run.bad_answers = 0;
	io->run.waits_for_line = io->run.waits_for_notify = false;
	struct intake *intake = &io->log->intake;
	intake_generation(intake, (uint32_t)generation);
	*slave = -1;
	if (service->tty) {
		if (open_terminal(io, slave, e))
			return fail_while(e, "service '%s'", service->name);
		recipe->tty_fd = *slave;
		return 0;
	}
	recipe->stdout_fd = intake->pipe_write[0];
	recipe->stderr_fd = intake->pipe_write[intake->split ? 1 : 0];
	recipe->lasting_output = true;
	return 0;
}

void io_drain(struct service_io *io)
{
	drain(&io->log->intake);
}

void io_end_generation(struct service_io *io)
{
	/* The other run goes on in the same log: there is no boundary. */
	if (io->log != io) {
		io_drain(io);
		return;
	}
	(void)intake_end_generation(&io->intake, clock_wall_ms());
	if (io->attached)
		attach_end(io, "the service has ended");
}

static bool on_line(void *self, const char *bytes, size_t length)
{
	struct service_io *io = self;
	regmatch_t whole = {.rm_so = 0, .rm_eo = (regoff_t)length};
	if (!io->run.waits_for_line)
		return false;
	if (regexec(&io->pattern, bytes, 1, &whole, REG_STARTEND))
		return true;
	io->run.waits_for_line = false;
	keeper_feed(io->instance->keeper, io->service,
		&(struct service_event){.kind = ON_READY_SIGN, .generation = io->run.generation});
	return false;
}

void io_wait_for_line(struct service_io *io, bool again)
{
	struct run_io *run = &io->run;
	const struct probe *probe = &service_at(io->instance, io->service)->ready;
	if (io->has_pattern)
		regfree(&io->pattern);
	/* It compiled when the stack file was checked; only memory can be missing now. */
	io->has_pattern = !regcomp(&io->pattern, probe->pattern, REG_EXTENDED | REG_NOSUB);
	if (!io->has_pattern) {
		tell_event(io->instance, io->service, EVENT_WARNING, "ready = log: out of memory");
		return;
	}
	run->waits_for_line = true;
	if (again) {
		intake_watch_since(&io->log->intake, run->line_part, run->line_from, on_line, io);
		return;
	}
	run->line_part = io->log->intake.part;
	run->line_from = io->log->intake.indexed;
	intake_watch(&io->log->intake, on_line, io);
}
