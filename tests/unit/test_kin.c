/* rooms: base model registry listeners orphans */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "orphans/kin.h"
#include "registry/lock.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

/* ---- the conclusion ---- */

/* The run was seen at tick 500; its services are those of the rows. */
static struct roster_row started[] = {
	{.pid = 100, .start_ticks = 50, .identity = 7, .outputs = {31, 32}, .service = "api"},
	{.pid = 0, .start_ticks = 10, .outputs = {0, 0}},
	{.pid = 200, .start_ticks = 60, .outputs = {33, 33}, .service = "db"},
	{.pid = 210, .start_ticks = 60, .ended_ticks = 90, .service = "web"},
};
static struct roster run = {.fd = -1, .head = {.project = "shop", .instance = 1, .seen_ticks = 500},
	.rows = started, .count = sizeof started / sizeof started[0]};
static const struct rosters one = {.items = &run, .count = 1};

#define P(number, parent_, session_, start)                                                        \
	.process = {.pid = (number), .parent = (parent_), .session = (session_),                   \
		.start_ticks = (start)}

enum { MOST = 4 };
static const struct row {
	const char *what;
	struct kin_process process[MOST]; /* by pid; those after the last have no number */
	enum kin kin[MOST];
	const char *service; /* of the first that is known */
} rows[] = {
	{"a leader", {{P(100, 1, 100, 50)}}, {KIN_LEADER}, "api"},
	{"a leader, by inode as well", {{P(100, 1, 100, 50), .identity = 7}}, {KIN_LEADER}, "api"},
	{"another of its number", {{P(100, 1, 100, 900)}}, {KIN_NONE}, NULL},
	{"another that was started in the same tick", {{P(100, 1, 100, 50), .identity = 8}},
		{KIN_NONE}, NULL},
	{"a leader of the second row", {{P(200, 1, 200, 60)}}, {KIN_LEADER}, "db"},
	{"a free row", {{P(5, 1, 0, 10)}}, {KIN_NONE}, NULL},
	{"who says that it is of another run", {{P(100, 1, 100, 50), .is_other = true}}, {KIN_NONE},
		NULL},
	{"who prints into a log", {{P(300, 1, 300, 700), .outputs = {0, 32}}}, {KIN_OUTPUT}, "api"},
	{"who prints into another pipe", {{P(300, 1, 300, 700), .outputs = {34, 35}}}, {KIN_NONE},
		NULL},
	{"the session of a leader that is gone", {{P(300, 1, 100, 70)}}, {KIN_SESSION}, "api"},
	{"a session of that number, later", {{P(300, 1, 100, 501)}}, {KIN_NONE}, NULL},
	{"a session of that number, before", {{P(300, 1, 100, 49)}}, {KIN_NONE}, NULL},
	{"the session of a leader that was reaped", {{P(300, 1, 210, 90)}}, {KIN_SESSION}, "web"},
	{"a session of that number, after it was reaped", {{P(300, 1, 210, 91)}}, {KIN_NONE}, NULL},
	{"a session whose leader is somebody else", {{P(100, 1, 100, 900)}, {P(300, 100, 100,
		901)}},
		{KIN_NONE, KIN_NONE}, NULL},
	{"a member that came later, beside one that was there",
		{{P(300, 1, 100, 70)}, {P(301, 1, 100, 800)}}, {KIN_SESSION, KIN_SESSION}, "api"},
	{"the same in the other order",
		{{P(300, 1, 100, 800)}, {P(301, 1, 100, 70)}}, {KIN_SESSION, KIN_SESSION}, "api"},
	{"a session with one that prints into the log",
		{{P(300, 1, 100, 800)}, {P(301, 1, 100, 801), .outputs = {31, 0}}},
		{KIN_SESSION, KIN_OUTPUT}, "api"},
	{"who shares a session that is no leader's with one who is known",
		{{P(300, 1, 9, 800), .outputs = {31, 0}}, {P(301, 1, 9, 801)}}, {KIN_OUTPUT,
			KIN_NONE}, "api"},
	{"children and their children, whatever their numbers",
		{{P(90, 400, 90, 800)}, {P(100, 1, 100, 50)}, {P(400, 100, 400, 700)}},
		{KIN_CHILD, KIN_LEADER, KIN_CHILD}, "api"},
	{"a child that says that it is of another run",
		{{P(100, 1, 100, 50)}, {P(400, 100, 400, 700), .is_other = true}}, {KIN_LEADER,
			KIN_NONE}, "api"},
	{"its brother in the session says so", {{P(100, 1, 100, 50)}, {P(400, 100, 100, 70),
		.is_other = true}},
		{KIN_LEADER, KIN_NONE}, "api"},
	{"a parent that is somebody else", {{P(300, 1, 300, 70)}, {P(301, 300, 300, 71)}},
		{KIN_NONE, KIN_NONE}, NULL},
};

static void kin_follows_from_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct kin_process processes[MOST];
		struct kin_list list = {.items = processes};
		const char *service = NULL;
		memcpy(processes, rows[i].process, sizeof processes);
		while (list.count < MOST && processes[list.count].process.pid)
			list.count++;
		kin_conclude(&list, &one);
		for (size_t k = 0; k < list.count; k++) {
			if (processes[k].kin != rows[i].kin[k])
				fail_msg("%s: process %zu is '%s'", rows[i].what, k,
					kin_word(processes[k].kin));
			if (!service && processes[k].row)
				service = processes[k].row->service;
			assert_int_equal(!processes[k].row, processes[k].kin == KIN_NONE);
		}
		if (rows[i].service)
			assert_string_equal(service, rows[i].service);
	}
}

/* ---- the roster ---- */

struct place {
	char state[64];
	char locks[80];
};

static int make_place(void **state)
{
	static struct place place;
	snprintf(place.state, sizeof place.state, "/tmp/stackup-kin-XXXXXX");
	if (!mkdtemp(place.state))
		return -1;
	snprintf(place.locks, sizeof place.locks, "%s/locks", place.state);
	*state = &place;
	return mkdir(place.locks, 0700);
}

static int remove_place(void **state)
{
	const struct place *place = *state;
	return file_remove_tree(place->state, NULL);
}

struct child {
	pid_t pid;
	int pidfd;
	int pipe[2];
};

/* A process with a session of its own that prints into a pipe, as a service does. */
static struct child start_child(void)
{
	struct child c;
	assert_int_equal(pipe2(c.pipe, O_CLOEXEC), 0);
	c.pid = fork();
	if (!c.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setsid();
		dup2(c.pipe[1], STDOUT_FILENO);
		(void)!write(STDOUT_FILENO, "+", 1);
		for (;;)
			pause();
	}
	char byte;
	assert_int_equal(read(c.pipe[0], &byte, 1), 1);
	c.pidfd = pidfd_open(c.pid, 0);
	assert_true(c.pidfd >= 0);
	return c;
}

static void end_child(struct child *c)
{
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->pidfd);
	close(c->pipe[0]);
	close(c->pipe[1]);
}

static const struct roster_query all;

static enum kin kin_of(const struct place *place, pid_t pid, const char *run_id)
{
	const struct roster_query query = {.project = "shop", .instance = 3, .but_run = run_id};
	struct rosters rosters = {0};
	struct kin_list kin = {0};
	enum kin found = KIN_NONE;
	rosters_read(place->state, &query, &rosters);
	kin_look(&rosters, &kin);
	for (size_t i = 0; i < kin.count; i++)
		if (kin.items[i].process.pid == pid)
			found = kin.items[i].kin;
	list_release(&kin);
	rosters_release(&rosters);
	return found;
}

static void what_a_run_started_is_known_from_its_file(void **state)
{
	const struct place *place = *state;
	struct roster roster;
	struct child c = start_child();
	const int outputs[2] = {c.pipe[1], -1};
	roster_begin(&roster, place->state, 17, "shop", 3, "a run");
	assert_int_equal(kin_of(place, c.pid, NULL), KIN_NONE);
	roster_add(&roster, "api", c.pid, c.pidfd, outputs);
	assert_int_equal(kin_of(place, c.pid, NULL), KIN_LEADER);
	assert_int_equal(kin_of(place, c.pid, "another run"), KIN_LEADER);
	assert_int_equal(kin_of(place, c.pid, "a run"), KIN_NONE);
	roster_ended(&roster, c.pid);
	assert_true(roster.rows[0].ended_ticks >= roster.rows[0].start_ticks);
	roster_drop(&roster, c.pid);
	assert_int_equal(kin_of(place, c.pid, NULL), KIN_NONE);
	roster_add(&roster, "web", c.pid, c.pidfd, outputs);
	assert_int_equal(roster.count, 1); /* the free row was taken */
	roster_end(&roster);
	assert_int_equal(kin_of(place, c.pid, NULL), KIN_NONE);
	end_child(&c);
}

static void a_roster_of_another_boot_or_namespace_is_not_read(void **state)
{
	const struct place *place = *state;
	struct roster roster;
	for (int i = 0; i < 3; i++) {
		struct rosters found = {0};
		roster_begin(&roster, place->state, 17, "shop", 3, "a run");
		if (i == 0)
			roster.head.boot_id[0] ^= 1;
		if (i == 1)
			roster.head.pidns++;
		assert_int_equal(pwrite(roster.fd, &roster.head, sizeof roster.head, 0),
			sizeof roster.head);
		rosters_read(place->state, &all, &found);
		assert_int_equal(found.count, i == 2);
		rosters_release(&found);
		rosters_read(place->state, &(struct roster_query){.of_any_boot = true}, &found);
		assert_int_equal(found.count, 1);
		rosters_release(&found);
		roster_end(&roster);
	}
}

static void half_a_roster_and_a_link_to_one_are_not_read(void **state)
{
	const struct place *place = *state;
	struct roster roster;
	struct rosters found = {0};
	char other[128];
	roster_begin(&roster, place->state, 17, "shop", 3, "a run");
	snprintf(other, sizeof other, "%s/p18-1.leaders", place->locks);
	assert_int_equal(symlink(roster.path, other), 0);
	rosters_read(place->state, &all, &found);
	assert_int_equal(found.count, 1);
	rosters_release(&found);
	assert_int_equal(ftruncate(roster.fd, (off_t)sizeof roster.head - 1), 0);
	rosters_read(place->state, &all, &found);
	assert_int_equal(found.count, 0);
	roster_end(&roster);
	assert_int_equal(unlink(other), 0);
}

static void the_run_that_lives_is_no_dead_one(void **state)
{
	const struct place *place = *state;
	struct roster roster;
	struct rosters found = {0};
	int lock;
	roster_begin(&roster, place->state, 17, "shop", 3, "a run");
	assert_int_equal(instance_lock(place->state, 17, 3, 1, &lock, NULL), 1);
	rosters_read(place->state, &all, &found);
	rosters_keep_dead(place->state, &found);
	assert_int_equal(found.count, 0);
	rosters_release(&found);
	close(lock);
	rosters_read(place->state, &all, &found);
	rosters_keep_dead(place->state, &found);
	assert_int_equal(found.count, 1);
	rosters_forget(&found);
	assert_int_not_equal(access(roster.path, F_OK), 0);
	rosters_release(&found);
	roster_end(&roster);
}

/* ---- processes ---- */

static void a_process_is_read(void **state)
{
	(void)state;
	struct process self, child;
	struct child c = start_child();
	assert_true(process_read(getpid(), &self));
	assert_true(process_read(c.pid, &child));
	assert_int_equal(self.parent, getppid());
	assert_int_equal(child.parent, getpid());
	assert_int_equal(child.session, c.pid);
	assert_true(child.start_ticks >= self.start_ticks);
	assert_true(child.start_ticks <= process_ticks_now());
	assert_false(child.is_dead);
	assert_true(process_is_ancestor(getppid()));
	assert_false(process_is_ancestor(c.pid));
	kill(c.pid, SIGKILL);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)c.pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(process_read(c.pid, &child) && child.is_dead);
	end_child(&c);
	assert_false(process_read(c.pid, &child));
}

int main(void)
{
#define AT_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kin_follows_from_the_table),
		AT_PLACE(what_a_run_started_is_known_from_its_file),
		AT_PLACE(a_roster_of_another_boot_or_namespace_is_not_read),
		AT_PLACE(half_a_roster_and_a_link_to_one_are_not_read),
		AT_PLACE(the_run_that_lives_is_no_dead_one),
		cmocka_unit_test(a_process_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
