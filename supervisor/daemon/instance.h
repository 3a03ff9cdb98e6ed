/*
 * instance.h - everything one running instance owns, in one place. Private to this room.
 *
 *	launch.c	both ends of a launch: fork and wait; boot, report, run, end
 *	boot.c		steps of the boot, each undone by instance_free() in any state
 *	load.c		document -> draft -> stack, used by boot and reload
 *	loop.c		the turn: world -> events -> keeper -> effects -> who waits for an answer
 *	end.c		when the instance ends by itself, and how
 *	world.c		struct sys: the keeper's effects on real processes, ports, probes
 *	signals.c	what the supervisor is sent
 *	children.c	who ended
 *	io.c		log pipes, terminals and their files
 *	crash.c		the last words of this process, see crash.h
 *	log_guard.c	notices log files that somebody removes
 *	identity.c	whose listener is that
 *	probed.c	what the answer of a check means
 *	second.c	a second run of a service, beside its own
 *	takeover.c	one process takes the place of another; takeover_steps.c how
 *	lost.c		ports that went to somebody meanwhile; taken.c: before a start
 *	forwarding.c	old ports that lead to new ones for a while
 *	tell.c		events.jsonl, and what the registry gets of it
 *	recorder.c	the registry's rows, written on a thread; records.c what waits
 *	pending.c	requests that are answered later
 *	requests.c	the verbs of control/protocol.h, one row each; attach.c, show.c: their longer answers
 *	resume.c	what another supervisor needs to go on; resume_head.c, resume_state.c what that is
 *	resume_boot.c	the boot of that one; origin.c, from which it loads
 *	foster.c	children of the one before
 *	reload.c	converging to a changed file; reload_order.c: what was asked for
 *	clearing.c	who has a port of a changed stack is stopped beside the loop
 */
#ifndef DAEMON_INSTANCE_H
#define DAEMON_INSTANCE_H

#include <jansson.h>
#include <regex.h>

#include "base/arena.h"
#include "base/list.h"
#include "claim/claim.h"
#include "claim/move.h"
#include "control/path.h"
#include "control/server.h"
#include "daemon/daemon.h"
#include "listeners/sockets.h"
#include "logs/intake.h"
#include "loop/io_watch.h"
#include "model/stack.h"
#include "model/sys.h"
#include "orphans/roster.h"
#include "plan/environment.h"
#include "plan/graph.h"
#include "probe/notify.h"
#include "probe/prober.h"
#include "registry/history.h"
#include "spawn/child.h"
#include "spawn/guardian.h"
#include "spawn/tree.h"
#include "watch/keeper.h"

struct clearing;
struct draft_past;
struct instance;
struct inherited;
struct orphan;
struct resume;
struct takeover;
struct takeover_wish;
struct reload_wish;
struct forwarding;
struct recorder;

/* What one run of a service has besides its row in the keeper. */
struct run_io {
	uint64_t generation; /* of the last start */
	struct tree_listener seen; /* where its listener was found last */
	enum listener_owner last_look;
	int64_t elsewhere_at_ms; /* when it may be looked at where else its tree listens */
	bool wandered; /* it did when looked at last */
	bool at_breakpoint; /* a debugger held it at the last check that failed */
	int bad_answers; /* in a row: its own to checks, on a socket that it shares with another run */
	enum hold_mode hold; /* how its ports are held for the next start */
	bool hold_learned; /* differs from what the registry remembers */
	bool hold_works; /* and the service became ready with it; the recorder knows */
	bool lost; /* somebody has its port: it is to be claimed anew */
	bool waits_for_line; /* ready = log: since its log was there */
	uint64_t line_part;
	uint64_t line_from;
	bool waits_for_notify;
	int64_t started_wall_ms;
	int64_t ready_wall_ms;
};

/* What a service has, and in the last row a second run of one. */
struct service_io {
	struct instance *instance; /* borrows */
	int service; /* index */
	struct service_io *log; /* borrows: whose log the output goes to; itself, but for a second run */
	int slot; /* of the guardian: 2 * a number that is never reused */
	bool open;
	const char *told_state; /* with its last event */
	struct intake intake;
	struct io_watch watch[2];
	ev_timer retry; /* after INTAKE_BLOCKED */
	struct run_io run;
	bool has_pattern;
	regex_t pattern;
	struct attached *attached; /* owns: clients at its terminal */
};

/* The stack and what is derived from it; replaced as a whole by a reload. */
struct loaded {
	struct stack *stack; /* owns */
	struct stack *rows; /* in the arena: the same services and a last one, for a second run */
	struct arena *arena; /* owns: graph, environments, wanted */
	struct graph *graph;
	struct environments *environments;
	char **caller; /* in the arena: the environment it was loaded with */
	struct draft *draft; /* owns: what the stack was resolved from */
	const struct document *document; /* borrows: what the draft was made from */
	struct document *own_document; /* owns: the same, where nobody else does */
	json_t *origin; /* owns: all of that, for another supervisor (origin.h) */
	uint64_t number; /* no other one of this process has it */
};

/* Whose second run the last row has: see second.h. */
struct second {
	int service;
	const struct loaded *by; /* borrows: what it was started by; NULL: there was none so far */
};

/* A request that is answered later. See pending.c. */
struct pending;

struct instance {
	struct ev_loop *loop; /* owns */
	struct paths paths; /* owns */
	struct claim claim; /* owns */
	bool claimed;
	char run_id[37];
	char socket_path[4096];
	char notify_path[4096];
	char log_dir[4096];
	char events_path[4096];
	int events_fd; /* owns */
	struct text events; /* owns; lines that tell_flush() will write */
	uint64_t event_seq;
	struct recorder *recorder; /* owns; NULL until the loop runs */
	const char *told_state; /* of the instance, with its last event */
	int64_t started_wall_ms;
	bool detached;
	bool strict_ports;
	enum port_strategy strategy; /* of --strategy */
	bool has_strategy;
	bool no_deps;
	char *main_dir; /* owns; for reloads, like the next two */
	char *stack_name;
	char *branch;

	struct loaded loaded;
	struct second second;
	struct sys sys;
	struct keeper *keeper; /* owns */
	struct service_io **io; /* owns: one per row, heap, so that watchers stay in place */
	int next_slot;
	struct spawner spawner; /* owns */
	struct tree tree; /* owns */
	struct roster roster; /* owns */
	struct prober *prober; /* owns */
	struct notify *notify; /* owns; NULL until a service needs it */
	struct sockets sockets; /* owns */
	struct intake_pool pool; /* owns */
	struct guardian guardian;
	struct control_server *server; /* owns */

	struct io_watch signals; /* owns its descriptor */
	ev_prepare before_wait;
	ev_check after_wait;
	ev_timer due;
	struct io_watch log_guard;
	int log_watch; /* of inotify; -1: none */
	struct io_watch fosters; /* what the guardian has to tell */
	LIST(struct orphan *) orphans; /* owns: leaders that were the guardian's, when that is dead */
	bool orphaned;
	struct io_watch lifeline;
	int lifeline_fd; /* owns; -1 */

	int64_t now_ms;
	uint64_t random;
	bool given_up; /* some service was stopped and is not wanted up: others may be stuck */
	bool stopping; /* everything is to end */
	bool killing;
	bool ended;
	int64_t unknown_since_ms; /* processes of no service are being ended since then */
	int state; /* enum instance_state, as last told */

	struct resume *resume; /* owns; NULL: when this process dies, everything stops */
	struct inherited *inherited; /* owns; only while a supervisor that replaces another one boots */
	int inherited_places; /* from the first to the last where the guardian still has what it had then */
	json_t *resumed; /* owns: when and why it did; NULL: it did not */
	LIST(struct pending *) pendings; /* owns */
	struct reload *reload; /* owns; NULL when none is under way */
	LIST(struct reload_wish) reloads; /* owns; to come, one after the other */
	struct takeover *takeover; /* owns; NULL when none is under way */
	LIST(struct takeover_wish) wishes; /* takeovers to come */
	LIST(struct forwarding *) forwardings; /* owns */

	/* rules of a foreground owner, see control/protocol.h `follow` */
	bool has_owner;
	bool abort_on_failure;
	int exit_code_from; /* service index, -1 */
	int exit_code; /* what the owner exits with */
	bool exit_decided;
	char exit_text[256];
};

#define INSTANCE_STATES(X)                                                                         \
	X(INSTANCE_STARTING, "starting")                                                           \
	X(INSTANCE_READY, "ready")                                                                 \
	X(INSTANCE_DEGRADED, "degraded")                                                           \
	X(INSTANCE_STOPPING, "stopping")                                                           \
	X(INSTANCE_STOPPED, "stopped")                                                             \
	X(INSTANCE_FAILED, "failed")
#define X(name, word) name,
enum instance_state { INSTANCE_STATES(X) };
#undef X
const char *instance_state_word(enum instance_state state);
/* settle_is_stuck(), asked only when it can be true. */
bool instance_is_stuck(const struct instance *in, int service);
enum instance_state instance_state_now(const struct instance *in);

/* The last row of keeper, tree and io; services are 0 to this one less one. */
static inline int second_row(const struct instance *in)
{
	return in->loaded.stack->service_count;
}

static inline const struct service *service_at(const struct instance *in, int row)
{
	return &in->loaded.rows->services[row];
}

static inline const struct loaded *loaded_at(const struct instance *in, int row)
{
	return row == second_row(in) && in->second.by ? in->second.by : &in->loaded;
}

/* The i-th port of a service; the first one is the main one. */
static inline const struct port *port_at(const struct instance *in, int row, size_t i)
{
	return &loaded_at(in, row)->stack->ports[service_at(in, row)->ports[i]];
}

/* NULL: it has none. */
static inline struct hold *instance_hold(struct instance *in, const struct port *port)
{
	return claim_hold(&in->claim, port->number, port->protocol == PROTOCOL_UDP);
}

/* load.c */
struct load_request {
	const struct document *document;
	const char *environment;
	const char *purpose; /* --purpose; NULL: the file's */
	const char *const *profiles;
	size_t profile_count;
	const char *const *env_files;
	size_t env_file_count;
	char *const *caller_env;
	const char *stack_name;
	const char *main_dir;
	const char *branch;
	const char *const *services;
	size_t service_count;
	bool no_deps;
	bool strict_ports;
	const enum port_strategy *strategy; /* NULL: as the file says */
	bool may_ask;
	const struct resolve_choice *choices;
	size_t choice_count;
	int wait_ms; /* for ports; 0: by strategy */
	void (*on_progress)(void *self, const char *line);
	bool (*is_given_up)(void *self);
	void *self;
	bool check_programs;
	bool is_judged; /* by load_judge(), for the same instance */
};
/*
 * Everything that can be wrong goes into *c before any port is touched; then the ports are claimed
 * and the stack is resolved with them. On failure nothing is changed. *wanted is in loaded->arena.
 */
int load_stack(struct instance *in, const struct load_request *request, struct loaded *loaded,
	bool **wanted, struct complaints *c, struct error *e);
/*
 * The first half alone: nothing is written, and a claim of claim_find() will do. *clearing, where that is
 * not NULL: whom load_stack() would stop for the ports.
 */
int load_judge(struct instance *in, const struct load_request *request, struct clearing **clearing,
	struct complaints *c, struct error *e);
void loaded_release(struct loaded *loaded);
/*
 * The same stack as another supervisor of this run had, of an origin and with the numbers of its ports, in
 * the order of the file. Nothing is looked at or claimed. The document of the request is to stay.
 */
int load_past(struct instance *in, const struct load_request *request, const struct draft_past *past,
	const uint16_t *numbers, const uint16_t *moved_from, size_t count, struct loaded *loaded,
	struct error *e);
/*
 * What is loaded, with another number for one of its ports: nothing is read again. The draft stays with
 * in->loaded.
 */
int load_with_port(struct instance *in, size_t row, uint16_t number, struct loaded *next,
	struct error *e);
/*
 * The same after its ports were claimed anew, by the strategy of the stack. Nothing is waited for, and
 * no stranger is stopped.
 */
int load_claimed_again(struct instance *in, struct loaded *next, struct error *e);

/*
 * taken.c: where a start fails already, the ports are said that it would fail for as well. By looking
 * only; what cannot be seen is left to the next start.
 */
void taken_complain(struct instance *in, const char *file, const struct port *rows, size_t count,
	const struct claim_options *options, struct complaints *c);

/* boot.c */
/* The steps that a supervisor takes which replaces another one, too (resume_boot.c). */
int boot_process(struct instance *in, const char *main_dir, const char *stack_name, const char *branch,
	struct error *e);
int boot_places(struct instance *in, struct error *e);
int boot_open(struct instance *in, bool died, struct error *e);
int instance_boot(struct instance *in, const struct launch_request *request, bool **wanted,
	struct complaints *c, struct error *e);
void instance_free(struct instance *in);
int instance_write_ports_env(struct instance *in, struct error *e);
/* After a start or a reload: the notify socket if a service needs it, how its ports are held. */
int instance_open_notify(struct instance *in, struct error *e);
void instance_choose_hold(struct instance *in, int service);

/*
 * loop.c: after the border. wanted: the services to start; NULL in a supervisor that goes on where another
 * one was. Returns the exit code of the supervisor.
 */
int instance_run(struct instance *in, const bool *wanted);
/* The services as they are, and by that the state of the instance. */
struct counts {
	int wanted;
	int starting;
	int troubled;
	int failed;
	int active; /* may still change without anybody asking */
	int occupied;
	int started; /* ever */
};
struct counts instance_count(const struct instance *in);

/* end.c */
void instance_stop(struct instance *in, bool kill, const char *reason);
/* What a foreground owner exits with, and why; the first to decide wins. */
void instance_decide_exit(struct instance *in, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Once a turn: stops the instance when a rule of its owner or of an essential service says so. */
void instance_end_by_rules(struct instance *in);
/*
 * Of an instance whose services are down: processes that fit to no service are ours all the same. True when
 * none of them is waited for; else *next is when to ask again.
 */
bool instance_is_over(struct instance *in, int64_t *next);

/* world.c */
struct sys world_sys(struct instance *in);
/* Says how a failed exec is to be understood, into text. */
void world_explain(struct instance *in, int service, const struct command *command,
	const struct exit_status *status, struct error *e);
/* Hooks of the prober: a check's command. */
pid_t world_start_check(void *instance, int service, const struct command *command, int output_fd,
	struct error *e);
void world_kill_check(void *instance, int service, pid_t pid);

/* signals.c: open in the boot, where it can fail; until begin they still end the process. */
int signals_open(struct instance *in, struct error *e);
void signals_begin(struct instance *in);
void signals_close(struct instance *in);

/* children.c: on SIGCHLD. What is too much for one turn sends the next one. */
void children_reap(struct instance *in);
/* One that somebody else has reaped. */
void children_ended(struct instance *in, const struct exit_status *status);

/* io.c */
int io_open(struct instance *in, int service, struct error *e);
/* For the row of second runs: without a log of its own. */
int io_open_second(struct instance *in, struct error *e);
void io_close(struct service_io *io);
/* Begins a generation: fills the recipe's descriptors. */
int io_begin(struct service_io *io, uint64_t generation, const struct service *service,
	struct recipe *recipe, int *slave, struct error *e);
/* The guardian gets what the logs of all services are written from and to. */
void io_keep_all(struct instance *in);
void io_drain(struct service_io *io);
void io_end_generation(struct service_io *io);
struct intake_hooks io_hooks(struct instance *in);
/* ready = log REGEX, from now on; again: since run.line_part and line_from. */
void io_wait_for_line(struct service_io *io, bool again);

/* log_guard.c */
void log_guard_begin(struct instance *in);
/* Watches nothing any more; early before the end, as sentry_rest() says (control/sentry.h). */
void log_guard_rest(struct instance *in);
void log_guard_end(struct instance *in);

/* probed.c; a hook of the prober */
void probed(void *instance, int service, uint64_t generation, enum probe_purpose purpose,
	enum probe_result result, const char *reason, int64_t latency_ms);

/* identity.c */
void identity_look(void *instance, struct listener_look *looks, size_t count);
/* Two runs of the service listen on one socket now. */
bool identity_shares(void *instance, int row);
int identity_service_of(struct instance *in, pid_t pid);
/* A port on which the service's tree listens, 0 where it does on none. Not cheap. */
uint16_t identity_listens_at(struct instance *in, int service);

/* tell.c */
int tell_open(struct instance *in, struct error *e);
/* The file gets it with the next tell_flush(), which is at the end of the turn. */
void tell_event(struct instance *in, int service, enum event_kind kind, const char *text);
void tell_flush(struct instance *in);
/* The registry's incidents get what somebody should look at later; nobody is told of it now. */
void tell_incident(struct instance *in, int service, enum incident_kind kind, const char *text);
/* The boot has failed: what `why` will say of this run. */
void tell_not_started(struct instance *in, const struct complaints *c, const struct error *e);

#endif
