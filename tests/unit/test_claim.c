/* rooms: base model registry listeners ports claim survey upkeep */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "alone.h"
#include "base/clock.h"
#include "base/own.h"
#include "claim/check.h"
#include "claim/claim.h"
#include "claim/reserve.h"
#include "model/names.h"
#include "ports/policy.h"
#include "registry/instances.h"
#include "registry/launches.h"
#include "registry/lock.h"
#include "registry/projects.h"
#include "survey/look.h"
#include "survey/report.h"
#include "upkeep/inventory.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

struct world {
	char dir[64];
	struct arena *arena;
	struct error e;
};
static struct world w;

static int begin(void **state)
{
	(void)state;
	w = (struct world){.arena = arena_new()};
	return alone_network() && alone_directory(w.dir) && w.arena ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	alone_remove(w.dir);
	arena_free(w.arena);
	return 0;
}

/* A worktree that exists, below the test's own directory. */
static const char *worktree(const char *name)
{
	const char *path = arena_format(w.arena, "%s/trees/%s", w.dir, name);
	assert_int_equal(file_make_directories(path, NULL), 0);
	return path;
}

static struct claim_request request_for(const char *main_dir, const char *tree)
{
	return (struct claim_request){.state = w.dir, .main_dir = worktree(main_dir),
		.stack_name = main_dir, .owner = "", .worktree = worktree(tree), .branch = "main",
		.run_id = "run-1", .block = -1, .spans = 1};
}

static struct claim_request numbered(const char *project, int number)
{
	struct claim_request request = request_for(project, project);
	request.want = WANT_NUMBER;
	request.number = number;
	return request;
}

static void must_claim(const struct claim_request *request, struct claim *claim)
{
	claim_init(claim);
	if (claim_instance(request, claim, &w.e)) {
		print_error("%s\n", w.e.text);
		assert_true(false);
	}
}

static struct port slot_row(const char *service, int slot)
{
	return (struct port){.service = service, .name = "main", .source = PORT_SLOT, .slot = slot};
}

static void must_board(struct claim *claim, struct port *ports, size_t count)
{
	if (claim_ports(w.dir, claim, ports, count, NULL, &w.e)) {
		print_error("%s\n", w.e.text);
		assert_true(false);
	}
}

/* The first project decides where the blocks begin, also when the registry is lost. */
static void the_user_sets_the_base_before_the_first_project(void **state)
{
	(void)state;
	struct claim claim;
	struct claim_request shop = request_for("shop", "shop");
	shop.ports_base = 20000;
	claim_init(&claim);
	assert_int_equal(claim_find(&shop, &claim, &w.e), 0);
	assert_int_equal(claim.base_port, 20100);
	claim_release(&claim);
	must_claim(&shop, &claim);
	assert_int_equal(claim.base_port, 20100);
	assert_string_equal(text_string(&claim.notices), "");
	claim_release(&claim);

	struct claim_request blog = request_for("blog", "blog");
	blog.ports_base = 25000;
	must_claim(&blog, &claim);
	assert_int_equal(claim.base_port, 20200);
	assert_non_null(strstr(text_string(&claim.notices), "base = 25000"));
	assert_non_null(strstr(text_string(&claim.notices), "20000"));
	claim_release(&claim);

	OWNED_TEXT registry = {0};
	text_addf(&registry, "%s/registry.db", w.dir);
	assert_int_equal(unlink(text_string(&registry)), 0);
	shop.ports_base = 0;
	must_claim(&shop, &claim);
	assert_int_equal(claim.base_port, 20100);
	claim_release(&claim);
}

/* claims and lets go, keeping the number */
static int number_of(struct claim_request *request)
{
	struct claim claim;
	must_claim(request, &claim);
	int number = claim.instance;
	assert_int_equal(claim.outcome, CLAIM_OURS);
	assert_int_equal(claim_stop(w.dir, &claim, false, &w.e), 0);
	claim_release(&claim);
	return number;
}

static int listen_at(uint16_t port, bool reuse)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = reuse;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 8)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void the_first_project_gets_block_1(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct claim claim;
	must_claim(&request, &claim);
	assert_string_equal(claim.project, "shop");
	assert_int_equal(claim.block, 1);
	assert_int_equal(claim.instance, 1);
	assert_int_equal(claim.base_port, 30100);
	assert_string_equal(claim.purpose, "development");
	assert_string_equal(claim.environment, "development");
	assert_string_equal(claim.state_dir, arena_format(w.arena, "%s/shop/1", w.dir));
	assert_int_equal(claim.generation, 1);
	assert_false(claim.unclean);
	assert_int_equal(claim.notices.length, 0);
	claim_release(&claim);
}

static void row_P1_instance_3_of_block_1(void **state)
{
	(void)state;
	struct claim_request request = numbered("shop", 3);
	struct claim claim;
	must_claim(&request, &claim);
	assert_int_equal(claim.base_port, 30120);
	assert_string_equal(claim.purpose, "feature-1");
	struct port ports[] = {slot_row("web", 0), slot_row("db", 2)};
	must_board(&claim, ports, 2);
	assert_int_equal(ports[0].number, 30120);
	assert_int_equal(ports[1].number, 30122);
	assert_int_equal(claim.hold_count, 2);
	assert_int_equal(claim.spare_count, 8);
	/* I2, I5: the whole range is held, exclusively. */
	for (uint16_t port = 30120; port < 30130; port++)
		assert_int_equal(listen_at(port, true), -1);
	int outside = listen_at(30130, true);
	assert_true(outside >= 0);
	close(outside);
	claim_release(&claim);
}

static void the_number_stays_with_the_worktree(void **state)
{
	(void)state;
	struct claim_request main_tree = request_for("shop", "shop");
	struct claim_request feature = request_for("shop", "shop-a");
	struct claim_request second = request_for("shop", "shop-b");
	assert_int_equal(number_of(&main_tree), 1);
	assert_int_equal(number_of(&feature), 3);
	assert_int_equal(number_of(&second), 4);
	assert_int_equal(number_of(&feature), 3);
	struct claim_request chosen = main_tree;
	chosen.want = WANT_NUMBER;
	chosen.number = 7;
	assert_int_equal(number_of(&chosen), 7);
	/* Its own is the one that it claimed first. */
	assert_int_equal(number_of(&main_tree), 1);
	assert_int_equal(number_of(&feature), 3);
	/* A worktree that was removed needs its number no more. */
	assert_int_equal(rmdir(feature.worktree), 0);
	struct claim_request third = request_for("shop", "shop-c");
	assert_int_equal(number_of(&third), 3);
}

static void auto_and_new_go_on(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct claim first, second, third;
	must_claim(&request, &first);
	request.want = WANT_AUTO;
	must_claim(&request, &second);
	assert_int_equal(second.outcome, CLAIM_OURS);
	assert_int_equal(second.instance, 3); /* 2 is for tests */
	request.want = WANT_NEW;
	must_claim(&request, &third);
	assert_int_equal(third.instance, 4);
	claim_release(&first);
	claim_release(&second);
	claim_release(&third);
	/* auto comes back to its own, new does not. */
	request.want = WANT_AUTO;
	assert_int_equal(number_of(&request), 1);
	request.want = WANT_NEW;
	assert_int_equal(number_of(&request), 5);
}

static void row_P1_an_eleventh_instance_has_its_own_block(void **state)
{
	(void)state;
	struct claim_request other = request_for("other", "other");
	struct claim_request request = request_for("shop", "shop");
	assert_int_equal(number_of(&request), 1);
	assert_int_equal(number_of(&other), 1);
	request.want = WANT_NEW;
	for (int i = 3; i <= 10; i++)
		assert_int_equal(number_of(&request), i);
	struct claim claim;
	must_claim(&request, &claim);
	assert_int_equal(claim.instance, 11);
	assert_int_equal(claim.block, 3);
	assert_int_equal(claim.base_port, 30300);
	claim_release(&claim);
	struct claim_request third = request_for("third", "third");
	must_claim(&third, &claim);
	assert_int_equal(claim.block, 4);
	claim_release(&claim);
}

static void spans_take_the_next_numbers(void **state)
{
	(void)state;
	struct claim_request request = numbered("shop", 3);
	request.spans = 2;
	struct claim claim, other;
	must_claim(&request, &claim);
	struct port ports[] = {slot_row("a", 0), slot_row("b", 19)};
	must_board(&claim, ports, 2);
	assert_int_equal(ports[1].number, 30139);
	assert_int_equal(claim.spare_count, 18);
	/* Number 4 lies in what it takes. */
	struct claim_request four = numbered("shop", 4);
	claim_init(&other);
	assert_int_equal(claim_instance(&four, &other, &w.e), -1);
	assert_non_null(strstr(w.e.text, "belong to instance 3, which takes 2 ranges"));
	claim_release(&other);
	struct claim_request linked = request_for("shop", "tree");
	assert_int_equal(number_of(&linked), 5);
	claim_release(&claim);
	request.number = 10;
	claim_init(&claim);
	assert_int_equal(claim_instance(&request, &claim, &w.e), -1);
	assert_int_equal(w.e.code, EXIT_USAGE);
	claim_release(&claim);
}

static void fault_S17_the_second_converges(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct claim first, second;
	must_claim(&request, &first);
	must_claim(&request, &second);
	assert_int_equal(second.outcome, CLAIM_RUNNING);
	assert_int_equal(second.pid, getpid());
	assert_int_equal(second.instance, 1);
	assert_int_equal(second.base_port, first.base_port);
	assert_string_equal(second.state_dir, first.state_dir);
	assert_int_equal(second.lock_fd, -1);
	claim_release(&second);
	claim_release(&first);
}

static void another_worktree_does_not_converge(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct claim_request tree = request_for("shop", "tree");
	struct claim first, second;
	must_claim(&request, &first);
	tree.want = WANT_NUMBER;
	tree.number = 1;
	claim_init(&second);
	assert_int_equal(claim_instance(&tree, &second, &w.e), -1);
	assert_int_equal(w.e.code, EXIT_FAILED);
	assert_non_null(strstr(w.e.text, request.worktree));
	assert_non_null(strstr(w.e.hint, "--instance new"));
	claim_release(&second);
	claim_release(&first);
}

static void state_of_another_worktree_is_set_aside(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct claim_request tree = request_for("shop", "tree");
	struct claim claim;
	must_claim(&request, &claim);
	const char *dir = arena_string(w.arena, claim.state_dir);
	assert_int_equal(file_make_directories(arena_format(w.arena, "%s/db", dir), NULL), 0);
	assert_int_equal(claim_stop(w.dir, &claim, false, &w.e), 0);
	claim_release(&claim);
	tree.want = WANT_NUMBER;
	tree.number = 1;
	must_claim(&tree, &claim);
	assert_int_not_equal(access(dir, F_OK), 0);
	const char *aside = strstr(text_string(&claim.notices), arena_format(w.arena, "%s.before-", dir));
	assert_non_null(aside);
	const char *kept = arena_string_n(w.arena, aside, strcspn(aside, "\n"));
	assert_int_equal(access(arena_format(w.arena, "%s/db", kept), F_OK), 0);
	claim_release(&claim);
}

static void names_are_unique(void **state)
{
	(void)state;
	struct claim_request first = request_for("one", "one");
	struct claim_request second = request_for("two", "two");
	first.stack_name = second.stack_name = "shop";
	struct claim claim;
	assert_int_equal(number_of(&first), 1);
	must_claim(&second, &claim);
	assert_string_equal(claim.project, "shop-2");
	assert_int_equal(claim.block, 2);
	assert_non_null(strstr(text_string(&claim.notices), "'shop-2'"));
	claim_release(&claim);
	must_claim(&second, &claim);
	assert_string_equal(claim.project, "shop-2");
	assert_null(strstr(text_string(&claim.notices), "'shop-2'"));
	claim_release(&claim);
}

/* Launches that failed, each with a conflict about a block. */
static int refusals(void)
{
	struct launch_figures figures;
	struct month_figures *months;
	size_t count;
	struct registry *r = registry_open(w.dir, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, &w.e);
	assert_non_null(r);
	assert_int_equal(launch_figures(r, "", &figures, &w.e), 0);
	assert_int_equal(month_figures(r, 1, w.arena, &months, &count, &w.e), 0);
	registry_close(r);
	assert_int_equal(figures.count - figures.undisturbed, figures.failed);
	assert_int_equal(count ? months->conflicts : 0, figures.failed);
	return (int)figures.failed;
}

static void explicit_blocks(void **state)
{
	(void)state;
	struct claim_request first = request_for("one", "one");
	struct claim_request clone = request_for("two", "two");
	struct claim_request stranger = request_for("three", "three");
	struct claim_request bad = request_for("four", "four");
	first.stack_name = clone.stack_name = "shop";
	first.block = clone.block = stranger.block = 120;
	bad.block = 105;
	struct claim claim;
	must_claim(&first, &claim);
	assert_int_equal(claim.base_port, 42000);
	claim_release(&claim);
	must_claim(&clone, &claim);
	assert_int_equal(claim.block, 1);
	assert_non_null(strstr(text_string(&claim.notices), "block 120"));
	claim_release(&claim);
	claim_init(&claim);
	assert_int_equal(claim_instance(&stranger, &claim, &w.e), -1);
	assert_int_equal(w.e.code, EXIT_CONFLICT);
	assert_non_null(strstr(w.e.text, "'shop'"));
	assert_non_null(strstr(w.e.hint, "block = 2"));
	assert_int_equal(refusals(), 0);
	claim_release(&claim);
	claim_init(&claim);
	stranger.is_launch = true;
	assert_int_equal(claim_instance(&stranger, &claim, &w.e), -1);
	assert_int_equal(refusals(), 1);
	claim_release(&claim);
	claim_init(&claim);
	assert_int_equal(claim_find(&stranger, &claim, &w.e), -1);
	assert_int_equal(refusals(), 2);
	claim_release(&claim);
	claim_init(&claim);
	assert_int_equal(claim_instance(&bad, &claim, &w.e), -1);
	assert_int_equal(w.e.code, EXIT_BAD_FILE);
	claim_release(&claim);
	/* The key was changed later. */
	first.block = 121;
	must_claim(&first, &claim);
	assert_int_equal(claim.block, 121);
	claim_release(&claim);
}

static void a_block_of_a_project_without_a_place(void **state)
{
	(void)state;
	struct project imported = {.path = "", .stack_name = "res", .owner = "", .block = 120};
	struct claim_request request = request_for("one", "one");
	struct claim claim;
	struct registry *r = registry_open(w.dir, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, &w.e);
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(project_add(r, w.arena, &imported, &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	registry_close(r);
	request.block = 120;
	claim_init(&claim);
	assert_int_equal(claim_instance(&request, &claim, &w.e), -1);
	assert_non_null(strstr(w.e.text, "belongs to project 'res'"));
	assert_null(strchr(w.e.text, '('));
	claim_release(&claim);
}

static void auto_slots_are_kept(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct port ports[] = {slot_row("a", 0), slot_row("b", 0), slot_row("c", 1),
		{.service = "d", .name = "main", .source = PORT_FIXED, .fixed = 30102}};
	ports[0].source = ports[1].source = PORT_AUTO;
	struct claim claim;
	must_claim(&request, &claim);
	must_board(&claim, ports, 4);
	assert_int_equal(ports[0].number, 30100);
	assert_int_equal(ports[1].number, 30103);
	assert_int_equal(ports[2].number, 30101);
	assert_int_equal(ports[3].number, 30102);
	assert_int_equal(claim_stop(w.dir, &claim, false, &w.e), 0);
	claim_release(&claim);
	/* Without a, b stays where it was; e does not get a's place. */
	struct port fewer[] = {ports[1], ports[1]};
	fewer[1].service = "e";
	must_claim(&request, &claim);
	must_board(&claim, fewer, 2);
	assert_int_equal(fewer[0].number, 30103);
	assert_int_equal(fewer[1].number, 30101);
	claim_release(&claim);
}

static void two_services_on_one_port_are_refused(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct port ports[] = {slot_row("a", 0), slot_row("b", 0)};
	struct claim claim;
	must_claim(&request, &claim);
	assert_int_equal(claim_preview(&claim, ports, 2, &w.e), -1);
	assert_int_equal(w.e.code, EXIT_BAD_FILE);
	assert_non_null(strstr(w.e.text, "'a' and 'b'"));
	/* TCP and UDP do not meet. */
	ports[1].protocol = PROTOCOL_UDP;
	must_board(&claim, ports, 2);
	assert_int_equal(ports[1].number, 30100);
	claim_release(&claim);
}

/* A process with the port, its pid and a word when it is ready. */
static pid_t stranger_on(uint16_t port, const char *name)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t child = fork();
	if (!child) {
		prctl(PR_SET_NAME, name);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int fd = listen_at(port, true);
		(void)!write(ends[1], "x", fd >= 0);
		pause();
		_exit(0);
	}
	char byte;
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return child;
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void fault_F18_a_slot_service_moves(void **state)
{
	(void)state;
	pid_t stranger = stranger_on(30101, "stranger");
	struct claim_request request = request_for("shop", "shop");
	struct port ports[] = {slot_row("web", 0), slot_row("api", 1)};
	struct claim claim;
	must_claim(&request, &claim);
	must_board(&claim, ports, 2);
	assert_int_equal(ports[0].number, 30100);
	assert_int_equal(ports[1].number, 30102);
	assert_int_equal(ports[1].moved_from, 30101);
	assert_int_equal(ports[1].slot, 2);
	const char *notice = text_string(&claim.notices);
	assert_non_null(strstr(notice, arena_format(w.arena, "pid %d (stranger)", (int)stranger)));
	assert_non_null(strstr(notice, "it gets port 30102"));
	/* I10: the stranger goes, the substitution stays, also for a table that comes again ... */
	end_child(stranger);
	must_board(&claim, ports, 2);
	assert_int_equal(ports[1].number, 30102);
	assert_int_equal(ports[1].moved_from, 30101);
	/* ... and after a crash ... */
	claim_release(&claim);
	struct port again[] = {slot_row("web", 0), slot_row("api", 1)};
	must_claim(&request, &claim);
	assert_true(claim.unclean);
	must_board(&claim, again, 2);
	assert_int_equal(again[1].number, 30102);
	assert_int_equal(claim_stop(w.dir, &claim, false, &w.e), 0);
	claim_release(&claim);
	/* ... until down. */
	struct port fresh[] = {slot_row("web", 0), slot_row("api", 1)};
	must_claim(&request, &claim);
	assert_false(claim.unclean);
	must_board(&claim, fresh, 2);
	assert_int_equal(fresh[1].number, 30101);
	assert_int_equal(fresh[1].moved_from, 0);
	claim_release(&claim);
}

static void expect_conflict(struct port row, bool strict)
{
	struct claim_request request = request_for("shop", "shop");
	struct claim_options options = {.strict = strict};
	struct claim claim;
	must_claim(&request, &claim);
	assert_int_equal(claim_ports(w.dir, &claim, &row, 1, &options, &w.e), -1);
	assert_int_equal(w.e.code, EXIT_CONFLICT);
	assert_int_equal(claim.hold_count, 0);
	claim_release(&claim);
}

static void conflicts_are_named(void **state)
{
	(void)state;
	pid_t stranger = stranger_on(30101, "stranger");
	struct port row = slot_row("api", 1);
	expect_conflict(row, true);
	assert_non_null(strstr(w.e.text, "port 30101 of service 'api' is held by pid "));
	assert_non_null(strstr(w.e.text, arena_format(w.arena, "%d (stranger)", (int)stranger)));
	assert_non_null(strstr(w.e.text, "test_claim"));
	assert_non_null(strstr(w.e.text, ", user "));
	row.immutable = true;
	expect_conflict(row, false);
	row.immutable = false;
	row.on_conflict = CONFLICT_FAIL;
	expect_conflict(row, false);
	row.on_conflict = CONFLICT_AUTO;
	row.source = PORT_FIXED;
	row.fixed = 30101;
	expect_conflict(row, false);
	/* A failed launch leaves nothing behind: the next one is clean. */
	struct claim_request request = request_for("shop", "shop");
	struct claim claim;
	must_claim(&request, &claim);
	assert_false(claim.unclean);
	claim_release(&claim);
	end_child(stranger);
}

static void all_conflicts_at_once(void **state)
{
	(void)state;
	pid_t strangers[10];
	struct port rows[10];
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
	for (int i = 0; i < 10; i++) {
		strangers[i] = stranger_on((uint16_t)(30100 + i), "stranger");
		rows[i] = slot_row(names[i], i);
	}
	struct claim_request request = request_for("shop", "shop");
	struct claim claim;
	must_claim(&request, &claim);
	assert_int_equal(claim_ports(w.dir, &claim, rows, 10, NULL, &w.e), -1);
	assert_int_equal(w.e.code, EXIT_CONFLICT);
	for (int i = 0; i < 10; i++)
		assert_non_null(strstr(text_string(&claim.conflicts),
			arena_format(w.arena, "service '%s'", names[i])));
	assert_non_null(strstr(w.e.text, "service 'a'"));
	assert_non_null(strstr(w.e.text, " more"));
	claim_release(&claim);
	for (int i = 0; i < 10; i++)
		end_child(strangers[i]);
}

static void a_fixed_port_moves_in_its_range(void **state)
{
	(void)state;
	pid_t first = stranger_on(8000, "stranger"), second = stranger_on(8001, "stranger");
	struct port row = {.service = "web", .name = "main", .source = PORT_FIXED, .fixed = 8000,
		.range_low = 8000, .range_high = 8009};
	struct claim_request request = request_for("shop", "shop");
	struct claim claim;
	must_claim(&request, &claim);
	must_board(&claim, &row, 1);
	assert_int_equal(row.number, 8002);
	assert_int_equal(row.moved_from, 8000);
	claim_release(&claim);
	end_child(first);
	end_child(second);
}

static void an_optional_row_loses_its_port_alone(void **state)
{
	(void)state;
	pid_t stranger = stranger_on(8000, "stranger");
	struct port rows[] = {slot_row("api", 1), {.service = "tool", .name = "main",
		.source = PORT_FIXED, .fixed = 8000, .optional = true}};
	struct claim_request request = request_for("shop", "shop");
	struct claim claim;
	must_claim(&request, &claim);
	must_board(&claim, rows, 2);
	assert_true(rows[1].lost);
	assert_int_equal(rows[1].number, 8000);
	assert_int_equal(claim.holds[1].state, HOLD_CLOSED);
	assert_int_equal(claim.holds[0].state, HOLD_IS_EXCLUSIVE);
	assert_non_null(strstr(text_string(&claim.notices), "'tool' is optional"));
	end_child(stranger);
	/* The next look finds it free. */
	must_board(&claim, rows, 2);
	assert_false(rows[1].lost);
	assert_int_equal(claim.holds[1].state, HOLD_IS_EXCLUSIVE);
	claim_release(&claim);
}

static void reserve_as(const char *project, const char *service, struct port *row)
{
	struct claim_request request = request_for(project, project);
	struct claim claim;
	struct reserve_wish wish = {.owner = "", .note = ""};
	struct reserve_list list;
	row->service = service;
	claim_init(&claim);
	assert_int_equal(claim_find(&request, &claim, &w.e), 0);
	assert_int_equal(reserve_service(&request, &claim, row, 1, service, &wish, &list, &w.e), 0);
	assert_int_equal(list.count, 1);
	claim_release(&claim);
}

/* A project that nobody knew is registered by it, and its service has the port when it starts. */
static void what_is_reserved_for_a_service_waits_for_it(void **state)
{
	(void)state;
	struct port row = {.name = "main", .source = PORT_FIXED, .fixed = 8000, .range_low = 8000,
		.range_high = 8009};
	reserve_as("shop", "web", &row);
	for (int i = 0; i < 2; i++) {
		const char *project = i ? "shop" : "blog";
		struct claim_request request = request_for(project, project);
		struct claim claim;
		must_claim(&request, &claim);
		assert_int_equal(claim.block, i ? 1 : 2);
		must_board(&claim, &row, 1);
		assert_int_equal(row.number, i ? 8000 : 8001);
		if (!i)
			assert_non_null(strstr(text_string(&claim.notices),
				"reserved for service 'web' of shop instance 1"));
		assert_int_equal(claim_stop(w.dir, &claim, false, &w.e), 0);
		claim_release(&claim);
	}
}

static void a_pool_row_has_what_it_had(void **state)
{
	(void)state;
	struct port row = {.service = "web", .name = "main", .source = PORT_POOL, .slot = NO_SLOT};
	struct claim_request shop = request_for("shop", "shop"), blog = request_for("blog", "blog");
	struct claim claim, other;
	must_claim(&shop, &claim);
	must_board(&claim, &row, 1);
	assert_int_equal(row.number, 30000);
	/* Two launches that read the registry at the same moment choose the same; the kernel decides. */
	struct port second = {.service = "web", .name = "main", .source = PORT_POOL, .slot = NO_SLOT};
	must_claim(&blog, &other);
	other.pool_count = 0;
	must_board(&other, &second, 1);
	assert_int_equal(second.number, 30001);
	assert_int_equal(second.moved_from, 0);
	assert_int_equal(claim_stop(w.dir, &claim, false, &w.e), 0);
	claim_release(&claim);
	int taken = listen_at(30000, true);
	must_claim(&shop, &claim);
	row = (struct port){.service = "web", .name = "main", .source = PORT_POOL, .slot = NO_SLOT};
	must_board(&claim, &row, 1);
	assert_int_equal(row.number, 30002);
	assert_int_equal(row.moved_from, 30000);
	close(taken);
	assert_int_equal(claim_stop(w.dir, &claim, false, &w.e), 0);
	claim_release(&claim);
	must_claim(&shop, &claim);
	must_board(&claim, &row, 1);
	assert_int_equal(row.number, 30000);
	claim_release(&claim);
	claim_release(&other);
}

static void a_stranger_on_a_spare_port_is_only_told(void **state)
{
	(void)state;
	pid_t stranger = stranger_on(30109, "stranger");
	struct claim_request request = request_for("shop", "shop");
	struct port row = slot_row("web", 0);
	struct claim_options strict = {.strict = true};
	struct claim claim;
	must_claim(&request, &claim);
	assert_int_equal(claim_ports(w.dir, &claim, &row, 1, &strict, &w.e), 0);
	assert_non_null(strstr(text_string(&claim.notices), "port 30109 is held by pid"));
	assert_int_equal(claim.spare_count, 8);
	claim_release(&claim);
	end_child(stranger);
}

static void another_project_is_named(void **state)
{
	(void)state;
	struct claim_request one = request_for("one", "one"), two = request_for("two", "two");
	struct port fixed = {.service = "web", .name = "main", .source = PORT_FIXED, .fixed = 9090};
	struct claim first, second;
	must_claim(&one, &first);
	must_board(&first, &fixed, 1);
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t child = fork();
	if (!child) {
		/* In a process of its own: what we hold ourselves is no conflict. */
		struct port row = {.service = "api", .name = "main", .source = PORT_FIXED,
			.fixed = 9090};
		must_claim(&two, &second);
		int result = claim_ports(w.dir, &second, &row, 1, NULL, &w.e);
		(void)!write(ends[1], w.e.text, strlen(w.e.text));
		_exit(!(result && w.e.code == EXIT_CONFLICT));
	}
	int status;
	char text[ERROR_TEXT_SIZE] = "";
	close(ends[1]);
	assert_true(read(ends[0], text, sizeof text - 1) > 0);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_non_null(strstr(text, "project one instance 1"));
	claim_release(&first);
}

/* Its client closed first, from a port of ours: only TIME_WAIT of an outgoing connection. */
static void fault_F20_time_wait(void **state)
{
	(void)state;
	int server = listen_at(31999, true);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(30101),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, to = from;
	to.sin_port = htons(31999);
	assert_int_equal(bind(client, (struct sockaddr *)&from, sizeof from), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof to), 0);
	int accepted = accept(server, NULL, NULL);
	close(client);
	char byte;
	assert_int_equal(read(accepted, &byte, 1), 0);
	close(accepted);
	close(server);
	struct port row = slot_row("api", 1);
	expect_conflict(row, true);
	assert_non_null(strstr(w.e.text, "TIME_WAIT for another"));
	struct claim_request request = request_for("shop", "shop");
	struct claim claim;
	must_claim(&request, &claim);
	must_board(&claim, &row, 1);
	assert_int_equal(row.number, 30100);
	assert_int_equal(row.moved_from, 30101);
	claim_release(&claim);
}

/* What `down` and a quick `up` meet: connections that the service itself had accepted and closed. */
static void connections_of_the_last_run_do_not_move_a_service(void **state)
{
	(void)state;
	int server = listen_at(30101, true);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(30101),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof to), 0);
	close(accept(server, NULL, NULL));
	close(server);
	char byte;
	assert_int_equal(read(client, &byte, 1), 0);
	close(client);
	struct claim_request request = request_for("shop", "shop");
	struct port row = slot_row("api", 1);
	struct claim claim;
	must_claim(&request, &claim);
	int64_t before = clock_now_ms();
	must_board(&claim, &row, 1);
	assert_int_equal(row.number, 30101);
	assert_in_range(clock_now_ms() - before, 0, 1500);
	claim_release(&claim);
}

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

static void a_changed_stack_keeps_its_holds(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct port before[] = {slot_row("web", 0), slot_row("api", 1)};
	struct claim claim;
	must_claim(&request, &claim);
	must_board(&claim, before, 2);
	assert_int_equal(hold_relax(&claim.holds[1], HOLD_RELAXED, NULL), 0);
	int fd = claim.holds[1].fd;
	int server = listen_at(30101, true);
	assert_true(server >= 0);
	struct port after[] = {slot_row("api", 1), slot_row("db", 2),
		{.service = "x", .name = "main", .source = PORT_FIXED, .fixed = 9191}};
	must_board(&claim, after, 3);
	assert_int_equal(claim.holds[0].fd, fd);
	assert_int_equal(claim.holds[0].state, HOLD_IS_RELAXED);
	assert_int_equal(claim.holds[1].port, 30102);
	assert_int_equal(claim.holds[2].port, 9191);
	assert_int_equal(claim.hold_count, 3);
	assert_int_equal(claim.spare_count, 8);
	/* A change that cannot be had changes nothing. */
	pid_t stranger = stranger_on(9292, "stranger");
	after[2].fixed = 9292;
	assert_int_equal(claim_ports(w.dir, &claim, after, 3, NULL, &w.e), -1);
	assert_int_equal(claim.holds[2].port, 9191);
	assert_true(claim.holds[2].fd >= 0);
	end_child(stranger);
	close(server);
	claim_release(&claim);
}

static void what_worked_is_remembered(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct port row = slot_row("web", 0);
	struct claim claim;
	must_claim(&request, &claim);
	assert_int_equal(claim_hold_mode(&claim, &row), HOLD_RELAXED);
	struct registry *r = registry_open(w.dir, REGISTRY_WRITE, 1000, NULL, &w.e);
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(hold_mode_record(r, claim.project_id, "web", hold_mode_word(HOLD_MARKER), &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	registry_close(r);
	claim_release(&claim);
	must_claim(&request, &claim);
	assert_int_equal(claim_hold_mode(&claim, &row), HOLD_MARKER);
	row.hold = HOLD_NO;
	assert_int_equal(claim_hold_mode(&claim, &row), HOLD_NO);
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

static const char *text_at(json_t *root, const char *list, const char *key)
{
	json_t *first = json_array_get(json_object_get(root, list), 0);
	const char *text = json_string_value(json_object_get(first, key));
	return text ? arena_string(w.arena, text) : "";
}

static void questions_about_ports(void **state)
{
	(void)state;
	pid_t stranger = stranger_on(30101, "stranger");
	struct claim_request request = request_for("shop", "shop");
	struct port rows[] = {slot_row("web", 0), slot_row("api", 1)};
	struct claim claim;
	claim_init(&claim);
	assert_int_equal(claim_find(&request, &claim, &w.e), 0);
	struct port_check check = {0};
	assert_int_equal(ports_check(w.dir, &claim, rows, 2, NULL, &check, &w.e), 0);
	assert_int_equal(check.count, 1);
	assert_int_equal(check.items[0].plan.class, CLASS_FOREIGN);
	assert_int_equal(check.items[0].holder->pid, stranger);
	assert_int_equal(check.items[0].plan.move_to, 30102);
	json_t *json = report_conflicts(&check);
	assert_string_equal(text_at(json, "conflicts", "service"), "api");
	assert_string_equal(text_at(json, "conflicts", "class"), "foreign");
	assert_string_equal(text_at(json, "conflicts", "default_action"), "move");
	json_decref(json);
	port_check_release(&check);
	struct claim_options strict = {.strict = true};
	assert_int_equal(ports_check(w.dir, &claim, rows, 2, &strict, &check, &w.e), 0);
	assert_int_equal(check.items[0].plan.action, RESOLVE_FAIL);
	port_check_release(&check);
	claim_release(&claim);

	struct inventory all;
	struct arena *arena = arena_new();
	struct port_look look = {0};
	assert_int_equal(ports_who(w.dir, 30101, &look, &w.e), 0);
	assert_int_equal(look.count, 1);
	assert_int_equal(look.items[0].holder.pid, stranger);
	json = report_listeners(&look);
	assert_string_equal(text_at(json, "listeners", "state"), "listen");
	assert_string_equal(text_at(json, "listeners", "address"), "127.0.0.1");
	assert_string_equal(text_at(json, "listeners", "protocol"), "tcp");
	assert_string_equal(text_at(json, "listeners", "family"), "ipv4");
	json_decref(json);
	port_look_release(&look);
	end_child(stranger);

	must_claim(&request, &claim);
	must_board(&claim, rows, 2);
	assert_int_equal(ports_list(w.dir, "shop", &look, &w.e), 0);
	assert_int_equal(look.count, 2);
	assert_string_equal(look.items[0].lease.service, "web");
	port_look_release(&look);
	assert_int_equal(ports_list(w.dir, "nobody", &look, &w.e), -1);
	assert_int_equal(w.e.code, EXIT_NOT_FOUND);
	port_look_release(&look);
	assert_int_equal(inventory_read(w.dir, 0, arena, &all, &w.e), 0);
	assert_int_equal(all.project_count, 1);
	assert_string_equal(all.projects[0].row.name, "shop");
	assert_int_equal(all.instances[0].row.status, INSTANCE_RUNNING);
	assert_int_equal(all.instances[0].base_port, 30100);
	claim_release(&claim);
	assert_int_equal(inventory_read(w.dir, 0, arena, &all, &w.e), 0);
	assert_int_equal(all.instances[0].row.status, INSTANCE_CRASHED);
	arena_free(arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	if (!alone_is_possible())
		return 0;
	const struct CMUnitTest tests[] = {
		TEST(the_first_project_gets_block_1),
		TEST(the_user_sets_the_base_before_the_first_project),
		TEST(row_P1_instance_3_of_block_1),
		TEST(the_number_stays_with_the_worktree),
		TEST(auto_and_new_go_on),
		TEST(row_P1_an_eleventh_instance_has_its_own_block),
		TEST(spans_take_the_next_numbers),
		TEST(fault_S17_the_second_converges),
		TEST(another_worktree_does_not_converge),
		TEST(state_of_another_worktree_is_set_aside),
		TEST(names_are_unique),
		TEST(explicit_blocks),
		TEST(a_block_of_a_project_without_a_place),
		TEST(auto_slots_are_kept),
		TEST(two_services_on_one_port_are_refused),
		TEST(fault_F18_a_slot_service_moves),
		TEST(conflicts_are_named),
		TEST(all_conflicts_at_once),
		TEST(a_fixed_port_moves_in_its_range),
		TEST(an_optional_row_loses_its_port_alone),
		TEST(what_is_reserved_for_a_service_waits_for_it),
		TEST(a_pool_row_has_what_it_had),
		TEST(a_stranger_on_a_spare_port_is_only_told),
		TEST(another_project_is_named),
		TEST(fault_F20_time_wait),
		TEST(connections_of_the_last_run_do_not_move_a_service),
		TEST(promise_P2_leftovers_are_removed),
		TEST(promise_P3_another_registry_is_left_alone),
		TEST(the_run_that_lives_has_no_leftovers),
		TEST(claim_clean_tidies_up),
		TEST(the_lock_crosses_a_fork),
		TEST(invariant_I1_nothing_leaks_into_children),
		TEST(a_changed_stack_keeps_its_holds),
		TEST(what_worked_is_remembered),
		TEST(fault_S12_reboot),
		TEST(find_changes_nothing),
		TEST(fault_F19_fifty_projects_get_fifty_ranges),
		TEST(fault_S17_one_of_fifty_wins),
		TEST(invariant_I11_killed_launches),
		TEST(one_claim_is_quick),
		TEST(questions_about_ports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
