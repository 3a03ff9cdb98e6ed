/*
 * upgrade.c - another program takes this one's place, and no service notices.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "daemon/requests.h"
#include "daemon/resume.h"
#include "daemon/second.h"

/* What is under way would be undone in the next supervisor. */
static int refuse(const struct instance *in, struct error *e)
{
	if (in->stopping)
		return fail(e, EXIT_FAILED, "the instance is being stopped");
	if (!in->reload && !in->takeover && second_is_free(in))
		return 0;
	fail(e, EXIT_FAILED, "a change of the instance is under way");
	error_hint(e, "try again when it is done");
	return -1;
}

/* A program that says nothing of a state cannot go on from one. */
static int check_state(const json_t *body, struct error *e)
{
	const json_t *state = json_object_get(body, "state");
	const char *version = json_string_value(json_object_get(body, "version"));
	if (!state || json_integer_value(state) == RESUME_FORMAT)
		return 0;
	fail(e, EXIT_FAILED, "stackup %.32s does not understand the state that stackup %s keeps of a running "
		"instance", version ? version : "?", STACKUP_VERSION);
	error_hint(e, "`stackup down`, then `stackup up` by the other one");
	return -1;
}

/* Opened here and now: what lies at the path a moment later is another question. -1 with e. */
static int open_program(const char *path, struct error *e)
{
	OWNED_FD fd = path && *path == '/' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (!path || *path != '/')
		return fail(e, EXIT_USAGE, "the path of the program must be absolute");
	if (fd < 0)
		return fail_errno(e, EXIT_FAILED, "cannot open %s", path);
	if (faccessat(fd, "", X_OK, AT_EMPTY_PATH))
		return fail_errno(e, EXIT_FAILED, "cannot execute %s", path);
	return take_fd(&fd);
}

void upgrade_request(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	struct error e = {0};
	const json_t *program = json_object_get(body, "program");
	int rc = refuse(in, &e) || check_state(body, &e);
	OWNED_FD fd = rc || !program ? -1 : open_program(json_string_value(program), &e);
	if (rc || (program && fd < 0) || resume_prepare(in, &e)) {
		control_refuse(in->server, ticket, &e);
		return;
	}
	control_reply(in->server, ticket, json_pack("{s:i}", "pid", (int)getpid()));
	/* Who asked has the answer, and the rest of the world notices nothing. */
	if (resume_replace(in, fd, &e))
		tell_event(in, -1, EVENT_WARNING, e.text);
}
