#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/verbs/verb.h"

/* Ctrl-], as telnet has it: hardly any program wants it. */
enum { LEAVE_KEY = 0x1d };

struct attached {
	struct control_client client; /* owns */
	struct run_place run; /* borrows */
	const char *service; /* borrows */
	int64_t request;
	int signal_fd; /* owns */
	struct termios before;
	bool raw; /* the terminal must be set back */
	bool input_open;
	bool left; /* the user pressed the key */
};

static void window(unsigned short *columns, unsigned short *rows)
{
	struct winsize size = {.ws_col = 80, .ws_row = 24};
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*columns = size.ws_col ? size.ws_col : 80;
	*rows = size.ws_row ? size.ws_row : 24;
}

/* Keys go to the service as they are pressed, Ctrl-C too. */
static void make_raw(struct attached *a)
{
	if (tcgetattr(STDIN_FILENO, &a->before) < 0)
		return;
	struct termios raw = a->before;
	cfmakeraw(&raw);
	a->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static int ask(struct attached *a, struct error *e)
{
	unsigned short columns;
	unsigned short rows;
	window(&columns, &rows);
	json_t *request = json_pack("{s:s, s:s, s:i, s:i}", "verb", "attach", "service", a->service,
		"cols", (int)columns, "rows", (int)rows);
	return client_send(&a->client, request, &a->request, e);
}

static int begin(struct attached *a, struct error *e)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	a->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (a->signal_fd < 0)
		return fail_errno(e, EXIT_FAILED, "waiting for signals");
	return ask(a, e);
}

/* Another frame of the request. That the other side has left is noticed when it is listened to. */
static int send_more(struct attached *a, json_t *frame, struct error *e)
{
	struct error why = {0};
	if (client_send_more(&a->client, a->request, frame, &why) == 0 || why.number == EPIPE)
		return 0;
	*e = why;
	return -1;
}

static int send_keys(struct attached *a, struct error *e)
{
	char keys[4096];
	ssize_t count = read(STDIN_FILENO, keys, sizeof keys);
	if (count < 0 && errno == EINTR)
		return 0;
	if (count <= 0) {
		a->input_open = false;
		return 0;
	}
	const char *leave = a->raw ? memchr(keys, LEAVE_KEY, (size_t)count) : NULL;
	size_t length = leave ? (size_t)(leave - keys) : (size_t)count;
	a->left = leave != NULL;
	if (!length)
		return 0;
	return send_more(a,
		json_pack("{s:s, s:o}", "verb", "input", "data", wire_pack(keys, length)), e);
}

static int take_signal(struct attached *a, struct error *e)
{
	struct signalfd_siginfo info;
	if (read(a->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
		return 0;
	if (info.ssi_signo != SIGWINCH) {
		a->left = true;
		return 0;
	}
	unsigned short columns;
	unsigned short rows;
	window(&columns, &rows);
	return send_more(a,
		json_pack("{s:s, s:i, s:i}", "verb", "winch", "cols", (int)columns, "rows", (int)rows),
		e);
}

/* Its terminal is kept for the next supervisor: 0, go on with that one; 1: there is none. */
static int turn_to_next(struct attached *a, struct error *e)
{
	int next = successor_connect(&a->client, &a->run, NULL, e);
	if (next <= 0)
		return next < 0 ? -1 : 1;
	return ask(a, e);
}

/* 1: it has ended, 0: go on, -1. What the service draws is the one thing that passes unchanged. */
static int take_output(struct attached *a, struct error *e)
{
	for (;;) {
		json_t *frame;
		struct error why = {0};
		enum client_result what = client_next(&a->client, a->request, 0, &frame, &why);
		OWNED_TEXT bytes = {0};
		if (what == CLIENT_MORE && wire_unpack(json_object_get(frame, "output"), &bytes))
			out_text(&bytes);
		json_decref(frame);
		if (what == CLIENT_WAITING)
			return 0;
		if (what == CLIENT_REPLY)
			return 1;
		if (what == CLIENT_MORE)
			continue;
		if (why.number == EPIPE)
			return turn_to_next(a, e);
		*e = why;
		return -1;
	}
}

static int converse(struct attached *a, struct error *e)
{
	int result = 0;
	a->input_open = true;
	while (result == 0 && !a->left) {
		struct pollfd fds[] = {{.fd = a->client.fd, .events = POLLIN},
			{.fd = a->input_open ? STDIN_FILENO : -1, .events = POLLIN},
			{.fd = a->signal_fd, .events = POLLIN}};
		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[0].revents)
			result = take_output(a, e);
		if (result == 0 && fds[1].revents)
			result = send_keys(a, e);
		if (result == 0 && fds[2].revents)
			result = take_signal(a, e);
	}
	return result < 0 ? -1 : 0;
}

static int attach(struct attached *a, struct error *e)
{
	if (begin(a, e) < 0)
		return -1;
	if (isatty(STDIN_FILENO)) {
		say("attached to %s; Ctrl-] leaves", a->service);
		make_raw(a);
	}
	int result = converse(a, e);
	if (a->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &a->before);
	if (result == 0)
		say("%s %s", a->service, a->left ? "goes on without you" : "has ended");
	return result;
}

int verb_attach(struct context *context, struct error *e)
{
	struct target target;
	struct attached a = {.client = {.fd = -1}, .signal_fd = -1};
	if (context->line.word_count != 1)
		return fail(e, EXIT_USAGE, "`attach` wants one service");
	int result = context_running(context, &target, e);
	if (result == 0)
		result = target_connect(&target, ANSWER_MS, &a.client, e);
	if (result == 0) {
		a.run = target_run(&target, true);
		a.service = context->line.words[0];
		result = attach(&a, e);
	}
	client_close(&a.client);
	own_close(&a.signal_fd);
	target_release(&target);
	return result;
}
