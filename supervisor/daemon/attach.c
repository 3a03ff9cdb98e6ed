#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "control/wire.h"
#include "daemon/requests.h"

/* What is typed and cannot be written yet is kept up to here; more is refused by closing. */
enum { INPUT_MOST = 64 * 1024, PUMP_MOST = 64 * 1024 };

/* A client at the terminal of a service. */
struct attached {
	struct control_ticket ticket;
	uint64_t sent; /* offset in the log file up to which it has seen the output */
	struct text input; /* owns: typed, not written yet */
	struct attached *next;
};

static struct attached *find(struct instance *in, struct control_ticket ticket,
	struct service_io **io)
{
	for (int i = 0; i < in->loaded.stack->service_count; i++) {
		for (struct attached *a = in->io[i]->attached; a; a = a->next) {
			if (a->ticket.client == ticket.client && a->ticket.request == ticket.request) {
				*io = in->io[i];
				return a;
			}
		}
	}
	return NULL;
}

static void drop(struct attached **place)
{
	struct attached *a = *place;
	*place = a->next;
	text_release(&a->input);
	free(a);
}

static void resize(struct service_io *io, const json_t *body)
{
	json_int_t cols = json_integer_value(json_object_get(body, "cols"));
	json_int_t rows = json_integer_value(json_object_get(body, "rows"));
	if (cols < 1 || cols > 10000 || rows < 1 || rows > 10000 || io->intake.terminal < 0)
		return;
	struct winsize size = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};
	ioctl(io->intake.terminal, TIOCSWINSZ, &size);
}

void attach_request(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	struct error e = {0};
	const char *name = json_string_value(json_object_get(body, "service"));
	const struct service *s = name ? stack_service(in->loaded.stack, name) : NULL;
	struct attached *a = NULL;
	if (!s) {
		no_such_service(in, name ? name : "", &e);
	} else if (!s->tty) {
		fail(&e, EXIT_FAILED, "service '%s' has no terminal", s->name);
		error_hint(&e, "write `tty = yes` in [service %s]; its output is in `stackup logs %s`",
			s->name, s->name);
	} else if (!service_running(keeper_run(in->keeper, s->index))) {
		fail(&e, EXIT_FAILED, "service '%s' does not run", s->name);
	} else if (!(a = calloc(1, sizeof *a))) {
		fail(&e, EXIT_FAILED, "out of memory");
	}
	if (!a) {
		control_refuse(in->server, ticket, &e);
		return;
	}
	struct service_io *io = in->io[s->index];
	io_drain(io);
	a->ticket = ticket;
	a->sent = io->intake.end;
	a->next = io->attached;
	io->attached = a;
	resize(io, body);
}

/* A full terminal takes the rest when its program has read. */
static void write_input(struct service_io *io, struct attached *a)
{
	while (a->input.length && io->intake.terminal >= 0) {
		ssize_t n = write(io->intake.terminal, a->input.data, a->input.length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text_consume(&a->input, (size_t)n);
	}
}

void attach_input(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	struct service_io *io;
	struct attached *a = find(in, ticket, &io);
	if (!a)
		return;
	if (a->input.length < INPUT_MOST)
		wire_unpack(json_object_get(body, "data"), &a->input);
	write_input(io, a);
}

void attach_winch(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	struct service_io *io;
	if (find(in, ticket, &io))
		resize(io, body);
}

void attach_drop_client(struct instance *in, uint64_t client)
{
	for (int i = 0; i < in->loaded.stack->service_count; i++) {
		struct attached **place = &in->io[i]->attached;
		while (*place)
			if ((*place)->ticket.client == client)
				drop(place);
			else
				place = &(*place)->next;
	}
}

void attach_pump(struct service_io *io)
{
	static char block[PUMP_MOST];
	for (struct attached *a = io->attached; a; a = a->next) {
		write_input(io, a);
		if (a->sent > io->intake.end)
			a->sent = 0; /* rotated */
		while (a->sent < io->intake.end) {
			size_t left = io->intake.end - a->sent;
			ssize_t n = pread(io->intake.log_fd, block, left < sizeof block ? left : sizeof block,
				(off_t)a->sent);
			if (n <= 0)
				break;
			a->sent += (uint64_t)n;
			control_more(io->instance->server, a->ticket,
				json_pack("{s:o}", "output", wire_pack(block, (size_t)n)));
		}
	}
}

void attach_end(struct service_io *io, const char *text)
{
	attach_pump(io);
	while (io->attached) {
		control_reply(io->instance->server, io->attached->ticket, json_pack("{s:s}", "text", text));
		drop(&io->attached);
	}
}
