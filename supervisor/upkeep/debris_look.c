/*
 * The facts behind debris_plan(): files first, the registry after them, so that what a launch makes
 * meanwhile is never taken for nobody's.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "claim/worktree.h"
#include "listeners/process.h"
#include "orphans/kin.h"
#include "orphans/leftovers.h"
#include "ports/protect.h"
#include "registry/leases.h"
#include "upkeep/debris_parts.h"

struct debris_fact *debris_add(struct arena *arena, struct debris *out, enum debris_kind kind,
	const char *project, int instance)
{
	struct debris_fact *fact = arena_append(arena, out->items, out->count);
	fact->kind = kind;
	fact->project = arena_string(arena, project);
	fact->instance = instance;
	fact->what = fact->path = fact->why = fact->failure = "";
	return fact;
}

/* ---- processes ---- */

struct search {
	const struct homes *homes;
	struct owner_list *out;
};

static bool is_listed(const struct owner_list *list, const struct owner *owner)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].pid == owner->pid &&
			list->items[i].start_ticks == owner->start_ticks)
			return true;
	return false;
}

/* Takes the owner over. */
static void take(const struct search *s, struct owner *owner)
{
	if (!owner_is_ours(owner, s->homes->rules->state) || is_listed(s->out, owner) ||
		!list_push(s->out, *owner))
		owner_release(owner);
}

static void on_process(void *self, pid_t pid)
{
	OWNED_TEXT id = {0};
	struct owner owner;
	if (pid != getpid() && owner_variable(pid, "STACKUP_ID", &id) &&
		owner_describe(pid, &owner))
		take(self, &owner);
}

/* Of dead runs only: of a living one its supervisor knows. */
static void find_proven(const struct search *s)
{
	struct kin_list kin = {0};
	kin_look(&s->homes->dead, &kin);
	for (size_t i = 0; i < kin.count; i++) {
		const struct kin_process *p = &kin.items[i];
		struct owner owner;
		if (!p->kin || p->process.pid == getpid() ||
			!owner_describe(p->process.pid, &owner))
			continue;
		if (owner.start_ticks == p->process.start_ticks)
			roster_mark(p->roster, p->row, s->homes->rules->state, &owner);
		take(s, &owner);
	}
	list_release(&kin);
}

size_t debris_find_processes(const struct homes *homes, struct owner_list *out)
{
	struct search s = {homes, out};
	find_proven(&s);
	size_t proven = out->count;
	process_each(on_process, &s);
	return proven;
}

/* What the supervisor starts knows the number of its run; what `run` and `exec` start does not. */
static bool is_visitor(const struct owner *owner)
{
	OWNED_TEXT run = {0};
	return !owner_variable(owner->pid, "STACKUP_RUN", &run);
}

/* Whom root has started as another user he may end; that it carries marks alone is no reason. */
const char *debris_guard(const struct protected_sockets *protected, const struct owner *owner,
	bool is_proven)
{
	const char *why = protect_process(owner, is_proven && !geteuid() ? owner->uid : geteuid());
	if (why)
		return why;
	if (process_is_ancestor(owner->pid))
		return "this command was started by it";
	if (leftovers_spare(owner->pid))
		return "it belongs to another instance, which runs";
	if (!is_proven && is_visitor(owner))
		return "`run` or `exec` has started it";
	return protected_for(protected, owner->pid);
}

/* Whose it is has a place of its own. */
const char *debris_describe(struct arena *arena, const struct owner *owner)
{
	OWNED_TEXT line = {0};
	struct owner brief = *owner;
	brief.project = NULL;
	owner_add_line(&line, &brief);
	if (owner->service && *owner->service)
		text_addf(&line, ", service %s", owner->service);
	return arena_string(arena, text_string(&line));
}

static void add_process(const struct homes *homes, const struct protected_sockets *protected,
	const struct owner *owner, bool is_proven, struct debris *out)
{
	struct debris_fact *fact =
		debris_add(homes->arena, out, DEBRIS_PROCESS, owner->project, owner->instance);
	fact->owner = owner;
	fact->pid = owner->pid;
	fact->what = debris_describe(homes->arena, owner);
	fact->is_proven = is_proven;
	fact->is_visitor = !is_proven && is_visitor(owner);
	fact->guard = debris_guard(protected, owner, is_proven);
}

static void add_processes(const struct homes *homes, struct debris *out)
{
	struct protected_sockets protected;
	size_t proven = debris_find_processes(homes, &out->owners);
	protected_look(&protected, homes->rules->protects, homes->rules->protect_count);
	for (size_t i = 0; i < out->owners.count; i++)
		add_process(homes, &protected, &out->owners.items[i], i < proven, out);
	protected_release(&protected);
}

/* ---- runs ---- */

static const char *record_of(struct registry *r, struct arena *arena, const struct instance *row)
{
	struct lease *leases;
	size_t count;
	struct error none = {0};
	if (!r || lease_list(r, row->project_id, row->number, arena, &leases, &count, &none))
		count = 0;
	return count ? arena_format(arena, "its state 'failed', and %zu lease%s of ports", count,
			       count == 1 ? "" : "s")
		     : "its state 'failed'";
}

static void add_runs(struct homes *homes, struct debris *out)
{
	struct error none = {0};
	struct registry *r = registry_open(
		homes->rules->state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, &none);
	for (size_t i = 0; i < homes->all.instance_count; i++) {
		const struct instance *row = &homes->all.instances[i].row;
		if (row->status != INSTANCE_CRASHED)
			continue;
		struct debris_fact *fact =
			debris_add(homes->arena, out, DEBRIS_RUN, row->project, row->number);
		fact->what = record_of(r, homes->arena, row);
	}
	registry_close(r);
}

/* ---- all of it ---- */

/* What is set aside has no home: its number is somebody else's. */
static void settle(const struct homes *homes, struct debris *out)
{
	for (size_t i = 0; i < out->count; i++) {
		struct debris_fact *fact = &out->items[i];
		const struct inventory_instance *known =
			homes_find(homes, fact->project, fact->instance, &fact->project_id);
		fact->home = home_of(homes, fact->project, fact->instance);
		fact->worktree_gone = known && worktree_is_gone(&known->row) &&
			!worktree_is_unseen(&known->row);
	}
}

/* Of all that was found: the rest belongs to those who may come back. */
static bool is_debris(const struct debris_fact *fact)
{
	switch (fact->kind) {
	case DEBRIS_PROCESS:
		return fact->home != HOME_LIVES;
	case DEBRIS_RUN:
		return fact->home == HOME_DIED;
	case DEBRIS_SOCKET:
		return fact->home != HOME_LIVES && !fact->is_answered;
	case DEBRIS_FILE:
		return fact->home == HOME_DIED || fact->home == HOME_UNKNOWN ||
			(fact->home == HOME_STOPPED && fact->is_roster);
	case DEBRIS_STATE:
		return fact->home == HOME_UNKNOWN ||
			(fact->home != HOME_LIVES && fact->worktree_gone);
	case DEBRIS_ASIDE:
		return true;
	}
	return false;
}

static int by_kind(const void *first, const void *second)
{
	const struct debris_fact *a = first, *b = second;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	int order = strcmp(a->project, b->project);
	return order ? order : a->instance - b->instance;
}

static bool is_asked_for(const struct debris_rules *rules, const struct debris_fact *fact)
{
	return (!rules->project || !strcmp(rules->project, fact->project)) &&
		(!rules->instance || rules->instance == fact->instance);
}

static void keep_debris(const struct debris_rules *rules, struct debris *out)
{
	size_t kept = 0;
	for (size_t i = 0; i < out->count; i++)
		if (is_debris(&out->items[i]) && is_asked_for(rules, &out->items[i]))
			out->items[kept++] = out->items[i];
	out->count = kept;
	for (size_t i = 0; i < kept; i++) {
		struct debris_fact *fact = &out->items[i];
		bool has_files = fact->kind == DEBRIS_STATE || fact->kind == DEBRIS_ASIDE;
		fact->bytes = has_files && !fact->is_link ? debris_bytes(fact->path) : 0;
	}
	if (kept)
		qsort(out->items, kept, sizeof *out->items, by_kind);
}

int debris_look(const struct debris_rules *rules, struct arena *arena, struct debris *out,
	struct error *e)
{
	struct homes homes;
	*out = (struct debris){0};
	debris_find_files(rules, arena, out);
	int result = homes_read(&homes, rules, arena, e);
	if (!result) {
		add_processes(&homes, out);
		add_runs(&homes, out);
		settle(&homes, out);
		keep_debris(rules, out);
	}
	homes_release(&homes);
	return result;
}

void debris_release(struct debris *debris)
{
	owners_release(&debris->owners);
	*debris = (struct debris){0};
}
