#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/list.h"
#include "orphans/ending.h"
#include "orphans/crash_note.h"
#include "registry/history.h"
#include "registry/leases.h"
#include "registry/lock.h"
#include "upkeep/debris_parts.h"

enum { GRACE_MS = 2000, KILL_WAIT_MS = 2000 };

struct removing {
	const struct debris_rules *rules;
	struct debris *debris;
	struct arena *arena; /* the caller's */
	struct homes homes;
	LIST(int) locks; /* owns */
	struct owner_list late; /* owns; processes that appeared while others were ended */
};

static bool goes(const struct debris_fact *fact, enum debris_kind kind)
{
	return fact->kind == kind && fact->answer == DEBRIS_GOES;
}

static void fail_fact(struct removing *m, struct debris_fact *fact, const char *failure)
{
	fact->answer = DEBRIS_FAILED;
	fact->failure = arena_string(m->arena, failure);
}

/* ---- nobody may start meanwhile ---- */

static bool is_of(const struct debris_fact *fact, int64_t project_id, int instance)
{
	return fact->project_id == project_id && fact->instance == instance &&
		fact->kind != DEBRIS_ASIDE;
}

static void answer_all(struct debris *debris, int64_t project_id, int instance,
	enum debris_answer answer)
{
	for (size_t i = 0; i < debris->count; i++)
		if (is_of(&debris->items[i], project_id, instance))
			debris->items[i].answer = answer;
}

/* Is it the first of its instance? The others come with it. */
static bool is_first(const struct debris *debris, size_t index)
{
	const struct debris_fact *fact = &debris->items[index];
	for (size_t i = 0; i < index; i++)
		if (is_of(&debris->items[i], fact->project_id, fact->instance))
			return false;
	return true;
}

static int lock_one(struct removing *m, const struct debris_fact *fact, struct error *e)
{
	int fd;
	int got = instance_lock(m->rules->state, fact->project_id, fact->instance, 1, &fd, e);
	if (got < 0)
		return -1;
	if (!got)
		answer_all(m->debris, fact->project_id, fact->instance, DEBRIS_LIVES);
	if (got && !list_push(&m->locks, fd)) {
		close(fd);
		return fail(e, EXIT_FAILED, "out of memory");
	}
	return 0;
}

/* Of a project without a number there is no byte: it must still be one that nobody knows. */
static int take_locks(struct removing *m, struct error *e)
{
	for (size_t i = 0; i < m->debris->count; i++) {
		struct debris_fact *fact = &m->debris->items[i];
		if (fact->kind == DEBRIS_ASIDE)
			continue;
		if (!fact->project_id) {
			if (home_of(&m->homes, fact->project, fact->instance) != fact->home &&
				fact->answer == DEBRIS_GOES)
				fact->answer = DEBRIS_CHANGED;
		} else if (is_first(m->debris, i) && lock_one(m, fact, e)) {
			return -1;
		}
	}
	return 0;
}

/* ---- processes ---- */

typedef int writer(struct removing *m, struct registry *r, const struct debris_fact *fact,
	struct error *e);

/* fact: for the writer; NULL where it is about all. */
static int in_transaction(struct removing *m, writer *write, const struct debris_fact *fact,
	struct error *e)
{
	struct registry *r =
		registry_open(m->rules->state, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, e);
	if (!r)
		return -1;
	int result = registry_begin(r, e);
	if (!result && write(m, r, fact, e)) {
		registry_rollback(r);
		result = -1;
	} else if (!result) {
		result = registry_commit(r, e);
	}
	registry_close(r);
	return result;
}

static int audit_processes(struct removing *m, struct registry *r, const char *signal,
	struct error *e)
{
	for (size_t i = 0; i < m->debris->count; i++) {
		const struct debris_fact *fact = &m->debris->items[i];
		OWNED_TEXT line = {0};
		if (!goes(fact, DEBRIS_PROCESS) || ending_is_over(fact->owner))
			continue;
		owner_add_line(&line, fact->owner);
		if (history_audit(r, fact->project_id, fact->instance, signal, text_string(&line),
			    fact->why, e))
			return -1;
	}
	return 0;
}

static int audit_term(struct removing *m, struct registry *r, const struct debris_fact *fact,
	struct error *e)
{
	(void)fact;
	return audit_processes(m, r, "SIGTERM", e);
}

static int audit_kill(struct removing *m, struct registry *r, const struct debris_fact *fact,
	struct error *e)
{
	(void)fact;
	return audit_processes(m, r, "SIGKILL", e);
}

static bool any_left(const struct debris *debris)
{
	for (size_t i = 0; i < debris->count; i++)
		if (goes(&debris->items[i], DEBRIS_PROCESS) &&
			!ending_is_over(debris->items[i].owner))
			return true;
	return false;
}

/* Whom somebody came to guard meanwhile is left alone. */
static void signal_all(struct removing *m, int signal, int wait_ms)
{
	struct protected_sockets protected;
	protected_look(&protected, m->rules->protects, m->rules->protect_count);
	for (size_t i = 0; i < m->debris->count; i++) {
		struct debris_fact *fact = &m->debris->items[i];
		if (!goes(fact, DEBRIS_PROCESS) || ending_is_over(fact->owner))
			continue;
		fact->guard = debris_guard(&protected, fact->owner, fact->is_proven);
		if (fact->guard)
			fact->answer = DEBRIS_GUARDED;
		else if (ending_signal(fact->owner, signal))
			fail_fact(m, fact, strerror(errno));
	}
	protected_release(&protected);
	int64_t deadline = clock_now_ms() + wait_ms;
	for (size_t i = 0; i < m->debris->count; i++)
		if (goes(&m->debris->items[i], DEBRIS_PROCESS))
			ending_wait(m->debris->items[i].owner, deadline);
}

static void name_survivors(struct removing *m)
{
	for (size_t i = 0; i < m->debris->count; i++) {
		struct debris_fact *fact = &m->debris->items[i];
		if (goes(fact, DEBRIS_PROCESS) && !ending_is_over(fact->owner))
			fail_fact(m, fact, "it does not end, even of SIGKILL");
	}
}

static bool is_known(const struct debris *debris, const struct owner *owner)
{
	for (size_t i = 0; i < debris->owners.count; i++)
		if (debris->owners.items[i].pid == owner->pid &&
			debris->owners.items[i].start_ticks == owner->start_ticks)
			return true;
	return false;
}

/* NULL: none of that instance is to be ended. */
static const struct debris_fact *sibling_of(const struct debris *debris, const struct owner *owner)
{
	for (size_t i = 0; i < debris->count; i++)
		if (goes(&debris->items[i], DEBRIS_PROCESS) &&
			debris->items[i].instance == owner->instance &&
			!strcmp(debris->items[i].project, owner->project))
			return &debris->items[i];
	return NULL;
}

/* What those that were ended have started in the meantime. */
static void add_late(struct removing *m)
{
	size_t proven = debris_find_processes(&m->homes, &m->late);
	for (size_t i = 0; i < m->late.count; i++) {
		const struct owner *owner = &m->late.items[i];
		const struct debris_fact *sibling =
			is_known(m->debris, owner) ? NULL : sibling_of(m->debris, owner);
		if (!sibling)
			continue;
		struct debris_fact fact = *sibling;
		fact.owner = owner;
		fact.pid = owner->pid;
		fact.is_proven = i < proven;
		fact.what = debris_describe(m->arena, owner);
		*arena_append(m->arena, m->debris->items, m->debris->count) = fact;
	}
}

static int end_processes(struct removing *m, struct error *e)
{
	if (!any_left(m->debris))
		return 0;
	if (in_transaction(m, audit_term, NULL, e))
		return -1;
	signal_all(m, SIGTERM, GRACE_MS);
	add_late(m);
	if (any_left(m->debris)) {
		if (in_transaction(m, audit_kill, NULL, e))
			return -1;
		signal_all(m, SIGKILL, KILL_WAIT_MS);
	}
	name_survivors(m);
	return 0;
}

/* ---- the rest ---- */

static int put_away(struct removing *m, struct registry *r, const struct debris_fact *fact,
	struct error *e)
{
	struct instance row;
	int got = instance_find(r, fact->project_id, fact->instance, m->arena, &row, e);
	if (got <= 0)
		return got;
	if (row.status == INSTANCE_RUNNING &&
		crash_note(r, m->rules->state, fact->project, fact->project_id, fact->instance, e))
		return -1;
	if (instance_set_status(
		    r, fact->project_id, fact->instance, INSTANCE_STOPPED, NULL, e))
		return -1;
	return lease_drop(r, fact->project_id, fact->instance, e);
}

static int audit_removal(struct removing *m, struct registry *r, const struct debris_fact *fact,
	struct error *e)
{
	(void)m;
	return history_audit(
		r, fact->project_id, fact->instance, "removed", fact->path, fact->why, e);
}

static int remove_name(struct removing *m, struct debris_fact *fact)
{
	if (unlink(fact->path) && errno != ENOENT)
		fail_fact(m, fact, strerror(errno));
	return 0;
}

/* Still the directory that was looked at, and not a link that came into its place. */
static bool is_same(const struct debris_fact *fact)
{
	struct stat st;
	return !lstat(fact->path, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

static int remove_directory(struct removing *m, struct debris_fact *fact, struct error *e)
{
	struct error why = {0};
	if (!is_same(fact)) {
		fact->answer = DEBRIS_CHANGED;
		return 0;
	}
	if (in_transaction(m, audit_removal, fact, e))
		return -1;
	if (file_remove_tree(fact->path, &why))
		fail_fact(m, fact, why.text);
	return 0;
}

static int remove_one(struct removing *m, struct debris_fact *fact, struct error *e)
{
	switch (fact->kind) {
	case DEBRIS_PROCESS:
		return 0;
	case DEBRIS_RUN:
		return in_transaction(m, put_away, fact, e);
	case DEBRIS_SOCKET:
	case DEBRIS_FILE:
		return remove_name(m, fact);
	case DEBRIS_STATE:
	case DEBRIS_ASIDE:
		return remove_directory(m, fact, e);
	}
	return 0;
}

/* Directories of a project that nobody knows go with the last that was in them. */
static void remove_empty(const struct debris_fact *fact)
{
	OWNED_TEXT parent = {0};
	const char *slash = strrchr(fact->path, '/');
	if (fact->project_id || fact->is_roster || !slash)
		return;
	text_add_bytes(&parent, fact->path, (size_t)(slash - fact->path));
	if (text_ok(&parent))
		(void)rmdir(text_string(&parent));
}

/* The kinds are in the order in which they may go. */
static int remove_all(struct removing *m, struct error *e)
{
	if (end_processes(m, e))
		return -1;
	debris_keep_occupied(m->debris);
	for (size_t i = 0; i < m->debris->count; i++) {
		struct debris_fact *fact = &m->debris->items[i];
		if (fact->answer != DEBRIS_GOES)
			continue;
		if (remove_one(m, fact, e))
			return -1;
		if (fact->answer == DEBRIS_GOES && fact->kind != DEBRIS_PROCESS &&
			fact->kind != DEBRIS_RUN)
			remove_empty(fact);
	}
	return 0;
}

int debris_remove(const struct debris_rules *rules, struct debris *debris, struct arena *arena,
	struct error *e)
{
	struct removing m = {.rules = rules, .debris = debris, .arena = arena};
	int result = homes_read(&m.homes, rules, arena, e);
	if (!result)
		result = take_locks(&m, e);
	if (!result)
		result = remove_all(&m, e);
	for (size_t i = 0; i < m.locks.count; i++)
		close(m.locks.items[i]);
	list_release(&m.locks);
	owners_release(&m.late);
	homes_release(&m.homes);
	return result;
}
