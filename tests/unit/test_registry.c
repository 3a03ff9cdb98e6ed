/* rooms: base model registry */
#include <signal.h>

#include "registry/bytelock.h"
#include "registry/history.h"
#include "registry/history_list.h"
#include "registry/integrity.h"
#include "registry/leases.h"
#include "registry/place.h"
#include "registry/reassignments.h"
#include "registry/record.h"
#include "registry/reservations.h"

/* Last: it has a macro called fail. */
#include "registry_world.h"

static mode_t mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void a_new_registry_is_private_and_in_wal_mode(void **state)
{
	(void)state;
	umask(0);
	struct registry *r = must_open(REGISTRY_WRITE);
	assert_int_equal(registry_version(r), REGISTRY_VERSION);
	assert_true(registry_is_wal(r));
	add_project(r, "/p/shop", "shop", 1);
	registry_close(r);
	assert_int_equal(mode_of(path_of("registry.db")), 0600);
	assert_int_equal(mode_of(path_of("registry.db-wal")), 0600);
	assert_int_equal(mode_of(path_of("locks")), 0700);
	assert_int_equal(mode_of(path_of("locks/registry.lock")), 0600);
	assert_int_equal(w.notices.length, 0);
	assert_int_equal(one_number("PRAGMA user_version"), REGISTRY_VERSION);
}

static void an_absent_registry_reads_as_empty(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_READ);
	struct project *projects;
	size_t count = 1;
	assert_int_equal(project_list(r, w.arena, &projects, &count, &w.e), 0);
	assert_int_equal(count, 0);
	registry_close(r);
	assert_int_equal(files_with("registry"), 0);
}

static void projects_instances_and_leases_come_back(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	int64_t id = add_project(r, "/p/shop", "shop", 3);
	int64_t second = add_project(r, "/q/shop", "shop", 4);
	struct project project;
	struct instance instance;
	assert_int_equal(project_find(r, "/p/shop", "shop", w.arena, &project, &w.e), 1);
	assert_true(project.id == id);
	assert_int_equal(project.block, 3);
	assert_string_equal(project.status, "active");
	assert_int_equal(project_find_by_name(r, "shop-2", w.arena, &project, &w.e), 1);
	assert_true(project.id == second);
	assert_int_equal(project_find_by_block(r, 4, w.arena, &project, &w.e), 1);
	assert_true(project.id == second);
	assert_int_equal(project_find(r, "/p/none", "shop", w.arena, &project, &w.e), 0);
	assert_int_equal(instance_find(r, id, 1, w.arena, &instance, &w.e), 1);
	assert_int_equal(instance.number, 1);
	assert_true(instance.generation == 1);
	assert_string_equal(instance.branch, "main");

	struct lease lease = {.netns = 7, .port = 30300, .project_id = id, .instance = 1,
		.service = "web", .name = "main", .slot = 0, .kind = LEASE_HOME}, found;
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(lease_put(r, &lease, &w.e), 0);
	lease.project_id = second;
	assert_int_equal(lease_put(r, &lease, &w.e), 0);
	lease.netns = 8;
	lease.project_id = id;
	assert_int_equal(lease_put(r, &lease, &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	/* I3: one row for (netns, protocol, port); another namespace is another port. */
	assert_int_equal(one_number("SELECT count(*) FROM leases"), 2);
	assert_int_equal(lease_find(r, 7, false, 30300, w.arena, &found, &w.e), 1);
	assert_string_equal(found.project, "shop-2");
	assert_int_equal(lease_find(r, 7, true, 30300, w.arena, &found, &w.e), 0);
	registry_close(r);
}

static void ports_have_a_history(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	struct service_row row = {.project_id = add_project(r, "/p", "shop", 1), .instance = 1,
		.service = "web", .name = "main", .wanted_port = 30100, .port = 30100,
		.protocol = "http", .config_files = "/p/stack.ini"};
	static const uint16_t ports[] = {30100, 30100, 30105, 30100};
	for (int i = 0; i < 4; i++) {
		row.port = ports[i];
		assert_int_equal(registry_begin(r, &w.e), 0);
		assert_int_equal(service_put(r, &row, &w.e), 0);
		assert_int_equal(registry_commit(r, &w.e), 0);
	}
	registry_close(r);
	assert_int_equal(one_number("SELECT count(*) FROM services"), 1);
	assert_int_equal(one_number("SELECT count(*) FROM port_history"), 3);
	assert_int_equal(one_number("SELECT count(*) FROM port_history WHERE change_type = 'moved' "
		"AND old_value = 30100 AND new_value = 30105"), 1);
	assert_int_equal(one_number("SELECT count(*) FROM port_history WHERE "
		"change_type = 'returned'"), 1);
}

static void nothing_returns_to_a_place_it_was_not_moved_from(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	struct service_row row = {.project_id = add_project(r, "/p", "shop", 1), .instance = 1,
		.service = "web", .name = "main", .protocol = "http", .config_files = "/p/stack.ini"};
	for (row.port = 30100; row.port <= 30900; row.port += 800) {
		row.wanted_port = row.port; /* its project got another block */
		assert_int_equal(registry_begin(r, &w.e), 0);
		assert_int_equal(service_put(r, &row, &w.e), 0);
		assert_int_equal(registry_commit(r, &w.e), 0);
	}
	registry_close(r);
	assert_int_equal(one_number("SELECT count(*) FROM port_history"), 2);
	assert_int_equal(one_number("SELECT count(*) FROM port_history WHERE change_type = 'moved' "
		"AND old_value = 30100 AND new_value = 30900"), 1);
}

/* The times are those of the test's making: the rows come in their order, whatever table they are in. */
static void what_happened_to_ports_is_one_list(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	int64_t shop = add_project(r, "/p", "shop", 1), blog = add_project(r, "/q", "blog", 2);
	struct service_row web = {.project_id = shop, .instance = 1, .service = "web",
		.name = "main", .wanted_port = 30100, .port = 30100, .protocol = "http"};
	struct conflict_note note = {.project_id = blog, .instance = 2, .service = "api",
		.port = 8000, .class = "foreign", .holder = "held by pid 7 (node)",
		.action = "moved", .moved_to = 8001};
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(service_put(r, &web, &w.e), 0);
	assert_int_equal(history_conflict(r, &note, &w.e), 0);
	note.action = "failed";
	note.moved_to = 0;
	assert_int_equal(history_conflict(r, &note, &w.e), 0);
	assert_int_equal(history_audit(r, shop, 1, "reserved", "port 9000 of service 'web'",
		"for ann", &w.e), 0);
	assert_int_equal(history_audit(r, 0, 0, "ended", "pid 9 (node)", "leftover", &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);

	struct port_event *all;
	size_t count;
	struct history_filter filter = {.service = "", .since = "", .most = -1};
	assert_int_equal(history_ports(r, &filter, w.arena, &all, &count, &w.e), 0);
	assert_int_equal(count, 4);
	filter.project_id = shop;
	assert_int_equal(history_ports(r, &filter, w.arena, &all, &count, &w.e), 0);
	assert_int_equal(count, 2);
	assert_string_equal(all[0].kind, "assigned");
	assert_string_equal(all[0].service, "web");
	assert_int_equal(all[0].new_port, 30100);
	assert_string_equal(all[1].kind, "reserved");
	assert_int_equal(all[1].old_port, 9000);
	filter.service = "web";
	assert_int_equal(history_ports(r, &filter, w.arena, &all, &count, &w.e), 0);
	assert_int_equal(count, 2);
	filter = (struct history_filter){.service = "", .since = "", .port = 8001, .most = -1};
	assert_int_equal(history_ports(r, &filter, w.arena, &all, &count, &w.e), 0);
	assert_int_equal(count, 1);
	assert_string_equal(all[0].text, "held by pid 7 (node): moved");
	assert_int_equal(all[0].old_port, 8000);
	filter.since = "2999-01-01T00:00:00.000Z";
	assert_int_equal(history_ports(r, &filter, w.arena, &all, &count, &w.e), 0);
	assert_int_equal(count, 0);

	struct conflict_count *counts;
	assert_int_equal(history_conflict_counts(r, "", w.arena, &counts, &count, &w.e), 0);
	assert_int_equal(count, 1);
	assert_int_equal(counts[0].port, 8000);
	assert_int_equal(counts[0].times, 2);
	registry_close(r);
}

static void what_was_learned_about_a_service_is_forgotten(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	int64_t shop = add_project(r, "/p", "shop", 1);
	struct lease leases[] = {{.netns = 1, .port = 30105, .project_id = shop, .instance = 1,
		.service = "web", .name = "main", .kind = LEASE_MOVED},
		{.netns = 1, .port = 30101, .project_id = shop, .instance = 1, .service = "api",
			.name = "main", .kind = LEASE_HOME}};
	struct slot_row *slots;
	struct hold_mode_row *modes;
	struct lease *left;
	size_t count;
	assert_int_equal(registry_begin(r, &w.e), 0);
	for (int i = 0; i < 2; i++) {
		const char *name = leases[i].service;
		assert_int_equal(lease_put(r, &leases[i], &w.e), 0);
		assert_int_equal(slot_record(r, shop, name, "main", 3, &w.e), 0);
		assert_int_equal(hold_mode_record(r, shop, name, "marker", &w.e), 0);
	}
	assert_int_equal(lease_drop_moved(r, shop, 1, "api", &w.e), 0);
	assert_int_equal(lease_list(r, shop, 0, w.arena, &left, &count, &w.e), 0);
	assert_int_equal(count, 2);
	assert_int_equal(lease_drop_moved(r, shop, 1, "", &w.e), 0);
	assert_int_equal(lease_list(r, shop, 0, w.arena, &left, &count, &w.e), 0);
	assert_int_equal(count, 1);
	assert_int_equal(slot_drop_of(r, shop, "api", &w.e), 0);
	assert_int_equal(slot_list(r, shop, w.arena, &slots, &count, &w.e), 0);
	assert_int_equal(count, 1);
	assert_string_equal(slots[0].service, "web");
	assert_int_equal(hold_mode_drop_of(r, shop, "", &w.e), 0);
	assert_int_equal(hold_mode_list(r, shop, w.arena, &modes, &count, &w.e), 0);
	assert_int_equal(count, 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	registry_close(r);
}

static void reservations_are_found_replaced_and_dropped(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	int64_t shop = add_project(r, "/p/shop", "shop", 1);
	struct reservation rows[] = {reserved(9000, shop, "api"), reserved(8000, 0, ""),
		reserved(9001, shop, "web"), reserved(8000, 0, "")};
	rows[3].owner = "bob";
	struct reservation found, *all;
	size_t count;
	assert_int_equal(registry_begin(r, &w.e), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(reservation_put(r, &rows[i], &w.e), 0);
	assert_int_equal(reservation_list(r, w.arena, &all, &count, &w.e), 0);
	assert_int_equal(count, 3);
	assert_int_equal(all[0].port, 8000);
	assert_string_equal(all[0].owner, "bob");
	assert_int_equal(all[0].project_id, 0);
	assert_string_equal(all[0].project, "");
	assert_string_equal(all[1].project, "shop");
	assert_int_equal(reservation_find(r, 9001, w.arena, &found, &w.e), 1);
	assert_string_equal(found.service, "web");
	assert_string_equal(found.note, "fridays");
	assert_int_equal(reservation_drop_of(r, shop, "web", &w.e), 0);
	assert_int_equal(reservation_find(r, 9001, w.arena, &found, &w.e), 0);
	assert_int_equal(reservation_drop_of(r, shop, "", &w.e), 0);
	assert_int_equal(reservation_drop(r, 8000, &w.e), 0);
	assert_int_equal(reservation_list(r, w.arena, &all, &count, &w.e), 0);
	assert_int_equal(count, 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	registry_close(r);
}

static void a_pool_port_has_one_owner_and_the_oldest_comes_first(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	int64_t shop = add_project(r, "/p/shop", "shop", 1);
	int64_t blog = add_project(r, "/p/blog", "blog", 2);
	struct pool_row rows[] = {{30000, shop, 1, "a", "main"}, {30001, shop, 1, "b", "main"},
		{30000, shop, 1, "a", "main"}, {30001, blog, 1, "x", "main"},
		{30002, shop, 1, "a", "main"}};
	struct pool_row *all;
	size_t count;
	assert_int_equal(registry_begin(r, &w.e), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pool_record(r, &rows[i], &w.e), 0);
	assert_int_equal(pool_list(r, w.arena, &all, &count, &w.e), 0);
	assert_int_equal(count, 2);
	assert_int_equal(all[0].port, 30000);
	assert_int_equal(all[1].port, 30001);
	assert_true(all[1].project_id == blog);
	assert_int_equal(pool_record(r, &rows[4], &w.e), 0);
	assert_int_equal(pool_list(r, w.arena, &all, &count, &w.e), 0);
	assert_int_equal(count, 2);
	assert_int_equal(all[1].port, 30002);
	assert_int_equal(pool_drop_of(r, blog, "", &w.e), 0);
	assert_int_equal(pool_list(r, w.arena, &all, &count, &w.e), 0);
	assert_int_equal(count, 1);
	assert_int_equal(registry_commit(r, &w.e), 0);
	registry_close(r);
}

static void row_P4_a_reassignment_is_planned_once_and_ends_with_an_incident_each(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	int64_t id = add_project(r, "/src/shop", "shop", 1);
	struct reassignment row = {.project_id = id, .instance = 1, .service = "api", .name = "main",
		.port = 40000, .planned_port = 30101};
	struct reassignment *all;
	size_t count;
	assert_int_equal(reassignment_plan(r, &row, "nothing was free", &w.e), 0);
	assert_int_equal(reassignment_plan(r, &row, "nothing was free", &w.e), 0);
	assert_int_equal(reassignment_list(r, id, 1, w.arena, &all, &count, &w.e), 0);
	assert_int_equal(count, 1);
	assert_int_equal(all[0].port, 40000);
	assert_int_equal(all[0].planned_port, 30101);
	assert_int_equal(one_number("SELECT count(*) FROM incidents"), 1);
	row.port = 40001;
	assert_int_equal(reassignment_plan(r, &row, "nothing was free", &w.e), 0);
	assert_int_equal(reassignment_list(r, 0, 0, w.arena, &all, &count, &w.e), 0);
	assert_int_equal(count, 1);
	assert_int_equal(all[0].port, 40001);
	assert_int_equal(reassignment_end(r, &row, "moved back", &w.e), 0);
	assert_int_equal(reassignment_end(r, &row, "moved back", &w.e), 0);
	assert_int_equal(reassignment_list(r, id, 0, w.arena, &all, &count, &w.e), 0);
	assert_int_equal(count, 0);
	assert_int_equal(one_number("SELECT count(*) FROM incidents"), 3);
	registry_close(r);
}

static void fault_F14_a_connection_does_not_cross_a_fork(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	pid_t child = fork();
	if (!child) {
		struct project project;
		bool no = registry_begin(r, &w.e) && strstr(w.e.text, "fork") &&
			project_find_by_name(r, "x", w.arena, &project, &w.e) < 0;
		_exit(!no);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	registry_close(r);
}

static void fault_F23_odd_names(void **state)
{
	(void)state;
	const char *dir = path_of("a b/\xc3\xa9?%23#\nc");
	struct registry *r = registry_open(dir, REGISTRY_WRITE, 1000, NULL, &w.e);
	assert_non_null(r);
	struct project odd = {.path = "/p/\xff", .stack_name = "shop", .owner = "", .block = 1};
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(project_add(r, w.arena, &odd, &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	assert_int_equal(project_find(r, "/p/\xff", "shop", w.arena, &odd, &w.e), 1);
	registry_close(r);
	r = registry_open(dir, REGISTRY_READ, 1000, NULL, &w.e);
	assert_non_null(r);
	registry_close(r);
}

/* Writes until it is killed; says each acknowledged commit on the pipe. */
static void write_on(int out)
{
	struct registry *r = registry_open(w.dir, REGISTRY_WRITE, 10000, NULL, NULL);
	int i = 0;
	while (r) {
		char text[32];
		snprintf(text, sizeof text, "%d-%d", (int)getpid(), i++);
		if (registry_begin(r, NULL) || history_event(r, 1, 1, "test", text, NULL) ||
			registry_commit(r, NULL) || write(out, "x", 1) != 1)
			_exit(1);
	}
	_exit(2);
}

/* A short one of the ten minutes: rounds of four writers, each killed at a random moment. */
static void fault_F12_writers_killed(void **state)
{
	(void)state;
	int ends[2], acknowledged = 0;
	registry_close(must_open(REGISTRY_WRITE));
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	for (int round = 0; round < 12; round++) {
		pid_t children[4];
		for (int i = 0; i < 4; i++) {
			children[i] = fork();
			if (!children[i])
				write_on(ends[1]);
		}
		char bytes[64];
		int wanted = acknowledged + 20;
		while (acknowledged < wanted) {
			ssize_t got = read(ends[0], bytes, 1 + (size_t)round);
			assert_true(got > 0);
			acknowledged += (int)got;
		}
		for (int i = 0; i < 4; i++) {
			kill(children[i], SIGKILL);
			assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
		}
		fcntl(ends[0], F_SETFL, O_NONBLOCK);
		for (ssize_t got; (got = read(ends[0], bytes, sizeof bytes)) > 0;)
			acknowledged += (int)got;
		fcntl(ends[0], F_SETFL, 0);
	}
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(one_number("SELECT count(*) FROM pragma_integrity_check WHERE "
		"integrity_check = 'ok'"), 1);
	/* A commit may be there whose writer died before it could say so; none said is missing. */
	assert_true(one_number("SELECT count(*) FROM events") >= acknowledged);
	struct registry *r = must_open(REGISTRY_WRITE);
	registry_close(r);
	assert_int_equal(files_with("registry.db.corrupt-"), 0);
}

/* Fifty processes find no registry and make one at the same moment. */
static void one_of_fifty_creates_it(void **state)
{
	(void)state;
	int gate[2];
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	pid_t children[50];
	for (int i = 0; i < 50; i++) {
		children[i] = fork();
		if (children[i])
			continue;
		char byte;
		close(gate[1]);
		(void)!read(gate[0], &byte, 1);
		struct registry *r = open_to(REGISTRY_WRITE);
		bool failed = !r || !registry_is_wal(r) || registry_begin(r, &w.e) ||
			history_event(r, 1, 1, "test", "", &w.e) || registry_commit(r, &w.e);
		if (failed)
			print_error("%s: %s\n", r ? "open" : "not open", w.e.text);
		_exit(failed);
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < 50; i++) {
		int status;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(one_number("SELECT count(*) FROM events"), 50);
	assert_int_equal(files_with("registry.db.new"), 0);
	assert_int_equal(files_with("registry.db.corrupt-"), 0);
}

/* Also when every commit has a connection of its own, as launches do. */
static void the_log_does_not_grow(void **state)
{
	(void)state;
	char *text = arena_take(w.arena, 20001);
	memset(text, 'x', 20000);
	off_t most = 0;
	for (int i = 0; i < 200; i++) {
		struct stat st;
		struct registry *r = must_open(REGISTRY_WRITE);
		assert_int_equal(registry_begin(r, &w.e), 0);
		assert_int_equal(history_event(r, 1, 1, "test", text, &w.e), 0);
		assert_int_equal(registry_commit(r, &w.e), 0);
		registry_close(r);
		assert_int_equal(stat(path_of("registry.db-wal"), &st), 0);
		most = st.st_size > most ? st.st_size : most;
	}
	assert_in_range(most, 256 * 1024, 1024 * 1024);
	assert_int_equal(one_number("SELECT count(*) FROM events"), 200);
}

static void ids_of_lock_files_are_not_given_again(void **state)
{
	(void)state;
	registry_close(must_open(REGISTRY_WRITE));
	close(bytelock_open(path_of("locks/p17.lock"), NULL));
	make_garbage();
	struct registry *r = must_open(REGISTRY_WRITE);
	assert_true(add_project(r, "/p/new", "new", 1) > 17);
	registry_close(r);
}

static void a_lock_ends_with_its_process(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	OWNED_FD fd = bytelock_open(path_of("lock"), NULL);
	pid_t child = fork();
	if (!child) {
		int own = bytelock_open(path_of("lock"), NULL);
		(void)!write(ends[1], "x", bytelock_try(own, 3, 2, NULL) == 1);
		pause();
		_exit(0);
	}
	char byte;
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_true(bytelock_is_held(fd, 3, 1));
	assert_true(bytelock_is_held(fd, 4, 1));
	assert_false(bytelock_is_held(fd, 5, 1));
	assert_int_equal(bytelock_try(fd, 4, 1, NULL), 0);
	/* Free while it is still a zombie. */
	kill(child, SIGKILL);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(bytelock_try(fd, 4, 1, NULL), 1);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_registry_is_private_and_in_wal_mode),
		TEST(an_absent_registry_reads_as_empty),
		TEST(projects_instances_and_leases_come_back),
		TEST(ports_have_a_history),
		TEST(nothing_returns_to_a_place_it_was_not_moved_from),
		TEST(what_happened_to_ports_is_one_list),
		TEST(what_was_learned_about_a_service_is_forgotten),
		TEST(reservations_are_found_replaced_and_dropped),
		TEST(a_pool_port_has_one_owner_and_the_oldest_comes_first),
		TEST(row_P4_a_reassignment_is_planned_once_and_ends_with_an_incident_each),
		TEST(fault_F12_writers_killed),
		TEST(fault_F14_a_connection_does_not_cross_a_fork),
		TEST(fault_F23_odd_names),
		TEST(one_of_fifty_creates_it),
		TEST(the_log_does_not_grow),
		TEST(ids_of_lock_files_are_not_given_again),
		TEST(a_lock_ends_with_its_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
