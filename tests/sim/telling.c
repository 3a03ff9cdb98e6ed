/* What the world says: the rule that is broken, and the story. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "kernel.h"

static void print_transitions(const struct world *w, int service)
{
	const struct service_run *run = keeper_run(w->keeper, service);
	for (size_t i = 0; i < service_transitions(run); i++) {
		const struct transition *t = service_transition(run, i);
		fprintf(stderr, "  %8lld %s -> %s (%s) %s\n", (long long)t->at_ms,
			service_state_word(t->from), service_state_word(t->to),
			service_event_word(t->event), t->reason);
	}
}

void broken(struct world *w, int service, const char *format, ...)
{
	va_list args;
	size_t used = 0;
	if (!w->rule)
		w->rule = format;
	if (service >= 0)
		used = (size_t)snprintf(w->complaint, COMPLAINT_SIZE, "service '%s' ",
			w->stack->services[service].name);
	va_start(args, format);
	vsnprintf(w->complaint + used, COMPLAINT_SIZE - used, format, args);
	va_end(args);
	if (w->caught)
		siglongjmp(*w->caught, 1);
	fprintf(stderr, "seed %llu, time %lld ms: %s\n", (unsigned long long)w->seed,
		(long long)w->now_ms, w->complaint);
	if (service >= 0)
		print_transitions(w, service);
	abort();
}

void say(struct world *w, int service, const char *format, ...)
{
	if (!w->story)
		return;
	va_list args;
	fprintf(w->story, "%8lld  %-4s ", (long long)w->now_ms,
		service >= 0 ? w->stack->services[service].name : "");
	va_start(args, format);
	vfprintf(w->story, format, args);
	va_end(args);
	fputc('\n', w->story);
}
