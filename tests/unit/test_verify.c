/* rooms: base model registry listeners ports claim survey upkeep */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "upkeep/verify.h"

#include <cmocka.h>

/* One project with two instances, 1 (30100-30109) and 3; a test changes what it is about. */
struct world {
	struct arena *arena;
	struct project project;
	struct inventory_instance instances[2];
	struct verify_project projects[1];
	struct verify_instance seen[2];
	struct lease leases[2];
	struct port_view views[2];
	struct verify_lease judged[2];
	struct service_row service;
	struct verify_service services[1];
	struct verify_stray strays[1];
	struct verify_facts facts;
	struct verification found;
};
static struct world w;

static struct inventory_instance instance(int number, enum instance_status recorded, bool lives)
{
	return (struct inventory_instance){
		.row = {.project_id = 1,
			.project = "shop",
			.number = number,
			.spans = 1,
			.worktree = "/w",
			.status = lives                        ? INSTANCE_RUNNING
				: recorded == INSTANCE_STOPPED ? INSTANCE_STOPPED
							       : INSTANCE_CRASHED},
		.recorded = recorded,
		.base_port = (uint16_t)(30090 + 10 * number)};
}

static struct lease lease(uint16_t port, const char *service, int slot, enum lease_kind kind)
{
	return (struct lease){.port = port,
		.project_id = 1,
		.instance = 1,
		.project = "shop",
		.service = service,
		.name = *service ? "main" : "",
		.slot = slot,
		.kind = kind};
}

static struct port_view listener(uint16_t port, enum port_class class)
{
	return (struct port_view){.port = port,
		.seen = true,
		.class = class,
		.socket = {.state = SOCKET_LISTEN, .port = port}};
}

static int begin(void **state)
{
	(void)state;
	w = (struct world){.arena = arena_new(),
		.project = {.id = 1, .name = "shop", .path = "/w", .status = "active"},
		.instances = {instance(1, INSTANCE_RUNNING, true),
			instance(3, INSTANCE_STOPPED, false)},
		.leases = {lease(30101, "api", 1, LEASE_HOME), lease(30102, "", 2, LEASE_SPARE)},
		.views = {listener(30101, CLASS_OWN_LIVE), listener(30102, CLASS_LEASED)},
		.service = {.project_id = 1,
			.instance = 1,
			.service = "api",
			.name = "main",
			.port = 30101}};
	w.views[1].socket.state = SOCKET_BOUND;
	w.projects[0].row = &w.project;
	for (int i = 0; i < 2; i++) {
		w.seen[i].it = &w.instances[i];
		w.judged[i] = (struct verify_lease){.row = &w.leases[i],
			.owner = &w.instances[0],
			.is_here = true,
			.views = &w.views[i],
			.view_count = 1};
	}
	w.judged[0].is_wanted = true;
	w.services[0] = (struct verify_service){&w.service, &w.instances[0]};
	w.facts = (struct verify_facts){.projects = w.projects,
		.project_count = 1,
		.instances = w.seen,
		.instance_count = 2,
		.leases = w.judged,
		.lease_count = 2,
		.services = w.services,
		.service_count = 1,
		.strays = w.strays};
	return w.arena ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	arena_free(w.arena);
	return 0;
}

static void judge(void)
{
	verify_judge(&w.facts, w.arena, &w.found);
	assert_int_equal(w.found.examined, w.found.is_true + w.found.count);
}

/* The one difference, and what it is about. */
static void expect_one(enum verify_kind kind, int number, uint16_t port)
{
	judge();
	assert_int_equal(w.found.count, 1);
	assert_string_equal(verify_kind_word(w.found.items[0].kind), verify_kind_word(kind));
	assert_string_equal(w.found.items[0].project, "shop");
	assert_int_equal(w.found.items[0].instance, number);
	assert_int_equal(w.found.items[0].port, port);
	assert_true(*w.found.items[0].reason && *verify_kind_fix(kind));
}

static void all_is_true(void **state)
{
	(void)state;
	judge();
	assert_int_equal(w.found.examined, 6);
	assert_int_equal(w.found.count, 0);
	assert_int_equal(verify_permille(&w.found), 1000);
	w.facts = (struct verify_facts){0};
	judge();
	assert_int_equal(verify_permille(&w.found), 1000);
}

static void accuracy_is_rounded_and_all_is_all(void **state)
{
	(void)state;
	static const struct {
		size_t is_true, examined;
		int permille;
	} rows[] = {{1, 1, 1000}, {0, 1, 0}, {2, 3, 667}, {1, 3, 333}, {7, 9, 778}, {999, 1000, 999},
		{9999, 10000, 999}, {1, 10000, 1}, {1, 2000, 1}, {0, 0, 1000}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct verification v = {.examined = rows[i].examined, .is_true = rows[i].is_true};
		assert_int_equal(verify_permille(&v), rows[i].permille);
	}
}

static void what_may_be_on_a_disk_that_is_away_is_not_judged(void **state)
{
	(void)state;
	w.projects[0].is_unseen = w.seen[1].is_unseen = true;
	judge();
	assert_int_equal(w.found.count, 0);
	assert_int_equal(w.found.examined, 4);
	assert_int_equal(w.found.is_true, 4);
	assert_int_equal(w.found.unjudged_count, 2);
	assert_int_equal(w.found.unjudged[0].instance, 0);
	assert_string_equal(w.found.unjudged[1].project, "shop");
	assert_int_equal(w.found.unjudged[1].instance, w.instances[1].row.number);
}

static void a_directory_that_is_gone(void **state)
{
	(void)state;
	w.projects[0].is_gone = true;
	expect_one(VERIFY_PATH_GONE, 0, 0);
}

static void what_is_recorded_of_an_instance(void **state)
{
	(void)state;
	static const struct {
		enum instance_status recorded;
		bool lives, gone;
		bool differs;
		enum verify_kind kind;
	} rows[] = {
		{INSTANCE_STOPPED, false, false, false, 0},
		{INSTANCE_CRASHED, false, false, false, 0},
		{INSTANCE_RUNNING, true, false, false, 0},
		{INSTANCE_RUNNING, false, false, true, VERIFY_SUPERVISOR_DEAD},
		{INSTANCE_RUNNING, false, true, true, VERIFY_SUPERVISOR_DEAD},
		{INSTANCE_STOPPED, true, false, true, VERIFY_RUNS_UNRECORDED},
		{INSTANCE_CRASHED, true, false, true, VERIFY_RUNS_UNRECORDED},
		{INSTANCE_STOPPED, false, true, true, VERIFY_WORKTREE_GONE},
		{INSTANCE_RUNNING, true, true, true, VERIFY_WORKTREE_GONE},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		w.instances[1] = instance(3, rows[i].recorded, rows[i].lives);
		w.seen[1].is_gone = rows[i].gone;
		if (rows[i].differs) {
			expect_one(rows[i].kind, 3, 0);
			continue;
		}
		judge();
		assert_int_equal(w.found.count, 0);
	}
}

static void two_that_run_and_share_ports(void **state)
{
	(void)state;
	w.instances[0].row.spans = 3;
	judge();
	assert_int_equal(w.found.count, 0);
	w.instances[1] = instance(3, INSTANCE_RUNNING, true);
	expect_one(VERIFY_SHARED_RANGE, 3, 0);
}

static void leases_of_nobody(void **state)
{
	(void)state;
	w.judged[1].owner = NULL;
	expect_one(VERIFY_LEASE_ORPHAN, 1, 30102);
	w.judged[1].owner = &w.instances[1];
	expect_one(VERIFY_LEASE_DEAD, 1, 30102);
	w.judged[1].is_here = false;
	expect_one(VERIFY_LEASE_DEAD, 1, 30102);
	/* What a stopped instance would move to is kept on purpose; what a crashed one had is not. */
	w.leases[1].kind = LEASE_MOVED;
	judge();
	assert_int_equal(w.found.count, 0);
	w.instances[1] = instance(3, INSTANCE_CRASHED, false);
	expect_one(VERIFY_LEASE_DEAD, 1, 30102);
}

static void leases_that_contradict(void **state)
{
	(void)state;
	w.leases[1] = lease(30105, "api", -1, LEASE_MOVED);
	expect_one(VERIFY_LEASE_TWICE, 1, 30105);
	w.leases[1].udp = true;
	judge();
	assert_int_equal(w.found.count, 0);
	w.leases[1] = lease(30110, "", 2, LEASE_SPARE);
	expect_one(VERIFY_LEASE_OUTSIDE, 1, 30110);
	w.instances[0].row.spans = 2;
	judge();
	assert_int_equal(w.found.count, 0);
	w.leases[1] = lease(40000, "web", -1, LEASE_MOVED);
	judge();
	assert_int_equal(w.found.count, 0);
}

static void who_listens_on_a_leased_port(void **state)
{
	(void)state;
	static const struct {
		enum port_class class;
		enum socket_state socket;
		bool seen, wanted;
		bool differs;
		enum verify_kind kind;
	} rows[] = {
		{CLASS_OWN_LIVE, SOCKET_LISTEN, true, true, false, 0},
		{CLASS_LEASED, SOCKET_LISTEN, true, true, false, 0},
		{CLASS_OWN_LIVE, SOCKET_UDP, true, true, false, 0},
		{CLASS_LEASED, SOCKET_BOUND, true, false, false, 0},
		{CLASS_LEASED, SOCKET_BOUND, true, true, true, VERIFY_SILENT},
		{CLASS_LEASED, SOCKET_LISTEN, false, true, true, VERIFY_SILENT},
		{CLASS_LEASED, SOCKET_LISTEN, false, false, false, 0},
		{CLASS_FOREIGN, SOCKET_LISTEN, true, false, true, VERIFY_STRANGER},
		{CLASS_FOREIGN, SOCKET_LISTEN, true, true, true, VERIFY_STRANGER},
		{CLASS_FOREIGN, SOCKET_BOUND, true, false, false, 0},
		{CLASS_OTHER_USER, SOCKET_LISTEN, true, false, true, VERIFY_STRANGER},
		{CLASS_OTHER_PROJECT, SOCKET_LISTEN, true, false, true, VERIFY_STRANGER},
		{CLASS_OWN_STALE, SOCKET_LISTEN, true, false, true, VERIFY_STRANGER},
		{CLASS_CONTAINER, SOCKET_LISTEN, true, false, true, VERIFY_STRANGER},
		{CLASS_CONTAINER, SOCKET_LISTEN, true, true, false, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		w.views[0] = listener(30101, rows[i].class);
		w.views[0].socket.state = rows[i].socket;
		w.views[0].seen = rows[i].seen;
		w.judged[0].is_wanted = rows[i].wanted;
		if (rows[i].differs) {
			expect_one(rows[i].kind, 1, 30101);
			continue;
		}
		judge();
		assert_int_equal(w.found.count, 0);
	}
	/* Beside the service itself nobody is in its place. */
	w.views[0] = listener(30101, CLASS_OWN_LIVE);
	w.views[1] = listener(30101, CLASS_FOREIGN);
	w.judged[0].view_count = 2;
	w.judged[1].view_count = 0;
	judge();
	assert_int_equal(w.found.count, 0);
}

static void leases_of_another_network_are_not_looked_at(void **state)
{
	(void)state;
	w.judged[0].is_here = false;
	w.views[0] = listener(30101, CLASS_FOREIGN);
	judge();
	assert_int_equal(w.found.examined, 5);
	assert_int_equal(w.found.count, 0);
}

static void services_have_the_ports_of_their_leases(void **state)
{
	(void)state;
	w.service.port = 31000;
	expect_one(VERIFY_SERVICE_DIFFERS, 1, 31000);
	w.service = (struct service_row){
		.project_id = 1, .instance = 1, .service = "web", .name = "main", .port = 30100};
	expect_one(VERIFY_SERVICE_DIFFERS, 1, 30100);
	w.services[0].owner = &w.instances[1];
	expect_one(VERIFY_SERVICE_DEAD, 1, 30100);
}

static void listeners_without_a_lease(void **state)
{
	(void)state;
	struct port_view stray = listener(4000, CLASS_OWN_LIVE);
	stray.holder =
		(struct owner){.pid = 7, .project = (char *)(uintptr_t) "shop", .instance = 1};
	stray.has_holder = true;
	w.strays[0].view = &stray;
	w.facts.stray_count = 1;
	expect_one(VERIFY_UNLEASED, 1, 4000);
	assert_int_equal(w.found.examined, 7);
	stray.class = CLASS_OWN_STALE;
	expect_one(VERIFY_LEFTOVER, 1, 4000);
}

static void what_was_seen_once_is_true(void **state)
{
	(void)state;
	struct verification again;
	w.projects[0].is_gone = w.seen[1].is_gone = true;
	judge();
	assert_int_equal(w.found.count, 2);
	w.seen[1].is_gone = false;
	verify_judge(&w.facts, w.arena, &again);
	verify_keep_seen(&w.found, &again);
	assert_int_equal(w.found.count, 1);
	assert_int_equal(w.found.items[0].kind, VERIFY_PATH_GONE);
	assert_int_equal(w.found.is_true, w.found.examined - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_is_true),
		TEST(accuracy_is_rounded_and_all_is_all),
		TEST(what_may_be_on_a_disk_that_is_away_is_not_judged),
		TEST(a_directory_that_is_gone),
		TEST(what_is_recorded_of_an_instance),
		TEST(two_that_run_and_share_ports),
		TEST(leases_of_nobody),
		TEST(leases_that_contradict),
		TEST(who_listens_on_a_leased_port),
		TEST(leases_of_another_network_are_not_looked_at),
		TEST(services_have_the_ports_of_their_leases),
		TEST(listeners_without_a_lease),
		TEST(what_was_seen_once_is_true),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
