#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon/instance.h"
#include "daemon/reload.h"

/* Received in one turn; the rest waits for the next. */
enum { SIGNALS_A_TURN = 16 };

static void on_stop(struct instance *in, int number)
{
	/* The kernel's TERM: without a guardian nobody would end what a dead supervisor leaves. */
	if (number == SIGTERM && getppid() != in->guardian.pid)
		instance_decide_exit(in, EXIT_TERMINATED, "the guardian process died");
	else if (number == SIGTERM)
		instance_decide_exit(in, EXIT_TERMINATED, "the supervisor was sent SIGTERM");
	else
		instance_decide_exit(in, EXIT_INTERRUPTED, "the supervisor was sent SIGINT");
	instance_stop(in, in->stopping && number == SIGINT, in->exit_text);
}

static void on_hangup(struct instance *in, int number)
{
	(void)number;
	if (in->detached)
		reload_from_disk(in);
	else
		instance_stop(in, false, "the terminal was closed");
}

static void on_child(struct instance *in, int number)
{
	(void)number;
	children_reap(in);
}

static const struct {
	int number;
	void (*on_signal)(struct instance *in, int number);
} signals[] = {
	{SIGCHLD, on_child},
	{SIGTERM, on_stop},
	{SIGINT, on_stop},
	{SIGHUP, on_hangup},
};

enum { SIGNALS = sizeof signals / sizeof signals[0] };

static sigset_t watched(void)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&set, signals[i].number);
	return set;
}

static void on_signals(struct io_watch *watch, int events)
{
	(void)events;
	struct signalfd_siginfo got[SIGNALS_A_TURN];
	ssize_t size = read(watch->io.fd, got, sizeof got);
	for (size_t n = 0; size > 0 && n < (size_t)size / sizeof *got; n++)
		for (size_t i = 0; i < SIGNALS; i++)
			if (signals[i].number == (int)got[n].ssi_signo)
				signals[i].on_signal(watch->owner, signals[i].number);
}

int signals_open(struct instance *in, struct error *e)
{
	sigset_t set = watched();
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return fail_errno(e, EXIT_FAILED, "signalfd");
	io_watch_init(&in->signals, in->loop, fd, EV_READ, on_signals, in);
	/* Who asks in this turn is told about an exit that came before. */
	ev_set_priority(&in->signals.io, EV_MAXPRI);
	return 0;
}

void signals_begin(struct instance *in)
{
	sigset_t set = watched();
	sigprocmask(SIG_BLOCK, &set, NULL);
	io_watch_start(&in->signals);
}

void signals_close(struct instance *in)
{
	if (!in->signals.owner)
		return;
	io_watch_stop(&in->signals);
	close(in->signals.io.fd);
}
