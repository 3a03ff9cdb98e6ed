/* rooms: base model ports */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "alone.h"
#include "base/own.h"
#include "ports/hold.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

enum { LOCAL = 0x7f000001 };

/* How a server or another program comes to its port. Descriptor, or -1. */
static int try4(uint32_t address, uint16_t port, bool reuse, bool listening)
{
	OWNED_FD fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = reuse;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(address)};
	if (bind(fd, (struct sockaddr *)&at, sizeof at) || (listening && listen(fd, 8)))
		return -1;
	return take_fd(&fd);
}

static int try6(uint16_t port, bool reuse, bool only)
{
	OWNED_FD fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = reuse, v6only = only;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only);
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 8))
		return -1;
	return take_fd(&fd);
}

static bool refused(int fd)
{
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

static bool another_stackup_is_refused(uint16_t port)
{
	struct hold other = HOLD_NONE;
	bool no = hold_take(&other, port, false, NULL) != 0;
	hold_close(&other);
	return no;
}

static void exclusive_keeps_everybody_away(void **state)
{
	(void)state;
	struct hold hold = HOLD_NONE;
	assert_return_code(hold_take(&hold, 32001, false, NULL), errno);
	assert_int_equal(hold.state, HOLD_IS_EXCLUSIVE);
	assert_true(refused(try4(INADDR_ANY, 32001, false, false)));
	assert_true(refused(try4(INADDR_ANY, 32001, true, true)));
	assert_true(refused(try4(LOCAL, 32001, false, false)));
	assert_true(refused(try4(LOCAL, 32001, true, true)));
	assert_true(refused(try6(32001, true, false)));
	assert_true(refused(try6(32001, true, true)));
	assert_true(another_stackup_is_refused(32001));
	hold_close(&hold);
	assert_false(refused(try4(LOCAL, 32001, false, true)));
}

static void a_taken_port_says_so(void **state)
{
	(void)state;
	struct hold hold = HOLD_NONE;
	struct error e = {0};
	/* Each of these is seen by one dual-stack bind. */
	int listeners[] = {try4(LOCAL, 32002, true, true), try6(32003, true, true),
		try4(0x7f000005, 32004, true, true), try4(LOCAL, 32005, true, false)};
	for (int i = 0; i < 4; i++) {
		assert_true(listeners[i] >= 0);
		assert_int_equal(hold_take(&hold, (uint16_t)(32002 + i), false, &e), -1);
		assert_int_equal(e.number, EADDRINUSE);
		assert_int_equal(e.code, EXIT_CONFLICT);
		close(listeners[i]);
	}
	assert_int_equal(hold.fd, -1);
}

static void relaxed_lets_ordinary_servers_in(void **state)
{
	(void)state;
	struct hold hold = HOLD_NONE;
	assert_return_code(hold_take(&hold, 32010, false, NULL), errno);
	assert_return_code(hold_relax(&hold, HOLD_AUTO, NULL), errno);
	assert_int_equal(hold.state, HOLD_IS_RELAXED);
	assert_true(refused(try4(INADDR_ANY, 32010, false, false)));
	assert_true(refused(try4(LOCAL, 32010, false, false)));
	assert_true(another_stackup_is_refused(32010));
	OWNED_FD child = try4(LOCAL, 32010, true, true);
	assert_true(child >= 0);
	assert_true(refused(try4(INADDR_ANY, 32010, true, true)));
	assert_true(another_stackup_is_refused(32010));
	/* Armed again while the child serves: nobody else gets in, on no address. */
	assert_return_code(hold_rearm(&hold, NULL), errno);
	assert_int_equal(hold.state, HOLD_IS_EXCLUSIVE);
	assert_true(refused(try4(0x7f000002, 32010, true, false)));
	hold_close(&hold);
}

/* A watcher (nodemon, a bundler) closes its listener and opens it again by itself. */
static void relaxed_lets_a_server_come_back(void **state)
{
	(void)state;
	struct hold hold = HOLD_NONE;
	assert_return_code(hold_take(&hold, 32011, false, NULL), errno);
	assert_return_code(hold_relax(&hold, HOLD_RELAXED, NULL), errno);
	for (int i = 0; i < 3; i++)
		assert_false(refused(try6(32011, true, false)));
	hold_close(&hold);
}

static void marker_suits_a_plain_server_on_loopback(void **state)
{
	(void)state;
	struct hold hold = HOLD_NONE;
	assert_return_code(hold_take(&hold, 32020, false, NULL), errno);
	assert_return_code(hold_relax(&hold, HOLD_MARKER, NULL), errno);
	assert_true(hold.marker);
	assert_true(refused(try4(INADDR_ANY, 32020, false, false)));
	assert_true(another_stackup_is_refused(32020));
	OWNED_FD child = try4(LOCAL, 32020, false, true);
	assert_true(child >= 0);
	/* While it serves the wide hold cannot come back, and nothing is lost by trying. */
	assert_int_equal(hold_rearm(&hold, NULL), -1);
	assert_true(hold.marker);
	assert_true(another_stackup_is_refused(32020));
	close(take_fd(&child));
	assert_return_code(hold_rearm(&hold, NULL), errno);
	assert_false(hold.marker);
	assert_int_equal(hold.state, HOLD_IS_EXCLUSIVE);
	assert_true(refused(try4(LOCAL, 32020, true, true)));
	hold_close(&hold);
}

static void no_hold_while_the_service_runs(void **state)
{
	(void)state;
	struct hold hold = HOLD_NONE;
	assert_return_code(hold_take(&hold, 32030, false, NULL), errno);
	assert_return_code(hold_relax(&hold, HOLD_NO, NULL), errno);
	assert_int_equal(hold.fd, -1);
	OWNED_FD child = try4(INADDR_ANY, 32030, false, true);
	assert_true(child >= 0);
	struct error e = {0};
	assert_int_equal(hold_rearm(&hold, &e), -1);
	assert_int_equal(e.number, EADDRINUSE);
	close(take_fd(&child));
	assert_return_code(hold_rearm(&hold, NULL), errno);
	assert_int_equal(hold.state, HOLD_IS_EXCLUSIVE);
	hold_close(&hold);
}

static int connect_to(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(LOCAL)};
	if (connect(fd, (struct sockaddr *)&to, sizeof to)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void listening_hold_serves_clients_at_once(void **state)
{
	(void)state;
	struct hold hold = HOLD_NONE;
	assert_return_code(hold_take(&hold, 32040, false, NULL), errno);
	assert_return_code(hold_relax(&hold, HOLD_LISTEN, NULL), errno);
	assert_int_equal(hold.state, HOLD_IS_LISTENING);
	OWNED_FD client = connect_to(32040);
	assert_true(client >= 0);
	/* It stays as it is while the service is down: clients queue. */
	assert_return_code(hold_rearm(&hold, NULL), errno);
	assert_int_equal(hold.state, HOLD_IS_LISTENING);
	OWNED_FD second = connect_to(32040);
	assert_true(second >= 0);
	hold_close(&hold);
}

static void a_listening_hold_is_exclusive_again(void **state)
{
	(void)state;
	struct hold hold = HOLD_NONE;
	assert_return_code(hold_take(&hold, 32041, false, NULL), errno);
	assert_return_code(hold_relax(&hold, HOLD_LISTEN, NULL), errno);
	OWNED_FD client = connect_to(32041);
	assert_true(client >= 0);
	assert_return_code(hold_unlisten(&hold, NULL), errno);
	assert_int_equal(hold.state, HOLD_IS_EXCLUSIVE);
	assert_true(refused(connect_to(32041)));
	assert_true(refused(try4(INADDR_LOOPBACK, 32041, true, true)));
	assert_true(another_stackup_is_refused(32041));
	assert_return_code(hold_relax(&hold, HOLD_RELAXED, NULL), errno);
	OWNED_FD server = try4(INADDR_LOOPBACK, 32041, true, true);
	assert_true(server >= 0);
	hold_close(&hold);
}

static void a_listening_hold_can_be_relaxed(void **state)
{
	(void)state;
	struct hold hold = HOLD_NONE;
	assert_return_code(hold_take(&hold, 32043, false, NULL), errno);
	assert_return_code(hold_relax(&hold, HOLD_LISTEN, NULL), errno);
	assert_return_code(hold_relax(&hold, HOLD_AUTO, NULL), errno);
	assert_int_equal(hold.state, HOLD_IS_RELAXED);
	assert_false(refused(try4(LOCAL, 32043, true, true)));
	assert_true(another_stackup_is_refused(32043));
	hold_close(&hold);
}

static void somebody_answers_where_the_service_was(void **state)
{
	(void)state;
	static const uint8_t loopback[16] = {127, 0, 0, 1};
	struct hold hold = HOLD_NONE;
	assert_return_code(hold_take(&hold, 32042, false, NULL), errno);
	OWNED_FD answers = hold_answer(&hold, false, loopback, NULL);
	assert_true(answers >= 0);
	OWNED_FD client = connect_to(32042);
	assert_true(client >= 0);
	/* On that address alone, and nobody else comes in beside it. */
	assert_int_equal(hold_answer(&hold, false, loopback, NULL), -1);
	assert_true(refused(try4(INADDR_LOOPBACK + 1, 32042, true, true)));
	assert_true(another_stackup_is_refused(32042));
	static const uint8_t loopback6[16] = {[15] = 1};
	OWNED_FD answers6 = hold_answer(&hold, true, loopback6, NULL);
	assert_true(answers6 >= 0);
	hold_close(&hold);
}

static void udp_is_held_alone(void **state)
{
	(void)state;
	struct hold udp = HOLD_NONE, tcp = HOLD_NONE, other = HOLD_NONE;
	assert_return_code(hold_take(&udp, 32050, true, NULL), errno);
	assert_return_code(hold_take(&tcp, 32050, false, NULL), errno);
	assert_int_equal(hold_take(&other, 32050, true, NULL), -1);
	assert_return_code(hold_relax(&udp, HOLD_RELAXED, NULL), errno);
	assert_int_equal(udp.fd, -1);
	assert_return_code(hold_rearm(&udp, NULL), errno);
	assert_int_equal(hold_take(&other, 32050, true, NULL), -1);
	hold_close(&udp);
	hold_close(&tcp);
}

/* The server closed first, so TIME_WAIT is on its port. */
static void leave_time_wait(uint16_t port, bool reuse)
{
	int server = try4(LOCAL, port, reuse, true);
	assert_true(server >= 0);
	int client = connect_to(port);
	int accepted = accept(server, NULL, NULL);
	char byte;
	close(accepted);
	assert_int_equal(read(client, &byte, 1), 0);
	close(client);
	close(server);
}

static void connections_of_an_ordinary_server_do_not_hinder(void **state)
{
	(void)state;
	struct hold hold = HOLD_NONE;
	leave_time_wait(32060, true);
	assert_int_equal(hold_take(&hold, 32060, false, NULL), -1);
	assert_return_code(hold_take_beside(&hold, 32060, NULL), errno);
	assert_true(refused(try4(LOCAL, 32060, true, true)));
	assert_return_code(hold_relax(&hold, HOLD_RELAXED, NULL), errno);
	assert_false(refused(try4(LOCAL, 32060, true, true)));
	hold_close(&hold);
	leave_time_wait(32061, false);
	assert_int_equal(hold_take_beside(&hold, 32061, NULL), -1);
}

/* The server to which the socket was passed closes first. */
static void serve_one(struct hold *hold)
{
	OWNED_FD client = connect_to(hold->port);
	int accepted = -1;
	char byte;
	assert_true(client >= 0);
	while (accepted < 0)
		accepted = accept(hold->fd, NULL, NULL);
	close(accepted);
	assert_int_equal(read(client, &byte, 1), 0);
}

static void connections_of_a_listening_hold_do_not_hinder(void **state)
{
	(void)state;
	struct hold hold = HOLD_NONE;
	assert_return_code(hold_take(&hold, 32062, false, NULL), errno);
	assert_return_code(hold_relax(&hold, HOLD_LISTEN, NULL), errno);
	assert_true(refused(try4(LOCAL, 32062, true, false)));
	serve_one(&hold);
	/* The service comes back to the port. */
	assert_return_code(hold_unlisten(&hold, NULL), errno);
	assert_true(refused(try4(LOCAL, 32062, true, false)));
	assert_return_code(hold_relax(&hold, HOLD_LISTEN, NULL), errno);
	serve_one(&hold);
	/* So does another run. */
	hold_close(&hold);
	assert_return_code(hold_take_beside(&hold, 32062, NULL), errno);
	assert_return_code(hold_relax(&hold, HOLD_LISTEN, NULL), errno);
	serve_one(&hold);
	hold_close(&hold);
	/* And a server of the ordinary kind. */
	assert_false(refused(try4(LOCAL, 32062, true, true)));
}

static uint16_t chosen_port(bool by_connect, uint16_t server)
{
	OWNED_FD fd = by_connect ? connect_to(server) : try4(LOCAL, 0, false, false);
	struct sockaddr_in at = {0};
	socklen_t length = sizeof at;
	if (fd < 0 || getsockname(fd, (struct sockaddr *)&at, &length))
		return 0;
	/* Reset, so that no TIME_WAIT uses up the few ports. */
	struct linger now = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	return ntohs(at.sin_port);
}

/* In a namespace whose ephemeral range is four ports, of which one is held in every state. */
static void invariant_I4_a_held_port_is_never_ephemeral(void **state)
{
	(void)state;
	alone_write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40003");
	OWNED_FD server = try4(LOCAL, 32070, true, true);
	for (uint16_t held = 40000; held < 40004; held++) {
		struct hold hold = HOLD_NONE;
		assert_return_code(hold_take(&hold, held, false, NULL), errno);
		for (int relaxed = 0; relaxed < 2; relaxed++) {
			for (int i = 0; i < 40; i++) {
				bool connects = i & 1;
				assert_int_not_equal(chosen_port(connects, 32070), held);
				if (connects)
					close(accept(server, NULL, NULL));
			}
			assert_return_code(hold_relax(&hold, HOLD_RELAXED, NULL), errno);
		}
		hold_close(&hold);
	}
	alone_write("/proc/sys/net/ipv4/ip_local_port_range", "32768 60999");
}

static void relaxing_works_here(void **state)
{
	(void)state;
	assert_true(hold_relaxing_works());
}

static int begin(void **state)
{
	(void)state;
	return alone_network() ? 0 : -1;
}

int main(void)
{
	if (!alone_is_possible())
		return 0;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exclusive_keeps_everybody_away),
		cmocka_unit_test(a_taken_port_says_so),
		cmocka_unit_test(relaxed_lets_ordinary_servers_in),
		cmocka_unit_test(relaxed_lets_a_server_come_back),
		cmocka_unit_test(marker_suits_a_plain_server_on_loopback),
		cmocka_unit_test(no_hold_while_the_service_runs),
		cmocka_unit_test(listening_hold_serves_clients_at_once),
		cmocka_unit_test(a_listening_hold_is_exclusive_again),
		cmocka_unit_test(a_listening_hold_can_be_relaxed),
		cmocka_unit_test(somebody_answers_where_the_service_was),
		cmocka_unit_test(udp_is_held_alone),
		cmocka_unit_test(connections_of_an_ordinary_server_do_not_hinder),
		cmocka_unit_test(connections_of_a_listening_hold_do_not_hinder),
		cmocka_unit_test(invariant_I4_a_held_port_is_never_ephemeral),
		cmocka_unit_test(relaxing_works_here),
	};
	return cmocka_run_group_tests(tests, begin, NULL);
}
