#include "mover.h"

#include "moves.h"

enum { PATIENCE_MS = 5000, STEPS_MOST = 4 * WORLD_SERVICES };

enum progress { WAITS, DONE, FAILED };

static int second_row(const struct world *w)
{
	return world_now_stack(w)->service_count - 1;
}

static const struct service_run *run_of(struct world *w, int row)
{
	return keeper_run(world_keeper(w), row);
}

static bool is_kept_up(struct world *w, int row)
{
	return run_of(w, row)->want == WANT_UP && run_of(w, row)->state != STATE_DONE
		&& run_of(w, row)->state != STATE_FAILED;
}

static int follower(const struct mover *m)
{
	return m->followers[m->plan.follower];
}

/* ---- who follows ---- */

static bool needs(const struct service *s, int service)
{
	for (size_t d = 0; d < s->dependency_count; d++)
		if (s->dependencies[d].service == service)
			return true;
	return false;
}

static int find_followers(struct mover *m, struct world *w)
{
	const struct stack *stack = world_now_stack(w);
	int count = 0;
	for (int i = 0; i < second_row(w); i++)
		if (i != m->service && needs(&stack->services[i], m->service)
			&& service_running(run_of(w, i)))
			m->followers[count++] = i;
	return count;
}

bool mover_begin(struct mover *m, struct world *w, int service, enum handover_kind kind,
	int64_t fails)
{
	if (m->active || !world_is_free(w, second_row(w)) || !service_running(run_of(w, service))
		|| run_of(w, service)->want == WANT_DOWN)
		return false;
	*m = (struct mover){.active = true, .service = service, .fails = fails};
	handover_begin(&m->plan, kind, find_followers(m, w));
	return true;
}

/* ---- the steps ---- */

static void await(struct mover *m, struct world *w, int row)
{
	m->generation = run_of(w, row)->generation;
	m->deadline_ms = world_now(w) + PATIENCE_MS;
	world_wake(w, m->deadline_ms);
}

static void restart(struct mover *m, struct world *w, int row)
{
	if (!is_kept_up(w, row))
		return;
	await(m, w, row);
	world_restart(w, row);
}

static void begin_step(struct mover *m, struct world *w)
{
	int second = second_row(w);
	switch (m->plan.step) {
	case HANDOVER_START:
		m->second = true;
		world_double(w, m->service, second);
		await(m, w, second);
		break;
	case HANDOVER_SWITCH:
	case HANDOVER_BACK:
		world_swap(w, m->service, m->second ? second : m->service);
		break;
	case HANDOVER_RESTART:
		restart(m, w, m->service);
		break;
	case HANDOVER_FOLLOW:
		restart(m, w, follower(m));
		break;
	case HANDOVER_RETIRE:
	case HANDOVER_DISMISS:
		world_stop(w, second, true);
		break;
	case HANDOVER_LEASE:
	case HANDOVER_FORWARD:
	case HANDOVER_RELEASE:
	case HANDOVER_END:
		break;
	}
}

/* The run of the row that began with this step. */
static enum progress look_at_run(const struct mover *m, struct world *w, int row)
{
	const struct service_run *run = run_of(w, row);
	const struct service_policy *policy = &world_now_stack(w)->services[row].policy;
	bool began = run->generation > m->generation;
	bool healthy = !policy->health.present || run->verdict.health == HEALTH_HEALTHY;
	if (!service_occupied(run) && run->state != STATE_BLOCKED && run->state != STATE_COOLING)
		return FAILED;
	if (began && run->state == STATE_READY && healthy)
		return DONE;
	if (began && (run->state == STATE_UNHEALTHY || run->state == STATE_COOLING))
		return FAILED;
	return world_now(w) >= m->deadline_ms ? FAILED : WAITS;
}

static enum progress look_at_follower(const struct mover *m, struct world *w)
{
	const struct service_run *own = run_of(w, m->service);
	bool broken = own->state == STATE_COOLING || own->state == STATE_FAILED
		|| own->state == STATE_UNHEALTHY;
	if (!m->plan.back && own->want == WANT_UP && broken)
		return FAILED;
	bool waits_for_it =
		!is_kept_up(w, m->service) && run_of(w, follower(m))->state == STATE_BLOCKED;
	if (!is_kept_up(w, follower(m)) || waits_for_it)
		return DONE;
	return look_at_run(m, w, follower(m));
}

static enum progress look(const struct mover *m, struct world *w)
{
	int second = second_row(w);
	switch (m->plan.step) {
	case HANDOVER_START:
		return run_of(w, m->service)->want == WANT_DOWN ? FAILED : look_at_run(m, w, second);
	case HANDOVER_RESTART:
		return is_kept_up(w, m->service) ? look_at_run(m, w, m->service) : DONE;
	case HANDOVER_FOLLOW:
		return look_at_follower(m, w);
	case HANDOVER_RETIRE:
	case HANDOVER_DISMISS:
		return world_is_free(w, second) ? DONE : WAITS;
	case HANDOVER_LEASE:
	case HANDOVER_FORWARD:
	case HANDOVER_SWITCH:
	case HANDOVER_BACK:
	case HANDOVER_RELEASE:
	case HANDOVER_END:
		break;
	}
	return DONE;
}

/* The port cannot be leased, what the new process has cannot be written down. */
static bool fails(const struct mover *m)
{
	bool may = m->plan.step == HANDOVER_LEASE || m->plan.step == HANDOVER_SWITCH;
	return may && !m->plan.back && ((m->fails >> m->plan.step) & 1);
}

static void check_end(struct world *w)
{
	if (!world_is_free(w, second_row(w)))
		world_complain(w, second_row(w), "is left over from a handover that ended");
}

void mover_continue(struct mover *m, struct world *w)
{
	while (m->active) {
		if (m->plan.step == HANDOVER_END) {
			check_end(w);
			seen.handovers++;
			seen.back += m->plan.back;
			m->active = false;
			return;
		}
		if (!m->begun) {
			m->begun = true;
			world_tell(w, m->service, "handover: ", handover_step_word(m->plan.step));
			if (!fails(m))
				begin_step(m, w);
			if (world_has_news(w))
				return; /* what was fed has to arrive first */
		}
		enum progress progress = fails(m) ? FAILED : look(m, w);
		if (progress == WAITS)
			return;
		if (++m->steps > STEPS_MOST)
			world_complain(w, m->service, "a handover takes more steps than there are");
		m->begun = false;
		int touched = m->plan.step == HANDOVER_FOLLOW ? m->plan.follower + 1 : 0;
		bool was_back = m->plan.back;
		handover_next(&m->plan, progress == DONE);
		if (!was_back && m->plan.back && m->plan.followers != touched)
			world_complain(w, m->service, "the wrong ones follow back");
	}
}
