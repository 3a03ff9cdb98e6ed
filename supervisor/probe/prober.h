/*
 * prober.h - one attempt at asking a service how it is, with a deadline, on the libev loop.
 *
 * The keeper decides when to ask; the prober asks once and says what came back. Nothing here
 * repeats, counts thresholds or knows states.
 *
 *	1. prober_new() with the hooks that answer what only the daemon knows.
 *	2. prober_begin() for one attempt. At most one runs per service and purpose.
 *	3. hooks->on_result() exactly once per attempt, from the loop, never from inside
 *	   prober_begin(); or prober_cancel(), after which nothing of that service arrives.
 *	4. prober_command_exited() for every child the daemon reaps that may be a check's command.
 *
 * Results
 *	PROBE_OK	it answered as wanted. A reason that is not empty is a warning (see
 *			LISTENER_TOLERATED).
 *	PROBE_FAILED	it did not; the reason is one short sentence: "HTTP 503", "connection
 *			refused", "no answer within 2.0 s".
 *	PROBE_UNKNOWN	we could not ask: no descriptors, no memory, no libcurl, too many checks
 *			at once, or the process was paused past the deadline. Says nothing about
 *			the service and changes nothing.
 *	PROBE_IMPOSTER	somebody outside the service's process tree has its port.
 * A reason may quote what a server sent: whoever shows it escapes it (terminal_add_strict). It
 * never holds the URL, so no password of a URL is shown.
 *
 * Identity. A probe with a port (probe->port) is for the service's own port. Before anything is
 * connected, one look at the listeners (sock_diag, no connect) answers for all such probes of a
 * loop turn: nobody listening is a failure without a connect, a stranger is PROBE_IMPOSTER without
 * a byte sent to him. After an answer the very connection it came over is asked about once more.
 *
 * What each kind does
 *	PORT	the look alone.
 *	TCP	connects to 127.0.0.1, then ::1 where that is refused, and closes. A listener that
 *		closes at once counts as open. Hosts other than localhost must be numeric.
 *	HTTP	libcurl, loaded at the first HTTP attempt and never before. Every attempt uses a
 *		new connection: a kept one would only show that the process that accepted it
 *		lives, may be stale, and would keep a server that waits for idle connections from
 *		stopping. Redirects are not followed (200-399 is the default success), proxies and
 *		.netrc are ignored, only http and https, at most 64 KiB of headers and of body.
 *	COMMAND	by start_command(); exit 0 is success, the last line of its output is the reason
 *		otherwise. Its whole tree is killed at the deadline, and after its exit.
 * LOG and NOTIFY are passive and not probed (notify.h; the log room).
 *
 * At most PROBER_HTTP_MOST, _TCP_MOST, _COMMAND_MOST attempts of a kind run at once; others wait in
 * order. The deadline counts from prober_begin(); one that passes after waiting is PROBE_UNKNOWN.
 *
 * The process must ignore SIGPIPE, and must not exec with descriptors that were not made
 * close-on-exec by their opener: libcurl's are not (spawn closes everything it was not given).
 */
#ifndef PROBE_PROBER_H
#define PROBE_PROBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/error.h"
#include "model/recipe.h"
#include "model/stack.h"
#include "model/sys.h"

struct ev_loop;
struct prober;

enum { PROBER_HTTP_MOST = 32, PROBER_TCP_MOST = 64, PROBER_COMMAND_MOST = 16 };

/* Who has a service's port, as far as that service is concerned. */
enum listener_owner {
	LISTENER_OURS,      /* its process tree; also any listener where identity = off */
	LISTENER_OTHER,     /* somebody else */
	LISTENER_SIBLING,   /* of a connection: another run of the same service has answered */
	LISTENER_TOLERATED, /* somebody else, identity = warn: success with a warning */
	LISTENER_NOBODY,    /* nobody listens */
	LISTENER_UNKNOWN,   /* could not be found out */
};

struct listener_look {
	int service;
	uint16_t port;
	/*
	 * NULL: who listens on the port. Otherwise the two ends of a connection that is still open,
	 * and the question is who answers on exactly that one: `server` is the service's end. After
	 * NOBODY or UNKNOWN for a connection the listener is asked about as well.
	 */
	const struct sockaddr *server;
	const struct sockaddr *client;
	/*
	 * The connection was only just made, on a socket that two runs share. LISTENER_UNKNOWN: nobody
	 * has accepted it yet; then it is asked about again a little later.
	 */
	bool fresh;

	enum listener_owner owner; /* answer; LISTENER_UNKNOWN on entry */
	pid_t pid;     /* answer for OTHER and TOLERATED: who, 0 where that cannot be seen */
	char name[32]; /* answer: that process's name, "" where that cannot be seen */
};

struct prober_hooks {
	void *self;

	/* The end of an attempt. The reason lives until the hook returns. */
	void (*on_result)(void *self, int service, uint64_t generation, enum probe_purpose purpose,
		enum probe_result result, const char *reason, int64_t latency_ms);

	/*
	 * Answers all looks from one dump of the listeners. Must not connect, bind or block, nor
	 * call the prober: it is asked in the middle of an HTTP answer, too.
	 */
	void (*look)(void *self, struct listener_look *looks, size_t count);

	/*
	 * Whether two runs of the service accept on one socket now. Then who took a connection is
	 * asked before anything is sent over it: after the answer it may be too late to tell. NULL:
	 * never.
	 */
	bool (*shares)(void *self, int service);

	/*
	 * Starts a check's command as the service's environment and directory say, in a session of
	 * its own, stdin /dev/null, stdout and stderr output_fd (the prober's, close-on-exec; only
	 * borrowed for the call). Returns its pid, or -1 with *e; e->number EAGAIN, ENOMEM, EMFILE,
	 * ENFILE mean PROBE_UNKNOWN, anything else PROBE_FAILED. NULL where no command probes
	 * exist.
	 */
	pid_t (*start_command)(void *self, int service, const struct command *command,
		int output_fd, struct error *e);
	/*
	 * SIGKILL to whatever is left of the tree of such a command; pid may have been reaped by
	 * then (its orphans have its pid as session id). Called at the deadline, at a cancel, and
	 * after every exit. Its exit still has to be told by prober_command_exited().
	 */
	void (*kill_command)(void *self, int service, pid_t pid);
};

/* Hooks are copied. NULL: out of memory. */
struct prober *prober_new(struct ev_loop *loop, const struct prober_hooks *hooks);

/*
 * Starts one attempt. `probe` (kind HTTP, TCP, COMMAND or PORT) is borrowed until the result or the
 * cancel. While one of the same service, purpose and generation runs nothing new is started, and
 * its one result answers both; one of an older generation is cancelled. false: out of memory,
 * nothing will arrive; treat it as PROBE_UNKNOWN.
 */
bool prober_begin(struct prober *prober, int service, uint64_t generation,
	enum probe_purpose purpose, const struct probe *probe, int64_t timeout_ms);

/* Ends what runs for the service, both purposes; its results are void. Never blocks. */
void prober_cancel(struct prober *prober, int service);

/* The daemon reaped this child. true: it was a check's command, nobody else need look at it. */
bool prober_command_exited(struct prober *prober, const struct exit_status *status);

/* Attempts that have no result yet, commands that are not reaped yet included. */
size_t prober_under_way(const struct prober *prober);

/*
 * Cancels everything; not from inside a hook. Never waits for a name look-up: its thread ends by
 * itself. Commands that run are killed, and their exits are the caller's to reap.
 */
void prober_free(struct prober *prober);

#endif
