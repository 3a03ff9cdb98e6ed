/* rooms: forward loop base */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ev.h>

#include "alone.h"
#include "base/clock.h"
#include "base/own.h"
#include "descriptors.h"
#include "forward/forward.h"
#include "loop/loop.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

enum { OLD = 31001, NEW = 31002, OTHER = 31003, PATIENCE_MS = 20000 };

struct world {
	struct ev_loop *loop;
	struct forward *forward;
	int server; /* listens at NEW */
	int descriptors; /* before anything was opened */
};
static struct world w;

static int listen_at(uint16_t port, bool v6)
{
	struct sockaddr_in at4 = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 at6 = {.sin6_family = AF_INET6, .sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int on = 1;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_return_code(v6 ? bind(fd, (struct sockaddr *)&at6, sizeof at6)
			      : bind(fd, (struct sockaddr *)&at4, sizeof at4), errno);
	assert_return_code(listen(fd, 256), errno);
	return fd;
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(connect(fd, (struct sockaddr *)&at, sizeof at), errno);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static int begin(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (!alone_network())
		return -1;
	w.descriptors = descriptors_open();
	w.loop = loop_new();
	w.forward = forward_new(w.loop, NEW, 60000);
	w.server = listen_at(NEW, false);
	assert_true(forward_listen(w.forward, listen_at(OLD, false)));
	return 0;
}

static int end(void **state)
{
	(void)state;
	forward_free(w.forward);
	close(w.server);
	ev_loop_destroy(w.loop);
	descriptors_expect(w.descriptors);
	return 0;
}

/* One turn of the loop; it never waits longer than a moment for what the test itself has to do. */
static void turn(void)
{
	ev_run(w.loop, EVRUN_NOWAIT);
	usleep(200);
}

#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		int64_t end_ = clock_now_ms() + PATIENCE_MS;                                       \
		while (!(condition)) {                                                             \
			assert_true(clock_now_ms() < end_);                                        \
			turn();                                                                    \
		}                                                                                  \
	} while (0)

static int accept_one(int server)
{
	int fd = -1;
	UNTIL((fd = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
	return fd;
}

static ssize_t got;
static char bytes[256 * 1024];

/* Reads what there is; the test waits while there is nothing. */
static bool reads(int fd)
{
	got = read(fd, bytes, sizeof bytes);
	return got >= 0 || errno != EAGAIN;
}

static void expect(int fd, const char *text)
{
	UNTIL(reads(fd));
	assert_int_equal(got, strlen(text));
	assert_memory_equal(bytes, text, strlen(text));
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void bytes_go_both_ways_and_so_does_the_end(void **state)
{
	(void)state;
	OWNED_FD client = connect_to(OLD);
	say(client, "question");
	OWNED_FD server = accept_one(w.server);
	expect(server, "question");
	say(server, "answer");
	expect(client, "answer");
	shutdown(client, SHUT_WR);
	expect(server, "");
	say(server, "last words");
	expect(client, "last words");
	assert_int_equal(forward_connections(w.forward), 1);
	shutdown(server, SHUT_WR);
	expect(client, "");
	UNTIL(forward_connections(w.forward) == 0);
	assert_false(forward_is_over(w.forward));
}

static bool sends(int fd, size_t *left)
{
	ssize_t put = *left ? write(fd, bytes, *left < sizeof bytes ? *left : sizeof bytes) : 0;
	*left -= put > 0 ? (size_t)put : 0;
	return !*left;
}

static bool receives(int fd, size_t *left)
{
	ssize_t n = read(fd, bytes, sizeof bytes);
	*left -= n > 0 ? (size_t)n : 0;
	return !*left;
}

static void a_slow_reader_holds_up_its_own_connection_only(void **state)
{
	(void)state;
	enum { MUCH = 40 * 1024 * 1024 };
	size_t to_send = MUCH, to_receive = MUCH, back = MUCH, received = MUCH;
	OWNED_FD client = connect_to(OLD);
	OWNED_FD server = accept_one(w.server);
	for (int i = 0; i < 400; i++) {
		(void)sends(client, &to_send);
		turn();
	}
	assert_true(to_send > 0);
	OWNED_FD quick = connect_to(OLD);
	OWNED_FD other = accept_one(w.server);
	say(quick, "me too");
	expect(other, "me too");
	UNTIL((int)sends(client, &to_send) & (int)receives(server, &to_receive) & (int)sends(server, &back) &
		(int)receives(client, &received));
	assert_int_equal(to_receive, 0);
	assert_int_equal(received, 0);
}

static void whoever_breaks_off_ends_both_sides(void **state)
{
	(void)state;
	int client = connect_to(OLD);
	OWNED_FD server = accept_one(w.server);
	say(client, "x");
	expect(server, "x");
	const struct linger now = {.l_onoff = 1};
	setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(client);
	UNTIL(forward_connections(w.forward) == 0);
	UNTIL(reads(server));
	assert_true(got <= 0);
}

static void a_target_on_ipv6_alone_is_found(void **state)
{
	(void)state;
	OWNED_FD v6 = listen_at(OTHER, true);
	forward_aim(w.forward, OTHER);
	OWNED_FD client = connect_to(OLD);
	OWNED_FD server = accept_one(v6);
	say(server, "hello");
	expect(client, "hello");
}

static void without_a_target_the_client_is_let_go(void **state)
{
	(void)state;
	forward_aim(w.forward, OTHER);
	OWNED_FD client = connect_to(OLD);
	UNTIL(reads(client));
	assert_true(got <= 0);
	UNTIL(forward_connections(w.forward) == 0);
}

struct pair {
	int client;
	int server;
};
static struct pair pairs[FORWARD_CONNECTIONS];

static void fill(void)
{
	size_t most = forward_most(w.forward);
	assert_in_range(most, 1, FORWARD_CONNECTIONS);
	for (size_t i = 0; i < most; i++) {
		pairs[i].client = connect_to(OLD);
		pairs[i].server = accept_one(w.server);
	}
	assert_int_equal(forward_connections(w.forward), most);
}

static void close_pairs(size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		close(pairs[i].client);
		close(pairs[i].server);
	}
}

static void one_too_many_gets_the_place_of_who_leaves(void **state)
{
	(void)state;
	int server = -1;
	fill();
	OWNED_FD client = connect_to(OLD);
	close_pairs(0, 1);
	/* Where this test was kept waiting, patience may be over. */
	UNTIL((server = accept(w.server, NULL, NULL)) >= 0 || forward_refused(w.forward));
	if (server >= 0)
		close(server);
	close_pairs(1, forward_most(w.forward));
}

static void too_many_are_not_kept_waiting(void **state)
{
	(void)state;
	enum { MORE = 20 };
	int clients[MORE];
	fill();
	for (int i = 0; i < MORE; i++)
		clients[i] = connect_to(OLD);
	UNTIL(forward_refused(w.forward) == MORE);
	for (int i = 0; i < MORE; i++) {
		UNTIL(reads(clients[i]));
		assert_true(got <= 0);
		close(clients[i]);
	}
	assert_int_equal(forward_connections(w.forward), forward_most(w.forward));
	close_pairs(0, forward_most(w.forward));
	UNTIL(forward_connections(w.forward) == 0);
	OWNED_FD client = connect_to(OLD);
	OWNED_FD server = accept_one(w.server);
	say(server, "hello");
	expect(client, "hello");
}

/* The descriptors are those of one process. */
static void several_forwards_share_the_places(void **state)
{
	(void)state;
	struct forward *other = forward_new(w.loop, NEW, 60000);
	assert_true(forward_listen(other, listen_at(OTHER, false)));
	fill();
	OWNED_FD refused = connect_to(OTHER);
	UNTIL(forward_refused(other) == 1);
	UNTIL(reads(refused));
	close_pairs(0, forward_most(w.forward));
	UNTIL(forward_connections(w.forward) == 0);
	OWNED_FD client = connect_to(OTHER);
	OWNED_FD server = accept_one(w.server);
	say(server, "hello");
	expect(client, "hello");
	forward_free(other);
}

static void closed_it_ends_with_its_last_connection(void **state)
{
	(void)state;
	OWNED_FD client = connect_to(OLD);
	int server = accept_one(w.server);
	forward_close(w.forward);
	assert_false(forward_is_over(w.forward));
	say(client, "still here");
	expect(server, "still here");
	close(server);
	own_close(&client);
	UNTIL(forward_is_over(w.forward));
	/* The port is nobody's now. */
	OWNED_FD again = listen_at(OLD, false);
	assert_true(again >= 0);
}

static void the_grace_ends_everything(void **state)
{
	(void)state;
	struct forward *brief = forward_new(w.loop, NEW, 50);
	assert_true(forward_listen(brief, listen_at(OTHER, false)));
	OWNED_FD client = connect_to(OTHER);
	OWNED_FD server = accept_one(w.server);
	assert_int_equal(forward_connections(brief), 1);
	UNTIL(forward_is_over(brief));
	forward_free(brief);
	UNTIL(reads(client));
	assert_true(got <= 0);
	UNTIL(reads(server));
}

static void what_is_under_way_arrives_after_the_grace(void **state)
{
	(void)state;
	struct forward *brief = forward_new(w.loop, NEW, 50);
	assert_true(forward_listen(brief, listen_at(OTHER, false)));
	OWNED_FD client = connect_to(OTHER);
	int server = accept_one(w.server);
	say(client, "question");
	expect(server, "question");
	expect(server, "");
	say(server, "answer");
	close(server);
	expect(client, "answer");
	expect(client, "");
	UNTIL(forward_is_over(brief));
	forward_free(brief);
}

/* As a server leaves it to which the socket was passed. */
static void a_socket_that_waits_does_not_stop_the_loop(void **state)
{
	(void)state;
	int listener = listen_at(OTHER, false);
	fcntl(listener, F_SETFL, 0);
	struct forward *forward = forward_new(w.loop, NEW, 60000);
	assert_true(forward_listen(forward, listener));
	alarm(20); /* where the loop waits, nothing else ends this */
	OWNED_FD client = connect_to(OTHER);
	OWNED_FD server = accept_one(w.server);
	say(client, "still turning");
	expect(server, "still turning");
	alarm(0);
	forward_free(forward);
}

/* The listener stays readable meanwhile: who looks again at once does nothing else. */
static void fault_S30_without_descriptors_it_waits_and_goes_on(void **state)
{
	(void)state;
	struct rlimit files;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	OWNED_FD client = connect_to(OLD);
	say(client, "patience");
	int free_one = dup(client);
	close(free_one);
	struct rlimit none = {.rlim_cur = (rlim_t)free_one, .rlim_max = files.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int turns = 0;
	for (int64_t end = clock_now_ms() + 3 * FORWARD_PAUSE_MS; clock_now_ms() < end; turns++)
		ev_run(w.loop, EVRUN_ONCE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	assert_in_range(turns, 1, 12);
	OWNED_FD server = accept_one(w.server);
	expect(server, "patience");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(bytes_go_both_ways_and_so_does_the_end),
		TEST(a_slow_reader_holds_up_its_own_connection_only),
		TEST(whoever_breaks_off_ends_both_sides),
		TEST(a_target_on_ipv6_alone_is_found),
		TEST(without_a_target_the_client_is_let_go),
		TEST(one_too_many_gets_the_place_of_who_leaves),
		TEST(too_many_are_not_kept_waiting),
		TEST(several_forwards_share_the_places),
		TEST(closed_it_ends_with_its_last_connection),
		TEST(the_grace_ends_everything),
		TEST(what_is_under_way_arrives_after_the_grace),
		TEST(a_socket_that_waits_does_not_stop_the_loop),
		TEST(fault_S30_without_descriptors_it_waits_and_goes_on),
	};
	/* Few descriptors, so that few connections are too many. */
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max < 1200 ? files.rlim_max : 1200;
	setrlimit(RLIMIT_NOFILE, &files);
	if (!alone_is_possible())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
