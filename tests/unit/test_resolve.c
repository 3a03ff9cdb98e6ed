/* rooms: base model registry listeners ports */
/* What is planned for a port that is taken: every class under every strategy, and what outweighs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "ports/resolve.h"

#include <cmocka.h>

enum { HOME = 30100, FREE_SLOT = 30105 };

/* Free for the taking: up to eight ports. */
struct free_ports {
	uint16_t items[8];
};

static bool take(void *self, const struct conflict *conflict, uint16_t port)
{
	struct free_ports *ports = self;
	(void)conflict;
	for (size_t i = 0; i < 8; i++)
		if (ports->items[i] == port) {
			ports->items[i] = 0;
			return true;
		}
	return false;
}

static struct resolve_rules rules_of(enum port_strategy strategy)
{
	return (struct resolve_rules){.strategy = strategy, .base_port = HOME, .slots = 10,
		.emergency_low = 40000, .emergency_high = 40009};
}

static struct port api(void)
{
	return (struct port){.service = "api", .name = "main", .source = PORT_SLOT, .slot = 1,
		.number = 30101};
}

static struct conflict on(const struct port *row, enum port_class class)
{
	return (struct conflict){.row = row, .port = row ? row->number : 30109, .class = class};
}

static enum port_action decided(const struct resolve_rules *rules, struct conflict c)
{
	resolve_decide(rules, &c);
	assert_true(c.reason && *c.reason);
	return c.action;
}

static void expect(const struct resolve_rules *rules, struct conflict c, const char *word)
{
	assert_string_equal(port_action_word(decided(rules, c)), word);
}

/* ---- the table ---- */

/* class, conservative, intelligent, aggressive */
#define CELLS(X)                                                                                   \
	X(CLASS_FREE, "ignore", "ignore", "ignore")                                                \
	X(CLASS_OWN_LIVE, "move", "move", "move")                                                  \
	X(CLASS_OWN_STALE, "stop", "stop", "stop")                                                 \
	X(CLASS_OTHER_INSTANCE, "move", "move", "move")                                            \
	X(CLASS_OTHER_PROJECT, "move", "move", "move")                                             \
	X(CLASS_OTHER_REGISTRY, "move", "move", "move")                                            \
	X(CLASS_RESERVED, "move", "move", "move")                                                  \
	X(CLASS_LEASED, "move", "move", "move")                                                    \
	X(CLASS_FOREIGN, "move", "move", "stop")                                                   \
	X(CLASS_OTHER_USER, "move", "move", "move")                                                \
	X(CLASS_CONTAINER, "move", "move", "move")                                                 \
	X(CLASS_PROTECTED, "move", "move", "move")                                                 \
	X(CLASS_WRONG_FAMILY, "move", "move", "stop")                                              \
	X(CLASS_EPHEMERAL, "move", "move", "move")                                                 \
	X(CLASS_TIME_WAIT, "wait", "wait", "wait")                                                 \
	X(CLASS_PRIVILEGED, "move", "move", "move")                                                \
	X(CLASS_UNKNOWN, "move", "move", "move")

static const struct {
	enum port_class class;
	const char *expected[3];
} table[] = {
#define X(class, conservative, intelligent, aggressive) {class, {conservative, intelligent, aggressive}},
	CELLS(X)
#undef X
};
enum { TABLE_ROWS = sizeof table / sizeof table[0] };

static void row_P7_every_class_under_every_strategy(void **state)
{
	(void)state;
	struct port row = api();
	assert_int_equal(TABLE_ROWS, CLASS_UNKNOWN + 1);
	for (size_t i = 0; i < TABLE_ROWS; i++)
		for (int s = 0; s < 3; s++) {
			struct resolve_rules rules = rules_of((enum port_strategy)s);
			const char *got = port_action_word(decided(&rules, on(&row, table[i].class)));
			if (strcmp(got, table[i].expected[s]) != 0)
				fail_msg("%s, %s: %s instead of %s", port_class_word(table[i].class),
					port_strategy_word((enum port_strategy)s), got,
					table[i].expected[s]);
		}
}

/* Signals to strangers: never under conservative and intelligent, whatever the service says. */
static void nobody_but_own_leftovers_is_stopped_without_aggressive(void **state)
{
	(void)state;
	for (int s = STRATEGY_CONSERVATIVE; s <= STRATEGY_INTELLIGENT; s++)
		for (int class = 0; class <= CLASS_UNKNOWN; class++)
			for (int rule = CONFLICT_AUTO; rule <= CONFLICT_ASK; rule++)
				for (int bits = 0; bits < 8; bits++) {
					struct resolve_rules rules = rules_of((enum port_strategy)s);
					struct port row = api();
					rules.strict = bits & 1;
					rules.may_ask = bits & 2;
					row.immutable = bits & 4;
					row.on_conflict = (enum port_conflict_rule)rule;
					enum port_action action =
						decided(&rules, on(&row, (enum port_class)class));
					assert_true(action != RESOLVE_STOP || class == CLASS_OWN_STALE);
				}
}

static void an_immutable_port_never_moves(void **state)
{
	(void)state;
	struct port row = api();
	row.immutable = true;
	struct resolve_choice choice = {"api", "main", RESOLVE_MOVE, 30107, 0, 0};
	static const enum port_action wishes[] = {RESOLVE_IGNORE, RESOLVE_MOVE, RESOLVE_STOP};
	for (int s = 0; s < 3; s++)
		for (int class = 1; class <= CLASS_UNKNOWN; class++)
			for (size_t w = 0; w < 6; w++) {
				struct resolve_rules rules = rules_of((enum port_strategy)s);
				rules.wish = wishes[w % 3];
				rules.choices = &choice;
				rules.choice_count = w / 3;
				struct conflict c = on(&row, (enum port_class)class);
				struct free_ports ports = {{FREE_SLOT, 30107, 40000}};
				resolve_decide(&rules, &c);
				resolve_place(&rules, &c, take, &ports);
				assert_int_not_equal(c.action, RESOLVE_MOVE);
				assert_int_equal(c.move_to, 0);
			}
}

/* ---- what outweighs the table ---- */

static void the_service_itself_has_a_say(void **state)
{
	(void)state;
	struct resolve_rules rules = rules_of(STRATEGY_AGGRESSIVE);
	struct port row = api();
	row.on_conflict = CONFLICT_FAIL;
	expect(&rules, on(&row, CLASS_FOREIGN), "fail");
	expect(&rules, on(&row, CLASS_OTHER_PROJECT), "fail");
	expect(&rules, on(&row, CLASS_OWN_STALE), "stop");
	expect(&rules, on(&row, CLASS_TIME_WAIT), "wait");
	row.on_conflict = CONFLICT_MOVE;
	expect(&rules, on(&row, CLASS_FOREIGN), "move");
	expect(&rules, on(&row, CLASS_OWN_STALE), "stop");
}

static void strict_lets_nothing_move(void **state)
{
	(void)state;
	struct resolve_rules rules = rules_of(STRATEGY_INTELLIGENT);
	struct port row = api();
	rules.strict = true;
	expect(&rules, on(&row, CLASS_FOREIGN), "fail");
	expect(&rules, on(&row, CLASS_OWN_STALE), "stop");
	rules.strategy = STRATEGY_AGGRESSIVE;
	expect(&rules, on(&row, CLASS_FOREIGN), "stop");
}

static void a_fixed_port_moves_only_with_a_range_or_when_told(void **state)
{
	(void)state;
	struct resolve_rules rules = rules_of(STRATEGY_INTELLIGENT);
	struct port row = api();
	row.source = PORT_FIXED;
	expect(&rules, on(&row, CLASS_FOREIGN), "fail");
	row.on_conflict = CONFLICT_MOVE;
	expect(&rules, on(&row, CLASS_FOREIGN), "move");
	row.on_conflict = CONFLICT_AUTO;
	row.range_low = 8000;
	row.range_high = 8009;
	expect(&rules, on(&row, CLASS_FOREIGN), "move");
	row.overridden = true;
	expect(&rules, on(&row, CLASS_FOREIGN), "fail");
	row.on_conflict = CONFLICT_MOVE;
	expect(&rules, on(&row, CLASS_FOREIGN), "move");
}

static void who_must_not_be_stopped_is_not(void **state)
{
	(void)state;
	struct resolve_rules rules = rules_of(STRATEGY_AGGRESSIVE);
	struct port row = api();
	struct conflict c = on(&row, CLASS_FOREIGN);
	c.untouchable = "it is pid 1";
	expect(&rules, c, "move");
	rules.wish = RESOLVE_STOP;
	expect(&rules, c, "move");
	resolve_decide(&rules, &c);
	assert_true(c.not_stopped);
	assert_string_equal(c.reason, "it is pid 1");
	rules.wish = RESOLVE_MOVE;
	resolve_decide(&rules, &c);
	assert_false(c.not_stopped);
	rules.wish = RESOLVE_STOP;
	for (int class = 1; class <= CLASS_UNKNOWN; class++) {
		struct conflict other = on(&row, (enum port_class)class);
		bool may = class == CLASS_OWN_STALE || class == CLASS_FOREIGN ||
			class == CLASS_WRONG_FAMILY;
		assert_int_equal(decided(&rules, other) == RESOLVE_STOP, may);
	}
}

static void ports_nobody_uses_cost_nothing(void **state)
{
	(void)state;
	struct resolve_rules rules = rules_of(STRATEGY_AGGRESSIVE);
	expect(&rules, on(NULL, CLASS_FOREIGN), "ignore");
	expect(&rules, on(NULL, CLASS_OWN_STALE), "stop");
	rules.wish = RESOLVE_STOP;
	expect(&rules, on(NULL, CLASS_FOREIGN), "ignore");
}

static void what_could_not_be_freed_moves(void **state)
{
	(void)state;
	struct resolve_rules rules = rules_of(STRATEGY_AGGRESSIVE);
	struct port row = api();
	struct conflict c = on(&row, CLASS_FOREIGN);
	c.stopped = true;
	expect(&rules, c, "move");
	c.class = CLASS_OWN_STALE;
	expect(&rules, c, "move");
	row.immutable = true;
	expect(&rules, c, "fail");
	/* The connections of who was stopped are something else. */
	c.class = CLASS_TIME_WAIT;
	expect(&rules, c, "wait");
	c.waited = true;
	expect(&rules, c, "fail");
}

static void row_P6_time_wait_is_waited_for_as_long_as_it_is_worth(void **state)
{
	(void)state;
	/* strategy, immutable, milliseconds left, action */
	static const struct {
		enum port_strategy strategy;
		bool immutable;
		uint32_t ms;
		const char *word;
	} cases[] = {
		{STRATEGY_CONSERVATIVE, false, 2000, "wait"},
		{STRATEGY_CONSERVATIVE, false, 2001, "move"},
		{STRATEGY_CONSERVATIVE, true, 2001, "fail"},
		{STRATEGY_INTELLIGENT, false, 5000, "wait"},
		{STRATEGY_INTELLIGENT, false, 5001, "move"},
		{STRATEGY_INTELLIGENT, true, 60000, "wait"},
		{STRATEGY_AGGRESSIVE, true, 60000, "wait"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct resolve_rules rules = rules_of(cases[i].strategy);
		struct port row = api();
		row.immutable = cases[i].immutable;
		struct conflict c = on(&row, CLASS_TIME_WAIT);
		c.wait_ms = cases[i].ms;
		expect(&rules, c, cases[i].word);
		rules.patience_ms = 1;
		expect(&rules, c, row.immutable ? "fail" : "move");
	}
}

/* ---- a person ---- */

static void ask_asks_only_where_somebody_can_answer(void **state)
{
	(void)state;
	struct resolve_rules rules = rules_of(STRATEGY_INTELLIGENT);
	struct port row = api();
	row.on_conflict = CONFLICT_ASK;
	expect(&rules, on(&row, CLASS_FOREIGN), "move");
	rules.may_ask = true;
	expect(&rules, on(&row, CLASS_FOREIGN), "ask");
	expect(&rules, on(&row, CLASS_OWN_STALE), "stop");
	expect(&rules, on(&row, CLASS_TIME_WAIT), "wait");
	row.immutable = true;
	expect(&rules, on(&row, CLASS_FOREIGN), "ask");
	row.on_conflict = CONFLICT_AUTO;
	row.immutable = false;
	expect(&rules, on(&row, CLASS_FOREIGN), "move");
	rules.wish = RESOLVE_ASK;
	expect(&rules, on(&row, CLASS_FOREIGN), "ask");
}

static void what_was_chosen_holds_for_that_port_only(void **state)
{
	(void)state;
	struct resolve_rules rules = rules_of(STRATEGY_INTELLIGENT);
	struct port row = api(), other = api();
	other.service = "web";
	struct resolve_choice choices[] = {{"api", "main", RESOLVE_STOP, 0, 0, 0}};
	rules.choices = choices;
	rules.choice_count = 1;
	rules.may_ask = true;
	row.on_conflict = other.on_conflict = CONFLICT_ASK;
	expect(&rules, on(&row, CLASS_FOREIGN), "stop");
	expect(&rules, on(&other, CLASS_FOREIGN), "ask");
	choices[0].action = RESOLVE_FAIL;
	expect(&rules, on(&row, CLASS_FOREIGN), "fail");
	struct conflict tried = on(&row, CLASS_FOREIGN);
	choices[0].action = RESOLVE_STOP;
	tried.stopped = true;
	expect(&rules, tried, "fail");
}

/* ---- places ---- */

static struct conflict placed(const struct resolve_rules *rules, struct conflict c,
	struct free_ports *ports)
{
	resolve_decide(rules, &c);
	resolve_place(rules, &c, take, ports);
	return c;
}

static void a_service_goes_where_it_belongs(void **state)
{
	(void)state;
	struct resolve_rules rules = rules_of(STRATEGY_INTELLIGENT);
	struct port row = api();
	struct free_ports ports = {{FREE_SLOT, 40000, 8003, 30101}};
	assert_int_equal(placed(&rules, on(&row, CLASS_FOREIGN), &ports).move_to, FREE_SLOT);
	row.source = PORT_FIXED;
	row.number = 8000;
	row.range_low = 8000;
	row.range_high = 8009;
	assert_int_equal(placed(&rules, on(&row, CLASS_FOREIGN), &ports).move_to, 8003);
}

static void row_P4_an_emergency_port_where_nothing_fits(void **state)
{
	(void)state;
	struct resolve_rules rules = rules_of(STRATEGY_INTELLIGENT);
	struct port row = api();
	struct free_ports ports = {{40003}};
	struct conflict c = placed(&rules, on(&row, CLASS_FOREIGN), &ports);
	assert_int_equal(c.move_to, 40003);
	assert_true(c.emergency);
	c = placed(&rules, on(&row, CLASS_FOREIGN), &ports);
	assert_int_equal(c.action, RESOLVE_FAIL);
	assert_int_equal(c.move_to, 0);
}

static void a_chosen_port_or_none(void **state)
{
	(void)state;
	struct resolve_rules rules = rules_of(STRATEGY_CONSERVATIVE);
	struct port row = api();
	struct resolve_choice choice = {"api", "main", RESOLVE_MOVE, 30525, 0, 0};
	rules.choices = &choice;
	rules.choice_count = 1;
	struct free_ports ports = {{FREE_SLOT, 30525}};
	assert_int_equal(placed(&rules, on(&row, CLASS_FOREIGN), &ports).move_to, 30525);
	struct conflict c = placed(&rules, on(&row, CLASS_FOREIGN), &ports);
	assert_int_equal(c.action, RESOLVE_FAIL);
	assert_int_equal(c.move_to, 0);
}

static void a_chosen_port_that_is_taken_is_asked_about_again(void **state)
{
	(void)state;
	struct resolve_rules rules = rules_of(STRATEGY_CONSERVATIVE);
	struct port row = api();
	row.on_conflict = CONFLICT_ASK;
	struct resolve_choice choice = {"api", "main", RESOLVE_MOVE, 30525, 0, 0};
	rules.choices = &choice;
	rules.choice_count = 1;
	rules.may_ask = true;
	struct free_ports ports = {{FREE_SLOT, 40000}};
	struct conflict c = placed(&rules, on(&row, CLASS_FOREIGN), &ports);
	assert_int_equal(c.action, RESOLVE_ASK);
	assert_int_equal(c.move_to, FREE_SLOT);
	c = placed(&rules, on(&row, CLASS_FOREIGN), &ports);
	assert_int_equal(c.action, RESOLVE_ASK);
	assert_int_equal(c.move_to, 0);
}

static void a_leftover_that_stays_is_moved_away_from(void **state)
{
	(void)state;
	struct resolve_rules rules = rules_of(STRATEGY_INTELLIGENT);
	struct port row = api();
	struct free_ports ports = {{FREE_SLOT, 30106}};
	struct conflict c = on(&row, CLASS_OWN_STALE);
	c.stopped = true;
	c = placed(&rules, c, &ports);
	assert_int_equal(c.action, RESOLVE_MOVE);
	assert_int_equal(c.move_to, FREE_SLOT);
	/* That of another project is not ours to end. */
	c = on(&row, CLASS_OWN_STALE);
	c.untouchable = "it is another project's";
	c = placed(&rules, c, &ports);
	assert_int_equal(c.action, RESOLVE_MOVE);
	assert_int_equal(c.move_to, 30106);
	assert_false(resolve_can_stop(&c));
}

/* For reports: where it could go although something else is done by default. */
static void alternatives_are_shown_but_are_never_emergency_ports(void **state)
{
	(void)state;
	struct resolve_rules rules = rules_of(STRATEGY_AGGRESSIVE);
	struct port row = api();
	struct free_ports ports = {{FREE_SLOT, 40000}};
	struct conflict c = placed(&rules, on(&row, CLASS_FOREIGN), &ports);
	assert_int_equal(c.action, RESOLVE_STOP);
	assert_int_equal(c.move_to, FREE_SLOT);
	c = placed(&rules, on(&row, CLASS_FOREIGN), &ports);
	assert_int_equal(c.action, RESOLVE_STOP);
	assert_int_equal(c.move_to, 0);
}

/* For a launch that fails anyway strangers are left alone and nothing is waited for. */
static void what_is_costly_is_left_when_another_one_fails(void **state)
{
	(void)state;
	static const struct {
		enum port_class class;
		bool costly;
		const char *word; /* afterwards */
	} rows[] = {{CLASS_FOREIGN, true, "fail"}, {CLASS_WRONG_FAMILY, true, "fail"},
		{CLASS_TIME_WAIT, true, "fail"}, {CLASS_OWN_STALE, false, "stop"},
		{CLASS_OTHER_USER, false, "move"}, {CLASS_FREE, false, "ignore"}};
	const struct resolve_rules rules = rules_of(STRATEGY_AGGRESSIVE);
	const struct port row = api();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct conflict c = on(&row, rows[i].class);
		resolve_decide(&rules, &c);
		assert_int_equal(resolve_is_costly(&c), rows[i].costly);
		resolve_leave(&c);
		assert_string_equal(port_action_word(c.action), rows[i].word);
		assert_int_equal(c.is_left, rows[i].costly);
		assert_int_equal(resolve_is_fatal(&c), rows[i].costly);
		resolve_decide(&rules, &c);
		assert_false(c.is_left);
	}
}

static void who_is_optional_or_not_used_fails_no_launch(void **state)
{
	(void)state;
	const struct resolve_rules rules = rules_of(STRATEGY_INTELLIGENT);
	struct port row = api();
	row.immutable = true;
	struct conflict c = on(&row, CLASS_FOREIGN), spare = on(NULL, CLASS_FOREIGN);
	resolve_decide(&rules, &c);
	assert_true(resolve_is_fatal(&c));
	row.optional = true;
	assert_false(resolve_is_fatal(&c));
	resolve_decide(&rules, &spare);
	assert_false(resolve_is_fatal(&spare));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_P7_every_class_under_every_strategy),
		cmocka_unit_test(nobody_but_own_leftovers_is_stopped_without_aggressive),
		cmocka_unit_test(an_immutable_port_never_moves),
		cmocka_unit_test(the_service_itself_has_a_say),
		cmocka_unit_test(strict_lets_nothing_move),
		cmocka_unit_test(a_fixed_port_moves_only_with_a_range_or_when_told),
		cmocka_unit_test(who_must_not_be_stopped_is_not),
		cmocka_unit_test(ports_nobody_uses_cost_nothing),
		cmocka_unit_test(what_could_not_be_freed_moves),
		cmocka_unit_test(row_P6_time_wait_is_waited_for_as_long_as_it_is_worth),
		cmocka_unit_test(ask_asks_only_where_somebody_can_answer),
		cmocka_unit_test(what_was_chosen_holds_for_that_port_only),
		cmocka_unit_test(a_service_goes_where_it_belongs),
		cmocka_unit_test(row_P4_an_emergency_port_where_nothing_fits),
		cmocka_unit_test(a_chosen_port_or_none),
		cmocka_unit_test(a_chosen_port_that_is_taken_is_asked_about_again),
		cmocka_unit_test(a_leftover_that_stays_is_moved_away_from),
		cmocka_unit_test(alternatives_are_shown_but_are_never_emergency_ports),
		cmocka_unit_test(what_is_costly_is_left_when_another_one_fails),
		cmocka_unit_test(who_is_optional_or_not_used_fails_no_launch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
