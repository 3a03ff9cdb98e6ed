/* rooms: base model registry listeners upkeep */
/* Between the look and the removal time passes, and somebody may start what was dead. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alone.h"
#include "base/clock.h"
#include "registry/instances.h"
#include "registry/lock.h"
#include "registry/projects.h"
#include "upkeep/debris.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

static char dir[64];
static struct arena *arena;
static int64_t project_id;

/* An instance whose supervisor died: it is recorded as running, and nobody holds its byte. */
static int begin(void **state)
{
	(void)state;
	struct error e = {0};
	arena = arena_new();
	if (!alone_directory(dir))
		return -1;
	OWNED_TEXT notices = {0};
	struct registry *r = registry_open(dir, REGISTRY_WRITE, 5000, &notices, &e);
	struct project project = {.path = "/shop", .stack_name = "shop", .owner = "", .block = 1};
	struct instance row = {.number = 3, .spans = 1, .block = 1, .worktree = "/", .purpose = "",
		.git_dir = "", .git_mark = "", .branch = "", .commit = "", .environment = "",
		.run_id = "r", .status = INSTANCE_RUNNING};
	assert_non_null(r);
	assert_int_equal(registry_begin(r, &e), 0);
	assert_int_equal(project_add(r, arena, &project, &e), 0);
	row.project_id = project_id = project.id;
	assert_int_equal(instance_put(r, &row, &e), 0);
	assert_int_equal(registry_commit(r, &e), 0);
	registry_close(r);
	const char *place = arena_format(arena, "%s/shop/3", dir);
	assert_int_equal(file_make_directories(place, &e), 0);
	return file_replace(arena_format(arena, "%s/ports.env", place), "A=1\n", 4, &e);
}

static int end(void **state)
{
	(void)state;
	alone_remove(dir);
	arena_free(arena);
	return 0;
}

static bool is_there(void)
{
	return !access(arena_format(arena, "%s/shop/3/ports.env", dir), F_OK);
}

static struct debris_rules rules(void)
{
	return (struct debris_rules){.state = dir, .run = arena_format(arena, "%s/run", dir),
		.now_ms = clock_wall_ms(), .keep_days = 30};
}

static void look(const struct debris_rules *r, struct debris *found)
{
	struct error e = {0};
	assert_int_equal(debris_look(r, arena, found, &e), 0);
	debris_plan(r, found);
}

static void expect_answers(const struct debris *found, enum debris_answer answer)
{
	/* The run in the registry, and its file. */
	assert_int_equal(found->count, 2);
	assert_int_equal(found->items[0].kind, DEBRIS_RUN);
	assert_int_equal(found->items[1].kind, DEBRIS_FILE);
	for (size_t i = 0; i < found->count; i++)
		assert_int_equal(found->items[i].answer, answer);
}

/* A supervisor of the instance: a process that holds its byte until it is ended. */
static pid_t start_supervisor(void)
{
	int ends[2];
	int fd;
	char byte;
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (instance_lock(dir, project_id, 3, 1, &fd, NULL) == 1)
			(void)!write(ends[1], "+", 1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return pid;
}

static void what_is_dead_goes(void **state)
{
	(void)state;
	struct error e = {0};
	struct debris found = {0};
	const struct debris_rules r = rules();
	look(&r, &found);
	expect_answers(&found, DEBRIS_GOES);
	assert_int_equal(debris_remove(&r, &found, arena, &e), 0);
	expect_answers(&found, DEBRIS_GOES);
	assert_false(is_there());
	debris_release(&found);
}

static void what_was_started_meanwhile_stays(void **state)
{
	(void)state;
	struct error e = {0};
	struct debris found = {0};
	const struct debris_rules r = rules();
	look(&r, &found);
	expect_answers(&found, DEBRIS_GOES);
	pid_t supervisor = start_supervisor();
	assert_int_equal(debris_remove(&r, &found, arena, &e), 0);
	expect_answers(&found, DEBRIS_LIVES);
	assert_true(is_there());
	debris_release(&found);
	kill(supervisor, SIGKILL);
	waitpid(supervisor, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_dead_goes, begin, end),
		cmocka_unit_test_setup_teardown(what_was_started_meanwhile_stays, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
