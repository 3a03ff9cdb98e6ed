/* rooms: base model registry listeners ports claim survey upkeep */
#include "model/names.h"
#include "ports/policy.h"
#include "registry/launches.h"
#include "registry/projects.h"

/* Last: it has a macro called fail. */
#include "claim_world.h"

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

/* What would be claimed now, by looking only. */
static int foretold_of(const struct claim_request *request)
{
	struct claim claim;
	struct error e = {0};
	claim_init(&claim);
	int result = claim_find(request, &claim, &e);
	int number = claim.outcome == CLAIM_OURS ? claim.instance : 0;
	claim_release(&claim);
	if (result)
		fail_msg("%s", e.text);
	return number;
}

static void auto_and_new_go_on(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct claim first, second, third;
	must_claim(&request, &first);
	request.want = WANT_AUTO;
	assert_int_equal(foretold_of(&request), 3);
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
	assert_int_equal(foretold_of(&request), 1);
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

/* The crash of the last run is told where that run told its events, whoever has the number now. */
static void a_crash_is_noted_before_its_state_is_set_aside(void **state)
{
	(void)state;
	struct claim_request request = request_for("shop", "shop");
	struct claim_request tree = request_for("shop", "tree");
	struct claim claim;
	OWNED_TEXT events = {0};
	must_claim(&request, &claim);
	const char *dir = arena_string(w.arena, claim.state_dir);
	assert_int_equal(file_make_directories(dir, NULL), 0);
	assert_int_equal(file_replace(arena_format(w.arena, "%s/events.jsonl", dir), "", 0, NULL), 0);
	claim_release(&claim);
	tree.want = WANT_NUMBER;
	tree.number = 1;
	must_claim(&tree, &claim);
	const char *aside = strstr(text_string(&claim.notices), arena_format(w.arena, "%s.before-", dir));
	assert_non_null(aside);
	const char *kept = arena_string_n(w.arena, aside, strcspn(aside, "\n"));
	assert_int_equal(file_read(arena_format(w.arena, "%s/events.jsonl", kept), 4096, &events, NULL), 0);
	assert_non_null(strstr(text_string(&events), "\"crashed\""));
	claim_release(&claim);
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
		TEST(a_crash_is_noted_before_its_state_is_set_aside),
		TEST(names_are_unique),
		TEST(explicit_blocks),
		TEST(a_block_of_a_project_without_a_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
