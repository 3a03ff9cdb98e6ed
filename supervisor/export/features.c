#include "export/features.h"

#include <signal.h>
#include <string.h>

static bool has_optional_dependency(const struct service *s)
{
	for (size_t i = 0; i < s->dependency_count; i++)
		if (s->dependencies[i].optional)
			return true;
	return false;
}

static bool waits_for_more(const struct service *s)
{
	return s->policy.type == TYPE_SERVICE && s->policy.readiness != READY_STARTED;
}

static bool is_plain(const struct probe *probe)
{
	bool usual = probe->status_count == 1 && probe->statuses[0].low == 200 && probe->statuses[0].high == 399;
	return probe->kind != PROBE_HTTP || (usual && !probe->body_pattern && !probe->header_count &&
		(!probe->method || strcmp(probe->method, "GET") == 0));
}

static bool has_http_detail(const struct service *s)
{
	return !is_plain(&s->health) || !is_plain(&s->ready);
}

static bool listens(const struct stack *stack, const struct service *s)
{
	for (size_t i = 0; i < s->port_count; i++)
		if (stack->ports[s->ports[i]].hold == HOLD_LISTEN)
			return true;
	return false;
}

void features_note_lost(struct exported *x, const struct service *s, uint64_t kept)
{
	const struct stack *stack = x->stack;
	const struct service_policy *p = &s->policy;
#define X(id, used, note)                                                                          \
	if (!(kept & FEATURE(id)) && (used))                                                       \
		exported_note(x, s, "%s", note);
	EXPORT_FEATURES(X)
#undef X
}
