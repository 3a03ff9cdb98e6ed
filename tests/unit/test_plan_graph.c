/* rooms: base model plan */
#include "stack_builder.h"

#include "plan/graph.h"
#include "plan/graph_show.h"
#include "plan/order.h"

static void names_of(const struct stack *stack, struct edges edges, struct text *out)
{
	for (size_t i = 0; i < edges.count; i++)
		text_addf(out, "%s%s", i ? " " : "", stack->services[edges.services[i]].name);
}

static void marked_names(const struct stack *stack, const bool *marks, struct text *out)
{
	for (int i = 0; i < stack->service_count; i++)
		if (marks[i])
			text_addf(out, "%s%s", out->length ? " " : "", stack->services[i].name);
}

static void both_directions(void **state)
{
	(void)state;
	struct stack *s = build("web: api | api: db cache | worker: db | db | cache");
	struct graph *g = graph_new(s->arena, s);
	OWNED_TEXT needs = {0};
	OWNED_TEXT dependents = {0};
	names_of(s, graph_needs(g, 1), &needs);
	names_of(s, graph_dependents(g, 3), &dependents);
	assert_string_equal(text_string(&needs), "db cache");
	assert_string_equal(text_string(&dependents), "api worker");
	assert_int_equal(graph_needs(g, 4).count, 0);
	assert_int_equal(graph_dependents(g, 0).count, 0);

	bool *marks = arena_take(s->arena, 5);
	marks[0] = true;
	graph_mark_needs(g, s->arena, marks);
	text_clear(&needs);
	marked_names(s, marks, &needs);
	assert_string_equal(text_string(&needs), "web api db cache");
	memset(marks, 0, 5);
	marks[4] = true;
	graph_mark_dependents(g, s->arena, marks);
	text_clear(&dependents);
	marked_names(s, marks, &dependents);
	assert_string_equal(text_string(&dependents), "web api cache");
	stack_free(s);
}

static void assert_cycles(const char *text, const char *expected)
{
	struct stack *s = build(text);
	struct graph *g = graph_new(s->arena, s);
	struct cycle cycles[CYCLES_MOST];
	OWNED_TEXT got = {0};
	size_t count = graph_cycles(g, s->arena, s, cycles);
	for (size_t i = 0; i < count; i++)
		text_addf(&got, "%s%s (%zu, line %d)", i ? "; " : "", cycles[i].path,
			cycles[i].count, cycles[i].line);
	assert_string_equal(text_string(&got), expected);
	stack_free(s);
}

static void every_cycle_is_named_in_full(void **state)
{
	(void)state;
	assert_cycles("web: api | api: db | db", "");
	assert_cycles("a: a", "a -> a (1, line 100)");
	assert_cycles("api: db | db: api", "api -> db -> api (2, line 200)");
	assert_cycles(
		"web: api | api: db | db: cache api | cache", "api -> db -> api (2, line 301)");
	assert_cycles("a: b | b: a c | c: b d | d | e: e",
		"a -> b -> a (2, line 200); b -> c -> b (2, line 300); e -> e (1, line 500)");
	assert_cycles("a: b c | b: d | c: d | d: a", "a -> b -> d -> a (3, line 400)");
	assert_cycles("x: a | a: b | b: c | c: a", "a -> b -> c -> a (3, line 400)");
}

static void cycles_are_complaints_with_a_way_out(void **state)
{
	(void)state;
	struct stack *s = build("api: db | db: api | self: self");
	struct graph *g = graph_new(s->arena, s);
	struct complaints complaints = {0};
	assert_false(graph_complain(g, s, "stack.ini", &complaints));
	OWNED_TEXT text = {0};
	for (size_t i = 0; i < complaints.list.count; i++) {
		complaint_show(&complaints.list.items[i], &text);
		text_add_char(&text, '\n');
	}
	assert_string_equal(text_string(&text),
		"stack.ini:200: services wait for each other in a circle: api -> db -> api; "
		"take one of these dependencies out\n"
		"stack.ini:300: service 'self' depends on itself: self -> self; "
		"take 'self' out of its own depends_on\n");
	complaints_release(&complaints);
	stack_free(s);
}

static void many_cycles_are_cut(void **state)
{
	(void)state;
	struct stack *s = stack_of(100);
	for (int i = 0; i < 100; i++)
		for (int j = 0; j < 100; j++)
			add_dependency(s, i, j);
	struct cycle cycles[CYCLES_MOST];
	assert_int_equal(graph_cycles(graph_new(s->arena, s), s->arena, s, cycles), CYCLES_MOST);
	stack_free(s);
}

static void describe_order(const struct stack *s, const struct order *order, struct text *out)
{
	for (size_t i = 0; i < order->count; i++)
		text_addf(out, "%s%s:%d", i ? " " : "", s->services[order->services[i]].name,
			order->wave[order->services[i]]);
}

static void assert_order(const char *text, const char *without, const char *expected)
{
	struct stack *s = build(text);
	struct graph *g = graph_new(s->arena, s);
	if (*without)
		service_of(s, without)->enabled = false;
	struct order order = order_new(s->arena, s, g, NULL);
	OWNED_TEXT got = {0};
	describe_order(s, &order, &got);
	assert_string_equal(text_string(&got), expected);
	stack_free(s);
}

static void waves_in_file_order(void **state)
{
	(void)state;
	assert_order("web: api | api: db migrate | migrate: db | db | cache", "",
		"db:0 cache:0 migrate:1 api:2 web:3");
	assert_order("a | b | c", "", "a:0 b:0 c:0");
	assert_order("d: a b c | c: b | b: a | a", "", "a:0 b:1 c:2 d:3");
	/* What is not wanted is passed over, its dependents are not held up. */
	assert_order("web: api | api: db | db", "api", "web:0 db:0");
}

static void wanted_services(void **state)
{
	(void)state;
	struct stack *s = build("web: api | api: db | db | worker: db | debug");
	struct graph *g = graph_new(s->arena, s);
	service_of(s, "debug")->enabled = false;
	static const struct {
		const char *names[3];
		bool needs;
		const char *expected;
	} rows[] = {
		{{NULL}, true, "web api db worker"},
		{{"api"}, true, "api db"},
		{{"api"}, false, "api"},
		{{"debug", "worker"}, true, "db worker debug"},
		{{"w*"}, false, "web worker"},
		{{"[wa]*", "d?"}, false, "web api db worker"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t count = 0;
		while (rows[i].names[count])
			count++;
		bool *wanted;
		OWNED_TEXT got = {0};
		assert_int_equal(order_wanted(s->arena, s, g, rows[i].names, count, rows[i].needs,
					 &wanted, NULL),
			0);
		marked_names(s, wanted, &got);
		assert_string_equal(text_string(&got), rows[i].expected);
	}
	struct error e;
	bool *wanted;
	static const char *const typo[] = {"wroker"};
	assert_int_equal(order_wanted(s->arena, s, g, typo, 1, true, &wanted, &e), -1);
	assert_int_equal(e.code, EXIT_NOT_FOUND);
	assert_string_equal(e.text, "there is no service 'wroker'");
	assert_string_equal(e.hint, "did you mean 'worker'?");
	stack_free(s);
}

/* A chain as deep as a stack may have services, and one service that all others need. */
static void depth_and_fan_in_cost_no_stack_and_no_time(void **state)
{
	(void)state;
	enum { MANY = 2000 };
	struct stack *s = stack_of(MANY);
	for (int i = 0; i + 1 < MANY; i++)
		add_dependency(s, i, i + 1);
	for (int i = 0; i < 200; i++)
		add_dependency(s, i, MANY - 1);
	struct graph *g = graph_new(s->arena, s);
	struct cycle cycles[CYCLES_MOST];
	assert_int_equal(graph_cycles(g, s->arena, s, cycles), 0);
	struct order order = order_new(s->arena, s, g, NULL);
	assert_int_equal(order.count, MANY);
	assert_int_equal(order.waves, MANY);
	assert_int_equal(order.services[0], MANY - 1);
	assert_int_equal(order.services[MANY - 1], 0);
	bool *marks = arena_take(s->arena, MANY);
	marks[MANY - 1] = true;
	graph_mark_dependents(g, s->arena, marks);
	for (int i = 0; i < MANY; i++)
		assert_true(marks[i]);

	add_dependency(s, MANY - 1, 0);
	g = graph_new(s->arena, s);
	/* One cycle a dependency that closes one: the chain's end to its beginning. */
	assert_int_equal(graph_cycles(g, s->arena, s, cycles), 1);
	assert_int_equal(cycles[0].count, MANY);
	stack_free(s);
}

static void assert_shown(struct stack *s, enum graph_format format, const char *expected)
{
	OWNED_TEXT got = {0};
	graph_show(s, graph_new(s->arena, s), s->arena, format, &got);
	assert_string_equal(text_string(&got), expected);
}

static void shown_for_people(void **state)
{
	(void)state;
	struct stack *s = build("frontend: api cache | api: db migrate | migrate: db | db | cache");
	struct dependency *list =
		arena_copy(s->arena, s->services[1].dependencies, 2 * sizeof(struct dependency));
	list[1].condition = CONDITION_COMPLETED;
	list[1].optional = true;
	s->services[1].dependencies = list;
	s->services[2].policy.type = TYPE_TASK;
	assert_shown(s, GRAPH_TEXT,
		"frontend\n"
		"├─ api (ready)\n"
		"│  ├─ db (ready)\n"
		"│  └─ migrate (completed) optional\n"
		"│     └─ db (ready)\n"
		"└─ cache (ready)\n");
	assert_shown(s, GRAPH_DOT,
		"digraph stack {\n\trankdir=LR;\n"
		"\t\"frontend\";\n\t\"api\";\n\t\"migrate\" [shape=box];\n\t\"db\";\n\t\"cache\";\n"
		"\t\"frontend\" -> \"api\" [label=\"ready\"];\n"
		"\t\"frontend\" -> \"cache\" [label=\"ready\"];\n"
		"\t\"api\" -> \"db\" [label=\"ready\"];\n"
		"\t\"api\" -> \"migrate\" [label=\"completed\", style=dashed];\n"
		"\t\"migrate\" -> \"db\" [label=\"ready\"];\n}\n");
	assert_shown(s, GRAPH_MERMAID,
		"graph LR\n    s0(\"frontend\")\n    s1(\"api\")\n    s2[\"migrate\"]\n    "
		"s3(\"db\")\n"
		"    s4(\"cache\")\n"
		"    s0 -->|ready| s1\n    s0 -->|ready| s4\n    s1 -->|ready| s3\n"
		"    s1 -.->|completed| s2\n    s2 -->|ready| s3\n");
	stack_free(s);
}

/* What was shown in full is not shown again: a ladder of n rungs has 2^n paths. */
static void text_stays_linear(void **state)
{
	(void)state;
	enum { RUNGS = 30 };
	struct stack *s = stack_of(RUNGS * 2);
	for (int i = 0; i + 2 < RUNGS * 2; i++) {
		add_dependency(s, i, (i / 2 + 1) * 2);
		add_dependency(s, i, (i / 2 + 1) * 2 + 1);
	}
	OWNED_TEXT got = {0};
	graph_show(s, graph_new(s->arena, s), s->arena, GRAPH_TEXT, &got);
	size_t lines = 0;
	for (const char *c = text_string(&got); *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 2 + 4 * (RUNGS - 1));
	assert_non_null(strstr(text_string(&got), "s4 (ready) (above)"));
	stack_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions),
		cmocka_unit_test(every_cycle_is_named_in_full),
		cmocka_unit_test(cycles_are_complaints_with_a_way_out),
		cmocka_unit_test(many_cycles_are_cut),
		cmocka_unit_test(waves_in_file_order),
		cmocka_unit_test(wanted_services),
		cmocka_unit_test(depth_and_fan_in_cost_no_stack_and_no_time),
		cmocka_unit_test(shown_for_people),
		cmocka_unit_test(text_stays_linear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
