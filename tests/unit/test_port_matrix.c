/* rooms: base model registry listeners ports */
/*
 * Who can have a port beside whom: the kernel's rules that the holds stand on, every combination; and
 * what each state of a hold allows to whom.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include "alone.h"
#include "base/own.h"
#include "listeners/owner.h"
#include "listeners/sockets.h"
#include "ports/hold.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

enum { PORT = 32100 };

/* ---- sockets ---- */

struct address {
	const char *text;
	bool v6_only;
};

static const struct address addresses[] = {
	{"0.0.0.0", false}, {"127.0.0.1", false}, {"127.83.0.1", false}, {"::", false}, {"::", true},
	{"::1", false}, {"::ffff:127.0.0.1", false},
};
enum { ADDRESSES = sizeof addresses / sizeof addresses[0] };

static void set(int fd, int option, int value)
{
	assert_return_code(setsockopt(fd, SOL_SOCKET, option, &value, sizeof value), errno);
}

static int new_socket(const struct address *at)
{
	bool v6 = strchr(at->text, ':');
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int only = at->v6_only;
	assert_return_code(fd, errno);
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
	return fd;
}

static int bind_to(int fd, const struct address *at, uint16_t port)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	if (!strchr(at->text, ':')) {
		inet_pton(AF_INET, at->text, &four.sin_addr);
		return bind(fd, (struct sockaddr *)&four, sizeof four);
	}
	inet_pton(AF_INET6, at->text, &six.sin6_addr);
	return bind(fd, (struct sockaddr *)&six, sizeof six);
}

/* ---- every row of the table of conflicts ---- */

enum { RA = 1, RP = 2 }; /* SO_REUSEADDR, SO_REUSEPORT */

/* How the one who has the port came to it. */
struct holder {
	const char *name;
	int before; /* options set before bind */
	bool listens;
	int after; /* options set at the end */
};

static const struct holder holders[] = {
	{"bound", 0, false, 0}, {"bound RA", RA, false, 0}, {"bound, RA after", 0, false, RA},
	{"bound RP", RP, false, 0}, {"listens", 0, true, 0}, {"listens RA", RA, true, 0},
	{"listens, RA after", 0, true, RA}, {"listens RP", RP, true, 0}, {"listens, RP after", 0, true, RP},
};

static const int challengers[] = {0, RA, RP, RA | RP};

static void set_options(int fd, int options)
{
	if (options & RA)
		set(fd, SO_REUSEADDR, 1);
	if (options & RP)
		set(fd, SO_REUSEPORT, 1);
}

static int take_as(const struct holder *holder, const struct address *at)
{
	int fd = new_socket(at);
	set_options(fd, holder->before);
	assert_return_code(bind_to(fd, at, PORT), errno);
	if (holder->listens)
		assert_return_code(listen(fd, 8), errno);
	set_options(fd, holder->after);
	return fd;
}

enum outcome { REFUSED_AT_BIND, REFUSED_AT_LISTEN, ALLOWED };

static enum outcome challenge(int options, const struct address *at)
{
	OWNED_FD fd = new_socket(at);
	set_options(fd, options);
	if (bind_to(fd, at, PORT))
		return REFUSED_AT_BIND;
	return listen(fd, 8) ? REFUSED_AT_LISTEN : ALLOWED;
}

/* What an address takes: IPv4 and IPv6, each nothing, one address, or all. */
struct reach {
	uint32_t v4; /* 0: none, 0xffffffff: all */
	int v6; /* 0: none, 1: ::1, 2: all */
};

static struct reach reach_of(const struct address *at)
{
	struct in_addr four;
	struct in6_addr six;
	if (inet_pton(AF_INET, at->text, &four) == 1)
		return (struct reach){.v4 = four.s_addr ? four.s_addr : UINT32_MAX};
	inet_pton(AF_INET6, at->text, &six);
	if (IN6_IS_ADDR_V4MAPPED(&six))
		return (struct reach){.v4 = htonl(INADDR_LOOPBACK)};
	if (IN6_IS_ADDR_UNSPECIFIED(&six))
		return (struct reach){.v4 = at->v6_only ? 0 : UINT32_MAX, .v6 = 2};
	return (struct reach){.v6 = 1};
}

static bool overlap(const struct address *a, const struct address *b)
{
	struct reach x = reach_of(a), y = reach_of(b);
	bool v4 = x.v4 && y.v4 && (x.v4 == y.v4 || x.v4 == UINT32_MAX || y.v4 == UINT32_MAX);
	return v4 || (x.v6 && y.v6);
}

/* A later option counts as an earlier one. Only a listener makes SO_REUSEADDR void. */
static enum outcome predict(const struct holder *holder, const struct address *at, int options,
	const struct address *where)
{
	int has = holder->before | holder->after;
	bool both_reuse = has & RA && options & RA && !holder->listens;
	bool both_share = has & RP && options & RP;
	return !overlap(at, where) || both_reuse || both_share ? ALLOWED : REFUSED_AT_BIND;
}

/* The holder is new each time: the kernel remembers in a port's bucket how the last one came to it. */
static void try_cell(const struct holder *holder, const struct address *at, int options,
	const struct address *where)
{
	OWNED_FD fd = take_as(holder, at);
	enum outcome is = challenge(options, where), should = predict(holder, at, options, where);
	if (is != should)
		fail_msg("%s on %s%s, then options %d on %s%s: %d, not %d", holder->name, at->text,
			at->v6_only ? " (v6 only)" : "", options, where->text,
			where->v6_only ? " (v6 only)" : "", (int)is, (int)should);
}

static void every_row_of_the_conflicts(void **state)
{
	(void)state;
	for (size_t h = 0; h < sizeof holders / sizeof holders[0]; h++)
		for (size_t a = 0; a < ADDRESSES; a++)
			for (size_t i = 0; i < 4 * ADDRESSES; i++)
				try_cell(&holders[h], &addresses[a], challengers[i / ADDRESSES],
					&addresses[i % ADDRESSES]);
}

/* ---- every row of the states of a hold ---- */

static const struct address everywhere4 = {"0.0.0.0", false}, loopback = {"127.0.0.1", false},
			    elsewhere = {"127.0.0.5", false}, everywhere6 = {"::", false},
			    six_only = {"::", true}, loopback6 = {"::1", false};

static int serve_at(const struct address *at, bool reuse, uint16_t port)
{
	int fd = new_socket(at);
	set(fd, SO_REUSEADDR, reuse);
	if (!bind_to(fd, at, port) && !listen(fd, 8))
		return fd;
	close(fd);
	return -1;
}

static int serve(const struct address *at, bool reuse)
{
	return serve_at(at, reuse, PORT);
}

static bool may_at(const struct address *at, bool reuse, uint16_t port)
{
	OWNED_FD fd = serve_at(at, reuse, port);
	return fd >= 0;
}

static bool may(const struct address *at, bool reuse)
{
	return may_at(at, reuse, PORT);
}

static bool another_stackup_may(void)
{
	struct hold other = HOLD_NONE;
	bool got = !hold_take(&other, PORT, false, NULL);
	hold_close(&other);
	return got;
}

/* The kernel has two ports to choose from: it never chooses this one. */
static bool kernel_picks_it(void)
{
	alone_write("/proc/sys/net/ipv4/ip_local_port_range", "32100 32101");
	bool picked = false;
	for (int i = 0; i < 20; i++) {
		OWNED_FD fd = new_socket(&everywhere4);
		struct sockaddr_in at = {0};
		socklen_t length = sizeof at;
		if (!bind_to(fd, &everywhere4, 0) && !getsockname(fd, (struct sockaddr *)&at, &length))
			picked |= ntohs(at.sin_port) == PORT;
	}
	alone_write("/proc/sys/net/ipv4/ip_local_port_range", "32768 60999");
	return picked;
}

/* What is there while others try. */
struct scene {
	struct hold hold;
	int child; /* listens; -1 */
};

static void exclusive(struct scene *s)
{
	assert_return_code(hold_take(&s->hold, PORT, false, NULL), errno);
}

static void relaxed(struct scene *s)
{
	exclusive(s);
	assert_return_code(hold_relax(&s->hold, HOLD_RELAXED, NULL), errno);
}

static void relaxed_and_served(struct scene *s)
{
	relaxed(s);
	s->child = serve(&loopback, true);
	assert_return_code(s->child, errno);
}

static void armed_while_served(struct scene *s)
{
	relaxed_and_served(s);
	assert_return_code(hold_rearm(&s->hold, NULL), errno);
}

/* The child closed first, and is gone. */
static void armed_over_time_wait(struct scene *s)
{
	relaxed_and_served(s);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	OWNED_FD client = new_socket(&loopback);
	assert_return_code(connect(client, (struct sockaddr *)&to, sizeof to), errno);
	close(accept(s->child, NULL, NULL));
	char byte;
	assert_int_equal(read(client, &byte, 1), 0);
	close(s->child);
	s->child = -1;
	assert_return_code(hold_rearm(&s->hold, NULL), errno);
}

static void relaxed_over_time_wait(struct scene *s)
{
	armed_over_time_wait(s);
	assert_return_code(hold_relax(&s->hold, HOLD_RELAXED, NULL), errno);
}

static void marked(struct scene *s)
{
	exclusive(s);
	assert_return_code(hold_relax(&s->hold, HOLD_MARKER, NULL), errno);
}

static void marked_and_served(struct scene *s)
{
	marked(s);
	s->child = serve(&loopback, false);
	assert_return_code(s->child, errno);
}

static void listening(struct scene *s)
{
	exclusive(s);
	assert_return_code(hold_relax(&s->hold, HOLD_LISTEN, NULL), errno);
}

/*
 * May a plain server bind everywhere, on 127.0.0.1; one with SO_REUSEADDR on 127.0.0.1, elsewhere,
 * on ::1? Others never: another stackup, and the kernel's own choice.
 */
struct state_row {
	const char *name;
	void (*enter)(struct scene *s);
	bool plain_everywhere;
	bool plain_loopback;
	bool reuse_loopback;
	bool reuse_elsewhere;
	bool reuse_loopback6;
};

static const struct state_row state_rows[] = {
	{"exclusive", exclusive, false, false, false, false, false},
	{"relaxed, nobody listens", relaxed, false, false, true, true, true},
	{"relaxed, the child listens", relaxed_and_served, false, false, false, true, true},
	{"armed again while it listens", armed_while_served, false, false, false, false, false},
	{"armed over TIME_WAIT", armed_over_time_wait, false, false, false, false, false},
	{"relaxed over TIME_WAIT", relaxed_over_time_wait, false, false, true, true, true},
	{"marker", marked, false, true, true, true, true},
	{"marker, the child listens", marked_and_served, false, false, false, true, true},
	{"listening", listening, false, false, false, false, false},
};

static void leave(struct scene *s)
{
	hold_close(&s->hold);
	if (s->child >= 0)
		close(s->child);
}

static void try_state(const struct state_row *row)
{
	struct scene s = {.hold = HOLD_NONE, .child = -1};
	row->enter(&s);
	const struct {
		const char *what;
		bool is, should;
	} tries[] = {
		{"plain, 0.0.0.0", may(&everywhere4, false), row->plain_everywhere},
		{"plain, ::", may(&everywhere6, false), row->plain_everywhere},
		{"plain, 127.0.0.1", may(&loopback, false), row->plain_loopback},
		{"reusing, 127.0.0.1", may(&loopback, true), row->reuse_loopback},
		{"reusing, 127.0.0.5", may(&elsewhere, true), row->reuse_elsewhere},
		{"reusing, ::1", may(&loopback6, true), row->reuse_loopback6},
		{"another stackup", another_stackup_may(), false},
		{"the kernel", kernel_picks_it(), false},
	};
	for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++)
		if (tries[i].is != tries[i].should)
			fail_msg("%s: %s is %s", row->name, tries[i].what,
				tries[i].is ? "allowed" : "refused");
	leave(&s);
}

static void invariant_I5_every_state_of_a_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof state_rows / sizeof state_rows[0]; i++) {
		/* A namespace for each: TIME_WAIT stays for a minute. */
		assert_true(alone_network());
		try_state(&state_rows[i]);
	}
}

/* ---- TIME_WAIT: whose it is decides ---- */

struct wait_row {
	bool reuse; /* the first owner of the port had SO_REUSEADDR */
	bool client; /* the port was the client's, who closed first; else the server's, who did */
	bool server_may; /* a server with SO_REUSEADDR may start on it */
};

static const struct wait_row wait_rows[] = {
	{true, false, true}, {false, false, false}, {true, true, true}, {false, true, false},
};

/* A connection whose near end is PORT and has closed first. */
static void leave_time_wait(const struct wait_row *row)
{
	struct address near = loopback, far = elsewhere;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(row->client ? PORT + 1 : PORT)};
	inet_pton(AF_INET, row->client ? far.text : near.text, &to.sin_addr);
	OWNED_FD server = new_socket(&near);
	set(server, SO_REUSEADDR, row->client || row->reuse);
	assert_return_code(bind_to(server, row->client ? &far : &near, row->client ? PORT + 1 : PORT), errno);
	assert_return_code(listen(server, 8), errno);
	OWNED_FD client = new_socket(&near);
	if (row->client) {
		set(client, SO_REUSEADDR, row->reuse);
		assert_return_code(bind_to(client, &near, PORT), errno);
	}
	assert_return_code(connect(client, (struct sockaddr *)&to, sizeof to), errno);
	OWNED_FD accepted = accept(server, NULL, NULL);
	int *first = row->client ? &client : &accepted, *second = row->client ? &accepted : &client;
	char byte;
	own_close(first);
	assert_int_equal(read(*second, &byte, 1), 0);
}

static void fault_F20_whose_time_wait_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wait_rows / sizeof wait_rows[0]; i++) {
		const struct wait_row *row = &wait_rows[i];
		struct hold hold = HOLD_NONE;
		assert_true(alone_network());
		leave_time_wait(row);
		/* An exclusive hold never fits beside it; the careful one where a server does. */
		assert_int_equal(hold_take(&hold, PORT, false, NULL), -1);
		if (!hold_take_beside(&hold, PORT, NULL) != row->server_may)
			fail_msg("row %zu: a hold beside it is %s", i, row->server_may ? "refused" : "allowed");
		hold_close(&hold);
		if (may(&loopback, true) != row->server_may)
			fail_msg("row %zu: a server is %s", i, row->server_may ? "refused" : "allowed");
	}
}

/* One exclusive bind sees every listener, whatever its family. */
static void fault_F20_one_bind_covers_all_families(void **state)
{
	(void)state;
	const struct address *const all[] = {&everywhere4, &loopback, &elsewhere, &everywhere6, &six_only,
		&loopback6, &addresses[6]};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct hold hold = HOLD_NONE;
		struct error e = {0};
		OWNED_FD fd = serve(all[i], true);
		assert_return_code(fd, errno);
		assert_int_equal(hold_take(&hold, PORT, false, &e), -1);
		assert_int_equal(e.number, EADDRINUSE);
	}
}

/* ---- looking does not disturb ---- */

enum { STARTS_AT = 10000, STARTS = 3000 };

static void look_forever(void)
{
	struct sockets sockets;
	sockets_init(&sockets);
	for (;;) {
		struct socket_list list = {0};
		struct owner_list owners = {0};
		sockets_dump(&sockets, KIND_ALL, STARTS_AT, STARTS_AT + 2 * STARTS, &list, NULL);
		owners_find(&list, &owners);
		owners_release(&owners);
		list_release(&list);
	}
}

/*
 * Each start has a number of its own: the kernel keeps a file open while somebody reads its link in
 * /proc/PID/fd, so the socket of the start before may be closed some microseconds late.
 */
static void invariant_I8_looking_refuses_nobody_a_start(void **state)
{
	(void)state;
	int refused = 0;
	pid_t child = fork();
	if (!child)
		look_forever();
	for (int i = 0; i < STARTS; i++) {
		refused += !may_at(&loopback, true, (uint16_t)(STARTS_AT + 2 * i));
		refused += !may_at(&everywhere6, true, (uint16_t)(STARTS_AT + 2 * i + 1));
	}
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(refused, 0);
}

static int begin(void **state)
{
	(void)state;
	return alone_network() ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	if (!alone_is_possible())
		return 0;
	const struct CMUnitTest tests[] = {
		TEST(every_row_of_the_conflicts),
		TEST(invariant_I5_every_state_of_a_hold),
		TEST(fault_F20_whose_time_wait_it_is),
		TEST(fault_F20_one_bind_covers_all_families),
		TEST(invariant_I8_looking_refuses_nobody_a_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
