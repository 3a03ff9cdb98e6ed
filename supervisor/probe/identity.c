#include "probe/attempt.h"

#include "probe/dial.h"

static void add_stranger(struct text *reason, const struct listener_look *look)
{
	const char *does = look->server ? "answers" : "listens";
	if (look->pid > 0 && look->name[0])
		text_addf(reason, "pid %d (%.*s)", (int)look->pid, (int)sizeof look->name,
			look->name);
	else if (look->pid > 0)
		text_addf(reason, "pid %d", (int)look->pid);
	else
		text_add(reason, "another process");
	text_addf(reason, " %s on port %u, which is not this service", does, look->port);
}

enum probe_result judge_look(const struct listener_look *look, struct text *reason)
{
	switch (look->owner) {
	case LISTENER_OURS:
		return PROBE_OK;
	case LISTENER_TOLERATED:
		add_stranger(reason, look);
		return PROBE_OK;
	case LISTENER_OTHER:
		add_stranger(reason, look);
		return PROBE_IMPOSTER;
	case LISTENER_SIBLING:
		text_add(reason, "the other process of this service answered");
		return PROBE_UNKNOWN;
	case LISTENER_NOBODY:
		text_addf(reason, "nothing listens on port %u", look->port);
		return PROBE_FAILED;
	case LISTENER_UNKNOWN:
		break;
	}
	text_addf(reason, "could not find out who listens on port %u", look->port);
	return PROBE_UNKNOWN;
}

/*
 * The far end of a connection may have been closed since, and then belongs to nobody; the listener
 * is the next best witness.
 */
static enum probe_result ask(
	struct attempt *attempt, struct listener_look *look, struct text *reason)
{
	const struct prober_hooks *hooks = &attempt->prober->hooks;
	hooks->look(hooks->self, look, 1);
	if (look->owner == LISTENER_NOBODY || look->owner == LISTENER_UNKNOWN) {
		look->owner = LISTENER_UNKNOWN;
		look->server = NULL;
		look->client = NULL;
		hooks->look(hooks->self, look, 1);
	}
	return judge_look(look, reason);
}

bool shares_socket(const struct attempt *attempt)
{
	const struct prober_hooks *hooks = &attempt->prober->hooks;
	return attempt->probe->port && hooks->shares
		&& hooks->shares(hooks->self, attempt->service);
}

enum probe_result judge_fresh(
	struct attempt *attempt, int fd, enum listener_owner *owner, struct text *reason)
{
	const struct prober_hooks *hooks = &attempt->prober->hooks;
	struct sockaddr_storage ours = {0};
	struct sockaddr_storage theirs = {0};
	struct listener_look look = {.service = attempt->service,
		.server = (struct sockaddr *)&theirs,
		.client = (struct sockaddr *)&ours,
		.fresh = true,
		.owner = LISTENER_UNKNOWN};
	socklen_t ours_length = sizeof ours;
	socklen_t theirs_length = sizeof theirs;
	if (shares_socket(attempt) && !getsockname(fd, (struct sockaddr *)&ours, &ours_length)
		&& !getpeername(fd, (struct sockaddr *)&theirs, &theirs_length)) {
		look.port = dial_port(look.server);
		hooks->look(hooks->self, &look, 1);
	}
	*owner = look.owner;
	return judge_look(&look, reason);
}

enum probe_result judge_connection(struct attempt *attempt, int fd, struct text *reason)
{
	if (!attempt->probe->port)
		return PROBE_OK;
	struct sockaddr_storage ours = {0};
	struct sockaddr_storage theirs = {0};
	struct sockaddr *client = (struct sockaddr *)&ours;
	struct sockaddr *server = (struct sockaddr *)&theirs;
	socklen_t ours_length = sizeof ours;
	socklen_t theirs_length = sizeof theirs;
	struct listener_look look = {.service = attempt->service,
		.port = attempt->probe->port,
		.server = server,
		.client = client,
		.owner = LISTENER_UNKNOWN};
	if (getsockname(fd, client, &ours_length) || getpeername(fd, server, &theirs_length)) {
		/* Reset by the other side meanwhile. */
		look.server = NULL;
		look.client = NULL;
		return ask(attempt, &look, reason);
	}
	look.port = dial_port(server);
	bool same_host = dial_same_host(client, server);
	if (same_host && dial_port(client) == look.port) {
		text_addf(reason, "nothing listens on port %u", look.port);
		return PROBE_FAILED;
	}
	if (!dial_is_loopback(server) && !same_host) {
		dial_show(reason, server);
		text_addf(reason, " answers for port %u, which is not this machine", look.port);
		return PROBE_IMPOSTER;
	}
	return ask(attempt, &look, reason);
}
