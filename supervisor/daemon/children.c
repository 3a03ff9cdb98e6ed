#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/instance.h"
#include "daemon/resume.h"
#include "daemon/takeover.h"

/* Reaped in one turn at most; the rest waits as zombies for the next. */
enum { REAP_A_TURN = 256 };

/* hint: whose leader the tree says it was; what all other services have is far apart in memory. */
static bool belongs(struct instance *in, pid_t pid, int hint, int *service, bool *is_hook)
{
	if (hint >= 0 && keeper_run(in->keeper, hint)->leader.pid == pid) {
		*service = hint;
		*is_hook = false;
		return true;
	}
	for (int i = 0; i <= second_row(in); i++) {
		const struct service_run *run = keeper_run(in->keeper, i);
		if (run->leader.pid != pid && run->hook.pid != pid)
			continue;
		*service = i;
		*is_hook = run->leader.pid != pid;
		return true;
	}
	return false;
}

static bool says_port_in_use(const char *text)
{
	regex_t re;
	if (regcomp(&re, "EADDRINUSE|address already in use|address in use", REG_EXTENDED | REG_ICASE | REG_NOSUB))
		return false;
	bool found = !regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	return found;
}

static bool has_hold(struct instance *in, int service, enum hold_mode mode)
{
	const struct service *s = service_at(in, service);
	for (size_t i = 0; i < s->port_count; i++)
		if (port_at(in, service, i)->hold == mode)
			return true;
	return false;
}

/* It failed because its port was in use, as its last lines say. */
static bool found_port_in_use(struct instance *in, int service, const struct exit_status *status)
{
	struct service_io *io = in->io[service];
	OWNED_TEXT tail = {0};
	if (!status->signal && !status->code)
		return false;
	io_drain(io);
	intake_tail(&io->log->intake, 20, &tail);
	return says_port_in_use(text_string(&tail));
}

static bool stranger_is_there(struct instance *in, int service)
{
	const struct service *s = service_at(in, service);
	for (size_t i = 0; i < s->port_count; i++) {
		const struct port *port = port_at(in, service, i);
		if (port->hold == HOLD_AUTO && lost_to_server(in, port))
			return true;
	}
	return false;
}

/*
 * A server that sets no SO_REUSEADDR cannot bind beside our relaxed hold. Where nobody else was in its
 * way the failure was ours: the next weaker way of holding is tried at once, and what works is
 * remembered for the next launch.
 */
static bool was_our_hold(struct instance *in, int service, const struct exit_status *status)
{
	struct service_io *io = in->io[service];
	bool starts = keeper_run(in->keeper, service)->state == STATE_STARTING;
	if (!starts || io->run.hold == HOLD_NO || !has_hold(in, service, HOLD_AUTO) ||
		!found_port_in_use(in, service, status) || stranger_is_there(in, service))
		return false;
	io->run.hold = io->run.hold == HOLD_MARKER ? HOLD_NO : HOLD_MARKER;
	io->run.hold_learned = true;
	io->run.hold_works = false;
	char text[REASON_SIZE];
	reason_format(text, "its server cannot bind beside our hold of its port; trying hold = %s",
		hold_mode_word(io->run.hold));
	tell_event(in, service, EVENT_PORT, text);
	return true;
}

struct reaped {
	struct keeper_exit exits[REAP_A_TURN];
	char reasons[REAP_A_TURN][REASON_SIZE];
	size_t count;
};

static void note_child(struct instance *in, const struct exit_status *status, int service,
	bool is_hook, struct reaped *reaped)
{
	struct keeper_exit *exit = &reaped->exits[reaped->count];
	*exit = (struct keeper_exit){.service = service, .is_hook = is_hook, .status = *status};
	const struct service *s = service_at(in, service);
	if (status->stage) {
		char *reason = reaped->reasons[reaped->count];
		struct error e = {0};
		world_explain(in, service, is_hook ? &s->stop_command : &s->command, status, &e);
		reason_format(reason, "%s%s%s%s", is_hook ? "stop.command: " : "", e.text,
			e.hint[0] ? "; " : "", e.hint);
		exit->reason = reason;
		if (is_hook)
			tell_event(in, service, EVENT_WARNING, reason);
	} else if (!is_hook) {
		exit->again = was_our_hold(in, service, status);
		if (has_hold(in, service, HOLD_LISTEN) && found_port_in_use(in, service, status))
			exit->reason = "with 'hold = listen' it has to take the socket that it is passed "
				"(LISTEN_FDS) and opens its port by itself";
	}
	reaped->count++;
}

static void take_end(struct instance *in, const struct exit_status *status, struct reaped *reaped)
{
	int service;
	bool is_hook;
	int hint = tree_reaped(&in->tree, status->pid);
	if (hint >= 0)
		roster_ended(&in->roster, status->pid);
	if (belongs(in, status->pid, hint, &service, &is_hook))
		note_child(in, status, service, is_hook, reaped);
	else if (!prober_command_exited(in->prober, status))
		keeper_trees_changed(in->keeper);
}

void children_ended(struct instance *in, const struct exit_status *status)
{
	static struct reaped reaped;
	reaped.count = 0;
	take_end(in, status, &reaped);
	if (reaped.count)
		keeper_exits(in->keeper, reaped.exits, reaped.count);
}

/* fostered: it is the guardian's child and still a zombie. */
static bool next_end(struct instance *in, struct exit_status *status, bool *fostered)
{
	*fostered = false;
	if (spawner_reap(&in->spawner, status) == 1)
		return true;
	*fostered = foster_next(in, status) == 1;
	return *fostered;
}

void children_reap(struct instance *in)
{
	static struct reaped reaped;
	struct exit_status status;
	int left = REAP_A_TURN;
	bool fostered;
	reaped.count = 0;
	for (; left && next_end(in, &status, &fostered); left--) {
		resume_ended(in, &status);
		if (fostered)
			guardian_reap(&in->guardian, status.pid, NULL);
		take_end(in, &status, &reaped);
	}
	if (reaped.count)
		keeper_exits(in->keeper, reaped.exits, reaped.count);
	if (!left)
		kill(getpid(), SIGCHLD);
}
