#include "survey/clear.h"

#include <unistd.h>

#include "base/list.h"
#include "orphans/leftovers.h"
#include "ports/evict.h"
#include "ports/protect.h"
#include "ports/protect_look.h"
#include "registry/lock.h"
#include "registry/projects.h"

enum { LEFTOVER_MS = 2000 };

bool clear_is_kept_by(const struct port_view *view)
{
	return view->seen && view->socket.state != SOCKET_TIME_WAIT &&
		view->socket.state != SOCKET_CONNECTED;
}

static int fail_live(const struct port_view *view, struct error *e)
{
	const struct owner *h = &view->holder;
	const char *project = h->project ? h->project : view->lease.project;
	int instance = h->project ? h->instance : view->lease.instance;
	const char *service = h->service ? h->service : view->lease.service;
	if (!project)
		return fail(e, EXIT_CONFLICT, "port %u belongs to an instance that runs", view->port);
	if (!service || !*service) {
		fail(e, EXIT_CONFLICT, "port %u is kept for %s instance %d, which runs", view->port,
			project, instance);
		error_hint(e, "`stackup -p %s -i %d down` gives it back", project, instance);
		return -1;
	}
	fail(e, EXIT_CONFLICT, "port %u belongs to service '%s' of %s instance %d, which runs",
		view->port, service, project, instance);
	error_hint(e, "`stackup -p %s -i %d down` gives it back, `stop %s` ends the service", project,
		instance, service);
	return -1;
}

static int fail_untouchable(const struct port_view *view, const char *why, struct error *e)
{
	OWNED_TEXT line = {0};
	OWNED_TEXT evidence = {0};
	if (view->has_holder)
		owner_add_line(&line, &view->holder);
	port_view_add_evidence(&evidence, view);
	fail(e, EXIT_CONFLICT, "port %u is kept by %s, which is not stopped: %s", view->port,
		line.length ? text_string(&line) : "somebody", why ? why : text_string(&evidence));
	error_hint(e, "end it in its own way, or use another port");
	return -1;
}

/* The whole run goes, not only who listens here. */
static int check_run(const struct port_clear *clear, const struct owner *holder, struct error *e)
{
	struct owner_list run = {0};
	struct protected_sockets protected;
	int result = 0;
	protected_look(&protected, clear->protects, clear->protect_count);
	leftovers_find(clear->state, holder->project, holder->instance, NULL, &run);
	for (size_t i = 0; i < run.count && !result; i++) {
		OWNED_TEXT line = {0};
		const char *why = protected_for(&protected, run.items[i].pid);
		if (!why)
			continue;
		owner_add_line(&line, &run.items[i]);
		result = fail(e, EXIT_CONFLICT, "port %u is kept by a dead run of which %s is not "
			"stopped: %s", clear->port, text_string(&line), why);
	}
	protected_release(&protected);
	owners_release(&run);
	return result;
}

static int check_view(const struct port_clear *clear, const struct port_view *view, struct error *e)
{
	const char *why = protect_port(clear->port, clear->protects, clear->protect_count);
	switch (view->class) {
	case CLASS_OWN_STALE:
		return why ? fail_untouchable(view, why, e)
			   : check_run(clear, &view->holder, e);
	case CLASS_FOREIGN:
	case CLASS_WRONG_FAMILY:
		if (!why && view->has_holder)
			why = protect_process(&view->holder, geteuid());
		return why ? fail_untouchable(view, why, e) : 0;
	case CLASS_OWN_LIVE:
	case CLASS_OTHER_INSTANCE:
	case CLASS_OTHER_PROJECT:
	case CLASS_LEASED:
		return fail_live(view, e);
	case CLASS_FREE:
	case CLASS_OTHER_REGISTRY:
	case CLASS_RESERVED:
	case CLASS_OTHER_USER:
	case CLASS_CONTAINER:
	case CLASS_PROTECTED:
	case CLASS_EPHEMERAL:
	case CLASS_TIME_WAIT:
	case CLASS_PRIVILEGED:
	case CLASS_UNKNOWN:
		return fail_untouchable(view, NULL, e);
	}
	return 0;
}

int clear_check(const struct port_clear *clear, const struct port_look *look, struct error *e)
{
	for (size_t i = 0; i < look->count; i++)
		if (clear_is_kept_by(&look->items[i]) && check_view(clear, &look->items[i], e))
			return -1;
	return 0;
}

/* ---- ending ---- */

/* The number of the holder's project; 0 where the registry has none of that name. */
static int find_project(const struct port_clear *clear, const char *name, int64_t *id,
	struct error *e)
{
	struct project project = {0};
	struct arena *arena = arena_new();
	struct registry *r = arena
		? registry_open(clear->state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e) : NULL;
	int got = r ? project_find_by_name(r, name, arena, &project, e) : -1;
	*id = project.id;
	registry_close(r);
	if (arena)
		arena_free(arena);
	return got < 0 ? -1 : 0;
}

static int audit(const struct port_clear *clear, int64_t project_id, int instance,
	const struct owner_list *removed, struct error *e)
{
	struct registry *r =
		registry_open(clear->state, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, e);
	if (!r)
		return -1;
	int result = registry_begin(r, e) ||
			leftovers_audit(r, project_id, instance, removed, e)
		? -1 : registry_commit(r, e);
	registry_close(r);
	return result;
}

/* All of the run, and only while nobody can move in. */
static int clear_leftover(const struct port_clear *clear, const struct owner *holder,
	struct owner_list *ended, struct error *e)
{
	int64_t id;
	int fd = -1;
	struct owner_list removed = {0};
	if (find_project(clear, holder->project, &id, e))
		return -1;
	int got = id ? instance_lock(clear->state, id, holder->instance, 1, &fd, e) : 1;
	if (got < 0)
		return -1;
	if (!got)
		return fail(e, EXIT_CONFLICT, "%s instance %d runs again", holder->project,
			holder->instance);
	int result = leftovers_remove(clear->state, holder->project, holder->instance, NULL,
		LEFTOVER_MS, &removed, e);
	if (!result)
		result = audit(clear, id, holder->instance, &removed, e);
	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < removed.count; i++)
		if (!list_push(ended, removed.items[i]))
			owner_release(&removed.items[i]);
	list_release(&removed);
	return result;
}

static int clear_view(const struct port_clear *clear, const struct port_view *view,
	struct owner_list *ended, struct error *e)
{
	if (view->class == CLASS_OWN_STALE)
		return clear_leftover(clear, &view->holder, ended, e);
	const struct eviction order = {.state = clear->state, .port = clear->port,
		.udp = view->udp, .protects = clear->protects,
		.protect_count = clear->protect_count, .why = "ports free, as asked",
		.pid = view->holder.pid, .start_ticks = view->holder.start_ticks};
	return evict(&order, ended, e);
}

/* One of those who share the port of a protocol stands for all of them. */
static bool is_first(const struct port_look *look, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (clear_is_kept_by(&look->items[i]) &&
			look->items[i].udp == look->items[index].udp)
			return false;
	return true;
}

int clear_port(const struct port_clear *clear, const struct port_look *look,
	struct owner_list *ended, struct error *e)
{
	if (clear_check(clear, look, e))
		return -1;
	for (size_t i = 0; i < look->count; i++)
		if (clear_is_kept_by(&look->items[i]) && is_first(look, i) &&
			clear_view(clear, &look->items[i], ended, e))
			return -1;
	return 0;
}
