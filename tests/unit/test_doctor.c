/* rooms: base model registry listeners ports doctor */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alone.h"
#include "base/list.h"
#include "doctor/doctor.h"
#include "ports/policy.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

/* A machine on which nothing is wrong: the kernel's usual range, block 1, and one service. */
static struct facts f;

static int begin(void **state)
{
	(void)state;
	memset(&f, 0, sizeof f);
	f.arena = arena_new();
	f.ports_base = PORTS_BASE;
	f.ephemeral.low = 32768;
	f.ephemeral.high = 60999;
	f.shows_bound = true;
	f.localhost = LOCALHOST_IPV4_FIRST;
	f.descriptors_most = 1024;
	f.disk_free = INT64_C(4) << 30;
	f.user = "ann";
	f.state = "/home/ann/.local/state/stackup";
	port_set_add(&f.ours, 30100, 30199);
	return f.arena ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	list_release(&f.sockets);
	list_release(&f.owners);
	arena_free(f.arena);
	return 0;
}

static void add_block(int block)
{
	uint16_t low = block_port(f.ports_base, block);
	port_set_add(&f.ours, low, (uint16_t)(low + BLOCK_PORTS - 1));
}

static void reserve(uint16_t low, uint16_t high)
{
	memset(f.ephemeral.reserved + low, true, (size_t)(high - low) + 1);
}

static void hold(uint16_t port, const char *service)
{
	*arena_append(f.arena, f.held, f.held_count) = (struct held_port){
		.port = port, .project = "shop", .instance = 1, .service = service};
}

enum who { SUPERVISOR, SERVICE, STRANGER, UNREADABLE };

static void add_socket(uint16_t port, enum socket_state state, const char *address, bool v6_only,
	enum who who)
{
	static uint64_t inode;
	struct socket_entry entry = {.state = state, .port = port, .v6 = strchr(address, ':'),
		.v6_only = v6_only, .inode = ++inode};
	assert_int_equal(inet_pton(entry.v6 ? AF_INET6 : AF_INET, address, entry.address), 1);
	struct owner owner = {.inode = inode, .pid = who == UNREADABLE ? 0 : 4242,
		.supervisor = who == SUPERVISOR, .instance = who == SERVICE,
		.project = who == SERVICE ? arena_string(f.arena, "shop") : NULL,
		.name = arena_string(f.arena, "nc")};
	assert_true(list_push(&f.sockets, entry));
	assert_true(list_push(&f.owners, owner));
}

static const struct check *check_of(const char *name)
{
	for (size_t i = 0; i < check_count; i++)
		if (!strcmp(checks[i].name, name))
			return &checks[i];
	fail_msg("no check '%s'", name);
	return NULL;
}

/* Verdict, something the sentence says and something the fix says; "" where there must be none. */
static void expect(const char *name, enum verdict verdict, const char *text, const char *fix)
{
	struct finding finding = {0};
	check_of(name)->judge(&f, &finding);
	bool as_told = finding.verdict == verdict && strstr(text_string(&finding.text), text) &&
		(*fix ? strstr(text_string(&finding.fix), fix) != NULL : !finding.fix.length);
	if (!as_told)
		fail_msg("%s is %s: %s\nfix: %s", name, verdict_word(finding.verdict),
			text_string(&finding.text), text_string(&finding.fix));
	finding_release(&finding);
}

static void nothing_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < check_count; i++)
		expect(checks[i].name, VERDICT_OK, "", "");
}

static void row_P14_blocks_below_the_kernels_range(void **state)
{
	(void)state;
	expect("ephemeral-range", VERDICT_OK, "32768-60999 to outgoing connections, and no port of yours", "");
	expect("reserved-ports", VERDICT_OK, "nothing has to be reserved", "");
	/* Half of block 27 is inside. */
	add_block(27);
	expect("ephemeral-range", VERDICT_WARNING, "these are among them: 32768-32799;",
		"/etc/sysctl.d/99-stackup-ports.conf\nnet.ipv4.ip_local_reserved_ports = 32768-39999\n"
		"then run: sudo sysctl --system");
	expect("reserved-ports", VERDICT_WARNING, "0 of 32 ports", "as for ephemeral-range");
}

static void row_P14_the_cure_merges_what_is_reserved(void **state)
{
	(void)state;
	add_block(30);
	reserve(8080, 8080);
	reserve(32760, 32780);
	reserve(50000, 50010);
	expect("ephemeral-range", VERDICT_WARNING, "33000-33099",
		"net.ipv4.ip_local_reserved_ports = 8080,32760-39999,50000-50010\n");
	/* A block outside of the usual hundred, and a leased port of the stack file. */
	add_block(200);
	port_set_add(&f.ours, 54321, 54321);
	expect("ephemeral-range", VERDICT_WARNING, "33000-33099, 50000-50099, 54321;",
		"= 8080,32760-39999,50000-50099,54321\n");
}

static void row_P14_reserved_ports_are_enough(void **state)
{
	(void)state;
	add_block(30);
	reserve(33000, 33098);
	expect("ephemeral-range", VERDICT_WARNING, "33000-33099", "32768-39999");
	expect("reserved-ports", VERDICT_WARNING, "99 of 100", "as for");
	reserve(33099, 33099);
	expect("ephemeral-range", VERDICT_OK, "33000-33099, all reserved", "");
	expect("reserved-ports", VERDICT_WARNING, "100 of 100 ports that the kernel could hand out are reserved, "
		"until the machine is started again", "99-stackup-ports.conf");
	f.reserved_line = (struct sysctl_line){"/etc/sysctl.d/ports.conf", "8080, 33000-33050"};
	expect("reserved-ports", VERDICT_WARNING, "until",
		"in /etc/sysctl.d/ports.conf, instead of its net.ipv4.ip_local_reserved_ports, write\n"
		"net.ipv4.ip_local_reserved_ports = 32768-39999\n");
	f.reserved_line.value = "8080,33000-33099";
	expect("reserved-ports", VERDICT_OK, "100 of 100", "");
	/* What the distribution ships is not edited, but replaced from /etc. */
	f.reserved_line = (struct sysctl_line){"/usr/lib/sysctl.d/50-x.conf", "1"};
	expect("reserved-ports", VERDICT_WARNING, "until", "write into /etc/sysctl.d/99-stackup-ports.conf\n");
}

/* Reserving the whole range would leave no port for any outgoing connection. */
static void row_P14_the_cure_leaves_the_kernel_ports(void **state)
{
	(void)state;
	f.ephemeral.low = 30000;
	f.ephemeral.high = 39999;
	expect("ephemeral-range", VERDICT_WARNING, "30100-30199", "net.ipv4.ip_local_reserved_ports = 30100-30199\n");
	reserve(8080, 8080);
	f.ephemeral.high = 30199;
	expect("ephemeral-range", VERDICT_WARNING, "30000-30199", "net.ipv4.ip_local_reserved_ports = 8080,30100-30199\n");
	f.ephemeral.low = 30002;
	expect("ephemeral-range", VERDICT_WARNING, "30002-30199",
		"net.ipv4.ip_local_port_range = 32768 60999\n"
		"net.ipv4.ip_local_reserved_ports = 8080,32768-39999\n");
}

static void kubernetes(void **state)
{
	(void)state;
	expect("kubernetes-ports", VERDICT_OK, "no Kubernetes", "");
	f.kubernetes = "k3s-server (pid 812)";
	expect("kubernetes-ports", VERDICT_WARNING, "k3s-server (pid 812) runs here", "[stack] block = 28");
	expect("kubernetes-ports", VERDICT_WARNING, "30100-30199", "--service-node-port-range=20000-22767");
	memset(&f.ours, 0, sizeof f.ours);
	add_block(28);
	expect("kubernetes-ports", VERDICT_OK, "no port of yours is among them", "");
}

static void docker(void **state)
{
	(void)state;
	expect("docker-ports", VERDICT_OK, "no Docker", "");
	f.docker = "dockerd (pid 7)";
	expect("docker-ports", VERDICT_OK, "one of 32768-60999; no port of yours", "");
	add_block(27);
	expect("docker-ports", VERDICT_WARNING, "32768-32799", "N up to 26");
	f.ephemeral.low = 30000;
	expect("docker-ports", VERDICT_WARNING, "30100-30199", "publish fixed ports");
}

static void placeholders(void **state)
{
	(void)state;
	expect("holds", VERDICT_OK, "no instance runs", "");
	hold(30100, "");
	hold(30101, "api");
	add_socket(30100, SOCKET_BOUND, "::", false, SUPERVISOR);
	add_socket(30101, SOCKET_LISTEN, "127.0.0.1", false, SERVICE);
	expect("holds", VERDICT_OK, "hold all their ports (2)", "");
	hold(30102, "");
	expect("holds", VERDICT_WARNING, "not held, 1 of 3 ports of running instances: 30102 of shop instance 1, had by nobody",
		"passes by itself in up to 60 s (`stackup ports who 30102`");
	add_socket(30102, SOCKET_LISTEN, "127.0.0.1", false, STRANGER);
	expect("holds", VERDICT_WARNING, "30102 of shop instance 1, had by pid 4242 (nc)",
		"end who has it");
}

static void placeholders_of_services_are_a_problem(void **state)
{
	(void)state;
	hold(30100, "");
	hold(30101, "api");
	expect("holds", VERDICT_PROBLEM, "not held, 2 of 2 ports of running instances: 30100 of shop instance 1, had by nobody; "
		"30101 of shop instance 1 service 'api', had by nobody", "who 30100");
}

static void expect_holds(enum verdict verdict, const char *text)
{
	struct finding finding = {0};
	check_of("holds")->judge(&f, &finding);
	assert_int_equal(finding.verdict, verdict);
	assert_non_null(strstr(text_string(&finding.text), text));
	finding_release(&finding);
}

static void placeholders_that_cannot_be_seen(void **state)
{
	(void)state;
	hold(30100, "");
	f.shows_bound = false;
	expect_holds(VERDICT_OK, "does not show");
	/* A stranger who listens is seen by every kernel. */
	add_socket(30100, SOCKET_LISTEN, "127.0.0.1", false, STRANGER);
	expect_holds(VERDICT_WARNING, "had by pid 4242");
	/* Whose it is cannot be known: nobody is accused. */
	f.sockets.count = f.owners.count = 0;
	add_socket(30100, SOCKET_LISTEN, "127.0.0.1", false, UNREADABLE);
	f.shows_bound = true;
	expect_holds(VERDICT_OK, "hold all their ports (1)");
}

static void a_long_list_is_cut(void **state)
{
	(void)state;
	for (uint16_t port = 30100; port < 30110; port++)
		hold(port, "");
	expect_holds(VERDICT_WARNING, "not held, 10 of 10 ports");
	expect_holds(VERDICT_WARNING, "30104 of shop instance 1, had by nobody; and 5 more");
}

struct listening {
	const char *address;
	bool v6_only;
	bool ipv4;
	bool ipv6;
};

static const struct listening listening[] = {
	{"127.0.0.1", false, true, false},
	{"0.0.0.0", false, true, false},
	{"127.0.0.5", false, true, false},
	{"::1", false, false, true},
	{"::", true, false, true},
	{"::", false, true, true},
	{"::ffff:127.0.0.1", false, true, false},
};

static void fault_F20_families(void **state)
{
	(void)state;
	hold(30101, "api");
	f.localhost = LOCALHOST_IPV6_FIRST;
	for (size_t i = 0; i < sizeof listening / sizeof listening[0]; i++) {
		const struct listening *l = &listening[i];
		f.sockets.count = f.owners.count = 0;
		add_socket(30101, SOCKET_LISTEN, l->address, l->v6_only, SERVICE);
		if (l->ipv4)
			expect("ipv6-only", VERDICT_OK, "all services that listen", "");
		else
			expect("ipv6-only", VERDICT_WARNING, "30101 of shop instance 1 service 'api'",
				"--host 127.0.0.1");
		if (l->ipv6)
			expect("localhost", VERDICT_OK, "::1 first, and no service", "");
		else
			expect("localhost", VERDICT_WARNING, "30101 of shop", "/etc/gai.conf");
	}
	/* Two sockets, one of each. */
	f.sockets.count = f.owners.count = 0;
	add_socket(30101, SOCKET_LISTEN, "127.0.0.1", false, SERVICE);
	add_socket(30101, SOCKET_LISTEN, "::1", false, SERVICE);
	expect("ipv6-only", VERDICT_OK, "", "");
	expect("localhost", VERDICT_OK, "", "");
	/* A placeholder does not listen. */
	f.sockets.count = f.owners.count = 0;
	add_socket(30101, SOCKET_BOUND, "::1", false, SUPERVISOR);
	expect("ipv6-only", VERDICT_OK, "no service listens", "");
}

static void localhost(void **state)
{
	(void)state;
	hold(30101, "api");
	add_socket(30101, SOCKET_LISTEN, "127.0.0.1", false, SERVICE);
	expect("localhost", VERDICT_OK, "127.0.0.1 first", "");
	f.localhost = LOCALHOST_UNKNOWN;
	expect("localhost", VERDICT_PROBLEM, "no address", "127.0.0.1 localhost");
}

static void descriptors(void **state)
{
	(void)state;
	expect("descriptors", VERDICT_OK, "a supervisor alone needs up to 128 open files, 1024 are allowed", "");
	f.services = 100;
	f.ports = 96;
	expect("descriptors", VERDICT_OK, "a stack of 100 services needs up to 1024 open files, 1024", "");
	f.ports++;
	expect("descriptors", VERDICT_PROBLEM, "1025", "`ann hard nofile 4096` into /etc/security/limits.d/");
	f.descriptors_most = UINT64_MAX;
	expect("descriptors", VERDICT_OK, "no limit", "");
}

static void state_directory(void **state)
{
	(void)state;
	expect("state-directory", VERDICT_OK, "on a disk of this machine", "");
	f.file_system = "NFS";
	expect("state-directory", VERDICT_WARNING, "network file system (NFS)", "STACKUP_HOME");
	f.registry_error = "it belongs to user 7";
	f.registry_hint = "chown it";
	expect("state-directory", VERDICT_PROBLEM, "it belongs to user 7", "chown it");
}

static void disk_space(void **state)
{
	(void)state;
	expect("disk-space", VERDICT_OK, "4096 MiB are free on the disk of /home/ann/", "");
	f.no_inodes = true;
	expect("disk-space", VERDICT_PROBLEM, "no further file", "STACKUP_HOME");
	f.no_inodes = false;
	f.disk_free = INT64_C(256) << 20;
	expect("disk-space", VERDICT_OK, "256 MiB", "");
	f.disk_free--;
	expect("disk-space", VERDICT_WARNING, "255 MiB", "log.total");
	f.disk_free = INT64_C(32) << 20;
	expect("disk-space", VERDICT_WARNING, "32 MiB", "make room");
	f.disk_free--;
	expect("disk-space", VERDICT_PROBLEM, "31 MiB", "make room");
	f.disk_free = 0;
	expect("disk-space", VERDICT_PROBLEM, "0 MiB", "make room");
	f.disk_free = -1;
	expect("disk-space", VERDICT_OK, "not known", "");
}

static void sock_diag(void **state)
{
	(void)state;
	expect("sock-diag", VERDICT_OK, "answers", "");
	f.by_proc = true;
	expect("sock-diag", VERDICT_WARNING, "/proc/net", "modprobe -a inet_diag tcp_diag");
}

static void sets_of_ports(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool fine;
		const char *printed;
	} sets[] = {
		{"", true, ""},
		{"\n", true, ""},
		{"8080\n", true, "8080"},
		{"1,2,3", true, "1-3"},
		{"32768-39999,8080", true, "8080,32768-39999"},
		{"1-65535", true, "1-65535"},
		{"10-20,15-25,26", true, "10-26"},
		{"5 7", true, "5,7"},
		{"5,soon,7", false, "5,7"},
		{"70000", false, ""},
	};
	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
		struct port_set set = {0};
		OWNED_TEXT out = {0};
		assert_int_equal(port_set_parse(&set, sets[i].text), sets[i].fine);
		port_set_print(&set, ",", &out);
		assert_string_equal(text_string(&out), sets[i].printed);
	}
}

static void put(const char *root, const char *path, const char *text)
{
	char *full = arena_format(f.arena, "%s%s", root, path);
	char *slash = strrchr(full, '/');
	*slash = '\0';
	assert_int_equal(file_make_directories(full, NULL), 0);
	*slash = '/';
	assert_int_equal(file_replace(full, text, strlen(text), NULL), 0);
}

#define KEY "net.ipv4.ip_local_reserved_ports"

static void expect_line(const char *root, const char *file, const char *value)
{
	struct sysctl_line line = sysctl_find(root, KEY, f.arena);
	if (!file) {
		assert_null(line.file);
		return;
	}
	assert_non_null(line.file);
	assert_string_equal(line.file, file);
	assert_string_equal(line.value, value);
}

static void files_of_sysctl(void **state)
{
	(void)state;
	char root[64];
	alone_directory(root);
	expect_line(root, NULL, NULL);
	put(root, "/usr/lib/sysctl.d/50-ports.conf", "# " KEY "=1\n;" KEY "=2\n" KEY "_not = 3\n" KEY "\n");
	expect_line(root, NULL, NULL);
	put(root, "/usr/lib/sysctl.d/50-ports.conf", "kernel.pid_max = 7\n  " KEY " =  8080,9090 \r\n");
	expect_line(root, "/usr/lib/sysctl.d/50-ports.conf", "8080,9090");
	/* By name, whatever the directory; not what is no .conf. */
	put(root, "/etc/sysctl.d/40-early.conf", KEY "=1\n");
	put(root, "/etc/sysctl.d/99-backup.conf~", KEY "=2\n");
	expect_line(root, "/usr/lib/sysctl.d/50-ports.conf", "8080,9090");
	put(root, "/run/sysctl.d/60-late.conf", "-net/ipv4/ip_local_reserved_ports=3\n" KEY "=4");
	expect_line(root, "/run/sysctl.d/60-late.conf", "4");
	/* The same name in /etc stands for the other. */
	put(root, "/etc/sysctl.d/60-late.conf", "kernel.pid_max = 8\n");
	expect_line(root, "/usr/lib/sysctl.d/50-ports.conf", "8080,9090");
	put(root, "/etc/sysctl.conf", KEY " = 5\n");
	expect_line(root, "/etc/sysctl.conf", "5");
	alone_remove(root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_wrong),
		TEST(row_P14_blocks_below_the_kernels_range),
		TEST(row_P14_the_cure_merges_what_is_reserved),
		TEST(row_P14_reserved_ports_are_enough),
		TEST(row_P14_the_cure_leaves_the_kernel_ports),
		TEST(kubernetes),
		TEST(docker),
		TEST(placeholders),
		TEST(placeholders_of_services_are_a_problem),
		TEST(placeholders_that_cannot_be_seen),
		TEST(a_long_list_is_cut),
		TEST(fault_F20_families),
		TEST(localhost),
		TEST(descriptors),
		TEST(state_directory),
		TEST(disk_space),
		TEST(sock_diag),
		TEST(sets_of_ports),
		TEST(files_of_sysctl),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
