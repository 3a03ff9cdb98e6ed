/* rooms: base model registry */
#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mount.h>

#include "alone.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "registry/bytelock.h"
#include "registry/history.h"
#include "registry/history_list.h"
#include "registry/instances.h"
#include "registry/integrity.h"
#include "registry/leases.h"
#include "registry/place.h"
#include "registry/projects.h"
#include "registry/record.h"
#include "registry/registry.h"
#include "registry/reassignments.h"
#include "registry/reservations.h"
#include "registry/schema.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

struct world {
	char dir[64];
	struct arena *arena;
	struct text notices;
	struct error e;
};
static struct world w;

static int begin(void **state)
{
	(void)state;
	w = (struct world){.arena = arena_new()};
	return alone_directory(w.dir) && w.arena ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	alone_remove(w.dir);
	arena_free(w.arena);
	text_release(&w.notices);
	return 0;
}

static const char *path_of(const char *name)
{
	return arena_format(w.arena, "%s/%s", w.dir, name);
}

static struct registry *open_to(enum registry_mode mode)
{
	return registry_open(w.dir, mode, REGISTRY_BOOT_MS, &w.notices, &w.e);
}

static struct registry *must_open(enum registry_mode mode)
{
	struct registry *r = open_to(mode);
	if (!r)
		print_error("%s\n", w.e.text);
	assert_non_null(r);
	return r;
}

/* A project with one instance; its id. */
static int64_t add_project(struct registry *r, const char *path, const char *name, int block)
{
	struct project project = {.path = path, .stack_name = name, .owner = "", .block = block};
	struct instance instance = {.number = 1, .spans = 1, .block = block, .worktree = path,
		.purpose = "development", .git_dir = "", .git_mark = "", .branch = "main",
		.commit = "", .environment = "development", .run_id = "r", .status = INSTANCE_STOPPED};
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(project_add(r, w.arena, &project, &w.e), 0);
	instance.project_id = project.id;
	assert_int_equal(instance_put(r, &instance, &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	assert_int_equal(record_write(w.dir, 30000, &project, &instance, &w.e), 0);
	return project.id;
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

/* Names in the directory that begin so. */
static int files_with(const char *prefix)
{
	int count = 0;
	DIR *directory = opendir(w.dir);
	for (struct dirent *entry; (entry = readdir(directory));)
		count += !strncmp(entry->d_name, prefix, strlen(prefix));
	closedir(directory);
	return count;
}

static void damage(const char *bytes, size_t length, off_t at, bool truncated)
{
	int fd = open(path_of("registry.db"), O_WRONLY | O_CLOEXEC | (truncated ? O_TRUNC : 0));
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, length, at), (ssize_t)length);
	close(fd);
}

static int64_t one_number(const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_open(path_of("registry.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(db);
	return value;
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

/* Ways of losing a registry, each leaving a bad file in its place. */
static void make_garbage(void)
{
	char bytes[9000];
	memset(bytes, 0x5a, sizeof bytes);
	damage(bytes, sizeof bytes, 0, true);
}

static void make_empty(void)
{
	damage("", 0, 0, true);
}

static void make_short(void)
{
	assert_int_equal(truncate(path_of("registry.db"), 6000), 0);
}

/* The root page of some table; the header and the schema stay good. */
static void make_bad_page(void)
{
	char bytes[4096];
	memset(bytes, 0xff, sizeof bytes);
	damage(bytes, sizeof bytes, 4096 * 2, false);
}

static void lose(void (*damaged)(void))
{
	struct registry *r = must_open(REGISTRY_WRITE);
	int64_t id = add_project(r, "/p/shop", "shop", 42);
	/* Into the database file: otherwise the log repairs what is damaged. */
	registry_close(r);
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path_of("registry.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "SELECT * FROM projects", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_close(db);
	damaged();
	r = must_open(REGISTRY_WRITE);
	assert_int_equal(files_with("registry.db.corrupt-"), 1);
	assert_non_null(strstr(text_string(&w.notices), "the registry was damaged; it is kept as"));
	struct project project;
	assert_int_equal(project_find(r, "/p/shop", "shop", w.arena, &project, &w.e), 1);
	assert_true(project.id == id);
	assert_int_equal(project.block, 42);
	struct instance instance;
	assert_int_equal(instance_find(r, id, 1, w.arena, &instance, &w.e), 1);
	assert_string_equal(instance.worktree, "/p/shop");
	registry_close(r);
	assert_int_equal(one_number("SELECT count(*) FROM blocks WHERE block = 42"), 1);
}

static void fault_F1_garbage(void **state)
{
	(void)state;
	lose(make_garbage);
}

static void fault_F1_empty(void **state)
{
	(void)state;
	lose(make_empty);
}

static void fault_F1_truncated(void **state)
{
	(void)state;
	lose(make_short);
}

static void fault_F2_bad_page(void **state)
{
	(void)state;
	lose(make_bad_page);
}

static void fault_F1_a_new_registry_knows_who_runs(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	int64_t ids[] = {add_project(r, "/p/shop", "shop", 42), add_project(r, "/p/bank", "bank", 43)};
	static const enum instance_status wanted[] = {INSTANCE_RUNNING, INSTANCE_STOPPED};
	registry_close(r);
	char name[64];
	snprintf(name, sizeof name, "locks/p%lld.lock", (long long)ids[0]);
	int lock = bytelock_open(path_of(name), &w.e);
	assert_int_equal(bytelock_try(lock, 1, 1, &w.e), 1);
	unlink(path_of("registry.db"));
	r = must_open(REGISTRY_WRITE);
	for (size_t i = 0; i < 2; i++) {
		struct instance instance;
		assert_int_equal(instance_find(r, ids[i], 1, w.arena, &instance, &w.e), 1);
		assert_int_equal(instance.status, wanted[i]);
	}
	registry_close(r);
	close(lock);
}

/* Who only looks gets what is known, too; only the check of it says what is wrong. */
static void fault_F1_a_reader_mends_what_it_finds(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	add_project(r, "/p/shop", "shop", 42);
	registry_close(r);
	make_garbage();
	struct integrity found;
	assert_int_equal(registry_integrity(w.dir, w.arena, &found, &w.e), 0);
	assert_int_equal(found.count, 1);
	assert_int_equal(files_with("registry.db.corrupt-"), 0);
	r = must_open(REGISTRY_READ);
	struct project project;
	assert_int_equal(project_find_by_name(r, "shop", w.arena, &project, &w.e), 1);
	assert_int_equal(files_with("registry.db.corrupt-"), 1);
	assert_non_null(strstr(text_string(&w.notices), "damaged"));
	registry_close(r);
}

/* The whole file was found good when it had changed last, that many minutes ago. */
static void call_it_sound(int minutes)
{
	struct stat st;
	struct timespec times[2] = {{.tv_sec = clock_wall_ms() / 1000 - minutes * 60}};
	assert_int_equal(stat(path_of("registry.db"), &st), 0);
	times[1] = st.st_ctim;
	assert_int_equal(utimensat(AT_FDCWD, path_of("registry.db-sound"), times, 0), 0);
}

static void fault_F2_pages_are_looked_at_once_for_every_process(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	int64_t id = add_project(r, "/p/shop", "shop", 42);
	assert_int_equal(registry_checkpoint(r, &w.e), 0);
	registry_close(r);
	registry_close(must_open(REGISTRY_READ));
	make_bad_page();
	call_it_sound(59);
	registry_close(must_open(REGISTRY_READ));
	registry_close(must_open(REGISTRY_WRITE));
	assert_int_equal(files_with("registry.db.corrupt-"), 0);
	call_it_sound(61);
	r = must_open(REGISTRY_READ);
	assert_int_equal(files_with("registry.db.corrupt-"), 1);
	struct project project;
	assert_int_equal(project_find(r, "/p/shop", "shop", w.arena, &project, &w.e), 1);
	assert_true(project.id == id);
	registry_close(r);
}

/* Nobody looks at every page of a long file each time; a query that met a bad one has it looked at. */
static void fault_F2_a_bad_page_of_a_long_file(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	add_project(r, "/p/shop", "shop", 42);
	char *text = arena_take(w.arena, 20001);
	memset(text, 'x', 20000);
	assert_int_equal(registry_begin(r, &w.e), 0);
	for (int i = 0; i < 500; i++)
		assert_int_equal(history_event(r, 1, 1, "test", text, &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	assert_int_equal(registry_checkpoint(r, &w.e), 0);
	registry_close(r);
	char bytes[4096];
	int64_t page = one_number("SELECT rootpage FROM sqlite_master WHERE name = 'projects'");
	memset(bytes, 0xff, sizeof bytes);
	damage(bytes, sizeof bytes, (page - 1) * 4096, false);
	struct project project;
	r = must_open(REGISTRY_READ);
	assert_int_equal(project_find_by_name(r, "shop", w.arena, &project, &w.e), -1);
	assert_non_null(strstr(w.e.text, "damaged"));
	assert_non_null(strstr(w.e.hint, "try again"));
	registry_close(r);
	r = must_open(REGISTRY_READ);
	assert_int_equal(project_find_by_name(r, "shop", w.arena, &project, &w.e), 1);
	assert_int_equal(files_with("registry.db-suspect"), 0);
	registry_close(r);
}

static void fault_F3_deleted_while_running(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	int64_t id = add_project(r, "/p/shop", "shop", 9);
	assert_int_equal(unlink(path_of("registry.db")), 0);
	/* The next write of the same connection makes a new file with what is known. */
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(project_touch(r, id, &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	registry_close(r);
	assert_int_equal(one_number("SELECT block FROM projects WHERE name = 'shop'"), 9);
}

static void fault_F4_log_deleted(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	add_project(r, "/p/shop", "shop", 9);
	registry_close(r);
	unlink(path_of("registry.db-wal"));
	unlink(path_of("registry.db-shm"));
	r = must_open(REGISTRY_WRITE);
	registry_close(r);
	assert_int_equal(one_number("SELECT count(*) FROM projects") <= 1, 1);
}

static void fault_F5_locked_by_a_hung_process(void **state)
{
	(void)state;
	registry_close(must_open(REGISTRY_WRITE));
	OWNED_FD fd = bytelock_open(path_of("locks/registry.lock"), NULL);
	assert_int_equal(bytelock_try(fd, 0, 1, NULL), 1);
	struct registry *r = registry_open(w.dir, REGISTRY_WRITE, 100, NULL, &w.e);
	assert_non_null(r);
	int64_t before = clock_now_ms();
	assert_int_equal(registry_begin(r, &w.e), -1);
	assert_in_range(clock_now_ms() - before, 100, 2000);
	assert_int_equal(w.e.code, EXIT_REGISTRY);
	assert_non_null(strstr(w.e.text, "locked"));
	/* Readers never need the lock. */
	struct registry *reader = must_open(REGISTRY_READ);
	registry_close(reader);
	registry_close(r);
}

/* In a mount namespace, so that also root meets the read-only disk. */
static int read_only_world(void)
{
	struct registry *r = must_open(REGISTRY_WRITE);
	add_project(r, "/p/shop", "shop", 9);
	assert_int_equal(registry_checkpoint(r, &w.e), 0);
	add_project(r, "/p/late", "late", 10); /* in the log only */
	registry_close(r);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount(w.dir, w.dir, NULL, MS_BIND, NULL) ||
		mount(NULL, w.dir, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL))
		return 77;
	r = open_to(REGISTRY_READ);
	struct project project;
	if (!r || project_find_by_name(r, "shop", w.arena, &project, &w.e) != 1 ||
		project_find_by_name(r, "late", w.arena, &project, &w.e) != 1)
		return 1;
	registry_close(r);
	if (open_to(REGISTRY_WRITE) || w.e.code != EXIT_REGISTRY ||
		!strstr(w.e.text, "Read-only file system"))
		return 2;
	return 0;
}

static void fault_F6_read_only_disk(void **state)
{
	(void)state;
	pid_t child = fork();
	if (!child)
		_exit(read_only_world());
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static void fault_F9_newer_schema(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	add_project(r, "/p/shop", "shop", 9);
	registry_close(r);
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path_of("registry.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 999", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_null(open_to(REGISTRY_WRITE));
	assert_int_equal(w.e.code, EXIT_REGISTRY);
	assert_non_null(strstr(w.e.text, "version 999"));
	assert_int_equal(files_with("registry.db.corrupt-"), 0);
	r = must_open(REGISTRY_READ);
	struct project project;
	assert_int_equal(project_find_by_name(r, "shop", w.arena, &project, &w.e), 1);
	registry_close(r);
}

/* A file as version 1 made it, with one project. */
static void make_version_1(void)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path_of("registry.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, schema_step(0), NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
		"PRAGMA user_version = 1;"
		"INSERT INTO projects (block, name, path, stack_name, created_at, last_used_at) "
		"VALUES (4, 'shop', '/p/shop', 'shop', '2026-01-02', '2026-01-02');"
		"INSERT INTO slots VALUES (1, 'api', 'main', 7)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(chmod(path_of("registry.db"), 0600), 0);
}

static struct reservation reserved(uint16_t port, int64_t project_id, const char *service)
{
	return (struct reservation){.port = port, .project_id = project_id, .instance = 1,
		.service = service, .name = "main", .owner = "ann", .note = "fridays"};
}

static void version_1_is_read_as_it_is_and_migrated_by_the_first_writer(void **state)
{
	(void)state;
	struct reservation *all;
	struct pool_row *pool;
	size_t count = 1;
	make_version_1();
	struct registry *r = must_open(REGISTRY_READ);
	assert_int_equal(registry_version(r), 1);
	assert_int_equal(reservation_list(r, w.arena, &all, &count, &w.e), 0);
	assert_int_equal(count, 0);
	assert_int_equal(reservation_find(r, 8000, w.arena, all, &w.e), 0);
	assert_int_equal(pool_list(r, w.arena, &pool, &count, &w.e), 0);
	assert_int_equal(count, 0);
	registry_close(r);
	assert_int_equal(one_number("PRAGMA user_version"), 1);
	r = must_open(REGISTRY_WRITE);
	assert_int_equal(registry_version(r), REGISTRY_VERSION);
	assert_int_equal(one_number("PRAGMA user_version"), REGISTRY_VERSION);
	struct project project;
	struct slot_row *slots;
	assert_int_equal(project_find_by_name(r, "shop", w.arena, &project, &w.e), 1);
	assert_int_equal(project.block, 4);
	assert_int_equal(slot_list(r, project.id, w.arena, &slots, &count, &w.e), 0);
	assert_int_equal(count, 1);
	struct reservation row = reserved(8000, project.id, "api");
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(reservation_put(r, &row, &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	registry_close(r);
	assert_int_equal(w.notices.length, 0);
	assert_int_equal(files_with("registry.db.corrupt-"), 0);
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

static void write_of_no_instance(struct registry *r, struct project *shop)
{
	struct reservation rows[] = {reserved(9000, shop->id, "api"), reserved(8000, 0, "")};
	struct pool_row pool[] = {{30001, shop->id, 1, "b", "main"}, {30000, shop->id, 1, "a", "main"}};
	struct reassignment plan = {.project_id = shop->id, .instance = 1, .service = "api",
		.name = "main", .port = 40000, .planned_port = 30101};
	*shop = (struct project){.id = shop->id, .status = "legacy", .owner = "ann",
		.notes = "ask \"ann\", Zo\303\253"};
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(ports_base_set(r, 30000, &w.e), 0);
	assert_int_equal(project_describe(r, shop, &w.e), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(reservation_put(r, &rows[i], &w.e), 0);
		assert_int_equal(pool_record(r, &pool[i], &w.e), 0);
	}
	assert_int_equal(block_add(r, shop->id, 1, 9, &w.e), 0);
	assert_int_equal(slot_record(r, shop->id, "api", "main", 3, &w.e), 0);
	assert_int_equal(hold_mode_record(r, shop->id, "api", "marker", &w.e), 0);
	assert_int_equal(reassignment_plan(r, &plan, "nothing was free", &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
}

static void machine_record(struct text *out)
{
	assert_int_equal(file_read(path_of("locks/machine.json"), 1 << 20, out, &w.e), 0);
}

static void fault_F3_a_lost_registry_comes_back_whole(void **state)
{
	(void)state;
	OWNED_TEXT before = {0};
	OWNED_TEXT after = {0};
	struct registry *r = must_open(REGISTRY_WRITE);
	struct project shop = {.id = add_project(r, "/p/shop", "shop", 4)}, found;
	write_of_no_instance(r, &shop);
	/* What is said of a run every time it starts is not worth a write. */
	assert_int_equal(unlink(path_of("locks/machine.json")), 0);
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(project_touch(r, shop.id, &w.e), 0);
	assert_int_equal(slot_record(r, shop.id, "api", "main", 3, &w.e), 0);
	assert_int_equal(hold_mode_record(r, shop.id, "api", "marker", &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	assert_int_equal(access(path_of("locks/machine.json"), F_OK), -1);
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(project_describe(r, &shop, &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	registry_close(r);
	machine_record(&before);

	assert_int_equal(unlink(path_of("registry.db")), 0);
	r = must_open(REGISTRY_WRITE);
	assert_int_equal(project_find_by_id(r, shop.id, w.arena, &found, &w.e), 1);
	assert_string_equal(found.status, "legacy");
	assert_string_equal(found.notes, shop.notes);
	assert_int_equal(record_write_machine(r, &w.e), 0);
	registry_close(r);
	machine_record(&after);
	assert_string_equal(text_string(&before), text_string(&after));
}

static ino_t inode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void a_record_that_says_the_same_is_not_written_again(void **state)
{
	(void)state;
	struct registry *r = must_open(REGISTRY_WRITE);
	struct project shop;
	struct instance instance;
	int64_t id = add_project(r, "/p/shop", "shop", 4);
	assert_int_equal(project_find_by_id(r, id, w.arena, &shop, &w.e), 1);
	assert_int_equal(instance_find(r, id, 1, w.arena, &instance, &w.e), 1);
	registry_close(r);
	assert_int_equal(record_write(w.dir, 30000, &shop, &instance, &w.e), 0);
	ino_t first = inode_of(path_of("locks/p1-1.json"));
	/* Linked twice, so that its number is not given to a new file. */
	assert_int_equal(link(path_of("locks/p1-1.json"), path_of("kept")), 0);
	assert_int_equal(record_write(w.dir, 30000, &shop, &instance, &w.e), 0);
	assert_true(inode_of(path_of("locks/p1-1.json")) == first);
	instance.branch = "next";
	assert_int_equal(record_write(w.dir, 30000, &shop, &instance, &w.e), 0);
	assert_false(inode_of(path_of("locks/p1-1.json")) == first);
}

static void a_record_of_the_machine_that_is_none_of_ours_does_no_harm(void **state)
{
	(void)state;
	static const char *const contents[] = {"", "[]", "{\"projects\":[3,{\"id\":1}]}",
		"{\"blocks\":[{\"block\":1,\"project_id\":7,\"ordinal\":0}]}",
		"{\"settings\":[{\"name\\\") VALUES (1); --\":1}]}"};
	for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
		struct project *all;
		size_t count;
		registry_close(must_open(REGISTRY_WRITE));
		assert_int_equal(file_replace(path_of("locks/machine.json"), contents[i],
			strlen(contents[i]), &w.e), 0);
		assert_int_equal(unlink(path_of("registry.db")), 0);
		struct registry *r = must_open(REGISTRY_WRITE);
		assert_int_equal(project_list(r, w.arena, &all, &count, &w.e), 0);
		assert_int_equal(count, 0);
		assert_int_equal(one_number("SELECT count(*) FROM blocks"), 0);
		registry_close(r);
	}
}

static void refused(const char *word)
{
	assert_null(open_to(REGISTRY_WRITE));
	assert_int_equal(w.e.code, EXIT_REGISTRY);
	assert_non_null(strstr(w.e.text, word));
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

static void fault_F11_open_to_others_or_a_link(void **state)
{
	(void)state;
	static const mode_t open_modes[] = {0666, 0640, 0620, 0604, 0602, 0601, 0610};
	registry_close(must_open(REGISTRY_WRITE));
	for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
		chmod(path_of("registry.db"), open_modes[i]);
		refused("open to other users");
		assert_non_null(strstr(w.e.hint, "chmod 600"));
		chmod(path_of("registry.db"), 0600);
		chmod(w.dir, 0700 | (open_modes[i] & 077));
		refused("open to other users");
		assert_non_null(strstr(w.e.hint, "chmod 700"));
		chmod(w.dir, 0700);
	}
	assert_int_equal(rename(path_of("registry.db"), path_of("real")), 0);
	assert_int_equal(symlink("real", path_of("registry.db")), 0);
	refused("symbolic link");
	assert_int_equal(unlink(path_of("registry.db")), 0);
	if (!geteuid()) {
		assert_int_equal(rename(path_of("real"), path_of("registry.db")), 0);
		assert_int_equal(chown(path_of("registry.db"), 12345, 12345), 0);
		refused("belongs to user 12345");
	}
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

static void fault_F22_file_systems_of_other_hosts(void **state)
{
	(void)state;
	assert_true(place_type_is_local(0xEF53)); /* ext4 */
	assert_true(place_type_is_local(0x9123683E)); /* btrfs */
	assert_true(place_type_is_local(0x01021994)); /* tmpfs */
	assert_true(place_type_is_local(0x794c7630)); /* overlay */
	assert_false(place_type_is_local(0x6969));
	assert_false(place_type_is_local(0x01021997));
	assert_false(place_type_is_local(0xFF534D42));
	assert_false(place_type_is_local(0x65735546));
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
		_exit(!r || !registry_is_wal(r) || registry_begin(r, &w.e) ||
			history_event(r, 1, 1, "test", "", &w.e) || registry_commit(r, &w.e));
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

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
		TEST(fault_F1_garbage),
		TEST(fault_F1_empty),
		TEST(fault_F1_truncated),
		TEST(fault_F2_bad_page),
		TEST(fault_F1_a_new_registry_knows_who_runs),
		TEST(fault_F1_a_reader_mends_what_it_finds),
		TEST(fault_F2_pages_are_looked_at_once_for_every_process),
		TEST(fault_F2_a_bad_page_of_a_long_file),
		TEST(fault_F3_deleted_while_running),
		TEST(fault_F4_log_deleted),
		TEST(fault_F5_locked_by_a_hung_process),
		TEST(fault_F6_read_only_disk),
		TEST(fault_F9_newer_schema),
		TEST(version_1_is_read_as_it_is_and_migrated_by_the_first_writer),
		TEST(reservations_are_found_replaced_and_dropped),
		TEST(a_pool_port_has_one_owner_and_the_oldest_comes_first),
		TEST(row_P4_a_reassignment_is_planned_once_and_ends_with_an_incident_each),
		TEST(fault_F3_a_lost_registry_comes_back_whole),
		TEST(a_record_that_says_the_same_is_not_written_again),
		TEST(a_record_of_the_machine_that_is_none_of_ours_does_no_harm),
		TEST(fault_F11_open_to_others_or_a_link),
		TEST(fault_F12_writers_killed),
		TEST(fault_F14_a_connection_does_not_cross_a_fork),
		TEST(fault_F22_file_systems_of_other_hosts),
		TEST(fault_F23_odd_names),
		TEST(one_of_fifty_creates_it),
		TEST(the_log_does_not_grow),
		TEST(ids_of_lock_files_are_not_given_again),
		TEST(a_lock_ends_with_its_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
