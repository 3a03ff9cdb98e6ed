#include "watch/perform.h"

#include <stdio.h>

static bool spawn(const struct sys *sys, int service, struct service_run *run,
	struct service_event *answer, char *reason)
{
	struct error e = {0};
	*answer = (struct service_event){.kind = ON_SPAWNED};
	if (sys->spawn(sys->self, service, run->generation, &answer->child, &e)) {
		reason_format(reason, "%s%s%s", e.text, e.hint[0] ? "; " : "", e.hint);
		answer->kind = ON_SHORTAGE;
		answer->exit.number = e.number ? e.number : -1;
		answer->reason = reason;
	}
	return true;
}

/* A stop command that cannot be started is over: the signal comes next. */
static bool spawn_stop_command(const struct sys *sys, int service, struct service_run *run,
	struct service_event *answer, char *reason)
{
	struct error e = {0};
	if (!sys->spawn_stop_command(sys->self, service, &run->hook, &e))
		return false;
	reason_format(reason, "stop.command: %s", e.text);
	sys->tell(sys->self, service, EVENT_WARNING, reason);
	*answer = (struct service_event){.kind = ON_HOOK_EXITED};
	return true;
}

static void send_signal(const struct sys *sys, int service, struct service_run *run,
	const struct effect *effect)
{
	const struct child *child = effect->scope == SIGNAL_HOOK ? &run->hook : &run->leader;
	if (!sys->signal(sys->self, service, child, effect->scope, effect->signal))
		return;
	if (!run->escalation.refused)
		sys->tell(sys->self, service, EVENT_WARNING,
			"a process of it changed its user and cannot be signalled");
	run->escalation.refused = true;
}

static bool ask_who_is_left(const struct sys *sys, int service, struct service_event *answer,
	char *reason)
{
	if (!sys->withstands(sys->self, service, reason, REASON_SIZE))
		return false;
	*answer = (struct service_event){
		.kind = ON_TREE, .left = 1, .withstands = true, .reason = reason};
	return true;
}

static bool perform_one(const struct sys *sys, int service, struct service_run *run,
	const struct effect *effect, struct service_event *answer, char *reason)
{
	switch (effect->kind) {
	case EFFECT_SIGNAL:
		send_signal(sys, service, run, effect);
		return false;
	case EFFECT_ASK_WHO_IS_LEFT:
		return ask_who_is_left(sys, service, answer, reason);
	case EFFECT_STOP_COMMAND:
		return spawn_stop_command(sys, service, run, answer, reason);
	case EFFECT_PROBE_CANCEL:
		sys->probe_cancel(sys->self, service);
		return false;
	case EFFECT_TREE_GONE:
		sys->tree_gone(sys->self, service);
		return false;
	case EFFECT_SPAWN:
		return spawn(sys, service, run, answer, reason);
	case EFFECT_LISTEN_READY:
		sys->listen_ready(sys->self, service, run->generation);
		return false;
	case EFFECT_PROBE:
		sys->probe(sys->self, service, run->generation, effect->purpose, effect->timeout_ms);
		return false;
	case EFFECT_TELL:
		sys->tell(sys->self, service, effect->event, effect->text);
		return false;
	}
	return false;
}

bool perform(const struct sys *sys, int service, struct service_run *run,
	const struct effects *effects, struct service_event *answer, char reason[REASON_SIZE])
{
	bool answered = false;
	if (!effects->count)
		return false; /* as most events have */
	for (int kind = EFFECT_SIGNAL; kind <= EFFECT_TELL; kind++)
		for (int i = 0; i < effects->count; i++)
			if ((int)effects->items[i].kind == kind)
				answered |= perform_one(sys, service, run, &effects->items[i], answer, reason);
	return answered;
}
