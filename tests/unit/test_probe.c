/* rooms: base model probe loop */
#include "probe_world.h"

#include <sys/resource.h>

#include "probe/attempt.h"

static struct probe tcp_probe(uint16_t port)
{
	return (struct probe){.kind = PROBE_TCP, .host = "localhost", .port = port};
}

static struct probe port_probe(uint16_t port)
{
	return (struct probe){.kind = PROBE_PORT, .port = port};
}

struct shell {
	char *argv[4];
	struct probe probe;
};

static struct probe *shell_probe(struct shell *shell, const char *text)
{
	static char sh[] = "/bin/sh";
	static char option[] = "-c";
	shell->argv[0] = sh;
	shell->argv[1] = option;
	shell->argv[2] = (char *)(uintptr_t)text;
	shell->argv[3] = NULL;
	shell->probe = (struct probe){.kind = PROBE_COMMAND,
		.command = {.text = text, .argv = shell->argv, .through_shell = true}};
	return &shell->probe;
}

/* ---- the look ---- */

static void test_port_answers(void **state)
{
	struct world *w = *state;
	struct probe probe = port_probe(30521);
	assert_int_equal(ask(w, &probe, 1000), PROBE_OK);
	assert_string_equal(w->reason, "");
	own(w, 30521, false, LISTENER_NOBODY, 0, NULL);
	assert_int_equal(ask(w, &probe, 1000), PROBE_FAILED);
	assert_string_equal(w->reason, "nothing listens on port 30521");
	own(w, 30521, false, LISTENER_UNKNOWN, 0, NULL);
	assert_int_equal(ask(w, &probe, 1000), PROBE_UNKNOWN);
	own(w, 30521, false, LISTENER_OTHER, 0, NULL);
	assert_int_equal(ask(w, &probe, 1000), PROBE_IMPOSTER);
	assert_string_equal(
		w->reason, "another process listens on port 30521, which is not this service");
}

static void test_one_look_for_a_turn(void **state)
{
	struct world *w = *state;
	struct probe probe = port_probe(30521);
	for (int service = 0; service < 300; service++)
		assert_true(prober_begin(w->prober, service, 7, PROBE_FOR_READY, &probe, 1000));
	assert_int_equal(prober_under_way(w->prober), 300);
	await_results(w, 300);
	assert_int_equal(w->look_calls, 1);
	assert_int_equal(w->looks, 300);
	assert_int_equal(w->told[PROBE_OK], 300);
	assert_int_equal(w->generation, 7);
	assert_int_equal(w->purpose, PROBE_FOR_READY);
}

/* ---- TCP ---- */

struct closer {
	ev_io io;
	size_t accepted;
};

static void on_connection(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	struct closer *closer = io->data;
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	struct linger now = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
	closer->accepted++;
}

static void test_fault_H24_listener_that_closes_at_once_is_open(void **state)
{
	struct world *w = *state;
	uint16_t port = 0;
	struct closer closer = {0};
	int fd = listen_on(NULL, &port);
	ev_io_init(&closer.io, on_connection, fd, EV_READ);
	closer.io.data = &closer;
	ev_io_start(w->loop, &closer.io);
	struct probe probe = tcp_probe(port);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask(w, &probe, 2000), PROBE_OK);
	/* The last connections are accepted after their results. */
	turn_for(w, 50);
	assert_int_equal(closer.accepted, 20);
	ev_io_stop(w->loop, &closer.io);
	close(fd);
}

static void test_tcp_tries_both_families(void **state)
{
	struct world *w = *state;
	uint16_t port = 0;
	int fd = listen_on("::1", &port);
	if (fd < 0)
		skip();
	struct probe probe = tcp_probe(port);
	assert_int_equal(ask(w, &probe, 2000), PROBE_OK);
	probe.host = "[::1]";
	assert_int_equal(ask(w, &probe, 2000), PROBE_OK);
	probe.host = "127.0.0.1";
	assert_int_equal(ask(w, &probe, 2000), PROBE_FAILED);
	close(fd);
}

/* A check's own local port must not take a port of somebody's block into TIME_WAIT. */
static void test_local_ports_are_above_all_blocks(void **state)
{
	struct world *w = *state;
	uint16_t port = 0;
	int fd = listen_on(NULL, &port);
	uint32_t range = 60999U << 16 | 41000U;
	if (setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof range)) {
		close(fd);
		skip(); /* before Linux 6.3 */
	}
	struct probe probe = tcp_probe(port);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(ask(w, &probe, 2000), PROBE_OK);
		assert_in_range(w->client_port, 41000, 60999);
		close(accept(fd, NULL, NULL));
	}
	close(fd);
}

static void test_fault_H8_tcp_refused(void **state)
{
	struct world *w = *state;
	uint16_t port = free_port();
	struct probe probe = tcp_probe(port);
	char wanted[100];
	snprintf(wanted, sizeof wanted, "connection refused on 127.0.0.1 and ::1, port %u", port);
	assert_int_equal(ask(w, &probe, 2000), PROBE_FAILED);
	assert_string_equal(w->reason, wanted);
}

static void test_tcp_does_not_connect_where_nobody_listens(void **state)
{
	struct world *w = *state;
	uint16_t port = 0;
	int fd = listen_on(NULL, &port);
	struct probe probe = tcp_probe(port);
	own(w, port, false, LISTENER_NOBODY, 0, NULL);
	assert_int_equal(ask(w, &probe, 2000), PROBE_FAILED);
	assert_reason(w, "nothing listens on port");
	turn_for(w, 20);
	assert_int_equal(accept(fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd);
}

static void test_fault_H1_tcp_backlog_full(void **state)
{
	struct world *w = *state;
	uint16_t port = 0;
	int fd = listen_on(NULL, &port);
	int crowd[8];
	listen(fd, 1);
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	for (size_t i = 0; i < 8; i++) {
		crowd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(crowd[i], (struct sockaddr *)&at, sizeof at);
	}
	struct probe probe = tcp_probe(port);
	assert_int_equal(ask(w, &probe, 300), PROBE_FAILED);
	assert_string_equal(w->reason, "no answer within 300 ms");
	assert_waited(w, 300);
	for (size_t i = 0; i < 8; i++)
		close(crowd[i]);
	close(fd);
}

static void test_tcp_wants_no_name_server(void **state)
{
	struct world *w = *state;
	struct probe probe = tcp_probe(9);
	probe.host = "db.example";
	assert_int_equal(ask(w, &probe, 2000), PROBE_UNKNOWN);
	assert_reason(w, "db.example");
}

/* ---- identity ---- */

static void test_fault_H14_stranger_is_not_connected_to(void **state)
{
	struct world *w = *state;
	uint16_t port = 0;
	char wanted[100];
	int fd = listen_on(NULL, &port);
	struct probe probe = tcp_probe(port);
	own(w, port, false, LISTENER_OTHER, 812, "node");
	assert_int_equal(ask(w, &probe, 2000), PROBE_IMPOSTER);
	snprintf(wanted, sizeof wanted,
		"pid 812 (node) listens on port %u, which is not this service", port);
	assert_string_equal(w->reason, wanted);
	turn_for(w, 20);
	assert_int_equal(accept(fd, NULL, NULL), -1);
	close(fd);
}

static void test_fault_H14_stranger_answers_the_connection(void **state)
{
	struct world *w = *state;
	uint16_t port = 0;
	int fd = listen_on(NULL, &port);
	struct probe probe = tcp_probe(port);
	own(w, port, true, LISTENER_OTHER, 812, "node");
	assert_int_equal(ask(w, &probe, 2000), PROBE_IMPOSTER);
	assert_reason(w, "pid 812 (node) answers on port");
	assert_int_equal(w->connection_looks, 1);
	close(fd);
}

static void test_identity_warn_succeeds_with_a_warning(void **state)
{
	struct world *w = *state;
	uint16_t port = 0;
	int fd = listen_on(NULL, &port);
	struct probe probe = tcp_probe(port);
	own(w, port, false, LISTENER_TOLERATED, 812, "node");
	own(w, port, true, LISTENER_TOLERATED, 812, "node");
	assert_int_equal(ask(w, &probe, 2000), PROBE_OK);
	assert_reason(w, "pid 812 (node) answers on port");
	close(fd);
}

static void test_closed_far_end_is_judged_by_the_listener(void **state)
{
	struct world *w = *state;
	uint16_t port = 0;
	int fd = listen_on(NULL, &port);
	struct probe probe = tcp_probe(port);
	own(w, port, true, LISTENER_NOBODY, 0, NULL);
	assert_int_equal(ask(w, &probe, 2000), PROBE_OK);
	assert_int_equal(w->look_calls, 3);
	close(fd);
}

/* A connect to a port of the ephemeral range can meet itself: nobody listens, yet it is connected.
 */
static void test_row_I8_connection_to_itself_is_nobody(void **state)
{
	struct world *w = *state;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	struct probe probe = tcp_probe(ntohs(at.sin_port));
	struct attempt attempt = {.prober = w->prober, .probe = &probe};
	OWNED_TEXT reason = {0};
	assert_int_equal(judge_connection(&attempt, fd, &reason), PROBE_FAILED);
	assert_int_equal(w->look_calls, 0);
	close(fd);
}

/* ---- commands ---- */

static void test_command_exit_codes(void **state)
{
	struct world *w = *state;
	struct shell shell;
	assert_int_equal(ask(w, shell_probe(&shell, "exit 0"), 5000), PROBE_OK);
	assert_string_equal(w->reason, "");
	assert_int_equal(ask(w, shell_probe(&shell, "echo one; echo 'two  ' >&2; exit 2"), 5000),
		PROBE_FAILED);
	assert_string_equal(w->reason, "the check's command exited with code 2: two");
	assert_int_equal(ask(w, shell_probe(&shell, "kill -SEGV $$"), 5000), PROBE_FAILED);
	assert_reason(w, "killed by SIGSEGV");
	char nowhere[] = "/nonexistent/check";
	shell_probe(&shell, "");
	shell.argv[0] = nowhere;
	assert_int_equal(ask(w, &shell.probe, 5000), PROBE_FAILED);
	assert_reason(w, "cannot start the check's command: /nonexistent/check: No such file");
}

static void await_reaped(struct world *w)
{
	while (w->command_pid)
		ev_run(w->loop, EVRUN_ONCE);
}

static void test_fault_H13_command_hangs_and_ignores_term(void **state)
{
	struct world *w = *state;
	struct shell shell;
	const char *text = "trap '' TERM; sleep 61 & echo waiting for the database; wait";
	assert_true(
		prober_begin(w->prober, 0, 1, PROBE_FOR_HEALTH, shell_probe(&shell, text), 400));
	/* Started in the next turn; its pid is known then. */
	while (!w->command_pid)
		ev_run(w->loop, EVRUN_ONCE);
	pid_t group = w->command_pid;
	await_results(w, 1);
	assert_int_equal(w->result, PROBE_FAILED);
	assert_string_equal(w->reason,
		"no answer within 400 ms; the check's command was killed: "
		"waiting for the database");
	assert_waited(w, 400);
	await_reaped(w);
	assert_int_equal(prober_under_way(w->prober), 0);
	/* The sleep is another's child by now, and may be a zombie of his for a moment. */
	siginfo_t info;
	assert_int_equal(waitid(P_PGID, (id_t)group, &info, WEXITED | WNOHANG), -1);
	assert_int_equal(w->trees_killed, 2);
}

static void test_fault_H13_new_check_waits_for_the_killed_one(void **state)
{
	struct world *w = *state;
	struct shell shell;
	shell_probe(&shell, "sleep 62");
	assert_true(prober_begin(w->prober, 0, 1, PROBE_FOR_HEALTH, &shell.probe, 50));
	while (!w->command_pid)
		ev_run(w->loop, EVRUN_ONCE);
	/* It is killed at the deadline, and nobody notices yet. */
	ev_io_stop(w->loop, &w->command_exit);
	await_results(w, 1);
	assert_int_equal(w->result, PROBE_FAILED);
	assert_int_equal(prober_under_way(w->prober), 1);
	assert_true(prober_begin(w->prober, 0, 1, PROBE_FOR_HEALTH, &shell.probe, 50));
	await_results(w, 2);
	assert_int_equal(w->result, PROBE_UNKNOWN);
	assert_reason(w, "has not ended yet");
	assert_int_equal(w->commands_started, 1);
	ev_io_start(w->loop, &w->command_exit);
	await_reaped(w);
	assert_int_equal(ask(w, shell_probe(&shell, "exit 0"), 5000), PROBE_OK);
}

static void test_fault_H13_command_prints_100_mb(void **state)
{
	struct world *w = *state;
	struct shell shell;
	const char *text = "head -c 100000000 /dev/zero; echo; echo last words; exit 3";
	assert_int_equal(ask(w, shell_probe(&shell, text), 20000), PROBE_FAILED);
	assert_string_equal(w->reason, "the check's command exited with code 3: last words");
}

static void test_fault_H13_command_floods_for_ever(void **state)
{
	struct world *w = *state;
	struct shell shell;
	assert_true(prober_begin(
		w->prober, 0, 1, PROBE_FOR_HEALTH, shell_probe(&shell, "exec yes flood"), 300));
	await_results(w, 1);
	assert_int_equal(w->result, PROBE_FAILED);
	assert_reason(w, "the check's command was killed: flood");
	assert_waited(w, 300);
	await_reaped(w);
}

static void test_fault_H13_command_leaves_a_child_with_its_output(void **state)
{
	struct world *w = *state;
	struct shell shell;
	int64_t began = clock_now_ms();
	assert_int_equal(ask(w, shell_probe(&shell, "sleep 63 & echo fine"), 20000), PROBE_OK);
	assert_true(clock_now_ms() - began < 5000);
	assert_int_equal(w->trees_killed, 1);
}

static void test_unknown_exit_is_not_ours(void **state)
{
	struct world *w = *state;
	struct exit_status status = {.pid = 1};
	assert_false(prober_command_exited(w->prober, &status));
}

/* ---- one at a time, cancel, queue ---- */

static void test_fault_H11_never_two_at_once(void **state)
{
	struct world *w = *state;
	struct shell shell;
	shell_probe(&shell, "sleep 64");
	for (int i = 0; i < 10; i++) {
		assert_true(prober_begin(w->prober, 0, 1, PROBE_FOR_HEALTH, &shell.probe, 400));
		assert_int_equal(prober_under_way(w->prober), 1);
		turn_for(w, 20);
	}
	await_results(w, 1);
	assert_int_equal(w->commands_started, 1);
	assert_int_equal(w->results, 1);
	await_reaped(w);
}

static void test_fault_H17_cancelled_check_says_nothing(void **state)
{
	struct world *w = *state;
	struct shell shell;
	struct probe probe = port_probe(30521);
	shell_probe(&shell, "sleep 65");
	assert_true(prober_begin(w->prober, 3, 1, PROBE_FOR_HEALTH, &shell.probe, 150));
	assert_true(prober_begin(w->prober, 3, 1, PROBE_FOR_READY, &probe, 150));
	prober_cancel(w->prober, 3);
	assert_int_equal(prober_under_way(w->prober), 0);
	assert_true(prober_begin(w->prober, 3, 2, PROBE_FOR_HEALTH, &shell.probe, 150));
	turn_for(w, 30);
	assert_int_equal(w->commands_started, 1);
	prober_cancel(w->prober, 3);
	turn_for(w, 200);
	assert_int_equal(w->results, 0);
	assert_int_equal(w->look_calls, 0);
	assert_int_equal(prober_under_way(w->prober), 0);
}

static void test_fault_H17_new_generation_voids_the_old(void **state)
{
	struct world *w = *state;
	struct probe probe = port_probe(30521);
	assert_true(prober_begin(w->prober, 3, 1, PROBE_FOR_READY, &probe, 150));
	assert_true(prober_begin(w->prober, 3, 2, PROBE_FOR_READY, &probe, 150));
	await_results(w, 1);
	turn_for(w, 30);
	assert_int_equal(w->results, 1);
	assert_int_equal(w->generation, 2);
}

static struct world *canceller;

static void cancel_others(void *self, int service, uint64_t generation, enum probe_purpose purpose,
	enum probe_result result, const char *reason, int64_t latency_ms)
{
	take_result(self, service, generation, purpose, result, reason, latency_ms);
	for (int other = 0; other < 10; other++)
		prober_cancel(canceller->prober, other);
}

static void test_hook_may_cancel_what_is_done_but_not_told(void **state)
{
	struct world *w = *state;
	struct probe probe = port_probe(30521);
	struct prober_hooks hooks = {
		.self = w, .on_result = cancel_others, .look = answer_looks};
	prober_free(w->prober);
	w->prober = prober_new(w->loop, &hooks);
	canceller = w;
	for (int service = 0; service < 10; service++)
		assert_true(prober_begin(w->prober, service, 1, PROBE_FOR_READY, &probe, 500));
	await_results(w, 1);
	turn_for(w, 30);
	assert_int_equal(w->results, 1);
	assert_int_equal(prober_under_way(w->prober), 0);
}

/*
 * 80 checks of a listener that never accepts: what had to wait is unknown, not failed, whether it
 * was never asked (300 ms) or only for a part of its time (900 ms).
 */
static void test_fault_H12_waiting_checks_end_unknown(void **state)
{
	struct world *w = *state;
	uint16_t port = 0;
	int fd = listen_on(NULL, &port);
	int one[4];
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	listen(fd, 1);
	for (size_t i = 0; i < 4; i++) {
		one[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(one[i], (struct sockaddr *)&at, sizeof at);
	}
	struct probe probe = tcp_probe(port);
	for (int service = 0; service < PROBER_TCP_MOST + 16; service++) {
		int64_t timeout_ms = service < PROBER_TCP_MOST ? 600
			: service < PROBER_TCP_MOST + 8        ? 300
							       : 900;
		assert_true(
			prober_begin(w->prober, service, 1, PROBE_FOR_HEALTH, &probe, timeout_ms));
	}
	await_results(w, 8);
	assert_string_equal(w->reason,
		"not asked within 300 ms: it had to wait, only 64 TCP checks run at once");
	await_results(w, PROBER_TCP_MOST + 16);
	assert_string_equal(w->reason,
		"no answer within 900 ms: it had to wait, only 64 TCP checks run at once");
	assert_int_equal(w->told[PROBE_FAILED], PROBER_TCP_MOST);
	assert_int_equal(w->told[PROBE_UNKNOWN], 16);
	for (size_t i = 0; i < 4; i++)
		close(one[i]);
	close(fd);
}

/* ---- our own troubles ---- */

static rlim_t set_files_max(rlim_t most)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	rlim_t was = limit.rlim_cur;
	limit.rlim_cur = most;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return was;
}

static void test_fault_H21_no_descriptor_is_unknown(void **state)
{
	struct world *w = *state;
	struct shell shell;
	uint16_t port = 0;
	int fd = listen_on(NULL, &port);
	struct probe probe = tcp_probe(port);
	shell_probe(&shell, "exit 0");
	turn_for(w, 20);
	rlim_t was = set_files_max((rlim_t)fd + 1);
	assert_int_equal(ask(w, &probe, 1000), PROBE_UNKNOWN);
	assert_reason(w, "Too many open files");
	assert_int_equal(ask(w, &shell.probe, 1000), PROBE_UNKNOWN);
	assert_reason(w, "Too many open files");
	set_files_max(was);
	assert_int_equal(ask(w, &probe, 1000), PROBE_OK);
	assert_int_equal(ask(w, &shell.probe, 5000), PROBE_OK);
	close(fd);
}

static void block(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)timer;
	(void)events;
	nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 300000000}, NULL);
}

static void test_fault_H19_paused_check_is_unknown(void **state)
{
	struct world *w = *state;
	struct shell shell;
	ev_timer pause;
	w->excused = true;
	ev_timer_init(&pause, block, 0.05, 0.);
	ev_timer_start(w->loop, &pause);
	assert_true(prober_begin(
		w->prober, 0, 1, PROBE_FOR_HEALTH, shell_probe(&shell, "sleep 66"), 150));
	await_results(w, 1);
	assert_int_equal(w->result, PROBE_UNKNOWN);
	assert_reason(w, "paused");
	await_reaped(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_port_answers),
		TEST(test_one_look_for_a_turn),
		TEST(test_fault_H24_listener_that_closes_at_once_is_open),
		TEST(test_tcp_tries_both_families),
		TEST(test_local_ports_are_above_all_blocks),
		TEST(test_fault_H8_tcp_refused),
		TEST(test_tcp_does_not_connect_where_nobody_listens),
		TEST(test_fault_H1_tcp_backlog_full),
		TEST(test_tcp_wants_no_name_server),
		TEST(test_fault_H14_stranger_is_not_connected_to),
		TEST(test_fault_H14_stranger_answers_the_connection),
		TEST(test_identity_warn_succeeds_with_a_warning),
		TEST(test_closed_far_end_is_judged_by_the_listener),
		TEST(test_row_I8_connection_to_itself_is_nobody),
		TEST(test_command_exit_codes),
		TEST(test_fault_H13_command_hangs_and_ignores_term),
		TEST(test_fault_H13_new_check_waits_for_the_killed_one),
		TEST(test_fault_H13_command_prints_100_mb),
		TEST(test_fault_H13_command_floods_for_ever),
		TEST(test_fault_H13_command_leaves_a_child_with_its_output),
		TEST(test_unknown_exit_is_not_ours),
		TEST(test_fault_H11_never_two_at_once),
		TEST(test_fault_H17_cancelled_check_says_nothing),
		TEST(test_fault_H17_new_generation_voids_the_old),
		TEST(test_hook_may_cancel_what_is_done_but_not_told),
		TEST(test_fault_H12_waiting_checks_end_unknown),
		TEST(test_fault_H21_no_descriptor_is_unknown),
		TEST(test_fault_H19_paused_check_is_unknown),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
