#include "base/clock.h"
#include "base/own.h"
#include "daemon/instance.h"
#include "stackfile/describe.h"

enum { ELSEWHERE_AFTER_MS = 300, ELSEWHERE_EVERY_MS = 1000, SILENT_MS = 3000 };

/* Its port stays silent: does it listen somewhere else? Looked at once a second, not at first. */
static bool wandered(struct instance *in, int service, char reason[REASON_SIZE])
{
	const struct port *port =
		stack_main_port(loaded_at(in, service)->stack, service_at(in, service));
	const struct service_run *run = keeper_run(in->keeper, service);
	struct service_io *io = in->io[service];
	int64_t now = clock_now_ms();
	if (!port || io->run.last_look != LISTENER_NOBODY || now < io->run.elsewhere_at_ms
		|| now - run->started_ms < ELSEWHERE_AFTER_MS)
		return false;
	io->run.elsewhere_at_ms = now + ELSEWHERE_EVERY_MS;
	uint16_t other = identity_listens_at(in, service);
	io->run.wandered = other;
	if (!other)
		return false;
	reason_format(reason, "it listens on port %u instead of %u; give its command ${port}, or see its "
		"flag for a fixed port", other, port->number);
	return true;
}

/* It has its port by its name alone, perhaps, and listens nowhere: a worker called `app`. */
static bool is_silent(struct instance *in, int service, char reason[REASON_SIZE])
{
	const struct service *s = service_at(in, service);
	const struct port *port = stack_main_port(loaded_at(in, service)->stack, s);
	bool waits = s->policy.readiness == READY_PORT && in->io[service]->run.last_look == LISTENER_NOBODY;
	if (!port || !waits || clock_now_ms() - keeper_run(in->keeper, service)->started_ms < SILENT_MS)
		return false;
	reason_format(reason, "nothing listens on port %u; where nothing ever will, write 'ready = started'",
		port->number);
	return true;
}

/* Where two runs share a socket clients get the same answers, from its first moment on. */
static void count_bad_answers(struct instance *in, int service, enum probe_result result)
{
	struct run_io *run = &in->io[service]->run;
	int64_t age_ms = clock_now_ms() - keeper_run(in->keeper, service)->started_ms;
	bool own = identity_shares(in, service) && run->last_look == LISTENER_OURS;
	if (result == PROBE_OK)
		run->bad_answers = 0;
	else if (result == PROBE_FAILED && own
		&& age_ms >= service_at(in, service)->policy.health.start_period_ms)
		run->bad_answers++;
}

/*
 * Whoever is stopped by a debugger cannot answer, and is not to be restarted under its hands. The first
 * failure afterwards is of a check that began before.
 */
static bool was_at_breakpoint(
	struct instance *in, int service, enum probe_purpose purpose, enum probe_result result)
{
	struct run_io *run = &in->io[service]->run;
	bool before = run->at_breakpoint;
	run->at_breakpoint = false;
	/* Before it is ready they come a thousand times a second, and restart nobody. */
	if (result != PROBE_FAILED || purpose != PROBE_FOR_HEALTH)
		return false;
	char text[REASON_SIZE];
	pid_t pid = tree_at_breakpoint(&in->tree, service);
	run->at_breakpoint = pid;
	if (pid && !before) {
		reason_format(text, "a debugger holds its process %d; its checks do not count until that goes on",
			(int)pid);
		tell_event(in, service, EVENT_WARNING, text);
	}
	return pid || before;
}

void probed(void *self, int service, uint64_t generation, enum probe_purpose purpose,
	enum probe_result result, const char *reason, int64_t latency_ms)
{
	struct instance *in = self;
	char elsewhere[REASON_SIZE];
	OWNED_TEXT shown = {0};
	(void)latency_ms;
	if (was_at_breakpoint(in, service, purpose, result))
		result = PROBE_UNKNOWN;
	count_bad_answers(in, service, result);
	if (result == PROBE_FAILED && wandered(in, service, elsewhere))
		reason = elsewhere;
	else if (result == PROBE_FAILED && in->io[service]->run.last_look == LISTENER_NOBODY
		&& in->io[service]->run.wandered)
		reason = NULL; /* what was found out last still holds */
	else if (result == PROBE_FAILED && is_silent(in, service, elsewhere))
		reason = elsewhere;
	/* What a check prints or a server answers may quote what it was given. */
	if (reason)
		secret_add_shown(&shown, loaded_at(in, service)->stack, service_at(in, service), reason);
	keeper_feed(in->keeper, service,
		&(struct service_event){.kind = ON_PROBE,
			.generation = generation,
			.purpose = purpose,
			.result = result,
			.reason = shown.length ? text_string(&shown) : NULL,
			.cheap = result == PROBE_FAILED
				&& in->io[service]->run.last_look == LISTENER_NOBODY});
}
