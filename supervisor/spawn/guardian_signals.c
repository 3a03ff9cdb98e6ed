#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "spawn/guardian_guard.h"

/* The kernel drops what is sent to one that is dying, which takes a moment: longer with a core file. */
enum { DYING_MS = 2000 };

static struct {
	const int number;
	bool waiting;      /* for an S that is there */
	bool handed;       /* to the S of now ... */
	int64_t handed_ms; /* ... at this time */
} signals[] = {{.number = SIGTERM}, {.number = SIGINT}, {.number = SIGHUP}};

enum { SIGNALS = sizeof signals / sizeof signals[0] };

static void wait_for_supervisor(int number)
{
	for (size_t i = 0; i < SIGNALS; i++)
		if (signals[i].number == number)
			signals[i].waiting = true;
}

void guardian_signals_read(int fd)
{
	struct signalfd_siginfo info;
	while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
		wait_for_supervisor((int)info.ssi_signo);
}

void guardian_signals_hand_on(pid_t supervisor)
{
	for (size_t i = 0; i < SIGNALS; i++) {
		if (!signals[i].waiting)
			continue;
		kill(supervisor, signals[i].number);
		signals[i].waiting = false;
		signals[i].handed = true;
		signals[i].handed_ms = clock_now_ms();
	}
}

void guardian_signals_take_back(bool none_was_seen)
{
	int64_t now = clock_now_ms();
	for (size_t i = 0; i < SIGNALS; i++) {
		bool handed = signals[i].handed;
		signals[i].handed = false;
		if (handed && none_was_seen)
			signals[i].waiting = true;
		else if (handed && now - signals[i].handed_ms < DYING_MS)
			/* A second INT would kill what the first one stops; TERM may come twice. */
			wait_for_supervisor(
				signals[i].number == SIGINT ? SIGTERM : signals[i].number);
	}
}
