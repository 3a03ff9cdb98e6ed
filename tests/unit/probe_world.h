/*
 * probe_world.h - a loop with a prober, invented owners of ports, and a heartbeat.
 *
 * The heartbeat is a timer of 10 ms on the same loop: whatever a check meets, it must go on
 * beating. A bystander thread sleeps as often and shows how long this machine itself kept everybody
 * waiting, which is not held against the loop.
 */
#ifndef PROBE_WORLD_H
#define PROBE_WORLD_H

/* First: cmocka.h makes `fail` a macro. */
#include "base/clock.h"
#include "base/text.h"
#include "descriptors.h"
#include "probe/prober.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

enum {
	OWNERS_MOST = 8,
	BEAT_MS = 10,
	GAP_MOST_MS = 1000,
	PATIENCE_S = 30,
	DESCRIPTORS_MAY_STAY = -1,
};

struct owner {
	uint16_t port;
	bool of_connection; /* the answer for a connection, not for the listener */
	enum listener_owner owner;
	pid_t pid;
	const char *name;
};

struct world {
	struct ev_loop *loop;
	struct prober *prober;
	ev_timer beat;
	ev_timer patience;
	int descriptors; /* before anything was opened, or DESCRIPTORS_MAY_STAY */
	int64_t last_beat_ms;
	int64_t longest_gap_ms;
	bool excused; /* this test blocks the loop itself */

	struct owner owners[OWNERS_MOST];
	size_t owner_count;
	size_t look_calls;
	size_t looks;
	size_t connection_looks;
	bool shared; /* two runs of the service on one socket */
	size_t accepted_at; /* the look at a connection from which on one of them has accepted it */
	uint16_t client_port; /* of the last connection asked about */

	size_t results;
	int service;
	uint64_t generation;
	enum probe_purpose purpose;
	enum probe_result result;
	char reason[1024];
	int64_t latency_ms;
	size_t told[4]; /* how often each result */

	size_t commands_started;
	size_t trees_killed;
	ev_io command_exit;
	pid_t command_pid;
};

struct server {
	pid_t pid;
	int input; /* closing it ends the server */
	uint16_t port;
};

static atomic_long bystander_gap_ms;
static atomic_bool bystander_done;

static inline void *stand_by(void *none)
{
	(void)none;
	int64_t last = clock_now_ms();
	while (!bystander_done) {
		nanosleep(&(struct timespec){.tv_nsec = BEAT_MS * 1000000L}, NULL);
		int64_t now = clock_now_ms();
		if (now - last > bystander_gap_ms)
			bystander_gap_ms = (long)(now - last);
		last = now;
	}
	return NULL;
}

static inline void on_beat(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct world *w = timer->data;
	int64_t now = clock_now_ms();
	if (now - w->last_beat_ms > w->longest_gap_ms)
		w->longest_gap_ms = now - w->last_beat_ms;
	w->last_beat_ms = now;
}

static inline void on_no_patience(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)timer;
	(void)events;
	fail_msg("nothing happened for %d s", PATIENCE_S);
}

static inline void take_result(void *self, int service, uint64_t generation,
	enum probe_purpose purpose, enum probe_result result, const char *reason,
	int64_t latency_ms)
{
	struct world *w = self;
	w->results++;
	w->service = service;
	w->generation = generation;
	w->purpose = purpose;
	w->result = result;
	w->latency_ms = latency_ms;
	w->told[result]++;
	snprintf(w->reason, sizeof w->reason, "%s", reason);
	ev_break(w->loop, EVBREAK_ONE);
}

static inline uint16_t port_of(const struct sockaddr *address)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)address;
	return ntohs(four->sin_port); /* at the same place in both families */
}

static inline bool shares(void *self, int service)
{
	(void)service;
	return ((struct world *)self)->shared;
}

/* Ours, unless a rule says otherwise. */
static inline void answer_looks(void *self, struct listener_look *looks, size_t count)
{
	struct world *w = self;
	w->look_calls++;
	w->looks += count;
	for (size_t i = 0; i < count; i++) {
		looks[i].owner = LISTENER_OURS;
		w->connection_looks += looks[i].server != NULL;
		if (looks[i].client)
			w->client_port = port_of(looks[i].client);
		for (size_t k = 0; k < w->owner_count; k++) {
			const struct owner *rule = &w->owners[k];
			if (rule->port != looks[i].port ||
				rule->of_connection != (looks[i].server != NULL))
				continue;
			looks[i].owner = rule->owner;
			looks[i].pid = rule->pid;
			if (rule->name)
				snprintf(looks[i].name, sizeof looks[i].name, "%s", rule->name);
		}
		if (looks[i].fresh && w->connection_looks < w->accepted_at)
			looks[i].owner = LISTENER_UNKNOWN;
	}
}

static inline void on_command_exit(struct ev_loop *loop, ev_io *io, int events)
{
	(void)events;
	struct world *w = io->data;
	siginfo_t info = {0};
	assert_int_equal(waitid(P_PID, (id_t)w->command_pid, &info, WEXITED | WNOHANG), 0);
	if (!info.si_pid)
		return;
	struct exit_status status = {.pid = info.si_pid,
		.code = info.si_code == CLD_EXITED ? info.si_status : -1,
		.signal = info.si_code == CLD_EXITED ? 0 : info.si_status};
	ev_io_stop(loop, io);
	close(io->fd);
	w->command_pid = 0;
	assert_true(prober_command_exited(w->prober, &status));
}

static inline pid_t spawn_command(
	void *self, int service, const struct command *command, int output_fd, struct error *e)
{
	(void)service;
	struct world *w = self;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	pid_t pid;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, output_fd, 1);
	posix_spawn_file_actions_adddup2(&actions, output_fd, 2);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
	int error =
		posix_spawn(&pid, command->argv[0], &actions, &attributes, command->argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (error) {
		errno = error;
		return fail_errno(e, EXIT_FAILED, "%s", command->argv[0]);
	}
	w->commands_started++;
	w->command_pid = pid;
	ev_io_init(&w->command_exit, on_command_exit, pidfd_open(pid, 0), EV_READ);
	w->command_exit.data = w;
	ev_io_start(w->loop, &w->command_exit);
	return pid;
}

static inline void kill_command(void *self, int service, pid_t pid)
{
	(void)service;
	struct world *w = self;
	w->trees_killed++;
	kill(-pid, SIGKILL);
}

static inline int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct prober_hooks hooks = {.self = w, .on_result = take_result, .look = answer_looks,
		.shares = shares, .start_command = spawn_command, .kill_command = kill_command};
	w->descriptors = descriptors_open();
	w->loop = ev_loop_new(EVFLAG_AUTO);
	w->prober = prober_new(w->loop, &hooks);
	w->last_beat_ms = clock_now_ms();
	bystander_gap_ms = 0;
	ev_timer_init(&w->beat, on_beat, BEAT_MS / 1000., BEAT_MS / 1000.);
	w->beat.data = w;
	ev_timer_start(w->loop, &w->beat);
	ev_timer_init(&w->patience, on_no_patience, 0., PATIENCE_S);
	*state = w;
	return 0;
}

static inline int world_teardown(void **state)
{
	struct world *w = *state;
	int64_t allowed = GAP_MOST_MS + bystander_gap_ms;
	prober_free(w->prober);
	ev_loop_destroy(w->loop);
	if (!w->excused && w->longest_gap_ms >= allowed)
		fail_msg("the loop stood still for %lld ms, the machine for %ld ms",
			(long long)w->longest_gap_ms, (long)bystander_gap_ms);
	if (w->descriptors != DESCRIPTORS_MAY_STAY)
		descriptors_expect(w->descriptors);
	free(w);
	return 0;
}

static pthread_t bystander;

static inline int group_setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return pthread_create(&bystander, NULL, stand_by, NULL);
}

static inline int group_teardown(void **state)
{
	(void)state;
	bystander_done = true;
	return pthread_join(bystander, NULL);
}

/* Until the count of results is this. */
static inline void await_results(struct world *w, size_t count)
{
	w->last_beat_ms = clock_now_ms();
	ev_timer_again(w->loop, &w->patience);
	while (w->results < count)
		ev_run(w->loop, 0);
	ev_timer_stop(w->loop, &w->patience);
}

static inline void on_enough(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* Turns the loop for a while, to see that something does not happen. */
static inline void turn_for(struct world *w, int64_t ms)
{
	ev_timer enough;
	int64_t end = clock_now_ms() + ms;
	int64_t left;
	w->last_beat_ms = clock_now_ms();
	while ((left = end - clock_now_ms()) > 0) {
		ev_now_update(w->loop);
		ev_timer_init(&enough, on_enough, (double)left / 1000., 0.);
		ev_timer_start(w->loop, &enough);
		ev_run(w->loop, 0);
		ev_timer_stop(w->loop, &enough);
	}
}

static inline void own(struct world *w, uint16_t port, bool of_connection,
	enum listener_owner owner, pid_t pid, const char *name)
{
	assert_true(w->owner_count < OWNERS_MOST);
	w->owners[w->owner_count++] = (struct owner){port, of_connection, owner, pid, name};
}

/* One attempt of service 0 from begin to result. */
static inline enum probe_result ask(struct world *w, const struct probe *probe, int64_t timeout_ms)
{
	size_t before = w->results;
	assert_true(prober_begin(w->prober, 0, 1, PROBE_FOR_HEALTH, probe, timeout_ms));
	assert_int_equal(w->results, before);
	await_results(w, before + 1);
	assert_int_equal(prober_under_way(w->prober), 0);
	return w->result;
}

#define assert_reason(w, part)                                                                     \
	do {                                                                                       \
		if (!strstr((w)->reason, part))                                                    \
			fail_msg("reason '%s' lacks '%s'", (w)->reason, part);                     \
	} while (0)

/* At its deadline: not before, and not much later. */
#define assert_waited(w, ms)                                                                       \
	do {                                                                                       \
		assert_true((w)->latency_ms >= (ms)-5);                                            \
		assert_true((w)->latency_ms < (ms) + 1000);                                        \
	} while (0)

/* A listening socket of this process; NULL host: 127.0.0.1. */
static inline int listen_on(const char *host, uint16_t *port)
{
	struct sockaddr_storage at = {0};
	socklen_t length;
	if (host && strchr(host, ':')) {
		struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(*port)};
		inet_pton(AF_INET6, host, &six.sin6_addr);
		memcpy(&at, &six, length = sizeof six);
	} else {
		struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(*port)};
		inet_pton(AF_INET, host ? host : "127.0.0.1", &four.sin_addr);
		memcpy(&at, &four, length = sizeof four);
	}
	int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, length) || listen(fd, 128)) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	getsockname(fd, (struct sockaddr *)&at, &length);
	*port = port_of((struct sockaddr *)&at);
	return fd;
}

/* A port on which nobody listens. */
static inline uint16_t free_port(void)
{
	uint16_t port = 0;
	int fd = listen_on(NULL, &port);
	assert_true(fd >= 0);
	close(fd);
	return port;
}

/* Starts httpd.py and waits for its port. */
static inline struct server server_start(const char *option, const char *value)
{
	struct server server = {0};
	char path[] = TEST_DATA "/../actors/httpd.py";
	char python[] = "/usr/bin/python3";
	char unbuffered[] = "-u";
	char *argv[] = {python, unbuffered, path, (char *)(uintptr_t)option,
		(char *)(uintptr_t)value, NULL};
	int in[2];
	int out[2];
	posix_spawn_file_actions_t actions;
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	assert_int_equal(posix_spawn(&server.pid, python, &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	server.input = in[1];
	FILE *said = fdopen(out[0], "r");
	unsigned port = 0;
	assert_int_equal(fscanf(said, "port %u", &port), 1);
	fclose(said);
	server.port = (uint16_t)port;
	return server;
}

static inline void server_stop(struct server *server)
{
	close(server->input);
	assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
}

#endif
