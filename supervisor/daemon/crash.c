#include "daemon/crash.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "daemon/instance.h"
#include "orphans/death.h"

enum {
	TRANSITIONS_SHOWN = 8, /* of a service */
	STACK_BYTES = 64 * 1024, /* the handler's own: a death may be that the other one is used up */
};

#define DEATHS(X) X(SIGSEGV) X(SIGBUS) X(SIGILL) X(SIGFPE) X(SIGABRT)

static const struct {
	int number;
	const char *name;
} deaths[] = {
#define X(number) {number, #number},
	DEATHS(X)
#undef X
};

/* ---- the report, written in a signal handler ---- */

static const struct instance *reported; /* borrows: the one of this process */

/* A report that is cut, for want of room on the disk, is a report. */
struct pen {
	size_t length;
	char bytes[1024];
};

static void flush(struct pen *pen)
{
	file_write_all(STDERR_FILENO, pen->bytes, pen->length);
	pen->length = 0;
}

/* Reasons may quote what a service printed. */
static void put(struct pen *pen, const char *text)
{
	for (; *text; text++) {
		if (pen->length == sizeof pen->bytes)
			flush(pen);
		bool plain = *text == '\n' || (*text >= ' ' && *text <= '~');
		pen->bytes[pen->length++] = plain ? *text : '?';
	}
}

static void put_number(struct pen *pen, uint64_t value, unsigned base, int least_digits)
{
	char digits[32];
	char *at = digits + sizeof digits;
	*--at = '\0';
	for (; value || least_digits > 0; value /= base, least_digits--)
		*--at = "0123456789abcdef"[value % base];
	put(pen, at);
}

static void put_age(struct pen *pen, int64_t ms)
{
	uint64_t age = ms > 0 ? (uint64_t)ms : 0;
	put_number(pen, age / 1000, 10, 1);
	put(pen, ".");
	put_number(pen, age % 1000, 10, 3);
	put(pen, " s ago: ");
}

static void put_death(struct pen *pen, const siginfo_t *info)
{
	put(pen, DEATH_REPORTED);
	for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++)
		if (deaths[i].number == info->si_signo)
			put(pen, deaths[i].name);
	if (info->si_code > 0 && info->si_code != SI_KERNEL) {
		put(pen, " at address 0x");
		put_number(pen, (uintptr_t)info->si_addr, 16, 1);
	} else if (info->si_code == SI_USER && info->si_pid != getpid()) {
		put(pen, " sent by pid ");
		put_number(pen, (uint64_t)info->si_pid, 10, 1);
	}
	put(pen, "\n");
}

static void put_run(struct pen *pen, const struct instance *in)
{
	put(pen, "stackup " STACKUP_VERSION ", ");
	put(pen, in->claim.project);
	put(pen, " instance ");
	put_number(pen, (uint64_t)in->claim.instance, 10, 1);
	put(pen, ", pid ");
	put_number(pen, (uint64_t)getpid(), 10, 1);
	put(pen, ", run ");
	put(pen, in->run_id);
	put(pen, "\n");
}

static void put_service(struct pen *pen, const char *name, const struct service_run *run)
{
	size_t count = service_transitions(run);
	int64_t now = clock_now_ms();
	put(pen, name);
	put(pen, ": ");
	put(pen, service_state_word(run->state));
	put(pen, "\n");
	for (size_t i = count > TRANSITIONS_SHOWN ? count - TRANSITIONS_SHOWN : 0; i < count; i++) {
		const struct transition *t = service_transition(run, i);
		put(pen, "  ");
		put_age(pen, now - t->at_ms);
		put(pen, service_state_word(t->from));
		put(pen, " -> ");
		put(pen, service_state_word(t->to));
		put(pen, ": ");
		put(pen, t->reason);
		put(pen, "\n");
	}
}

/* What is wrong may be what is read here: a second fault ends the report, and the process. */
static void on_death(int number, siginfo_t *info, void *context)
{
	(void)context;
	const struct instance *in = reported;
	struct pen pen = {0};
	put_death(&pen, info);
	put_run(&pen, in);
	flush(&pen);
	for (int i = 0; in->keeper && i < in->loaded.stack->service_count; i++) {
		put_service(&pen, service_at(in, i)->name, keeper_run(in->keeper, i));
		flush(&pen);
	}
	raise(number); /* it was reset; it comes when this handler returns */
}

static void catch_deaths(const struct instance *in)
{
	static _Alignas(max_align_t) char stack_bytes[STACK_BYTES];
	const stack_t stack = {.ss_sp = stack_bytes, .ss_size = sizeof stack_bytes};
	struct sigaction action = {
		.sa_sigaction = on_death, .sa_flags = (int)(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND)};
	reported = in;
	sigaltstack(&stack, NULL);
	for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++)
		sigaction(deaths[i].number, &action, NULL);
}

/* ---- the log ---- */

static void keep_last(struct instance *in, const char *path, bool died)
{
	struct stat st;
	OWNED_TEXT kept = {0};
	text_addf(&kept, "%s.1", path);
	if (!text_ok(&kept) || lstat(path, &st) || !st.st_size || rename(path, kept.data) || !died)
		return;
	text_addf(&in->claim.notices, "instance %d: ", in->claim.instance);
	death_explain(kept.data, &in->claim.notices);
	text_add_char(&in->claim.notices, '\n');
}

void crash_log_begin(struct instance *in, bool died)
{
	OWNED_TEXT path = {0};
	text_addf(&path, "%s/supervisor.log", in->claim.state_dir);
	if (!text_ok(&path))
		return;
	keep_last(in, path.data, died);
	OWNED_FD fd = open(path.data, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		dup2(fd, STDERR_FILENO);
		guardian_tell_end(&in->guardian, fd, NULL);
	}
	catch_deaths(in);
}

void crash_log_end(struct instance *in)
{
	guardian_tell_end(&in->guardian, -1, NULL);
}
