/* rooms: base model registry listeners ports claim */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>

#include "alone.h"
#include "base/own.h"
#include "claim/move.h"
#include "claim/reserve.h"
#include "registry/instances.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

struct world {
	char dir[64];
	struct arena *arena;
	struct error e;
	struct claim claim;
	struct port ports[2];
};
static struct world w;

static void launch(void)
{
	const char *tree = arena_format(w.arena, "%s/shop", w.dir);
	assert_int_equal(file_make_directories(tree, NULL), 0);
	const struct claim_request request = {.state = w.dir, .main_dir = tree, .stack_name = "shop",
		.owner = "", .worktree = tree, .branch = "main", .run_id = "run-1", .block = -1,
		.spans = 1};
	claim_init(&w.claim);
	assert_int_equal(claim_instance(&request, &w.claim, &w.e), 0);
	assert_int_equal(claim_ports(w.dir, &w.claim, w.ports, 2, NULL, &w.e), 0);
}

static int begin(void **state)
{
	(void)state;
	w = (struct world){.arena = arena_new()};
	if (!alone_network() || !alone_directory(w.dir) || !w.arena)
		return -1;
	w.ports[0] = (struct port){.service = "web", .name = "main", .source = PORT_SLOT};
	w.ports[1] = (struct port){.service = "api", .name = "main", .source = PORT_SLOT, .slot = 1};
	launch();
	return 0;
}

static int end(void **state)
{
	(void)state;
	claim_release(&w.claim);
	alone_remove(w.dir);
	arena_free(w.arena);
	return 0;
}

static struct port_move move_to(uint16_t to)
{
	return (struct port_move){
		.state = w.dir, .claim = &w.claim, .port = &w.ports[1], .row = 1, .to = to};
}

static void must(int result)
{
	if (result)
		print_error("%s\n", w.e.text);
	assert_int_equal(result, 0);
}

static int listen_at(uint16_t port)
{
	OWNED_FD fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	return bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 8) ? -1 : take_fd(&fd);
}

static pid_t stranger_at(uint16_t port)
{
	int ends[2];
	char byte;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (!pid) {
		if (listen_at(port) < 0 || write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return pid;
}

static bool can_listen(uint16_t port)
{
	int fd = listen_at(port);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* "moved api", "spare", "none" */
static const char *lease_at(uint16_t port)
{
	struct owner_mark self;
	struct lease lease;
	owner_mark_self(&self);
	struct registry *r = registry_open(w.dir, REGISTRY_READ, REGISTRY_LOOP_MS, NULL, &w.e);
	assert_non_null(r);
	int got = lease_find(r, self.netns, false, port, w.arena, &lease, &w.e);
	registry_close(r);
	if (got != 1)
		return "none";
	return arena_format(w.arena, "%s%s%s", lease_kind_word(lease.kind),
		lease.service[0] ? " " : "", lease.service);
}

static void a_port_moves_and_the_old_one_is_a_spare(void **state)
{
	(void)state;
	struct port_move move = move_to(30105);
	must(port_move_begin(&move, &w.e));
	assert_int_equal(move.from, 30101);
	assert_string_equal(lease_at(30101), "home api");
	assert_string_equal(lease_at(30105), "spare");
	must(hold_relax(claim_hold(&w.claim, 30101, false), HOLD_RELAXED, &w.e));
	must(port_move_commit(&move, &w.e));
	assert_string_equal(lease_at(30101), "spare");
	assert_string_equal(lease_at(30105), "moved api");
	assert_int_equal(w.claim.holds[1].port, 30105);
	/* The old process may still need it as it is. */
	assert_int_equal(claim_hold(&w.claim, 30101, false)->state, HOLD_IS_RELAXED);
	must(port_move_leave(&move, 30101, &w.e));
	assert_int_equal(claim_hold(&w.claim, 30101, false)->state, HOLD_IS_EXCLUSIVE);
	assert_string_equal(lease_at(30101), "spare");
}

static void invariant_I10_a_move_stays_until_down(void **state)
{
	(void)state;
	struct port_move move = move_to(30105);
	must(port_move_begin(&move, &w.e));
	must(port_move_commit(&move, &w.e));
	must(claim_ports(w.dir, &w.claim, w.ports, 2, NULL, &w.e));
	assert_int_equal(w.ports[1].number, 30105);
	assert_int_equal(w.ports[1].moved_from, 30101);
	/* Killed: nobody says anything. */
	claim_release(&w.claim);
	launch();
	assert_int_equal(w.ports[1].number, 30105);
	/* What that run was given is not what the next move begins from. */
	move = move_to(30106);
	must(port_move_begin(&move, &w.e));
	must(port_move_commit(&move, &w.e));
	must(claim_ports(w.dir, &w.claim, w.ports, 2, NULL, &w.e));
	assert_int_equal(w.ports[1].number, 30106);
	assert_int_equal(w.ports[1].moved_from, 30101);
	must(claim_stop(w.dir, &w.claim, false, &w.e));
	claim_release(&w.claim);
	launch();
	assert_int_equal(w.ports[1].number, 30101);
}

static void a_move_back_home_is_none(void **state)
{
	(void)state;
	struct port_move move = move_to(30105);
	must(port_move_begin(&move, &w.e));
	must(port_move_commit(&move, &w.e));
	move = move_to(30101);
	must(port_move_begin(&move, &w.e));
	assert_int_equal(move.from, 30105);
	must(port_move_commit(&move, &w.e));
	assert_string_equal(lease_at(30101), "home api");
	assert_string_equal(lease_at(30105), "spare");
	must(claim_ports(w.dir, &w.claim, w.ports, 2, NULL, &w.e));
	assert_int_equal(w.ports[1].number, 30101);
	assert_int_equal(w.ports[1].moved_from, 0);
}

static void a_move_outside_of_the_range_is_kept_and_given_back(void **state)
{
	(void)state;
	struct port_move move = move_to(31555);
	must(port_move_begin(&move, &w.e));
	assert_string_equal(lease_at(31555), "spare");
	assert_false(can_listen(31555));
	must(port_move_commit(&move, &w.e));
	assert_string_equal(lease_at(31555), "moved api");
	must(claim_ports(w.dir, &w.claim, w.ports, 2, NULL, &w.e));
	assert_int_equal(w.ports[1].number, 31555);
	assert_int_equal(w.ports[1].moved_from, 30101);
	struct port_move back = move_to(30101);
	must(port_move_begin(&back, &w.e));
	must(port_move_commit(&back, &w.e));
	must(port_move_leave(&back, 31555, &w.e));
	assert_null(claim_hold(&w.claim, 31555, false));
	assert_string_equal(lease_at(31555), "none");
	assert_true(can_listen(31555));
}

static void a_move_that_is_undone_leaves_nothing(void **state)
{
	(void)state;
	struct port_move move = move_to(31555);
	must(port_move_begin(&move, &w.e));
	must(port_move_leave(&move, move.to, &w.e));
	assert_string_equal(lease_at(31555), "none");
	must(port_move_begin(&move, &w.e));
	must(port_move_commit(&move, &w.e));
	must(port_move_back(&move, &w.e));
	must(port_move_leave(&move, move.to, &w.e));
	assert_string_equal(lease_at(31555), "none");
	assert_string_equal(lease_at(30101), "home api");
	assert_int_equal(w.claim.holds[1].port, 30101);
	assert_true(can_listen(31555));
	must(claim_ports(w.dir, &w.claim, w.ports, 2, NULL, &w.e));
	assert_int_equal(w.ports[1].number, 30101);
}

static void killed_before_the_commit_nothing_has_moved(void **state)
{
	(void)state;
	struct port_move move = move_to(31555);
	must(port_move_begin(&move, &w.e));
	claim_release(&w.claim);
	launch();
	assert_int_equal(w.ports[1].number, 30101);
	assert_string_equal(lease_at(31555), "none");
}

static void expect_refusal(uint16_t to, enum exit_code code, const char *text)
{
	struct port_move move = move_to(to);
	struct error e = {0};
	assert_int_equal(port_move_begin(&move, &e), -1);
	if (!strstr(e.text, text))
		print_error("got: %s\n", e.text);
	assert_non_null(strstr(e.text, text));
	assert_int_equal(e.code, code);
}

static void a_port_that_cannot_be_had_says_why(void **state)
{
	(void)state;
	static const uint16_t avoided[] = {31600};
	pid_t stranger = stranger_at(31556);
	w.claim.avoided = avoided;
	w.claim.avoided_count = 1;
	expect_refusal(30101, EXIT_USAGE, "has port 30101 already");
	expect_refusal(30100, EXIT_CONFLICT, "belongs to service 'web'");
	expect_refusal(31600, EXIT_CONFLICT, "is reserved");
	expect_refusal(31556, EXIT_CONFLICT, arena_format(w.arena, "pid %d", (int)stranger));
	/* Also when it was reserved after the launch. */
	struct reserve_wish ann = {.owner = "ann", .note = ""};
	struct reserve_list list;
	assert_int_equal(reserve_port(w.dir, 31557, &ann, w.arena, &list, &w.e), 0);
	expect_refusal(31557, EXIT_CONFLICT, "is reserved for ann");
	kill(stranger, SIGKILL);
	waitpid(stranger, NULL, 0);
	w.ports[1].immutable = true;
	expect_refusal(30105, EXIT_FAILED, "immutable");
	assert_string_equal(lease_at(31556), "none");
	assert_null(claim_hold(&w.claim, 31556, false));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_port_moves_and_the_old_one_is_a_spare),
		TEST(invariant_I10_a_move_stays_until_down),
		TEST(a_move_back_home_is_none),
		TEST(a_move_outside_of_the_range_is_kept_and_given_back),
		TEST(a_move_that_is_undone_leaves_nothing),
		TEST(killed_before_the_commit_nothing_has_moved),
		TEST(a_port_that_cannot_be_had_says_why),
	};
	if (!alone_is_possible())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
