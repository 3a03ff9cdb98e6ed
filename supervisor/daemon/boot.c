#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "base/own.h"
#include "daemon/crash.h"
#include "daemon/instance.h"
#include "daemon/forwarding.h"
#include "daemon/pending.h"
#include "daemon/recorder.h"
#include "daemon/reload.h"
#include "daemon/requests.h"
#include "daemon/resume.h"
#include "loop/loop.h"
#include "model/names.h"
#include "plan/formats.h"
#include "spawn/proc.h"
#include "stackfile/document.h"
#include "stackfile/user_file.h"

/* A random UUID, RFC 9562 version 4. */
static void make_id(char out[37])
{
	unsigned char b[16];
	if (getrandom(b, sizeof b, 0) != sizeof b)
		BUG("getrandom: %s", strerror(errno));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
		b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
		b[14], b[15]);
}

/* A value that is no number is complained about when the whole file is checked. */
static int spans_of(const struct section *stack)
{
	const struct entry *entry = stack ? section_entry(stack, "instances") : NULL;
	int64_t spans = 1;
	if (entry)
		number_parse(entry->value, 1, INSTANCES, &spans);
	return (int)spans;
}

static struct claim_request claim_request_of(const struct instance *in,
	const struct launch_request *r)
{
	static const enum claim_want wants[] = {[LAUNCH_DEFAULT] = WANT_DEFAULT,
		[LAUNCH_NUMBER] = WANT_NUMBER, [LAUNCH_AUTO] = WANT_AUTO, [LAUNCH_NEW] = WANT_NEW};
	const struct section *stack = document_section(r->document, SECTION_STACK, "");
	const struct entry *owner = stack ? section_entry(stack, "owner") : NULL;
	return (struct claim_request){.state = in->paths.state,
		.main_dir = r->main_dir,
		.stack_name = r->stack_name,
		.owner = owner ? owner->value : "",
		.worktree = r->worktree,
		.git_dir = r->git_dir,
		.branch = r->branch,
		.commit = r->commit,
		.environment = r->environment,
		.purpose = r->purpose,
		.run_id = in->run_id,
		.block = document_block(r->document),
		.ports_base = user_file_ports_base((const char *const *)(const void *)r->caller_env),
		.spans = spans_of(stack),
		.want = wants[r->which],
		.number = r->instance,
		.is_launch = true};
}

static int copy_path(char *to, size_t size, char *from, struct error *e)
{
	if (!from || strlen(from) >= size) {
		free(from);
		return fail(e, EXIT_FAILED, "a path of the instance is too long");
	}
	memcpy(to, from, strlen(from) + 1);
	free(from);
	return 0;
}

int boot_places(struct instance *in, struct error *e)
{
	const char *project = in->claim.project;
	int n = in->claim.instance;
	if (paths_prepare(&in->paths, project, n, e)
		|| copy_path(in->socket_path, sizeof in->socket_path,
			paths_socket(&in->paths, project, n), e)
		|| copy_path(in->log_dir, sizeof in->log_dir, paths_logs(&in->paths, project, n), e)
		|| copy_path(in->events_path, sizeof in->events_path,
			paths_events(&in->paths, project, n), e))
		return -1;
	size_t length = strlen(in->socket_path);
	memcpy(in->notify_path, in->socket_path, length + 1);
	/* RUN/PROJECT/N.sock and RUN/PROJECT/N.ntfy lie side by side. */
	memcpy(in->notify_path + length - 4, "ntfy", 4);
	return 0;
}

/* Takes the path. */
static int write_ports(struct instance *in, enum env_format format, char *path, struct error *e)
{
	const struct environment_facts facts = {.project = in->claim.project,
		.instance = in->claim.instance,
		.base_port = in->claim.base_port,
		.state_dir = in->claim.state_dir,
		.slug = in->loaded.stack->slug,
		.id = in->run_id};
	OWNED_TEXT text = {0};
	OWNED(char) place = path;
	struct arena *scratch = arena_new();
	if (!scratch || setjmp(*arena_on_failure(scratch))) {
		arena_free(scratch);
		return fail(e, EXIT_FAILED, "out of memory");
	}
	formats_ports_env(scratch, in->loaded.stack, &facts, format, &text);
	arena_free(scratch);
	return place && text_ok(&text) ? file_replace(place, text_string(&text), text.length, e)
				       : fail(e, EXIT_FAILED, "out of memory");
}

int instance_write_ports_env(struct instance *in, struct error *e)
{
	const char *project = in->claim.project;
	int n = in->claim.instance;
	return write_ports(in, ENV_FORMAT_DOTENV, paths_ports_env(&in->paths, project, n), e) ||
		write_ports(in, ENV_FORMAT_SH, paths_ports_sh(&in->paths, project, n), e) ? -1 : 0;
}

static int open_tree(struct instance *in, struct error *e)
{
	const struct stack *rows = in->loaded.rows;
	size_t count = (size_t)rows->service_count;
	const char **names = calloc(count + 1, sizeof *names);
	if (!names)
		return fail(e, EXIT_FAILED, "out of memory");
	for (size_t i = 0; i < count; i++)
		names[i] = rows->services[i].name;
	int rc = tree_open(&in->tree, in->run_id, names, count, e);
	free(names);
	return rc;
}

/* A service that lives does not die of what cannot be written, on a full disk for instance. */
static int unless_resumed(struct instance *in, int failed, const struct error *e)
{
	if (!failed || !in->inherited)
		return failed;
	tell_event(in, -1, EVENT_WARNING, e->text);
	return 0;
}

static int open_logs(struct instance *in, struct error *e)
{
	int count = in->loaded.stack->service_count;
	if (intake_pool_open(&in->pool, in->log_dir, in->loaded.stack->log_total, count,
		    io_hooks(in), e))
		return -1;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	in->io = calloc((size_t)count + 1, sizeof *in->io);
	if (!in->io)
		return fail(e, EXIT_FAILED, "out of memory");
	in->pool.may_wait = in->inherited != NULL;
	for (int i = 0; i < count; i++) {
		if (io_open(in, i, e))
			return -1;
		instance_choose_hold(in, i);
	}
	in->pool.may_wait = false;
	return io_open_second(in, e);
}

/* How this service's ports were held with success before. */
void instance_choose_hold(struct instance *in, int service)
{
	const struct service *s = service_at(in, service);
	in->io[service]->run.hold = HOLD_RELAXED;
	for (size_t i = 0; i < s->port_count; i++) {
		const struct port *port = &in->loaded.stack->ports[s->ports[i]];
		if (port->hold == HOLD_AUTO)
			in->io[service]->run.hold = claim_hold_mode(&in->claim, port);
	}
}

static void on_notify(void *self, pid_t sender, const struct notify_message *message)
{
	struct instance *in = self;
	int service = message->ready ? identity_service_of(in, sender) : -1;
	if (service < 0)
		return;
	in->io[service]->run.waits_for_notify = false;
	keeper_feed(in->keeper, service,
		&(struct service_event){.kind = ON_READY_SIGN,
			.generation = in->io[service]->run.generation});
}

int instance_open_notify(struct instance *in, struct error *e)
{
	bool needed = false;
	for (int i = 0; i < in->loaded.stack->service_count; i++)
		needed |= service_at(in, i)->policy.readiness == READY_NOTIFY;
	if (!needed || in->notify)
		return 0;
	const struct notify_hooks hooks = {.self = in, .on_message = on_notify};
	in->notify = notify_new_on(
		in->loop, inherited_take(in, PLACE_NOTIFY), in->notify_path, &hooks, e);
	return in->notify ? 0 : -1;
}

static int open_workers(struct instance *in, struct error *e)
{
	const struct prober_hooks hooks = {.self = in,
		.on_result = probed,
		.look = identity_look,
		.shares = identity_shares,
		.start_command = world_start_check,
		.kill_command = world_kill_check};
	in->sys = world_sys(in);
	in->keeper = keeper_new(&in->sys, in->loaded.rows);
	in->prober = prober_new(in->loop, &hooks);
	if (!in->keeper || !in->prober)
		return fail(e, EXIT_FAILED, "out of memory");
	sockets_init(&in->sockets);
	return spawner_open(&in->spawner, e) || open_tree(in, e) || instance_open_notify(in, e) ? -1 : 0;
}

static struct load_request load_request_of(const struct launch_request *r)
{
	return (struct load_request){.document = r->document,
		.environment = r->environment,
		.purpose = r->purpose,
		.profiles = r->profiles,
		.profile_count = r->profile_count,
		.env_files = r->env_files,
		.env_file_count = r->env_file_count,
		.caller_env = r->caller_env,
		.stack_name = r->stack_name,
		.main_dir = r->main_dir,
		.branch = r->branch,
		.services = r->services,
		.service_count = r->service_count,
		.no_deps = r->no_deps,
		.strict_ports = r->strict_ports,
		.strategy = r->strategy,
		.may_ask = r->may_ask,
		.choices = r->choices,
		.choice_count = r->choice_count,
		.on_progress = r->on_progress,
		.is_given_up = r->is_given_up,
		.self = r->self,
		.check_programs = true};
}

/*
 * What nobody knows yet, a project or an instance of it, stays unknown when its launch is refused: no row,
 * no block. *judged: the number of the instance for which nothing was found, 0 where nobody has looked.
 */
static int judge_unknown(struct instance *in, const struct claim_request *claim,
	const struct launch_request *r, int *judged, struct complaints *c, struct error *e)
{
	const struct load_request request = load_request_of(r);
	int rc = claim_find(claim, &in->claim, e);
	bool known = in->claim.project_id && in->claim.generation;
	if (!rc && !known) {
		rc = load_judge(in, &request, NULL, c, e);
		*judged = in->claim.instance;
	}
	claim_release(&in->claim);
	return rc;
}

static int claim_number(struct instance *in, const struct launch_request *r, int *judged,
	struct complaints *c, struct error *e)
{
	const struct claim_request request = claim_request_of(in, r);
	if (judge_unknown(in, &request, r, judged, c, e))
		return -1;
	in->claimed = true;
	return claim_instance(&request, &in->claim, e);
}

static int load(struct instance *in, const struct launch_request *r, int judged, bool **wanted,
	struct complaints *c, struct error *e)
{
	struct load_request request = load_request_of(r);
	request.is_judged = judged == in->claim.instance;
	if (load_stack(in, &request, &in->loaded, wanted, c, e))
		return -1;
	for (int i = 0; r->stop_timeout_ms >= 0 && i < in->loaded.stack->service_count; i++)
		in->loaded.stack->services[i].policy.stop.timeout_ms = r->stop_timeout_ms;
	return 0;
}

static void take_request(struct instance *in, const struct launch_request *r)
{
	in->events_fd = in->lifeline_fd = in->roster.fd = -1;
	in->exit_code_from = in->state = -1;
	in->detached = r->detached;
	in->strict_ports = r->strict_ports;
	in->has_strategy = r->strategy != NULL;
	in->strategy = r->strategy ? *r->strategy : STRATEGY_INTELLIGENT;
	in->no_deps = r->no_deps;
	in->started_wall_ms = clock_wall_ms();
	in->now_ms = clock_now_ms();
	claim_init(&in->claim);
	make_id(in->run_id);
	if (getrandom(&in->random, sizeof in->random, 0) != sizeof in->random)
		in->random = (uint64_t)in->now_ms;
}

int boot_process(struct instance *in, const char *main_dir, const char *stack_name, const char *branch,
	struct error *e)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	in->loop = loop_new();
	if (!in->loop)
		return fail(e, EXIT_FAILED, "the event loop cannot be made: out of memory or descriptors");
	if (signals_open(in, e))
		return -1;
	in->main_dir = strdup(main_dir);
	in->stack_name = strdup(stack_name);
	in->branch = strdup(branch);
	if (!in->main_dir || !in->stack_name || !in->branch)
		return fail(e, EXIT_FAILED, "out of memory");
	return paths_find(&in->paths, e);
}

static void open_roster(struct instance *in)
{
	(in->inherited ? roster_go_on : roster_begin)(&in->roster, in->paths.state, in->claim.project_id,
		in->claim.project, in->claim.instance, in->run_id);
}

int boot_open(struct instance *in, bool died, struct error *e)
{
	crash_log_begin(in, died);
	open_roster(in);
	if (unless_resumed(in, tell_open(in, e), e) || unless_resumed(in, instance_write_ports_env(in, e), e)
		|| open_workers(in, e) || open_logs(in, e))
		return -1;
	const struct control_handler handler = requests_handler(in);
	in->server = control_listen_on(
		in->loop, inherited_take(in, PLACE_CONTROL), in->socket_path, &handler, e);
	return in->server ? 0 : -1;
}

int instance_boot(struct instance *in, const struct launch_request *r, bool **wanted,
	struct complaints *c, struct error *e)
{
	int judged = 0;
	take_request(in, r);
	if (proc_require(e) || boot_process(in, r->main_dir, r->stack_name, r->branch, e) || claim_number(in, r, &judged, c, e) || boot_places(in, e))
		return -1;
	if (in->claim.outcome == CLAIM_RUNNING)
		return 0;
	bool died = in->claim.unclean;
	return load(in, r, judged, wanted, c, e) ? -1 : boot_open(in, died, e);
}

void instance_free(struct instance *in)
{
	recorder_free(in->recorder, false);
	resume_free(in);
	foster_end(in);
	reload_abandon(in);
	takeover_free(in);
	forwarding_free(in);
	pending_free_all(in);
	control_close(in->server);
	prober_free(in->prober);
	notify_free(in->notify);
	log_guard_end(in);
	signals_close(in);
	for (int i = 0; in->io && i <= second_row(in); i++)
		io_close(in->io[i]);
	free(in->io);
	if (in->pool.directory)
		intake_pool_close(&in->pool);
	if (in->tree.id)
		tree_close(&in->tree);
	roster_close(&in->roster);
	keeper_free(in->keeper);
	if (in->spawner.error_read > 0)
		spawner_close(&in->spawner);
	sockets_release(&in->sockets);
	loaded_release(&in->loaded);
	if (in->claimed)
		claim_release(&in->claim);
	if (in->events_fd >= 0) {
		tell_flush(in);
		close(in->events_fd);
	}
	text_release(&in->events);
	json_decref(in->resumed);
	if (in->lifeline_fd >= 0)
		close(in->lifeline_fd);
	paths_release(&in->paths);
	free(in->main_dir);
	free(in->stack_name);
	free(in->branch);
	if (in->loop)
		ev_loop_destroy(in->loop);
}
