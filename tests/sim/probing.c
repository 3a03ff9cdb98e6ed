/* The fake kernel: what is found by asking a service, and what it says by itself. */
#include "kernel.h"

enum { SIGNS_APART_MS = 7 };
/* Every so many asks of one that flaps. */
enum { FLAPS_IMPOSTER = 3, FLAPS_FAILED = 5, FLAPS = 7 };

void kernel_probe(void *self, int service, uint64_t generation, enum probe_purpose purpose,
	int64_t timeout_ms)
{
	struct world *w = self;
	struct row *row = &w->rows[service];
	rules_may_probe(w, service, generation, purpose, timeout_ms);
	row->asks++;
	row->probe = (struct asked){generation, purpose};
	int64_t latency = row->script->latency_ms;
	if (row->script->probe == ANSWERS_LATE || latency > timeout_ms)
		latency = timeout_ms;
	row_due(row, DUE_PROBE, w->now_ms + latency);
	/* The daemon looks at these two on the spot. */
	bool only_started = purpose == PROBE_FOR_READY
		&& w->stack->services[service].policy.readiness == READY_STARTED;
	if (only_started || row->script->probe == ANSWERS_UNKNOWN)
		kernel_answer(w, service, DUE_PROBE);
}

void kernel_probe_cancel(void *self, int service)
{
	struct world *w = self;
	struct row *row = &w->rows[service];
	if (row->due[DUE_PROBE] == NO_DEADLINE)
		return;
	/* Some answers come all the same: an old generation's must be harmless. */
	if (row->script->late_answers) {
		row->late = row->probe;
		row_due(row, DUE_LATE, row->due[DUE_PROBE]);
	}
	row_due(row, DUE_PROBE, NO_DEADLINE);
}

void kernel_listen_ready(void *self, int service, uint64_t generation)
{
	struct world *w = self;
	struct row *row = &w->rows[service];
	if (generation != row->generation)
		broken(w, service, "listens for the readiness of start %d", (int)generation);
	kernel_will_sign(w, row);
}

static enum probe_result look(const struct world *w, const struct row *row,
	const struct service_policy *policy, bool *cheap)
{
	const struct script *s = row->script;
	int64_t age = w->now_ms - row->started_ms;
	bool runs = is_alive(&row->leader) && !s->exec_error;
	bool up = runs && s->ready_after_ms != NEVER && age >= s->ready_after_ms;
	bool sick = s->sick_from_ms != NEVER && age >= s->sick_from_ms
		&& age < s->sick_from_ms + s->sick_for_ms;
	bool odd = !w->healed && (s->odd_asks == NEVER || row->asks <= s->odd_asks);
	int flaps = odd && s->probe == ANSWERS_FLAPPING ? row->asks % FLAPS : 0;
	*cheap = !up;
	if (odd && s->probe == ANSWERS_UNKNOWN)
		return PROBE_UNKNOWN;
	if (odd && (s->probe == ANSWERS_IMPOSTER || flaps == FLAPS_IMPOSTER))
		return PROBE_IMPOSTER;
	if (flaps == FLAPS_FAILED)
		return PROBE_FAILED;
	if (odd && (s->probe == ANSWERS_LATE || s->probe == ANSWERS_REFUSAL))
		*cheap = false;
	if (odd && s->probe == ANSWERS_LATE)
		return PROBE_FAILED;
	if (policy->readiness == READY_STARTED && row->probe.purpose == PROBE_FOR_READY)
		return runs ? PROBE_OK : PROBE_FAILED;
	return up && !sick ? PROBE_OK : PROBE_FAILED;
}

void kernel_answer(struct world *w, int service, enum due due)
{
	static const char *const found[] = {NULL, "refused", "no descriptors", "it is process 1"};
	struct row *row = &w->rows[service];
	const struct asked *asked = due == DUE_LATE ? &row->late : &row->probe;
	struct service_event event = {
		.kind = ON_PROBE, .generation = asked->generation, .purpose = asked->purpose};
	bool cheap;
	row_due(row, due, NO_DEADLINE);
	event.result = look(w, row, &w->stack->services[service].policy, &cheap);
	event.cheap = event.result == PROBE_FAILED && cheap;
	event.reason = found[event.result];
	rules_answered(w, service, &event);
	keeper_feed(w->keeper, service, &event);
}

void kernel_will_sign(struct world *w, struct row *row)
{
	row->sign_generation = row->generation;
	row->signs_left = (int)row->script->signs;
	row_due(row, DUE_SIGN, kernel_after(w, row->script->ready_after_ms));
}

void kernel_sign(struct world *w, int service)
{
	struct row *row = &w->rows[service];
	row_due(row, DUE_SIGN, --row->signs_left > 0 ? w->now_ms + SIGNS_APART_MS : NO_DEADLINE);
	say(w, service, "says that it is ready");
	struct service_event event = {.kind = ON_READY_SIGN, .generation = row->sign_generation};
	rules_answered(w, service, &event);
	keeper_feed(w->keeper, service, &event);
}
