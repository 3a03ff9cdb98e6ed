/* rooms: base model registry listeners ports claim survey upkeep */
#include "base/clock.h"
#include "claim/check.h"
#include "claim/reserve.h"
#include "model/names.h"
#include "ports/policy.h"
#include "survey/look.h"
#include "survey/report.h"
#include "upkeep/inventory.h"

/* Last: it has a macro called fail. */
#include "claim_world.h"

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

int main(void)
{
	if (!alone_is_possible())
		return 0;
	const struct CMUnitTest tests[] = {
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
		TEST(a_changed_stack_keeps_its_holds),
		TEST(what_worked_is_remembered),
		TEST(questions_about_ports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
