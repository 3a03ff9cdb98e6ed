/* rooms: base model registry listeners ports claim survey upkeep */
#include "base/clock.h"
#include "model/names.h"
#include "ports/policy.h"
#include "registry/instances.h"
#include "registry/lock.h"

/* Last: it has a macro called fail. */
#include "claim_world.h"

/* A service of the last run whose supervisor and guardian are gone: it listens and has the markers. */
static pid_t leftover_on(uint16_t port, const char *project, const char *state_dir)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (!child) {
		char fd[12];
		int listener = listen_at(port, true);
		snprintf(fd, sizeof fd, "%d", ends[1]);
		fcntl(listener, F_SETFD, 0);
		char *argv[] = {(char[]){"sh"}, (char[]){"-c"},
			(char[]){"trap '' TERM; echo x >/proc/self/fd/$FD; while :; do sleep 1000 & wait; done"},
			NULL};
		clearenv();
		setenv("PATH", "/usr/bin:/bin", 1);
		setenv("FD", fd, 1);
		setenv("STACKUP_ID", "run-0", 1);
		setenv("STACKUP_PROJECT", project, 1);
		setenv("STACKUP_INSTANCE", "1", 1);
		setenv("STACKUP_SERVICE", "api", 1);
		setenv("STACKUP_STATE_DIR", state_dir, 1);
		setsid();
		execv("/bin/sh", argv);
		_exit(127);
	}
	char byte;
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return child;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};
	return !waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid == pid;
}

static void promise_P2_leftovers_are_removed(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct claim_options quick = {.wait_ms = 50};
	struct port row = slot_row("api", 1);
	struct claim claim;
	assert_int_equal(number_of(&request), 1);
	pid_t left = leftover_on(30101, "shop", arena_format(w.arena, "%s/shop/1", w.dir));
	must_claim(&request, &claim);
	int result = claim_ports(w.dir, &claim, &row, 1, &quick, &w.e);
	bool ended = has_ended(left);
	kill(-left, SIGKILL);
	waitpid(left, NULL, 0);
	assert_int_equal(result, 0);
	assert_true(ended);
	assert_int_equal(row.number, 30101);
	assert_true(claim.removed.count >= 1);
	assert_non_null(strstr(text_string(&claim.notices), "ended a leftover"));
	claim_release(&claim);
}

/* The same names in another registry are a stranger (I9, P3). */
static void promise_P3_another_registry_is_left_alone(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct claim_options quick = {.wait_ms = 50};
	struct port row = slot_row("api", 1);
	struct claim claim;
	pid_t other = leftover_on(30101, "shop", "/elsewhere/shop/1");
	must_claim(&request, &claim);
	claim.unclean = true;
	int result = claim_ports(w.dir, &claim, &row, 1, &quick, &w.e);
	bool ended = has_ended(other);
	kill(-other, SIGKILL);
	waitpid(other, NULL, 0);
	assert_int_equal(result, 0);
	assert_false(ended);
	assert_int_equal(row.number, 30100);
	assert_non_null(strstr(text_string(&claim.notices), "another registry"));
	claim_release(&claim);
}

static void the_run_that_lives_has_no_leftovers(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	request.run_id = "run-0";
	struct port rows[] = {slot_row("web", 0), slot_row("api", 1)};
	struct claim claim;
	must_claim(&request, &claim);
	must_board(&claim, rows, 1);
	/* A service that the reload does not know yet has a port of the new row. */
	for (size_t i = 0; i < claim.spare_count; i++)
		if (claim.spares[i].port == 30101)
			hold_close(&claim.spares[i]);
	pid_t service = leftover_on(30101, "shop", claim.state_dir);
	int result = claim_ports(w.dir, &claim, rows, 2, NULL, &w.e);
	bool ended = has_ended(service);
	kill(-service, SIGKILL);
	waitpid(service, NULL, 0);
	assert_false(ended);
	assert_int_equal(result, 0);
	assert_int_equal(rows[1].number, 30102);
	claim_release(&claim);
}

static void claim_clean_tidies_up(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct port row = slot_row("api", 1);
	struct claim claim;
	must_claim(&request, &claim);
	must_board(&claim, &row, 1);
	claim_release(&claim); /* as a kill would: no word to the registry */
	pid_t left = leftover_on(30101, "shop", arena_format(w.arena, "%s/shop/1", w.dir));
	claim_init(&claim);
	assert_int_equal(claim_find(&request, &claim, &w.e), 0);
	assert_int_equal(claim.outcome, CLAIM_OURS);
	assert_true(claim.unclean);
	int result = claim_clean(w.dir, &claim, false, &w.e);
	bool ended = has_ended(left);
	kill(-left, SIGKILL);
	waitpid(left, NULL, 0);
	assert_int_equal(result, 1);
	assert_true(ended);
	claim_release(&claim);
	claim_init(&claim);
	assert_int_equal(claim_find(&request, &claim, &w.e), 0);
	assert_true(claim.unclean);
	assert_true(claim.crash_known);
	assert_int_equal(claim_clean(w.dir, &claim, true, &w.e), 1);
	claim_release(&claim);
	claim_init(&claim);
	assert_int_equal(claim_find(&request, &claim, &w.e), 0);
	assert_false(claim.unclean);
	assert_int_equal(claim_clean(w.dir, &claim, true, &w.e), 0);
	claim_release(&claim);
}

/* A claim is carried to another process, as launch does; the first copy of the lock is closed. */
static void the_lock_crosses_a_fork(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct port row = slot_row("web", 0);
	struct claim claim;
	must_claim(&request, &claim);
	int ready[2];
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t child = fork();
	if (!child) {
		int result = claim_ports(w.dir, &claim, &row, 1, NULL, &w.e);
		(void)!write(ready[1], "x", result == 0);
		pause();
		_exit(0);
	}
	char byte;
	int64_t id = claim.project_id;
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	claim_release(&claim);
	assert_true(instance_is_alive(w.dir, id, 1));
	claim_init(&claim);
	assert_int_equal(claim_find(&request, &claim, &w.e), 0);
	assert_int_equal(claim.outcome, CLAIM_RUNNING);
	assert_int_equal(claim.pid, child);
	claim_release(&claim);
	/* S18, I1: SIGKILL frees the byte and every port at once, while it is still a zombie. */
	kill(child, SIGKILL);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	assert_false(instance_is_alive(w.dir, id, 1));
	must_claim(&request, &claim);
	assert_true(claim.unclean);
	must_board(&claim, &row, 1);
	assert_int_equal(row.number, 30100);
	assert_int_equal(claim.spare_count, 9);
	claim_release(&claim);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* An exec'ed descendant must not keep the byte (I1). */
static void invariant_I1_nothing_leaks_into_children(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct port row = slot_row("web", 0);
	struct claim claim;
	must_claim(&request, &claim);
	must_board(&claim, &row, 1);
	assert_true(fcntl(claim.lock_fd, F_GETFD) & FD_CLOEXEC);
	for (size_t i = 0; i < claim.spare_count; i++)
		assert_true(fcntl(claim.spares[i].fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(claim.holds[0].fd, F_GETFD) & FD_CLOEXEC);
	claim_release(&claim);
}

static void fault_S12_reboot(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct claim claim;
	must_claim(&request, &claim);
	struct registry *r = registry_open(w.dir, REGISTRY_WRITE, 1000, NULL, &w.e);
	struct owner_mark mark;
	owner_mark_self(&mark);
	memcpy(mark.boot_id, "another boot", 13);
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(instance_set_status(r, claim.project_id, 1, INSTANCE_RUNNING, &mark, &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	registry_close(r);
	/* C16: a pid of another boot is never spoken of, even while somebody holds the byte. */
	struct claim second;
	must_claim(&request, &second);
	assert_int_equal(second.outcome, CLAIM_RUNNING);
	assert_int_equal(second.pid, 0);
	claim_release(&second);
	claim_release(&claim);
	must_claim(&request, &claim);
	assert_int_equal(claim.outcome, CLAIM_OURS);
	claim_release(&claim);
}

static void find_changes_nothing(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct claim claim;
	claim_init(&claim);
	assert_int_equal(claim_find(&request, &claim, &w.e), 0);
	assert_int_equal(claim.project_id, 0);
	assert_string_equal(claim.project, "shop");
	assert_int_equal(claim.instance, 1);
	assert_int_equal(claim.base_port, 30100);
	claim_release(&claim);
	assert_int_not_equal(access(arena_format(w.arena, "%s/registry.db", w.dir), F_OK), 0);
}

struct range {
	int outcome; /* 0: ours, 1: running, 2: error */
	uint16_t base_port;
	pid_t owner;
	int64_t us;
};

/* Many at the same moment; each says what it got and lives until all have said so. */
static void claim_at_once(int count, bool same, struct range *ranges)
{
	int gate[2], answers[2], finish[2];
	assert_int_equal(pipe2(gate, O_CLOEXEC) | pipe2(answers, O_CLOEXEC) | pipe2(finish, O_CLOEXEC),
		0);
	pid_t children[64];
	for (int i = 0; i < count; i++) {
		const char *name = same ? "shop" : arena_format(w.arena, "project-%d", i);
		struct claim_request request = request_for(name, name);
		children[i] = fork();
		if (children[i])
			continue;
		close(gate[1]);
		close(finish[1]);
		char byte;
		(void)!read(gate[0], &byte, 1);
		int64_t before = clock_now_us();
		struct claim claim;
		struct port rows[] = {slot_row("web", 0), slot_row("api", 1)};
		claim_init(&claim);
		struct range range = {.outcome = 2};
		if (!claim_instance(&request, &claim, &w.e)) {
			range.outcome = (int)claim.outcome;
			range.owner = claim.outcome == CLAIM_RUNNING ? claim.pid : getpid();
			bool ours = claim.outcome == CLAIM_OURS;
			if (ours && claim_ports(w.dir, &claim, rows, 2, NULL, &w.e))
				range.outcome = 2;
			range.base_port = ours ? rows[0].number : claim.base_port;
		}
		if (range.outcome == 2)
			print_error("%s\n", w.e.text);
		range.us = clock_now_us() - before;
		(void)!write(answers[1], &range, sizeof range);
		(void)!read(finish[0], &byte, 1);
		_exit(0);
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < count; i++)
		assert_int_equal(read(answers[0], &ranges[i], sizeof ranges[i]), sizeof ranges[i]);
	close(finish[0]);
	close(finish[1]);
	close(answers[0]);
	close(answers[1]);
	for (int i = 0; i < count; i++)
		assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
}

static void fault_F19_fifty_projects_get_fifty_ranges(void **state)
{
	(void)state;
	enum { MANY = 50 };
	struct range ranges[MANY];
	int64_t most = 0;
	claim_at_once(MANY, false, ranges);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(ranges[i].outcome, CLAIM_OURS);
		assert_int_equal(ranges[i].base_port % BLOCK_PORTS, 0);
		/* Lowest free blocks first: nothing is wasted. */
		assert_in_range(ranges[i].base_port, 30100, 30000 + BLOCK_PORTS * MANY);
		for (int k = 0; k < i; k++)
			assert_int_not_equal(ranges[i].base_port, ranges[k].base_port);
		most = ranges[i].us > most ? ranges[i].us : most;
	}
	print_message("slowest of %d claims at once: %.1f ms\n", MANY, (double)most / 1000);
}

static void fault_S17_one_of_fifty_wins(void **state)
{
	(void)state;
	enum { MANY = 50 };
	struct range ranges[MANY];
	int won = 0;
	pid_t winner = 0;
	claim_at_once(MANY, true, ranges);
	for (int i = 0; i < MANY; i++) {
		won += ranges[i].outcome == CLAIM_OURS;
		winner = ranges[i].outcome == CLAIM_OURS ? ranges[i].owner : winner;
		assert_int_not_equal(ranges[i].outcome, 2);
		assert_int_equal(ranges[i].base_port, 30100);
	}
	assert_int_equal(won, 1);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(ranges[i].owner, winner);
}

/* Launches that are killed at any instruction leave what the next one repairs without help (I11). */
static void invariant_I11_killed_launches(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct port rows[] = {slot_row("web", 0), slot_row("api", 1)};
	for (int round = 0; round < 40; round++) {
		pid_t child = fork();
		if (!child) {
			struct claim claim;
			must_claim(&request, &claim);
			(void)claim_ports(w.dir, &claim, rows, 2, NULL, &w.e);
			pause();
		}
		(void)poll(NULL, 0, round / 2);
		end_child(child);
	}
	struct claim claim;
	must_claim(&request, &claim);
	assert_int_equal(claim.outcome, CLAIM_OURS);
	assert_int_equal(claim.block, 1);
	must_board(&claim, rows, 2);
	assert_int_equal(rows[0].number, 30100);
	assert_int_equal(claim.spare_count, 8);
	claim_release(&claim);
}

static void one_claim_is_quick(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct port rows[] = {slot_row("web", 0), slot_row("api", 1)};
	int64_t best[3] = {INT64_MAX, INT64_MAX, INT64_MAX};
	for (int i = 0; i < 20; i++) {
		struct claim claim;
		int64_t at[4] = {clock_now_us()};
		must_claim(&request, &claim);
		at[1] = clock_now_us();
		must_board(&claim, rows, 2);
		at[2] = clock_now_us();
		assert_int_equal(claim_stop(w.dir, &claim, false, &w.e), 0);
		at[3] = clock_now_us();
		claim_release(&claim);
		for (int k = 0; k < 3; k++)
			best[k] = at[k + 1] - at[k] < best[k] ? at[k + 1] - at[k] : best[k];
	}
	print_message("instance %.2f ms, ports %.2f ms, stop %.2f ms\n", (double)best[0] / 1000,
		(double)best[1] / 1000, (double)best[2] / 1000);
}

int main(void)
{
	if (!alone_is_possible())
		return 0;
	const struct CMUnitTest tests[] = {
		TEST(promise_P2_leftovers_are_removed),
		TEST(promise_P3_another_registry_is_left_alone),
		TEST(the_run_that_lives_has_no_leftovers),
		TEST(claim_clean_tidies_up),
		TEST(the_lock_crosses_a_fork),
		TEST(invariant_I1_nothing_leaks_into_children),
		TEST(fault_S12_reboot),
		TEST(find_changes_nothing),
		TEST(fault_F19_fifty_projects_get_fifty_ranges),
		TEST(fault_S17_one_of_fifty_wins),
		TEST(invariant_I11_killed_launches),
		TEST(one_claim_is_quick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
