/*
 * attempt.h - one attempt from begin to result. Private to this room.
 *
 *	looking  waits for the turn's look at the listeners
 *	queued   waits for a place among those of its kind
 *	running  its way (tcp, http, command) is at work
 *	done     has a result that is not told yet
 *
 * A way starts an attempt and calls attempt_end() some time later, from the loop or from within
 * start() itself. attempt_end() makes the way drop everything it holds for the attempt. Results are
 * told in one place only (on_soon), so no way is ever re-entered by the keeper.
 */
#ifndef PROBE_ATTEMPT_H
#define PROBE_ATTEMPT_H

#include <sys/queue.h>

#include "base/list.h"
#include "base/text.h"
#include "loop/io_watch.h"
#include "probe/prober.h"

enum { ADDRESSES_MOST = 2 };

struct attempt;
struct http_attempt; /* http.h */
struct command_run;  /* command.c */

/*
 * A connection is there, and who has it: reason as of judge_look(). known: false where two runs share
 * the socket and none of them has accepted for a while.
 */
typedef void on_tcp_open(
	struct attempt *attempt, bool known, enum probe_result result, const char *reason);

struct tcp_attempt {
	on_tcp_open *on_open;
	struct sockaddr_storage addresses[ADDRESSES_MOST];
	size_t address_count;
	size_t next;
	int fd;    /* owns; -1: none */
	int error; /* of the last address */
	struct io_watch watch;
	ev_timer again; /* until the connection is accepted */
	int looks;
};

enum attempt_stage { STAGE_LOOKING, STAGE_QUEUED, STAGE_RUNNING, STAGE_DONE };

TAILQ_HEAD(attempts, attempt);

struct attempt {
	TAILQ_ENTRY(attempt) link; /* in the list of its stage */
	struct prober *prober;     /* borrows */
	const struct way *way;     /* NULL: the look alone */
	const struct probe *probe; /* borrows from whoever began it */
	int service;
	uint64_t generation;
	enum probe_purpose purpose;
	enum attempt_stage stage;
	ev_timer deadline;
	int64_t deadline_ms;
	int64_t timeout_ms;
	bool waited; /* had to queue */
	int64_t started_us;
	int64_t latency_us;
	enum probe_result result;
	struct text reason; /* while running: a warning to go with success */
	struct tcp_attempt tcp; /* of HTTP where two runs share a socket */
	union {
		struct http_attempt *http;   /* owns */
		struct command_run *command; /* borrows from the prober's list */
	};
};

/* How one kind of probe is done. */
struct way {
	const char *plural; /* "HTTP checks" */
	size_t most;        /* at once */
	size_t lane;        /* its index in prober->lanes */
	void (*start)(struct attempt *attempt);
	void (*drop)(struct attempt *attempt);
	/* What it was doing when time ran out, added to the reason; may be NULL. */
	void (*explain_timeout)(const struct attempt *attempt, struct text *reason);
};

enum { LANES = 3 };

struct prober {
	struct ev_loop *loop; /* borrows */
	struct prober_hooks hooks;
	ev_timer soon;
	struct attempts looking;
	struct attempts done;
	struct {
		struct attempts queued;
		struct attempts running;
		size_t running_count;
	} lanes[LANES];
	LIST(struct attempt *) places;    /* [2 * service + purpose], NULL where nothing runs */
	LIST(struct listener_look) looks; /* room for all that are looking */
	size_t attempt_count;
	size_t looking_count;
	struct command_run *commands; /* owns; also those that ended without being reaped */
	struct http_loop *http;       /* owns; NULL until the first HTTP attempt */
};

extern const struct way way_tcp;
extern const struct way way_http;
extern const struct way way_command;

/* The way is over with this attempt: keeps the result for on_soon. Reason: printf style. */
void attempt_end(struct attempt *attempt, enum probe_result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Success: the warning in attempt->reason, if there is one, stays. */
void attempt_succeed(struct attempt *attempt);
/* Time is up, as libcurl or the attempt's own timer saw it. */
void attempt_time_out(struct attempt *attempt);

/* identity.c: what a look says. Each fills *reason unless it returns PROBE_OK without a warning. */
enum probe_result judge_look(const struct listener_look *look, struct text *reason);
/*
 * Who answers on this connected socket: the service itself, by asking the hook, or PROBE_OK at once
 * where the probe is not for the service's own port.
 */
enum probe_result judge_connection(struct attempt *attempt, int fd, struct text *reason);
/*
 * The same when the connection was only just made and the service shares its socket with another run
 * of it: *owner is LISTENER_UNKNOWN when that is not known yet, and where nothing is shared.
 */
enum probe_result judge_fresh(
	struct attempt *attempt, int fd, enum listener_owner *owner, struct text *reason);
bool shares_socket(const struct attempt *attempt);

/* tcp.c: ends the attempt where nobody can be reached there; never calls on_open from inside. */
void tcp_open(struct attempt *attempt, const char *host, on_tcp_open *on_open);
/* The connection is the caller's from now on; -1 where there is none. */
int tcp_take(struct attempt *attempt);
/* Safe at any time, also where tcp was only ever set to {.fd = -1}. */
void tcp_drop(struct attempt *attempt);

/* command.c */
bool command_exited(struct prober *prober, const struct exit_status *status);
size_t command_runs(const struct prober *prober);
void command_free_all(struct prober *prober);

/* http.c */
void http_free(struct prober *prober);

/* Our own shortage, which says nothing about the service. */
bool is_shortage(int error_number);

#endif
