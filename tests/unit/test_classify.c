/* rooms: base model registry listeners ports */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "ports/classify.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

enum { ANN = 1000, BEN = 1001 };

/* Text fields are only read: the table keeps them in the program. */
#define TEXT(text) ((char *)(uintptr_t)(text))

static const struct socket_entry listens = {.state = SOCKET_LISTEN, .port = 4000, .uid = ANN, .inode = 1};
static const struct socket_entry of_ben = {.state = SOCKET_LISTEN, .port = 4000, .uid = BEN, .inode = 1};
static const struct socket_entry bound = {.state = SOCKET_BOUND, .port = 4000, .uid = ANN, .inode = 1};
static const struct socket_entry udp = {.state = SOCKET_UDP, .udp = true, .port = 4000, .uid = ANN, .inode = 1};
static const struct socket_entry connected = {.state = SOCKET_CONNECTED, .port = 4000, .uid = ANN,
	.inode = 1, .peer = {10, 0, 0, 7}, .peer_port = 443};
static const struct socket_entry waiting = {.state = SOCKET_TIME_WAIT, .port = 4000, .expires_ms = 12300};

#define PROCESS .inode = 1, .pid = 4242, .uid = ANN, .name = TEXT("node"), .user = TEXT("ann")
#define MARKS                                                                                      \
	.run_id = TEXT("1"), .project = TEXT("shop"), .instance = 2, .service = TEXT("api"),       \
	.state_dir = TEXT("/other/shop/2")
static const struct owner node = {PROCESS};
static const struct owner marked = {PROCESS, MARKS};
static const struct owner mute = {PROCESS, MARKS, .by_roster = true};
static const struct owner supervisor = {PROCESS, .supervisor = true};
static const struct owner contained = {PROCESS, .container = TEXT("0123456789ab")};
static const struct owner unit = {PROCESS, .unit = TEXT("web.service")};
static const struct owner init = {.inode = 1, .pid = 1, .name = TEXT("tini"), .uid = ANN};
static const struct owner sshd = {.inode = 1, .pid = 9, .name = TEXT("sshd"), .uid = ANN};
static const struct owner dockerd = {.inode = 1, .pid = 9, .name = TEXT("dockerd"), .uid = ANN};
static const struct owner publisher = {.inode = 1, .pid = 9, .name = TEXT("rootlessport"), .uid = ANN};
static const struct owner ben = {.inode = 1, .pid = 9, .name = TEXT("nc"), .uid = BEN, .user = TEXT("ben")};
static const struct owner unseen = {.inode = 1, .uid = BEN, .user = TEXT("ben")};
static const struct lease lease = {.project = "shop", .instance = 2, .service = "api", .name = "main"};

#define GUARD "[ports] protect names the port"
#define LEASED .lease_lives = true
#define OWN_LEASE .lease_is_project = true, .lease_is_instance = true, LEASED
#define HERE .holder = &marked, .socket = &listens, .mark_is_here = true

/* Every class by every evidence that leads to it; what outweighs what stands in pairs. */
static const struct row {
	struct port_facts facts;
	enum port_class class;
	const char *evidence;
} rows[] = {
	{{0}, CLASS_FREE, "no socket has it"},
	{{.lease_is_project = true, .lease_is_instance = true}, CLASS_FREE, "no socket has it"},
	{{LEASED}, CLASS_LEASED, "it is leased to shop instance 2, whose supervisor lives"},
	{{OWN_LEASE}, CLASS_LEASED, "it is leased to shop instance 2, whose supervisor lives"},
	{{.bind_errno = EACCES}, CLASS_PRIVILEGED, "it is below net.ipv4.ip_unprivileged_port_start"},
	{{.bind_errno = EACCES, .socket = &listens}, CLASS_PRIVILEGED,
		"it is below net.ipv4.ip_unprivileged_port_start"},
	{{.bind_errno = EADDRINUSE}, CLASS_UNKNOWN, "the kernel refuses it and shows no socket"},
	{{.bind_errno = EADDRINUSE, OWN_LEASE}, CLASS_UNKNOWN, "the kernel refuses it and shows no socket"},
	{{.bind_errno = EADDRINUSE, LEASED}, CLASS_OTHER_PROJECT,
		"it is leased to shop instance 2, whose supervisor lives"},
	{{.bind_errno = EADDRINUSE, LEASED, .lease_is_project = true}, CLASS_OTHER_INSTANCE,
		"it is leased to shop instance 2, whose supervisor lives"},

	{{HERE, .mark_lives = true, .mark_is_project = true, .mark_is_instance = true}, CLASS_OWN_LIVE,
		"it carries the marks of shop instance 2, service api"},
	{{HERE, .mark_is_project = true, .mark_is_instance = true}, CLASS_OWN_STALE,
		"it carries the marks of shop instance 2, service api, whose supervisor is gone"},
	{{HERE}, CLASS_OWN_STALE,
		"it carries the marks of shop instance 2, service api, whose supervisor is gone"},
	{{HERE, .mark_lives = true, .mark_is_project = true}, CLASS_OTHER_INSTANCE,
		"it carries the marks of shop instance 2, service api"},
	{{HERE, .mark_lives = true}, CLASS_OTHER_PROJECT,
		"it carries the marks of shop instance 2, service api"},
	{{HERE, .mark_lives = true, .guard = GUARD}, CLASS_OTHER_PROJECT,
		"it carries the marks of shop instance 2, service api"},
	{{.socket = &listens, .holder = &marked}, CLASS_OTHER_REGISTRY, "it carries the marks of shop "
		"instance 2, service api; its state directory is of another registry: /other/shop/2"},
	{{.socket = &connected, .holder = &marked, .mark_is_here = true, .mark_lives = true,
		.mark_is_project = true, .mark_is_instance = true}, CLASS_OWN_LIVE,
		"it carries the marks of shop instance 2, service api"},

	{{.holder = &mute, .socket = &listens, .mark_is_here = true, .mark_is_project = true,
		.mark_is_instance = true}, CLASS_OWN_STALE,
		"it was started by shop instance 2, service api, whose supervisor is gone"},

	{{.socket = &bound, .holder = &supervisor, OWN_LEASE}, CLASS_LEASED,
		"its supervisor keeps it for shop instance 2, and does not listen"},
	{{.socket = &listens, .holder = &supervisor, OWN_LEASE}, CLASS_OWN_LIVE,
		"it is leased to shop instance 2, whose supervisor lives"},
	{{.socket = &bound, .holder = &supervisor, LEASED}, CLASS_OTHER_PROJECT,
		"its supervisor keeps it for shop instance 2, and does not listen"},
	{{.socket = &bound, .holder = &supervisor, LEASED, .lease_is_project = true},
		CLASS_OTHER_INSTANCE,
		"its supervisor keeps it for shop instance 2, and does not listen"},
	{{.socket = &bound, .holder = &supervisor}, CLASS_OTHER_REGISTRY,
		"it is a supervisor of stackup, and no lease here is its own"},
	{{.socket = &bound, .holder = &unseen, LEASED}, CLASS_OTHER_PROJECT,
		"it is leased to shop instance 2, whose supervisor lives"},
	{{.socket = &listens, .uid = ANN, OWN_LEASE}, CLASS_OWN_LIVE,
		"it is leased to shop instance 2, whose supervisor lives"},
	{{.socket = &listens, .uid = ANN, LEASED}, CLASS_OTHER_PROJECT,
		"it is leased to shop instance 2, whose supervisor lives"},
	{{.socket = &bound, .uid = ANN, OWN_LEASE}, CLASS_LEASED,
		"it is leased to shop instance 2, whose supervisor lives"},
	{{.socket = &of_ben, .uid = ANN, OWN_LEASE}, CLASS_OTHER_USER,
		"it is of uid 1001, and we are uid 1000"},
	{{.socket = &listens, .holder = &node, .uid = ANN, OWN_LEASE}, CLASS_FOREIGN,
		"it is of the same user and carries no marks of stackup"},
	{{.socket = &bound, .holder = &node, .uid = ANN}, CLASS_FOREIGN,
		"it is of the same user and carries no marks of stackup"},

	{{.socket = &connected, .holder = &node, .uid = ANN}, CLASS_EPHEMERAL,
		"nobody listens; a connection with 10.0.0.7 port 443 has it as its own port"},
	{{.socket = &connected, .holder = &ben, .guard = GUARD, LEASED}, CLASS_EPHEMERAL,
		"nobody listens; a connection with 10.0.0.7 port 443 has it as its own port"},
	{{.socket = &waiting}, CLASS_TIME_WAIT, "a connection that is over keeps it for another 13 s"},
	{{.socket = &waiting, .bind_errno = EADDRINUSE, LEASED}, CLASS_TIME_WAIT,
		"a connection that is over keeps it for another 13 s"},

	{{.socket = &listens, .holder = &contained, .uid = BEN, .guard = GUARD}, CLASS_CONTAINER,
		"it belongs to container 0123456789ab"},
	{{.socket = &listens, .holder = &publisher, .uid = ANN}, CLASS_CONTAINER,
		"rootlessport publishes ports of containers"},
	{{.socket = &listens, .holder = &init, .uid = ANN}, CLASS_PROTECTED, "it is pid 1"},
	{{.socket = &listens, .holder = &unit, .uid = ANN}, CLASS_PROTECTED,
		"it belongs to the system service web.service"},
	{{.socket = &listens, .holder = &unit, .uid = BEN}, CLASS_PROTECTED,
		"it belongs to the system service web.service"},
	{{.socket = &listens, .holder = &sshd, .uid = ANN}, CLASS_PROTECTED,
		"sshd is a program of the system"},
	{{.socket = &listens, .holder = &dockerd, .uid = ANN}, CLASS_PROTECTED,
		"dockerd is a program of the system"},
	{{.socket = &listens, .holder = &node, .uid = ANN, .guard = GUARD}, CLASS_PROTECTED, GUARD},
	{{.socket = &of_ben, .holder = &ben, .uid = ANN, .guard = GUARD}, CLASS_PROTECTED, GUARD},
	{{.socket = &of_ben, .holder = &ben, .uid = ANN}, CLASS_OTHER_USER,
		"it is of user ben, and we are uid 1000"},
	{{.socket = &of_ben, .holder = &unseen, .uid = ANN}, CLASS_OTHER_USER,
		"it is of user ben, and we are uid 1000"},
	{{.socket = &of_ben, .uid = ANN}, CLASS_OTHER_USER, "it is of uid 1001, and we are uid 1000"},
	{{.socket = &listens, .holder = &node, .uid = BEN, .six_only = true}, CLASS_OTHER_USER,
		"it is of user ann, and we are uid 1001"},
	/* A socket made by one user and kept by another is of who keeps it. */
	{{.socket = &of_ben, .holder = &node, .uid = ANN}, CLASS_FOREIGN,
		"it is of the same user and carries no marks of stackup"},
	{{.socket = &listens, .holder = &node, .uid = ANN, .six_only = true}, CLASS_WRONG_FAMILY,
		"it listens for IPv6 only, and nothing listens on 127.0.0.1"},
	{{.socket = &listens, .holder = &node, .uid = ANN}, CLASS_FOREIGN,
		"it is of the same user and carries no marks of stackup"},
	{{.socket = &udp, .holder = &node, .uid = ANN}, CLASS_FOREIGN,
		"it is of the same user and carries no marks of stackup"},
};

static void add_evidence(struct text *out, const struct row *row, struct port_finding finding)
{
	struct port_verdict verdict = {.class = finding.class, .evidence = finding.evidence,
		.socket = row->facts.socket, .holder = row->facts.holder, .guard = row->facts.guard,
		.uid = row->facts.uid,
		.wait_ms = row->facts.socket ? row->facts.socket->expires_ms : 0};
	port_evidence_add(out, &verdict, &lease);
}

static void every_class_by_its_evidence(void **state)
{
	(void)state;
	bool seen[CLASS_UNKNOWN + 1] = {[CLASS_RESERVED] = true}; /* which no look can tell */
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		OWNED_TEXT said = {0};
		struct port_finding finding = port_class_of(&rows[i].facts);
		add_evidence(&said, &rows[i], finding);
		if (finding.class != rows[i].class)
			print_error("row %zu: %s\n", i, text_string(&said));
		assert_string_equal(port_class_word(finding.class), port_class_word(rows[i].class));
		assert_string_equal(text_string(&said), rows[i].evidence);
		seen[finding.class] = true;
	}
	for (enum port_class class = CLASS_FREE; class <= CLASS_UNKNOWN; class++)
		assert_true(seen[class]);
}

static struct socket_entry six(const uint8_t *address, bool only)
{
	struct socket_entry entry = {.state = SOCKET_LISTEN, .v6 = true, .v6_only = only, .port = 4000,
		.uid = geteuid(), .inode = 6};
	memcpy(entry.address, address, sizeof entry.address);
	return entry;
}

static enum port_class class_of(struct socket_entry *items, size_t count)
{
	struct port_asker asker = {.state = "/nowhere"};
	struct socket_list sockets = {.items = items, .count = count};
	struct owner_list nobody = {0};
	return port_classify(&asker, 4000, false, 0, &sockets, &nobody, NULL).class;
}

static void listeners_that_take_no_IPv4(void **state)
{
	(void)state;
	static const uint8_t any[16], loopback[16] = {[15] = 1},
		mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
	struct socket_entry four = {.state = SOCKET_LISTEN, .port = 4000, .uid = geteuid(), .inode = 4};
	struct socket_entry elsewhere = four, client = four;
	elsewhere.port = 4001;
	client.state = SOCKET_CONNECTED;
	assert_int_equal(class_of((struct socket_entry[]){six(loopback, false)}, 1), CLASS_WRONG_FAMILY);
	assert_int_equal(class_of((struct socket_entry[]){six(any, true)}, 1), CLASS_WRONG_FAMILY);
	assert_int_equal(class_of((struct socket_entry[]){six(any, false)}, 1), CLASS_FOREIGN);
	assert_int_equal(class_of((struct socket_entry[]){six(mapped, false)}, 1), CLASS_FOREIGN);
	assert_int_equal(class_of((struct socket_entry[]){six(loopback, false), four}, 2), CLASS_FOREIGN);
	assert_int_equal(class_of((struct socket_entry[]){six(loopback, false), elsewhere, client}, 3),
		CLASS_WRONG_FAMILY);
}

static void the_most_telling_socket_counts(void **state)
{
	(void)state;
	struct socket_entry all[] = {waiting, connected, bound, of_ben};
	struct port_asker asker = {.state = "/nowhere"};
	struct owner_list nobody = {0};
	static const enum socket_state wanted[] = {
		SOCKET_TIME_WAIT, SOCKET_CONNECTED, SOCKET_BOUND, SOCKET_LISTEN};
	for (size_t count = 1; count <= 4; count++) {
		struct socket_list sockets = {.items = all, .count = count};
		struct port_verdict v =
			port_classify(&asker, 4000, false, 0, &sockets, &nobody, NULL);
		assert_int_equal(v.socket->state, wanted[count - 1]);
		assert_int_equal(v.wait_ms, 12300);
		assert_int_equal(port_classify(&asker, 4000, true, 0, &sockets, &nobody, NULL).class,
			CLASS_FREE);
	}
}

static void our_own_sockets_are_not_in_our_way(void **state)
{
	(void)state;
	struct owner self = {.inode = 1, .pid = getpid(), .uid = geteuid()};
	struct socket_entry mine = bound;
	struct socket_list sockets = {.items = &mine, .count = 1};
	struct owner_list owners = {.items = &self, .count = 1};
	struct port_asker asker = {.state = "/nowhere"};
	assert_int_equal(port_classify(&asker, 4000, false, 0, &sockets, &owners, NULL).class, CLASS_FREE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_class_by_its_evidence),
		cmocka_unit_test(listeners_that_take_no_IPv4),
		cmocka_unit_test(the_most_telling_socket_counts),
		cmocka_unit_test(our_own_sockets_are_not_in_our_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
