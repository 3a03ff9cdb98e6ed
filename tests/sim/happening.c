/* The fake kernel: what becomes due. Processes end, are reaped, and are reported to the keeper. */
#include <signal.h>

#include "kernel.h"

static void release_pid(struct world *w, pid_t pid)
{
	w->pids[pid - FIRST_PID] = 0;
}

struct reaped {
	struct keeper_exit exits[2 * WORLD_SERVICES];
	size_t count;
};

static void leave_orphans(struct world *w, struct row *row)
{
	const struct script *s = row->script;
	if (s->exec_error || w->healed)
		return;
	row->orphans = (int)s->orphans;
	row->polite_orphans = (int)s->polite_orphans;
	row->orphans_signal = 0;
	if (row->orphans + row->polite_orphans)
		row_due(row, DUE_ORPHANS, kernel_after(w, s->orphans_last_ms));
}

static void leader_ends(struct world *w, int service)
{
	struct row *row = &w->rows[service];
	const struct exit_status *how = &row->leader.ending;
	row->leader.life = LIFE_ZOMBIE;
	row_due(row, DUE_EXIT, NO_DEADLINE);
	leave_orphans(w, row);
	row_due(row, DUE_REAP, w->now_ms + row->script->reap_delay_ms);
	if (how->stage)
		say(w, service, "exec fails");
	else if (how->signal)
		say(w, service, "ended by SIG%s, leaves %d", kernel_signal_name(how->signal),
			row->orphans + row->polite_orphans);
	else
		say(w, service, "exits with %d, leaves %d", how->code, row->orphans + row->polite_orphans);
}

static void hook_ends(struct world *w, int service)
{
	struct row *row = &w->rows[service];
	row->hook.life = LIFE_ZOMBIE;
	row_due(row, DUE_HOOK_EXIT, NO_DEADLINE);
	row_due(row, DUE_HOOK_REAP, w->now_ms);
	say(w, service, "its stop command ends");
	if (row->script->hook_works)
		kernel_end(w, row, w->now_ms + 1, 0, 0);
}

static void orphans_end(struct world *w, int service)
{
	struct row *row = &w->rows[service];
	row_due(row, DUE_ORPHANS, NO_DEADLINE);
	row->polite_orphans = 0;
	if (row->orphans_signal != SIGTERM)
		row->orphans = 0;
	else if (row->orphans)
		row_due(row, DUE_ORPHANS, kernel_after(w, row->script->orphans_last_ms));
	row->orphans_signal = 0;
	say(w, service, "%d of what it left behind are there", row->orphans);
	if (!row->orphans && row->leader.life == LIFE_NONE)
		release_pid(w, row->session);
	rules_something_ended(w);
	keeper_trees_changed(w->keeper);
}

static void reap(struct world *w, int service, bool is_hook, struct reaped *reaped)
{
	struct row *row = &w->rows[service];
	struct process *p = is_hook ? &row->hook : &row->leader;
	row_due(row, is_hook ? DUE_HOOK_REAP : DUE_REAP, NO_DEADLINE);
	p->life = LIFE_NONE;
	if (is_hook || !(row->orphans + row->polite_orphans))
		release_pid(w, p->pid);
	reaped->exits[reaped->count++] = (struct keeper_exit){.service = service, .is_hook = is_hook,
		.status = p->ending, .reason = p->ending.stage ? "no such program" : NULL,
		.again = !is_hook && row->script->again && !w->healed};
}

static void happens(struct world *w, int service, enum due due, struct reaped *reaped)
{
	switch (due) {
	case DUE_EXIT:
		leader_ends(w, service);
		break;
	case DUE_HOOK_EXIT:
		hook_ends(w, service);
		break;
	case DUE_ORPHANS:
		orphans_end(w, service);
		break;
	case DUE_REAP:
	case DUE_HOOK_REAP:
		reap(w, service, due == DUE_HOOK_REAP, reaped);
		break;
	case DUE_SIGN:
		kernel_sign(w, service);
		break;
	case DUE_LATE:
	case DUE_PROBE:
		kernel_answer(w, service, due);
		break;
	case DUES:
		break;
	}
}

/* All that died is reaped at one time, after or before what else has come. */
void kernel_happen(struct world *w)
{
	struct reaped reaped;
	reaped.count = 0;
	bool exits_first = w->judge.events % 2;
	for (int i = 0; i < w->count; i++) {
		struct row *row = &w->rows[i];
		while (row->next_ms <= w->now_ms)
			for (int due = 0; due < DUES; due++)
				if (row->due[due] <= w->now_ms)
					happens(w, i, (enum due)due, &reaped);
		if (exits_first && reaped.count)
			kernel_report(w, reaped.exits, &reaped.count);
	}
	kernel_report(w, reaped.exits, &reaped.count);
}

void kernel_report(struct world *w, const struct keeper_exit *exits, size_t *count)
{
	if (!*count)
		return;
	for (size_t i = 0; i < *count; i++)
		rules_reaped(w, &exits[i]);
	keeper_exits(w->keeper, exits, *count);
	for (size_t i = 0; i < *count; i++)
		rules_reported(w, exits[i].service);
	*count = 0;
}
