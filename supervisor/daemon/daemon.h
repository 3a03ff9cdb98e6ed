/*
 * daemon.h - launching an instance, and its supervisor: where everything meets.
 *
 * daemon_launch() is called in the client. It forks the guardian, which forks the supervisor; the
 * supervisor boots (instance claim, ports, holds, ports.env, control socket) and reports over a
 * socketpair; only then does the call return. What fails before that comes back as the error, with
 * the exit code the client should end with.
 *
 *	1. read the file (document_read), find out where we are (locate), fill a launch_request
 *	2. daemon_launch()
 *	3. result.already_running: somebody supervises this instance; connect to result.socket_path
 *	   and send `reload` to converge
 *	   otherwise: it runs; keep result.lifeline open for as long as the instance is to live
 *	   (foreground), or it is -1 (detached)
 *	4. launch_result_release()
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "base/error.h"
#include "base/text.h"
#include "ports/resolve.h"

struct document; /* stackfile/document.h */
struct complaints;

enum launch_instance {
	LAUNCH_DEFAULT, /* what this worktree has claimed, else as WANT_DEFAULT of claim/claim.h */
	LAUNCH_NUMBER,
	LAUNCH_AUTO,
	LAUNCH_NEW,
};

struct launch_request {
	const struct document *document;
	const char *file; /* absolute path, or "-" */
	const char *dir; /* of the file, absolute */
	const char *worktree; /* top level of the git worktree, or dir */
	const char *main_dir; /* main worktree, or dir */
	const char *git_dir; /* of a linked worktree; NULL */
	const char *branch; /* "" where none */
	const char *commit; /* "" where unknown */
	const char *stack_name; /* [stack] name or the default */
	const char *project; /* -p, NULL where not given */

	enum launch_instance which;
	int instance; /* LAUNCH_NUMBER */
	const char *environment; /* --env, NULL where not given */
	const char *purpose; /* --purpose, NULL where not given */
	const char *const *profiles;
	size_t profile_count;
	const char *const *env_files; /* --env-file: replace .env */
	size_t env_file_count;
	char *const *caller_env; /* environ */

	const char *const *services; /* `up SERVICE...`; none: all enabled ones */
	size_t service_count;
	bool no_deps;
	bool detached;
	bool strict_ports;
	const enum port_strategy *strategy; /* --strategy; NULL: as the file says */
	bool may_ask; /* `on_conflict = ask`: fail with questions, for the next attempt to have answers */
	const struct resolve_choice *choices; /* the answers */
	size_t choice_count;
	void (*on_progress)(void *self, const char *line); /* before what takes time; NULL */
	bool (*is_given_up)(void *self); /* while it takes time; NULL */
	void *self;
	int64_t stop_timeout_ms; /* -t: overrides every stop.timeout, -1: as in the file */
};

struct launch_result {
	bool already_running;
	char *project; /* owns, like the strings below */
	int instance;
	uint16_t base_port;
	char *socket_path;
	char *state_dir;
	char *log_dir;
	pid_t supervisor;
	pid_t guardian;
	int lifeline; /* -1 when detached or already running */
	struct text notices; /* lines for people: moved ports, substituted names, cleaned leftovers */
	json_t *questions; /* owns: an array of struct claim_question, after 5; NULL where none */
};

/*
 * 0: it runs (or ran already). -1: *e says why with the exit code (78 with the complaints listed in
 * *c, 5 with every conflict in the text ...); nothing of the instance is left then, and *result has
 * notices and questions at most. It is released in any case.
 */
int daemon_launch(const struct launch_request *request, struct launch_result *result,
	struct complaints *c, struct error *e);
void launch_result_release(struct launch_result *result);

/*
 * The whole life of a supervisor that takes the place of one that has ended: a process that was started
 * with GUARDIAN_RESUME as its only argument (spawn/guardian.h).
 */
_Noreturn void daemon_resume(void);
/* Of the state that such a one goes on from; another program that says the same understands it. */
int daemon_state_format(void);

/*
 * An instance holds its lock byte before its socket is there, and makes a socket that was removed anew.
 * Waits until somebody listens at the path, for patience_ms at most. False at once when the byte is
 * free: the instance does not live, or its boot has failed meanwhile.
 */
bool daemon_await_socket(const char *state, int64_t project_id, int instance,
	const char *socket_path, int64_t patience_ms);

#endif
