/* rooms: base model listeners */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "alone.h"
#include "base/own.h"
#include "listeners/owner.h"
#include "listeners/sockets.h"
#include "listeners/sockets_proc.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

static struct sockets sockets;

static int open_at(int family, uint16_t port, bool reuse)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = reuse;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int result = family == AF_INET6 ? bind(fd, (struct sockaddr *)&six, sizeof six)
					: bind(fd, (struct sockaddr *)&four, sizeof four);
	assert_return_code(result, errno);
	return fd;
}

static int listen_at(int family, uint16_t port, bool reuse)
{
	int fd = open_at(family, port, reuse);
	assert_return_code(listen(fd, 8), errno);
	return fd;
}

static int connect_to(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_return_code(connect(fd, (struct sockaddr *)&to, sizeof to), errno);
	return fd;
}

static uint64_t inode_of(int fd)
{
	struct stat st;
	assert_return_code(fstat(fd, &st), errno);
	return st.st_ino;
}

static size_t count_of(const struct socket_list *list, uint16_t port, enum socket_state state)
{
	size_t count = 0;
	for (size_t i = 0; i < list->count; i++)
		count += list->items[i].port == port && list->items[i].state == state;
	return count;
}

static void listeners_of_both_families(void **state)
{
	(void)state;
	OWNED_FD four = listen_at(AF_INET, 31001, true);
	OWNED_FD six = listen_at(AF_INET6, 31003, true);
	OWNED_FD other = listen_at(AF_INET, 31002, true);
	struct socket_list list = {0};
	uint16_t ports[] = {31003, 31001};
	assert_return_code(sockets_listeners(&sockets, ports, 2, &list, NULL), errno);
	sockets_sort(&list);
	assert_int_equal(list.count, 2);
	const struct socket_entry *first = &list.items[0], *second = &list.items[1];
	char address[SOCKET_ADDRESS_SIZE];
	assert_int_equal(first->port, 31001);
	assert_false(first->v6);
	assert_true(first->inode == inode_of(four));
	assert_string_equal(socket_address(first, address), "127.0.0.1");
	assert_int_equal(first->uid, geteuid());
	assert_int_equal(second->port, 31003);
	assert_true(second->v6);
	assert_string_equal(socket_address(second, address), "::");
	list_release(&list);
	assert_return_code(sockets_listeners(&sockets, NULL, 0, &list, NULL), errno);
	assert_int_equal(count_of(&list, 31002, SOCKET_LISTEN), 1);
	list_release(&list);
}

static void bound_only_sockets_are_seen(void **state)
{
	(void)state;
	OWNED_FD fd = open_at(AF_INET6, 31010, false);
	struct socket_list list = {0};
	uint16_t port = 31010;
	assert_return_code(sockets_all(&sockets, &port, 1, false, &list, NULL), errno);
	if (!list.count && sockets.by_proc)
		skip();
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].state, SOCKET_BOUND);
	assert_true(list.items[0].inode == inode_of(fd));
	list_release(&list);
}

static void connections_and_time_wait(void **state)
{
	(void)state;
	OWNED_FD server = listen_at(AF_INET, 31020, true);
	int client = connect_to(31020);
	int accepted = accept(server, NULL, NULL);
	uint16_t port = 31020;
	struct socket_list list = {0};
	assert_return_code(sockets_all(&sockets, &port, 1, false, &list, NULL), errno);
	assert_int_equal(count_of(&list, port, SOCKET_LISTEN), 1);
	assert_int_equal(count_of(&list, port, SOCKET_CONNECTED), 1);
	list_release(&list);
	/* The server closes first: its side keeps TIME_WAIT. */
	close(accepted);
	char byte;
	assert_int_equal(read(client, &byte, 1), 0);
	close(client);
	assert_return_code(sockets_all(&sockets, &port, 1, false, &list, NULL), errno);
	assert_int_equal(count_of(&list, port, SOCKET_TIME_WAIT), 1);
	for (size_t i = 0; i < list.count; i++) {
		if (list.items[i].state != SOCKET_TIME_WAIT)
			continue;
		assert_in_range(list.items[i].expires_ms, 50000, 60000);
		assert_true(list.items[i].inode == 0);
	}
	list_release(&list);
}

static int udp_at(uint16_t port, bool connected)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_return_code(bind(fd, (struct sockaddr *)&at, sizeof at), errno);
	if (connected)
		assert_return_code(connect(fd, (struct sockaddr *)&to, sizeof to), errno);
	return fd;
}

static void udp_sockets(void **state)
{
	(void)state;
	OWNED_FD server = udp_at(31030, false);
	OWNED_FD client = udp_at(31031, true);
	struct socket_list list = {0};
	uint16_t ports[] = {31030, 31031};
	assert_return_code(sockets_all(&sockets, ports, 2, false, &list, NULL), errno);
	assert_int_equal(list.count, 0);
	assert_return_code(sockets_all(&sockets, ports, 2, true, &list, NULL), errno);
	assert_int_equal(count_of(&list, 31030, SOCKET_UDP), 1);
	assert_int_equal(count_of(&list, 31031, SOCKET_CONNECTED), 1);
	list_release(&list);
}

static bool is_in_order(const struct socket_list *list)
{
	for (size_t i = 1; i < list->count; i++)
		if (list->items[i - 1].port > list->items[i].port)
			return false;
	return true;
}

static void a_dump_has_the_kinds_and_ports_that_were_asked_for(void **state)
{
	(void)state;
	OWNED_FD outside = listen_at(AF_INET, 31059, true);
	OWNED_FD listener = listen_at(AF_INET6, 31062, true);
	OWNED_FD bound = open_at(AF_INET, 31061, false);
	OWNED_FD client = connect_to(31062);
	OWNED_FD accepted = accept(listener, NULL, NULL);
	OWNED_FD udp = udp_at(31060, false);
	struct socket_list list = {0};
	assert_return_code(sockets_dump(&sockets, KIND_LISTEN, 31060, 31062, &list, NULL), errno);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].port, 31062);
	list_release(&list);
	assert_return_code(sockets_dump(&sockets, KIND_ALL, 31060, 31062, &list, NULL), errno);
	sockets_sort(&list);
	assert_true(is_in_order(&list));
	assert_int_equal(count_of(&list, 31060, SOCKET_UDP), 1);
	assert_int_equal(count_of(&list, 31061, SOCKET_BOUND), 1);
	assert_int_equal(count_of(&list, 31062, SOCKET_LISTEN), 1);
	assert_int_equal(count_of(&list, 31062, SOCKET_CONNECTED), 1);
	assert_int_equal(list.items[2].state, SOCKET_LISTEN);
	list_release(&list);
	assert_return_code(sockets_dump(&sockets, KIND_LISTEN, 1, 65535, &list, NULL), errno);
	assert_int_equal(list.count, 2);
	list_release(&list);
}

static void six_only_and_dual_listeners_differ(void **state)
{
	(void)state;
	OWNED_FD dual = listen_at(AF_INET6, 31070, true);
	OWNED_FD only = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;
	setsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(31071)};
	assert_return_code(bind(only, (struct sockaddr *)&at, sizeof at), errno);
	assert_return_code(listen(only, 1), errno);
	struct socket_list list = {0};
	assert_return_code(sockets_dump(&sockets, KIND_LISTEN, 31070, 31071, &list, NULL), errno);
	sockets_sort(&list);
	assert_int_equal(list.count, 2);
	assert_false(list.items[0].v6_only);
	assert_true(list.items[1].v6_only);
	list_release(&list);
}

static void proc_says_the_same(void **state)
{
	(void)state;
	OWNED_FD four = listen_at(AF_INET, 31041, true);
	OWNED_FD six = listen_at(AF_INET6, 31042, true);
	struct sockets by_proc = {.fd = -1, .by_proc = true};
	uint16_t ports[] = {31041, 31042};
	struct socket_list here = {0}, there = {0};
	assert_return_code(sockets_listeners(&sockets, ports, 2, &here, NULL), errno);
	assert_return_code(sockets_listeners(&by_proc, ports, 2, &there, NULL), errno);
	sockets_sort(&here);
	sockets_sort(&there);
	assert_int_equal(here.count, 2);
	assert_int_equal(there.count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(here.items[i].port, there.items[i].port);
		assert_true(here.items[i].inode == there.items[i].inode);
		assert_int_equal(here.items[i].uid, there.items[i].uid);
		assert_int_equal(here.items[i].v6, there.items[i].v6);
		assert_memory_equal(here.items[i].address, there.items[i].address, 16);
	}
	list_release(&here);
	list_release(&there);
}

static void proc_lines_that_are_no_sockets(void **state)
{
	(void)state;
	struct socket_entry entry;
	assert_false(sockets_parse_proc_line("", false, false, &entry));
	assert_false(sockets_parse_proc_line("  sl  local_address rem_address   st tx_queue", false,
		false, &entry));
	assert_false(sockets_parse_proc_line("   0: 0100007F", false, false, &entry));
	assert_false(sockets_parse_proc_line("   0: 0100007:1F90 00000000:0000 0A", false, false,
		&entry));
	assert_true(sockets_parse_proc_line("   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 "
		"00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0", false, false, &entry));
	assert_int_equal(entry.port, 8080);
	assert_int_equal(entry.uid, 1000);
	assert_true(entry.inode == 4711);
	assert_int_equal(entry.state, SOCKET_LISTEN);
}

/* Two thousand sockets need several netlink messages. */
static void a_long_dump_is_complete(void **state)
{
	(void)state;
	enum { MANY = 600 };
	static int fds[MANY];
	static uint16_t ports[MANY];
	for (int i = 0; i < MANY; i++) {
		ports[i] = (uint16_t)(20000 + 2 * i);
		fds[i] = listen_at(AF_INET, ports[i], true);
	}
	struct socket_list list = {0};
	assert_return_code(sockets_listeners(&sockets, ports, MANY, &list, NULL), errno);
	assert_int_equal(list.count, MANY);
	list_release(&list);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}

static void row_P5_the_process_is_named(void **state)
{
	(void)state;
	OWNED_FD fd = listen_at(AF_INET, 31050, true);
	struct socket_list list = {0};
	struct owner_list owners = {0};
	uint16_t port = 31050;
	assert_return_code(sockets_listeners(&sockets, &port, 1, &list, NULL), errno);
	owners_find(&list, &owners);
	assert_int_equal(owners.count, 1);
	const struct owner *owner = &owners.items[0];
	assert_int_equal(owner->pid, getpid());
	assert_string_equal(owner->name, "test_sockets");
	assert_non_null(strstr(owner->command, "test_sockets"));
	assert_non_null(owner->user);
	assert_non_null(owner->cwd);
	assert_null(owner->project);
	assert_true(owner->start_ticks > 0);
	uint64_t inode = inode_of(fd);
	assert_true(owner_has_socket(getpid(), &inode, 1));
	inode++;
	assert_false(owner_has_socket(getpid(), &inode, 1));
	owners_release(&owners);
	list_release(&list);
}

static void an_inherited_listener_has_several_owners(void **state)
{
	(void)state;
	OWNED_FD fd = listen_at(AF_INET, 31051, true);
	int ends[2];
	assert_return_code(pipe(ends), errno);
	pid_t child = fork();
	if (!child) {
		char byte;
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) != 0);
	}
	struct socket_list list = {0};
	struct owner_list owners = {0};
	uint16_t port = 31051;
	assert_return_code(sockets_listeners(&sockets, &port, 1, &list, NULL), errno);
	owners_find(&list, &owners);
	close(ends[1]);
	close(ends[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(owners.count, 2);
	owners_release(&owners);
	list_release(&list);
}

/* One process with many sockets is described once, and each of its sockets is its own. */
static void many_sockets_of_one_process(void **state)
{
	(void)state;
	enum { MANY = 200 };
	int fds[MANY];
	for (int i = 0; i < MANY; i++)
		fds[i] = listen_at(AF_INET, (uint16_t)(22000 + i), true);
	OWNED_FD twice = dup(fds[0]);
	struct socket_list list = {0};
	struct owner_list owners = {0};
	assert_return_code(sockets_dump(&sockets, KIND_LISTEN, 22000, 22199, &list, NULL), errno);
	owners_find(&list, &owners);
	assert_int_equal(owners.count, MANY);
	for (size_t i = 0; i < owners.count; i++) {
		assert_int_equal(owners.items[i].pid, getpid());
		assert_string_equal(owners.items[i].name, "test_sockets");
	}
	owners_release(&owners);
	list_release(&list);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}

static int begin(void **state)
{
	(void)state;
	sockets_init(&sockets);
	return alone_network() ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	sockets_release(&sockets);
	return 0;
}

int main(void)
{
	if (!alone_is_possible())
		return 0;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listeners_of_both_families),
		cmocka_unit_test(bound_only_sockets_are_seen),
		cmocka_unit_test(connections_and_time_wait),
		cmocka_unit_test(udp_sockets),
		cmocka_unit_test(a_dump_has_the_kinds_and_ports_that_were_asked_for),
		cmocka_unit_test(six_only_and_dual_listeners_differ),
		cmocka_unit_test(proc_says_the_same),
		cmocka_unit_test(proc_lines_that_are_no_sockets),
		cmocka_unit_test(a_long_dump_is_complete),
		cmocka_unit_test(row_P5_the_process_is_named),
		cmocka_unit_test(an_inherited_listener_has_several_owners),
		cmocka_unit_test(many_sockets_of_one_process),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
