/* rooms: base model registry listeners ports */
/* Ending who has a port: whom, how, and what is written down about it. */
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include "alone.h"
#include "base/arena.h"
#include "ports/evict.h"
#include "registry/registry.h"

#include <cmocka.h>

#include "strangers.h"

struct world {
	char dir[64];
	struct error e;
	struct owner_list ended;
};
static struct world w;

static int begin(void **state)
{
	(void)state;
	w = (struct world){0};
	return alone_network() && alone_directory(w.dir) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	owners_release(&w.ended);
	alone_remove(w.dir);
	return 0;
}

static struct eviction order_for(uint16_t port)
{
	return (struct eviction){.state = w.dir, .project_id = 7, .instance = 3, .port = port,
		.why = "a test", .grace_ms = 200};
}

/* "SIGTERM SIGKILL" */
static const char *audited(void)
{
	static char text[256];
	char path[128];
	sqlite3 *db;
	sqlite3_stmt *rows = NULL;
	text[0] = '\0';
	snprintf(path, sizeof path, "%s/registry.db", w.dir);
	int opened = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);
	if (opened == SQLITE_OK && sqlite3_prepare_v2(db, "SELECT action FROM audit WHERE project_id = 7 AND instance = 3 "
		"AND reason = 'a test' ORDER BY id", -1, &rows, NULL) == SQLITE_OK)
		while (sqlite3_step(rows) == SQLITE_ROW)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s",
				*text ? " " : "", (const char *)sqlite3_column_text(rows, 0));
	sqlite3_finalize(rows);
	sqlite3_close(db);
	return text;
}

static void must_evict(const struct eviction *order)
{
	if (evict(order, &w.ended, &w.e)) {
		print_error("%s\n", w.e.text);
		assert_true(false);
	}
}

static void must_refuse(const struct eviction *order, const char *words)
{
	assert_int_equal(evict(order, &w.ended, &w.e), -1);
	assert_int_equal(w.e.code, EXIT_CONFLICT);
	if (!strstr(w.e.text, words))
		fail_msg("'%s' is not in: %s", words, w.e.text);
	assert_int_equal(w.ended.count, 0);
	assert_string_equal(audited(), "");
}

static void row_P7_a_stranger_is_asked_to_end_and_that_is_audited(void **state)
{
	(void)state;
	struct stranger s = stranger_start(8000, STRANGER_PLAIN);
	struct eviction order = order_for(8000);
	must_evict(&order);
	assert_int_equal(w.ended.count, 1);
	assert_int_equal(w.ended.items[0].pid, s.pid);
	assert_string_equal(audited(), "SIGTERM");
	assert_int_equal(stranger_end(&s), SIGTERM);
}

static void who_does_not_end_is_killed(void **state)
{
	(void)state;
	struct stranger s = stranger_start(8000, STRANGER_STUBBORN);
	struct eviction order = order_for(8000);
	must_evict(&order);
	assert_string_equal(audited(), "SIGTERM SIGKILL");
	assert_false(stranger_lives(&s));
	assert_int_equal(stranger_end(&s), SIGKILL);
}

static void who_lets_go_may_live(void **state)
{
	(void)state;
	struct stranger s = stranger_start(8000, STRANGER_LETS_GO);
	struct eviction order = order_for(8000);
	order.grace_ms = 20000;
	must_evict(&order);
	assert_string_equal(audited(), "SIGTERM");
	assert_true(stranger_lives(&s));
	stranger_end(&s);
}

static void what_closes_late_is_waited_for(void **state)
{
	(void)state;
	struct stranger s = stranger_start(8000, STRANGER_LINGERS);
	struct eviction order = order_for(8000);
	must_evict(&order);
	assert_int_equal(w.ended.count, 1);
	assert_int_equal(stranger_end(&s), 0);
}

static void all_who_share_a_listener_are_ended(void **state)
{
	(void)state;
	struct stranger s = stranger_start(8000, STRANGER_FORKS);
	struct eviction order = order_for(8000);
	must_evict(&order);
	assert_int_equal(w.ended.count, 2);
	assert_int_equal(stranger_end(&s), SIGTERM);
}

static void nobody_there_is_success(void **state)
{
	(void)state;
	struct eviction order = order_for(8000);
	must_evict(&order);
	assert_int_equal(w.ended.count, 0);
	assert_string_equal(audited(), "");
}

static void row_P7_protected_ports_are_left_alone(void **state)
{
	(void)state;
	static const uint16_t protects[] = {8000};
	struct stranger one = stranger_start(8000, STRANGER_PLAIN);
	struct stranger two = stranger_start(6379, STRANGER_PLAIN);
	struct eviction order = order_for(8000), database = order_for(6379);
	order.protects = protects;
	order.protect_count = 1;
	must_refuse(&order, "protect");
	must_refuse(&database, "databases");
	assert_true(stranger_lives(&one) && stranger_lives(&two));
	stranger_end(&one);
	stranger_end(&two);
}

static void our_own_ancestors_are_left_alone(void **state)
{
	(void)state;
	int fd = stranger_listen(8000, false);
	struct eviction order = order_for(8000);
	must_refuse(&order, "started by it");
	pid_t child = fork();
	if (!child) {
		must_refuse(&order, "started by it");
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(fd);
}

static void make_locks(char path[128])
{
	snprintf(path, 128, "%s/locks", w.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, 128, "%s/locks/p5.lock", w.dir);
	stranger_lock = path;
}

/* Whatever its name is, and of whatever registry. */
static void who_holds_the_byte_of_an_instance_is_left_alone(void **state)
{
	(void)state;
	char path[128];
	make_locks(path);
	struct stranger s = stranger_start(8000, STRANGER_SUPERVISES);
	struct eviction order = order_for(8000);
	must_refuse(&order, "supervisor of stackup");
	assert_int_equal(unlink(path), 0);
	must_refuse(&order, "supervisor of stackup");
	assert_true(stranger_lives(&s));
	stranger_end(&s);
}

static void who_becomes_a_supervisor_meanwhile_is_not_killed(void **state)
{
	(void)state;
	char path[128];
	make_locks(path);
	struct stranger s = stranger_start(8000, STRANGER_MOVES_IN);
	struct eviction order = order_for(8000);
	assert_int_equal(evict(&order, &w.ended, &w.e), -1);
	assert_int_equal(w.e.code, EXIT_CONFLICT);
	assert_non_null(strstr(w.e.text, "supervisor of stackup"));
	assert_string_equal(audited(), "SIGTERM");
	assert_true(stranger_lives(&s));
	stranger_end(&s);
}

/* Agreed was to end somebody else: a stranger that has the port now is not touched. */
static void fault_C17_only_who_was_shown_is_ended(void **state)
{
	(void)state;
	struct stranger s = stranger_start(8000, STRANGER_PLAIN);
	struct eviction order = order_for(8000);
	struct owner owner;
	assert_true(owner_describe(s.pid, &owner));
	order.pid = s.pid;
	order.start_ticks = owner.start_ticks + 1;
	must_refuse(&order, "changed hands");
	order.pid = s.pid + 1;
	order.start_ticks = owner.start_ticks;
	must_refuse(&order, "changed hands");
	assert_true(stranger_lives(&s));
	order.pid = s.pid;
	must_evict(&order);
	owner_release(&owner);
	assert_int_equal(stranger_end(&s), SIGTERM);
}

/* Without a row in the audit there is no signal. */
static void no_signal_without_an_audit(void **state)
{
	(void)state;
	struct stranger s = stranger_start(8000, STRANGER_PLAIN);
	struct eviction order = order_for(8000);
	order.state = "/proc/self/nowhere";
	assert_int_equal(evict(&order, &w.ended, &w.e), -1);
	assert_true(stranger_lives(&s));
	stranger_end(&s);
}

static void obstacles_are_known_before(void **state)
{
	(void)state;
	static const uint16_t ports[] = {8000, 6379};
	struct stranger s = stranger_start(8000, STRANGER_PLAIN);
	struct sockets sockets;
	struct socket_list seen = {0};
	struct owner_list owners = {0};
	sockets_init(&sockets);
	assert_int_equal(sockets_all(&sockets, ports, 2, true, &seen, &w.e), 0);
	owners_find(&seen, &owners);
	assert_null(evict_obstacle(8000, false, &seen, &owners, NULL, 0));
	assert_non_null(evict_obstacle(8000, false, &seen, &owners, ports, 1));
	assert_non_null(evict_obstacle(6379, false, &seen, &owners, NULL, 0));
	owners_release(&owners);
	list_free(seen.items);
	sockets_release(&sockets);
	stranger_end(&s);
}

/* Where nobody is to be stopped one process of a socket is enough. */
static void of_those_who_share_a_socket_the_parent_is_told(void **state)
{
	(void)state;
	static const uint16_t port = 8000;
	struct stranger s = stranger_start(port, STRANGER_FORKS);
	struct sockets sockets;
	struct socket_list seen = {0};
	struct owner_list all = {0}, one = {0};
	sockets_init(&sockets);
	assert_int_equal(sockets_all(&sockets, &port, 1, true, &seen, &w.e), 0);
	owners_find(&seen, &all);
	owners_find_one(&seen, &one);
	assert_int_equal(all.count, 2);
	assert_int_equal(one.count, 1);
	assert_int_equal(one.items[0].pid, s.pid);
	owners_release(&all);
	owners_release(&one);
	list_free(seen.items);
	sockets_release(&sockets);
	stranger_end(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(row_P7_a_stranger_is_asked_to_end_and_that_is_audited),
		TEST(who_does_not_end_is_killed),
		TEST(who_lets_go_may_live),
		TEST(what_closes_late_is_waited_for),
		TEST(all_who_share_a_listener_are_ended),
		TEST(nobody_there_is_success),
		TEST(row_P7_protected_ports_are_left_alone),
		TEST(our_own_ancestors_are_left_alone),
		TEST(who_holds_the_byte_of_an_instance_is_left_alone),
		TEST(who_becomes_a_supervisor_meanwhile_is_not_killed),
		TEST(fault_C17_only_who_was_shown_is_ended),
		TEST(no_signal_without_an_audit),
		TEST(obstacles_are_known_before),
		TEST(of_those_who_share_a_socket_the_parent_is_told),
	};
	return alone_is_possible() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
