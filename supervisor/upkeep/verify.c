#include "upkeep/verify.h"

#include <string.h>

#include "base/number.h"
#include "ports/policy.h"

const char *verify_kind_word(enum verify_kind kind)
{
	static const char *const words[] = {
#define X(name, word, fix) [name] = word,
		VERIFY_KINDS(X)
#undef X
	};
	return words[kind];
}

const char *verify_kind_fix(enum verify_kind kind)
{
	static const char *const fixes[] = {
#define X(name, word, fix) [name] = fix,
		VERIFY_KINDS(X)
#undef X
	};
	return fixes[kind];
}

struct judging {
	const struct verify_facts *facts;
	struct arena *arena;
	struct verification *out;
};

static void differ(struct judging *j, struct difference d)
{
	*arena_append(j->arena, j->out->items, j->out->count) = d;
}

static bool lives(const struct inventory_instance *instance)
{
	return instance && instance->row.status == INSTANCE_RUNNING;
}

/* ---- projects and instances ---- */

static void leave_unjudged(
	struct judging *j, const char *project, int instance, const char *path)
{
	*arena_append(j->arena, j->out->unjudged, j->out->unjudged_count) =
		(struct unjudged){project, instance, path};
}

static void judge_project(struct judging *j, const struct verify_project *project)
{
	if (project->is_unseen)
		return leave_unjudged(j, project->row->name, 0, project->row->path);
	j->out->examined++;
	if (project->is_gone)
		differ(j,
			(struct difference){VERIFY_PATH_GONE, project->row->name, 0, "", 0,
				arena_format(
					j->arena, "its directory %s is gone", project->row->path)});
}

/* Of two that share a range the later one is told. */
static const struct instance *sharer(
	const struct judging *j, const struct verify_instance *instance)
{
	const struct instance *row = &instance->it->row;
	for (const struct verify_instance *other = j->facts->instances; other < instance; other++)
		if (other->it->row.project_id == row->project_id && lives(other->it) &&
			instance_overlaps(row->number, row->spans, other->it->row.number,
				other->it->row.spans))
			return &other->it->row;
	return NULL;
}

static void judge_instance(struct judging *j, const struct verify_instance *instance)
{
	const struct instance *row = &instance->it->row;
	struct difference d = {.project = row->project, .instance = row->number, .service = ""};
	const struct instance *other = lives(instance->it) ? sharer(j, instance) : NULL;
	j->out->examined++;
	if (!lives(instance->it) && instance->it->recorded == INSTANCE_RUNNING) {
		d.kind = VERIFY_SUPERVISOR_DEAD;
		d.reason = "it is recorded as running, and its supervisor is dead";
	} else if (lives(instance->it) && instance->it->recorded != INSTANCE_RUNNING) {
		d.kind = VERIFY_RUNS_UNRECORDED;
		d.reason = arena_format(j->arena, "it is recorded as %s, and its supervisor lives",
			instance_status_word(instance->it->recorded));
	} else if (other) {
		d.kind = VERIFY_SHARED_RANGE;
		d.reason = arena_format(
			j->arena, "it shares ports with instance %d, and both run", other->number);
	} else if (instance->is_gone) {
		d.kind = VERIFY_WORKTREE_GONE;
		d.reason = arena_format(j->arena, "its worktree %s was removed", row->worktree);
	} else if (instance->is_unseen) {
		j->out->examined--;
		return leave_unjudged(j, row->project, row->number, row->worktree);
	} else {
		return;
	}
	differ(j, d);
}

/* ---- leases ---- */

static bool is_same_port(const struct lease *a, const struct lease *b)
{
	return a->project_id == b->project_id && a->instance == b->instance && a->udp == b->udp &&
		!strcmp(a->service, b->service) && !strcmp(a->name, b->name);
}

/* The order of the leases puts such two beside each other. */
static const struct lease *twin(const struct judging *j, const struct verify_lease *lease)
{
	if (lease == j->facts->leases || !*lease->row->service)
		return NULL;
	const struct verify_lease *before = lease - 1;
	return before->is_here == lease->is_here && is_same_port(before->row, lease->row)
		? before->row
		: NULL;
}

static bool is_outside(const struct verify_lease *lease)
{
	const struct inventory_instance *owner = lease->owner;
	bool of_range = lease->row->kind == LEASE_SPARE ||
		(lease->row->kind == LEASE_HOME && lease->row->slot >= 0);
	return of_range &&
		(lease->row->port < owner->base_port ||
			lease->row->port >= owner->base_port + instance_slots(owner->row.spans));
}

static bool listens(const struct port_view *view)
{
	return view->seen &&
		(view->socket.state == SOCKET_LISTEN || view->socket.state == SOCKET_UDP);
}

/* The service itself, or its supervisor in its place. */
static bool is_own(const struct port_view *view)
{
	return view->class == CLASS_OWN_LIVE || view->class == CLASS_LEASED;
}

/* What a ready service started somewhere else, in a container, carries none of its marks. */
static bool is_strange(const struct verify_lease *lease, const struct port_view *view)
{
	return listens(view) && !is_own(view) &&
		!(lease->is_wanted && view->class == CLASS_CONTAINER);
}

bool verify_is_served(const struct verify_lease *lease)
{
	bool own = false;
	for (size_t i = 0; i < lease->view_count; i++)
		own |= listens(&lease->views[i]) && !is_strange(lease, &lease->views[i]);
	return own && lives(lease->owner);
}

static const char *holder_of(struct judging *j, const struct port_view *view)
{
	OWNED_TEXT line = {0};
	if (!view->has_holder)
		return arena_format(j->arena, "a process of user %u", (unsigned)view->socket.uid);
	owner_add_line(&line, &view->holder);
	return arena_string(j->arena, text_string(&line));
}

/* false: what listens there is as it should be. */
static bool judge_listeners(
	struct judging *j, const struct verify_lease *lease, struct difference *d)
{
	const struct port_view *stranger = NULL;
	bool own = verify_is_served(lease);
	for (size_t i = 0; i < lease->view_count; i++)
		if (is_strange(lease, &lease->views[i]))
			stranger = &lease->views[i];
	if (!own && stranger) {
		d->kind = VERIFY_STRANGER;
		d->reason = arena_format(
			j->arena, "somebody else listens on it: %s", holder_of(j, stranger));
		return true;
	}
	d->kind = VERIFY_SILENT;
	d->reason = "its service is ready, and nobody listens on it";
	return !own && lease->is_wanted;
}

/* What a stopped instance would move to is kept for its next start. */
static bool is_kept(const struct verify_lease *lease)
{
	return lease->owner->recorded == INSTANCE_STOPPED && lease->row->kind == LEASE_MOVED;
}

static bool differs(struct judging *j, const struct verify_lease *lease, struct difference *d)
{
	const struct lease *other = twin(j, lease);
	if (!lease->owner) {
		d->kind = VERIFY_LEASE_ORPHAN;
		d->reason = "it is leased, and there is no such instance";
	} else if (!lives(lease->owner)) {
		d->kind = VERIFY_LEASE_DEAD;
		d->reason = "it is leased, and its instance does not run";
		return !is_kept(lease);
	} else if (other) {
		d->kind = VERIFY_LEASE_TWICE;
		d->reason = arena_format(j->arena, "port %u is leased for the same", other->port);
	} else if (is_outside(lease)) {
		d->kind = VERIFY_LEASE_OUTSIDE;
		d->reason = "it is not in the range of its instance";
	} else {
		return judge_listeners(j, lease, d);
	}
	return true;
}

static void judge_lease(struct judging *j, const struct verify_lease *lease)
{
	const struct lease *row = lease->row;
	struct difference d = {.project = row->project,
		.instance = row->instance,
		.service = row->service,
		.port = row->port};
	if (!lease->is_here && lives(lease->owner))
		return;
	j->out->examined++;
	if (differs(j, lease, &d))
		differ(j, d);
}

/* ---- services and strays ---- */

static const struct lease *lease_of(const struct judging *j, const struct service_row *service)
{
	for (size_t i = 0; i < j->facts->lease_count; i++) {
		const struct lease *row = j->facts->leases[i].row;
		if (row->project_id == service->project_id && row->instance == service->instance &&
			!strcmp(row->service, service->service) &&
			!strcmp(row->name, service->name))
			return row;
	}
	return NULL;
}

static void judge_service(struct judging *j, const struct verify_service *service)
{
	const struct service_row *row = service->row;
	struct difference d = {.kind = VERIFY_SERVICE_DIFFERS,
		.project = service->owner ? service->owner->row.project : "",
		.instance = row->instance,
		.service = row->service,
		.port = row->port};
	const struct lease *lease = lives(service->owner) ? lease_of(j, row) : NULL;
	j->out->examined++;
	if (lease && lease->port == row->port)
		return;
	if (!lives(service->owner)) {
		d.kind = VERIFY_SERVICE_DEAD;
		d.reason = "it is recorded as active, and its instance does not run";
	} else if (lease) {
		d.reason = arena_format(
			j->arena, "it is recorded with this port, and leased is %u", lease->port);
	} else {
		d.reason = "it is recorded with this port, and nothing is leased for it";
	}
	differ(j, d);
}

static void judge_stray(struct judging *j, const struct port_view *view)
{
	const struct owner *holder = &view->holder;
	bool live = view->class == CLASS_OWN_LIVE;
	j->out->examined++;
	differ(j,
		(struct difference){live ? VERIFY_UNLEASED : VERIFY_LEFTOVER,
			arena_string(j->arena, holder->project), holder->instance,
			arena_string(j->arena, holder->service ? holder->service : ""), view->port,
			arena_format(j->arena,
				live ? "it listens on a port without a lease: pid %d (%s)"
				     : "what a dead run left behind listens on it: pid %d (%s)",
				(int)holder->pid, holder->name ? holder->name : "?")});
}

void verify_judge(const struct verify_facts *facts, struct arena *arena, struct verification *out)
{
	struct judging j = {facts, arena, out};
	*out = (struct verification){0};
	for (size_t i = 0; i < facts->project_count; i++)
		judge_project(&j, &facts->projects[i]);
	for (size_t i = 0; i < facts->instance_count; i++)
		judge_instance(&j, &facts->instances[i]);
	for (size_t i = 0; i < facts->lease_count; i++)
		judge_lease(&j, &facts->leases[i]);
	for (size_t i = 0; i < facts->service_count; i++)
		judge_service(&j, &facts->services[i]);
	for (size_t i = 0; i < facts->stray_count; i++)
		judge_stray(&j, facts->strays[i].view);
	out->is_true = out->examined - out->count;
}

static bool has(const struct verification *v, const struct difference *d)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->items[i].kind == d->kind && v->items[i].port == d->port &&
			v->items[i].instance == d->instance &&
			!strcmp(v->items[i].project, d->project) &&
			!strcmp(v->items[i].service, d->service))
			return true;
	return false;
}

void verify_keep_seen(struct verification *v, const struct verification *again)
{
	size_t kept = 0;
	for (size_t i = 0; i < v->count; i++)
		if (has(again, &v->items[i]))
			v->items[kept++] = v->items[i];
	v->count = kept;
	v->is_true = v->examined - kept;
}

int verify_permille(const struct verification *v)
{
	return v->examined ? number_permille((int64_t)v->is_true, (int64_t)v->examined) : 1000;
}
