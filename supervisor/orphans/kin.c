#include "orphans/kin.h"

#include <stdlib.h>

#include "base/words.h"

WORDS(kin_word, kin, KINS)

static const struct kin_process *find(const struct kin_list *all, pid_t pid)
{
	size_t low = 0, high = all->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (all->items[middle].process.pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < all->count && all->items[low].process.pid == pid ? &all->items[low] : NULL;
}

static bool is_leader(const struct kin_process *p, const struct roster_row *row)
{
	return p->process.pid == row->pid && p->process.start_ticks == row->start_ticks &&
		(!p->identity || !row->identity || p->identity == row->identity);
}

static bool shares_output(const struct kin_process *p, const struct roster_row *row)
{
	for (int i = 0; i < 2; i++)
		if (p->outputs[i] &&
			(p->outputs[i] == row->outputs[0] || p->outputs[i] == row->outputs[1]))
			return true;
	return false;
}

/* Until then the session of its number was the leader's. */
static uint64_t last_sign_of(const struct roster *roster, const struct roster_row *row)
{
	uint64_t seen = roster->head.seen_ticks;
	return row->ended_ticks && row->ended_ticks < seen ? row->ended_ticks : seen;
}

/* Who has the leader's number now, and is not the leader, has a session of his own. */
static bool was_in_session(const struct kin_list *all, const struct kin_process *p,
	const struct roster *roster, const struct roster_row *row)
{
	const struct kin_process *leader = find(all, (pid_t)row->pid);
	return p->process.session == row->pid && p->process.start_ticks >= row->start_ticks &&
		p->process.start_ticks <= last_sign_of(roster, row) &&
		(!leader || is_leader(leader, row));
}

static enum kin judge(const struct kin_list *all, const struct kin_process *p,
	const struct roster *roster, const struct roster_row *row)
{
	if (is_leader(p, row))
		return KIN_LEADER;
	if (shares_output(p, row))
		return KIN_OUTPUT;
	return was_in_session(all, p, roster, row) ? KIN_SESSION : KIN_NONE;
}

static void prove(struct kin_process *p, enum kin kin, const struct roster *roster,
	const struct roster_row *row)
{
	p->kin = kin;
	p->roster = roster;
	p->row = row;
}

static void ask_roster(struct kin_list *all, struct kin_process *p, const struct roster *roster)
{
	for (size_t i = 0; !p->kin && i < roster->count; i++)
		if (roster->rows[i].pid)
			prove(p, judge(all, p, roster, &roster->rows[i]), roster, &roster->rows[i]);
}

/* The whole session of a leader, of which one is known. */
static void add_session(struct kin_list *all, const struct kin_process *known)
{
	pid_t session = known->process.session;
	for (size_t i = 0; session == known->row->pid && i < all->count; i++) {
		struct kin_process *p = &all->items[i];
		if (!p->kin && !p->is_other && p->process.session == session)
			prove(p, KIN_SESSION, known->roster, known->row);
	}
}

/* Until a round finds nobody: a child can have a smaller number than its parent. */
static void add_children(struct kin_list *all)
{
	bool found;
	do {
		found = false;
		for (size_t i = 0; i < all->count; i++) {
			struct kin_process *p = &all->items[i];
			const struct kin_process *parent =
				p->kin || p->is_other ? NULL : find(all, p->process.parent);
			if (!parent || !parent->kin)
				continue;
			prove(p, KIN_CHILD, parent->roster, parent->row);
			found = true;
		}
	} while (found);
}

void kin_conclude(struct kin_list *all, const struct rosters *rosters)
{
	for (size_t i = 0; i < all->count; i++)
		for (size_t k = 0; !all->items[i].is_other && k < rosters->count; k++)
			ask_roster(all, &all->items[i], &rosters->items[k]);
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].kin)
			add_session(all, &all->items[i]);
	add_children(all);
	for (size_t i = 0; i < all->count; i++)
		if (!all->items[i].kin)
			prove(&all->items[i], KIN_NONE, NULL, NULL);
}
