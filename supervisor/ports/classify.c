#include "ports/classify.h"

#include <errno.h>

#include "base/words.h"
#include "ports/protect.h"

WORDS(port_class_word, port_class, PORT_CLASSES)

static struct port_finding found(enum port_class class, enum port_evidence evidence)
{
	return (struct port_finding){class, evidence};
}

static enum port_class class_of_lease(const struct port_facts *f)
{
	return f->lease_is_project ? CLASS_OTHER_INSTANCE : CLASS_OTHER_PROJECT;
}

static bool is_leased_elsewhere(const struct port_facts *f)
{
	return f->lease_lives && !f->lease_is_instance;
}

static struct port_finding find_unseen(const struct port_facts *f)
{
	if (f->bind_errno && is_leased_elsewhere(f))
		return found(class_of_lease(f), SEEN_LEASE);
	if (f->bind_errno)
		return found(CLASS_UNKNOWN, SEEN_REFUSAL);
	if (f->lease_lives)
		return found(CLASS_LEASED, SEEN_LEASE);
	return found(CLASS_FREE, SEEN_NOTHING);
}

static struct port_finding find_marked(const struct port_facts *f)
{
	if (!f->mark_is_here)
		return found(CLASS_OTHER_REGISTRY, SEEN_OTHER_STATE);
	if (!f->mark_lives)
		return found(CLASS_OWN_STALE, SEEN_DEAD_MARK);
	if (f->mark_is_instance)
		return found(CLASS_OWN_LIVE, SEEN_LIVE_MARK);
	return found(f->mark_is_project ? CLASS_OTHER_INSTANCE : CLASS_OTHER_PROJECT,
		SEEN_LIVE_MARK);
}

/* A supervisor has placeholders, and the sockets of services with `hold = listen`. */
static struct port_finding find_supervisor(const struct port_facts *f)
{
	bool is_own = f->lease_is_instance && f->lease_lives;
	if (is_own && f->socket->state == SOCKET_BOUND)
		return found(CLASS_LEASED, SEEN_PLACEHOLDER);
	if (is_own)
		return found(CLASS_OWN_LIVE, SEEN_LEASE);
	if (is_leased_elsewhere(f))
		return found(class_of_lease(f), SEEN_PLACEHOLDER);
	return found(CLASS_OTHER_REGISTRY, SEEN_SUPERVISOR);
}

static struct port_finding find_stranger(const struct port_facts *f)
{
	const struct owner *holder = f->holder;
	bool is_other = (holder && holder->pid ? holder->uid : f->socket->uid) != f->uid;
	if (holder && holder->container)
		return found(CLASS_CONTAINER, SEEN_CONTAINER);
	if (holder && protect_is_publisher(holder))
		return found(CLASS_CONTAINER, SEEN_PUBLISHER);
	if (holder && holder->pid == 1)
		return found(CLASS_PROTECTED, SEEN_INIT);
	if (holder && holder->unit)
		return found(CLASS_PROTECTED, SEEN_UNIT);
	if (holder && (protect_is_system(holder) || protect_is_runtime(holder)))
		return found(CLASS_PROTECTED, SEEN_SYSTEM);
	if (f->guard)
		return found(CLASS_PROTECTED, SEEN_GUARD);
	if (is_other)
		return found(CLASS_OTHER_USER, SEEN_USER);
	return f->six_only ? found(CLASS_WRONG_FAMILY, SEEN_SIX_ONLY)
			   : found(CLASS_FOREIGN, SEEN_NO_MARK);
}

/* Whose process could not be looked at, or was not looked for: the lease says whose it is. */
static bool is_by_lease(const struct port_facts *f)
{
	bool is_unseen = !f->holder || !f->holder->pid;
	return (f->socket->state == SOCKET_BOUND && !f->lease_is_instance) ||
		(is_unseen && f->socket->uid == f->uid);
}

static struct port_finding find_leased(const struct port_facts *f)
{
	if (!f->lease_is_instance)
		return found(class_of_lease(f), SEEN_LEASE);
	return found(f->socket->state == SOCKET_BOUND ? CLASS_LEASED : CLASS_OWN_LIVE, SEEN_LEASE);
}

struct port_finding port_class_of(const struct port_facts *f)
{
	if (f->bind_errno == EACCES)
		return found(CLASS_PRIVILEGED, SEEN_ROOTS_PORT);
	if (!f->socket)
		return find_unseen(f);
	if (f->socket->state == SOCKET_TIME_WAIT)
		return found(CLASS_TIME_WAIT, SEEN_TIME_WAIT);
	if (f->holder && f->holder->run_id)
		return find_marked(f);
	if (f->holder && f->holder->supervisor)
		return find_supervisor(f);
	if (f->socket->state == SOCKET_CONNECTED)
		return found(CLASS_EPHEMERAL, SEEN_CONNECTION);
	return f->lease_lives && is_by_lease(f) ? find_leased(f) : find_stranger(f);
}
