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
	int rc = refuse(in, &e);
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
