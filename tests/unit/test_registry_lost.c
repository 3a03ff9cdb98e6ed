/* rooms: base model registry */
#include <sys/mount.h>

#include "base/clock.h"
#include "registry/bytelock.h"
#include "registry/history.h"
#include "registry/integrity.h"
#include "registry/leases.h"
#include "registry/place.h"
#include "registry/reassignments.h"
#include "registry/record.h"
#include "registry/reservations.h"
#include "registry/schema.h"

/* Last: it has a macro called fail. */
#include "registry_world.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		TEST(fault_F3_a_lost_registry_comes_back_whole),
		TEST(a_record_that_says_the_same_is_not_written_again),
		TEST(a_record_of_the_machine_that_is_none_of_ours_does_no_harm),
		TEST(fault_F11_open_to_others_or_a_link),
		TEST(fault_F22_file_systems_of_other_hosts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
