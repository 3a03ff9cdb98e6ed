#include "stop/escalation.h"

static enum force kill_now(struct escalation *s, int64_t now_ms)
{
	s->command_running = false;
	s->killing = true;
	s->kills += s->kills < KILLS_IN_VAIN;
	s->deadline_ms = now_ms + (escalation_is_in_vain(s) ? KILL_LATER_MS : KILL_AGAIN_MS);
	return FORCE_KILL;
}

static enum force signal_now(struct escalation *s, const struct stop_policy *policy, int64_t now_ms)
{
	s->command_running = false;
	s->signalled = true;
	s->deadline_ms = now_ms + stop_time_ms(policy);
	return FORCE_SIGNAL;
}

enum force escalation_begin(struct escalation *s, const struct stop_policy *policy, int64_t now_ms,
	bool at_once)
{
	if (s->active && (s->killing || !at_once))
		return FORCE_NONE;
	if (!s->active)
		*s = (struct escalation){.active = true};
	if (at_once)
		return kill_now(s, now_ms);
	if (!policy->has_command)
		return signal_now(s, policy, now_ms);
	s->command_running = true;
	s->deadline_ms = now_ms + stop_time_ms(policy);
	return FORCE_COMMAND;
}

enum force escalation_command_done(struct escalation *s, const struct stop_policy *policy,
	int64_t now_ms)
{
	if (!s->active || !s->command_running)
		return FORCE_NONE;
	return signal_now(s, policy, now_ms);
}

enum force escalation_remnants(struct escalation *s)
{
	if (!s->active || s->killing || s->remnants_signalled || !s->signalled)
		return FORCE_NONE;
	s->remnants_signalled = true;
	return FORCE_REMNANTS;
}

enum force escalation_deadline(struct escalation *s, const struct stop_policy *policy,
	int64_t now_ms)
{
	if (!s->active || now_ms < s->deadline_ms)
		return FORCE_NONE;
	if (s->command_running)
		return signal_now(s, policy, now_ms);
	return kill_now(s, now_ms);
}

void escalation_hurry(struct escalation *s, const struct stop_policy *policy, int64_t now_ms)
{
	int64_t deadline_ms = now_ms + stop_time_ms(policy);
	if (s->active && !s->killing && deadline_ms < s->deadline_ms)
		s->deadline_ms = deadline_ms;
}

bool escalation_is_in_vain(const struct escalation *s)
{
	return s->kills >= KILLS_IN_VAIN;
}

void escalation_end(struct escalation *s)
{
	*s = (struct escalation){0};
}
