/* rooms: base model heal stop watch */
#include <jansson.h>

#include "keeper_world.h"
#include "watch/snapshot.h"

/* ---- helpers ---- */

static json_t *taken(const struct keeper *from, int service)
{
	json_t *snapshot = snapshot_of(from, service);
	assert_non_null(snapshot);
	return snapshot;
}

/* As it travels: a line of text in between. */
static void restore_line(struct keeper *to, int service, json_t *snapshot)
{
	struct error e = {0};
	char *line = json_dumps(snapshot, JSON_COMPACT);
	json_t *read = json_loads(line, 0, NULL);
	if (snapshot_restore(to, service, read, &e))
		fail_msg("%s", e.text);
	json_decref(read);
	free(line);
}

static void assert_same(const struct keeper *a, const struct keeper *b, int service)
{
	json_t *one = taken(a, service);
	json_t *other = taken(b, service);
	if (!json_equal(one, other))
		fail_msg("service %d:\n%s\n%s", service, json_dumps(one, JSON_SORT_KEYS),
			json_dumps(other, JSON_SORT_KEYS));
	json_decref(one);
	json_decref(other);
}

/* The keeper gives nobody its runs to write to; these tests do. */
static struct service_run *raw_run(int service)
{
	return (struct service_run *)(uintptr_t)run_of(service);
}

/* ---- every field ---- */

/* Each number one of its own, each text as long as can be. */
static void fill(struct service_run *run)
{
	*run = (struct service_run){.state = STATE_KILLING, .want = WANT_UP,
		.generation = 1ULL << 40, .leader = {.pid = 4001, .pidfd = 51}, .session = 4002,
		.hook = {.pid = 4003, .pidfd = 52}, .stop_free = true, .spread = true,
		.waits_for_tree = true, .started_ms = 1LL << 41, .ready_ms = 5001, .deadline_ms = 5002,
		.probe_at_ms = 5003, .probe_until_ms = NO_DEADLINE, .probe_purpose = PROBE_FOR_HEALTH,
		.quick_probes = 6, .backoff = {.attempt = 7},
		.verdict = {.health = HEALTH_IMPOSTER, .failures = 8, .successes = 9},
		.escalation = {.active = true, .signalled = true, .remnants_signalled = true,
			.refused = true, .kills = 10, .deadline_ms = 5004},
		.after = AFTER_FAIL, .cause = CAUSE_DEPENDENCY, .restarts = 11, .has_exit = true,
		.exit_code = -1, .exit_signal = 9, .transition_count = 77};
	memset(run->reason, 'r', REASON_SIZE - 1);
	memset(run->after_reason, 'a', REASON_SIZE - 1);
	run->budget.count = BUDGET_MOST;
	for (int i = 0; i < BUDGET_MOST; i++)
		run->budget.times[i] = 6000 + i;
	for (int i = 0; i < TRANSITIONS; i++) {
		run->transitions[i] = (struct transition){.at_ms = 7000 + i, .wall_ms = 8000 + i,
			.from = STATE_STARTING, .to = STATE_COOLING, .event = ON_TREE};
		memset(run->transitions[i].reason, 't', REASON_SIZE - 1);
	}
}

static void all_of_a_run_comes_back(void **state)
{
	(void)state;
	begin(2);
	fill(raw_run(0));
	json_t *snapshot = taken(keeper, 0);
	restore_line(keeper, 1, snapshot);
	assert_int_equal(run_of(1)->leader.pid, 4001);
	assert_int_equal(run_of(1)->leader.pidfd, -1);
	assert_int_equal(run_of(1)->hook.pidfd, -1);
	json_t *again = taken(keeper, 1);
	assert_true(json_equal(snapshot, again));
	json_decref(again);
	json_decref(snapshot);
}

#ifdef __GNUC__
#if __has_builtin(__builtin_clear_padding)
#define HAS_CLEAR_PADDING
#endif
#endif

#ifdef HAS_CLEAR_PADDING
static bool is_pidfd(size_t at)
{
	size_t leader = offsetof(struct service_run, leader.pidfd);
	size_t hook = offsetof(struct service_run, hook.pidfd);
	return (at >= leader && at < leader + sizeof(int)) || (at >= hook && at < hook + sizeof(int));
}

static bool is_seen(size_t at, json_t *before)
{
	unsigned char *byte = (unsigned char *)raw_run(0) + at;
	unsigned char was = *byte;
	*byte = was ? 0 : 1;
	json_t *after = snapshot_of(keeper, 0);
	bool seen = !after || !json_equal(before, after);
	json_decref(after);
	*byte = was;
	return seen;
}

/* A byte that is no padding and makes no difference is a field that was forgotten. */
static void no_field_is_forgotten(void **state)
{
	(void)state;
	begin(1);
	fill(raw_run(0));
	static struct service_run mask;
	memset(&mask, 0xff, sizeof mask);
	__builtin_clear_padding(&mask);
	json_t *before = taken(keeper, 0);
	size_t second = offsetof(struct service_run, transitions[1]);
	size_t behind = offsetof(struct service_run, transition_count);
	size_t next = offsetof(struct service_run, budget.next);
	size_t ring_end = offsetof(struct service_run, budget) + sizeof(struct budget);
	for (size_t at = 0; at < sizeof mask; at++) {
		bool is_field = ((const unsigned char *)&mask)[at];
		bool others = at >= second && at < behind; /* of the ring, as the first one */
		bool turned = at >= next && at < ring_end; /* where that ring begins and ends: see below */
		if (is_field && !is_pidfd(at) && !others && !turned && !is_seen(at, before))
			fail_msg("byte %zu of struct service_run is in no snapshot", at);
	}
	json_decref(before);
}
#endif

static void the_rings_come_back_in_their_order(void **state)
{
	(void)state;
	begin(2);
	struct service_run *run = raw_run(0);
	const struct restart_policy *restart = &stack->services[0].policy.restart;
	for (int i = 0; i < 2 * BUDGET_MOST + 5; i++)
		budget_take(&run->budget, &(struct restart_policy){.limit = 100, .limit_window_ms = 50},
			1000 + 100 * i);
	for (int i = 0; i < 5; i++)
		budget_take(&run->budget, restart, 20000 + i);
	json_t *snapshot = taken(keeper, 0);
	restore_line(keeper, 1, snapshot);
	json_decref(snapshot);
	struct service_run *back = raw_run(1);
	/* Up to the limit, and the window closes over them at the same times. */
	for (int64_t at = 20010; at < 20014; at++)
		assert_int_equal(budget_take(&run->budget, restart, at), budget_take(&back->budget, restart, at));
	assert_false(budget_take(&back->budget, restart, 20020));
	for (int64_t at = 79990; at < 80020; at++)
		assert_int_equal(budget_used(&run->budget, restart, at), budget_used(&back->budget, restart, at));
}

static void a_name_that_is_no_text_is_no_hindrance(void **state)
{
	(void)state;
	begin(1);
	reason_format(raw_run(0)->reason, "caf\xe9 and \xff");
	json_t *snapshot = taken(keeper, 0);
	restore_line(keeper, 0, snapshot);
	json_decref(snapshot);
	assert_string_equal(run_of(0)->reason, "caf? and ?");
}

/* ---- what is not understood ---- */

static void is_refused(const char *key, json_t *value, const char *sentence)
{
	struct error e = {0};
	json_t *snapshot = taken(keeper, 0);
	if (value)
		json_object_set_new(snapshot, key, value);
	else
		json_object_del(snapshot, key);
	struct service_run before = *run_of(1);
	assert_int_equal(snapshot_restore(keeper, 1, snapshot, &e), -1);
	assert_non_null(strstr(e.text, sentence));
	assert_memory_equal(&before, run_of(1), sizeof before);
	json_decref(snapshot);
}

static void what_is_not_understood_is_not_continued(void **state)
{
	(void)state;
	begin(2);
	char longer[REASON_SIZE + 1] = {0};
	memset(longer, 'x', REASON_SIZE);
	is_refused("generation", NULL,
		"what it did last cannot be continued: 'generation' is missing");
	is_refused("generation", json_integer(-1), "'generation' is not a number that it can be");
	is_refused("restarts", json_integer(1LL << 31), "'restarts' is not a number that it can be");
	is_refused("restarts", json_string("1"), "'restarts' is not a number that it can be");
	is_refused("spread", json_integer(1), "'spread' is neither true nor false");
	is_refused("state", json_string("dozing"), "'state' has a value that this version does not");
	is_refused("state", json_integer(3), "'state' has a value that this version does not");
	is_refused("reason", json_string(longer), "'reason' is not a text of its length");
	is_refused("reason", json_null(), "'reason' is not a text of its length");
	is_refused("budget", json_integer(1), "'budget' is not a list of so many restarts");
	is_refused("budget", json_pack("[s]", "then"), "'budget' has something in it that is no time");
	is_refused("transition_count", json_integer(1), "'transitions' does not have as many");
	is_refused("mood", json_string("good"), "there is more in it than this version knows");
	is_refused("state", json_string("ready"), "it runs and has no process");
	struct error e = {0};
	assert_int_equal(snapshot_restore(keeper, 1, NULL, &e), -1);
}

static void a_past_that_is_not_understood_is_refused(void **state)
{
	(void)state;
	begin(2);
	keeper_start(keeper, 0, false, NULL);
	turn_at(1000);
	is_refused("transitions", json_pack("[{}, {}]"), "'transitions': 'at_ms' is missing");
	is_refused("transitions", json_array(), "'transitions' does not have as many");
}

/* ---- and it goes on ---- */

static bool seen[STATE_FAILED + 1]; /* the states that were continued */

/* What a new supervisor does; the one before it is gone. */
static struct keeper *continued(const struct keeper *from)
{
	struct keeper *next = keeper_new(&sys, stack);
	for (int i = 0; i < stack->service_count; i++) {
		json_t *snapshot = taken(from, i);
		restore_line(next, i, snapshot);
		json_decref(snapshot);
		seen[keeper_run(from, i)->state] = true;
		if (keeper_run(from, i)->leader.pid)
			keeper_reach(next, i, false, keeper_run(from, i)->leader.pidfd);
		if (keeper_run(from, i)->hook.pid)
			keeper_reach(next, i, true, keeper_run(from, i)->hook.pidfd);
	}
	return next;
}

static void goes_on_in_another(void)
{
	struct keeper *next = continued(keeper);
	keeper_free(keeper);
	keeper = next;
	text_clear(&world.calls);
}

static void a_back_off_goes_on(void **state)
{
	(void)state;
	begin(1);
	world.spawn_fails = true;
	world.spawn_errno = EAGAIN;
	keeper_start(keeper, 0, false, NULL);
	assert_int_equal(turn_at(1000), 300);
	goes_on_in_another();
	assert_int_equal(turn_at(1100), 200);
	expect_calls("");
	world.spawn_fails = false;
	turn_at(1300);
	expect_calls("spawn 0.2, listen 0.2");
}

static void a_probe_in_flight_is_begun_again(void **state)
{
	(void)state;
	begin(1);
	stack->services[0].policy.readiness = READY_PORT;
	keeper_start(keeper, 0, false, NULL);
	turn_at(1000);
	turn_at(1000);
	expect_calls("spawn 0.1, probe 0.1 ready 2000");
	goes_on_in_another();
	turn_at(1100);
	expect_calls("probe 0.1 ready 2000");
}

static void a_stop_under_way_goes_on(void **state)
{
	(void)state;
	begin(1);
	stack->services[0].policy.stop.has_command = true;
	keeper_start(keeper, 0, false, NULL);
	turn_at(1000);
	keeper_stop(keeper, 0, false, NULL);
	turn_at(2000);
	goes_on_in_another();
	assert_int_equal(turn_at(2100), 9900);
	assert_int_equal(run_of(0)->hook.pidfd, 8);
	struct keeper_exit hook = {.is_hook = true, .status = {.pid = 102}};
	keeper_exits(keeper, &hook, 1);
	turn_at(2200);
	expect_calls("forget 0 (102), INT to group 0 (101), CONT to group 0 (101)");
	goes_on_in_another();
	struct keeper_exit leader = {.status = {.pid = 101, .code = 0}};
	keeper_exits(keeper, &leader, 1);
	turn_at(2300);
	assert_state(0, STATE_DOWN);
}

/* The last of a tree may have gone while nobody looked. */
static void the_trees_are_looked_at_in_the_first_turn(void **state)
{
	(void)state;
	begin(1);
	keeper_start(keeper, 0, false, NULL);
	turn_at(1000);
	world.left[0] = 2;
	struct keeper_exit leader = {.status = {.pid = 101, .code = 0}};
	keeper_exits(keeper, &leader, 1);
	turn_at(1100);
	assert_state(0, STATE_STOPPING);
	goes_on_in_another();
	world.left[0] = 0;
	turn_at(1200);
	expect_calls("census 0(101), gone 0");
}

/* The time without a supervisor is not the service's. */
static void time_that_nobody_was_there_is_forgiven(void **state)
{
	(void)state;
	begin(2);
	keeper_start(keeper, 1, false, NULL);
	turn_at(1000);
	world.spawn_fails = true;
	world.spawn_errno = EAGAIN;
	keeper_start(keeper, 0, false, NULL);
	assert_int_equal(turn_at(1000), 300);
	world.spawn_fails = false;
	goes_on_in_another();
	assert_int_equal(turn_at(1300 + 4000), 61000 + 4000 - 5300);
	expect_calls("spawn 0.2, listen 0.2");
}

/* ---- random walks: the one that goes on and the one that is another's continuation ---- */

enum { WALKS = 20, STEPS = 150, WIDE = 6 };

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static const struct dependency on_first[] = {{.service = 0, .condition = CONDITION_READY}};
static const struct dependency on_second[] = {{.service = 1, .condition = CONDITION_STARTED}};

static void draw_policy(struct service *s)
{
	s->policy.readiness = (enum readiness)draw(READY_NOTIFY + 1);
	s->policy.type = draw(5) ? TYPE_SERVICE : TYPE_TASK;
	s->policy.task_timeout_ms = draw(2) ? 3000 : 0;
	s->policy.ready_timeout_ms = 500 + draw(3000);
	s->policy.optional = !draw(4);
	s->policy.on_dependency = draw(2) ? DEPENDENCY_KEEP : DEPENDENCY_RESTART;
	s->policy.restart.rule = (enum restart_rule)draw(RESTART_NO + 1);
	s->policy.restart.limit = 1 + (int)draw(6);
	s->policy.health.present = draw(4);
	s->policy.health.action = (enum health_action)draw(HEALTH_NOTHING + 1);
	s->policy.stop.has_command = !draw(3);
	s->policy.stop.timeout_ms = 1000 + draw(3000);
}

static void feed_draw(struct keeper *k, int i, uint32_t what, uint32_t detail)
{
	const struct service_run *run = keeper_run(k, i);
	struct keeper_exit exit = {.service = i, .status = {.code = (int)(detail % 3)}};
	switch (what) {
	case 0:
		keeper_start(k, i, detail % 2, "asked");
		break;
	case 1:
		keeper_stop(k, i, detail % 2, NULL);
		break;
	case 2:
		keeper_restart(k, i, "anew");
		break;
	case 3:
		keeper_kill(k, i, NULL);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		exit.is_hook = run->hook.pid && what == 7;
		exit.status.pid = exit.is_hook ? run->hook.pid : run->leader.pid;
		exit.status.signal = detail % 5 == 4 ? SIGTERM : 0;
		if (exit.status.pid)
			keeper_exits(k, &exit, 1);
		break;
	case 8:
		keeper_feed(k, i, &(struct service_event){.kind = ON_READY_SIGN, .generation = run->generation});
		break;
	case 9:
		keeper_trees_changed(k);
		break;
	default:
		if (run->probe_until_ms != NO_DEADLINE)
			keeper_feed(k, i, &(struct service_event){.kind = ON_PROBE,
				.generation = run->generation, .purpose = run->probe_purpose,
				.result = detail % 6 < 3 ? PROBE_OK : (enum probe_result)(detail % 3 + 1),
				.cheap = detail % 2, .reason = detail % 2 ? "no answer" : NULL});
	}
}

struct moment {
	int service;
	uint32_t what;
	uint32_t detail;
	int64_t later_ms;
	pid_t last_pid; /* before it */
};

static int64_t lived(struct keeper *k, const struct moment *m)
{
	text_clear(&world.calls);
	world.last_pid = m->last_pid;
	feed_draw(k, m->service, m->what, m->detail);
	return keeper_turn(k);
}

static void draw_world(void)
{
	world.spawn_fails = !draw(6);
	world.spawn_errno = draw(2) ? EAGAIN : 0;
	world.hook_fails = !draw(5);
	world.signal_fails = !draw(5);
	world.withstands = !draw(3);
	for (int i = 0; i < WIDE; i++)
		world.left[i] = draw(3) ? 0 : draw(3);
}

/* The same happens to both, and what they ask of the world is the same. */
static void both_live(struct keeper *other)
{
	draw_world();
	struct moment m = {.service = (int)draw(WIDE), .what = draw(30), .detail = draw(60),
		.later_ms = draw(4) ? draw(200) : draw(2500), .last_pid = world.last_pid};
	world.now_ms += m.later_ms;
	int64_t next = lived(keeper, &m);
	char *calls = strdup(text_string(&world.calls));
	assert_int_equal(lived(other, &m), next);
	assert_string_equal(text_string(&world.calls), calls);
	free(calls);
	for (int i = 0; i < WIDE; i++)
		assert_same(keeper, other, i);
	if (next != NO_DEADLINE && draw(2) && next > world.now_ms)
		world.now_ms = next;
}

/* For the one that lives on it is as if its stack were replaced by the same one: probes begin anew. */
static void live_on(void)
{
	static const int same[] = {0, 1, 2, 3, 4, 5};
	assert_int_equal(keeper_adopt(keeper, stack, same), 0);
	keeper_trees_changed(keeper);
}

static void walk(uint32_t first)
{
	seed = first;
	begin(WIDE);
	world.tells = true;
	for (int i = 0; i < WIDE; i++)
		draw_policy(&stack->services[i]);
	stack->services[1].dependencies = stack->services[2].dependencies = on_first;
	stack->services[3].dependencies = on_second;
	for (int i = 1; i < 4; i++)
		stack->services[i].dependency_count = 1;
	for (int i = 0; i < WIDE; i++)
		keeper_start(keeper, i, false, NULL);
	struct keeper *other = continued(keeper);
	for (int i = 0; i < WIDE; i++)
		keeper_start(other, i, false, NULL);
	for (int i = 0; i < STEPS; i++) {
		both_live(other);
		if (draw(4))
			continue;
		struct keeper *next = continued(other);
		keeper_free(other);
		other = next;
		live_on();
	}
	keeper_free(other);
}

static void whatever_happens_it_goes_on_the_same(void **state)
{
	for (uint32_t i = 1; i <= WALKS; i++) {
		walk(i);
		if (i < WALKS)
			finish(state);
	}
	for (int i = 0; i <= STATE_FAILED; i++)
		if (!seen[i])
			fail_msg("no service was ever '%s'", service_state_word((enum service_state)i));
}

#define TEST(name) cmocka_unit_test_teardown(name, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_of_a_run_comes_back),
#ifdef HAS_CLEAR_PADDING
		TEST(no_field_is_forgotten),
#endif
		TEST(the_rings_come_back_in_their_order),
		TEST(a_name_that_is_no_text_is_no_hindrance),
		TEST(what_is_not_understood_is_not_continued),
		TEST(a_past_that_is_not_understood_is_refused),
		TEST(a_back_off_goes_on),
		TEST(a_probe_in_flight_is_begun_again),
		TEST(a_stop_under_way_goes_on),
		TEST(the_trees_are_looked_at_in_the_first_turn),
		TEST(time_that_nobody_was_there_is_forgiven),
		TEST(whatever_happens_it_goes_on_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
