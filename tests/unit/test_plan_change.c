/* rooms: base model plan */
#include "stack_builder.h"

#include "plan/change.h"

/* "command|x" as the fields of a record; "|30521#" at the end is a number. */
static const char *fingerprint(struct arena *arena, const char *rows)
{
	OWNED_TEXT out = {0};
	while (*rows) {
		size_t length = strcspn(rows, "|\n#");
		if (rows[length] == '#')
			text_add_bytes(&out, rows, length++);
		else
			text_addf(&out, "%zu:%.*s", length, (int)length, rows);
		rows += length;
		if (!*rows || *rows == '\n')
			text_add_char(&out, '\n');
		rows += *rows != '\0';
	}
	return arena_string(arena, text_string(&out));
}

static void assert_changes(struct stack *s, const bool *wanted, const struct running *running,
	size_t count, const char *expected)
{
	struct graph *g = graph_new(s->arena, s);
	struct changes changes = change_plan(s->arena, s, g, wanted, running, count);
	OWNED_TEXT got = {0};
	size_t total = 0;
	for (size_t i = 0; i < changes.count; i++) {
		const struct service_change *c = &changes.items[i];
		text_addf(&got, "%s %s: %s\n", change_word(c->change), c->name, c->reason);
		if (c->wanted_index >= 0)
			assert_string_equal(s->services[c->wanted_index].name, c->name);
		if (c->running_index >= 0)
			assert_string_equal(running[c->running_index].name, c->name);
	}
	for (int i = 0; i < 4; i++)
		total += changes.of[i];
	assert_int_equal(total, changes.count);
	assert_string_equal(text_string(&got), expected);
}

static void only_what_changed_restarts(void **state)
{
	(void)state;
	struct stack *s = build("web: api | api: db | db | new");
	s->services[0].fingerprint = fingerprint(s->arena, "command|npm|run|dev");
	s->services[1].fingerprint = fingerprint(s->arena, "command|b\nenv|A|1\nmain|2#");
	const struct running running[] = {
		{"db", "", .wanted = true},
		{"gone", "", .wanted = true},
		{"api", fingerprint(s->arena, "command|a\nenv|A|0\nmain|2#"), .wanted = true},
		{"web", fingerprint(s->arena, "command|npm|run|dev"), .wanted = true},
	};
	assert_changes(s, NULL, running, 4,
		"keep web: unchanged\n"
		"restart api: command and env.A changed\n"
		"keep db: unchanged\n"
		"start new: new\n"
		"stop gone: no longer in the stack file\n");
	assert_changes(s, NULL, NULL, 0,
		"start web: new\nstart api: new\nstart db: new\nstart new: new\n");
	stack_free(s);
}

static void what_changed_is_named_without_values(void **state)
{
	(void)state;
	static const struct {
		const char *before;
		const char *after;
		const char *reason;
	} rows[] = {
		{"command|a", "command|b|c", "command changed"},
		{"dir||a\nurl||b", "dir||a", "url changed"},
		{"dir||a", "dir||a\nenv|TOKEN|hunter2", "env.TOKEN changed"},
		{"file|A|1\nstackfile|B|1", "file|A|2", "env_file.A and env_file.B changed"},
		{"health.header|X|1", "health.header|X|2", "health.header.X changed"},
		{"a||1\nb||1\nc||1", "a||2\nb||2\nc||2", "a, b and c changed"},
		{"a||1\nb||1\nc||1\nd||1\ne||1", "a||2\nb||2\nc||2\nd||2\ne||2",
			"a, b, c and 2 more changed"},
		{"a||1\nb||2", "b||2\na||1", "changed"},
		{"main|1#", "main|2#", "port changed"},
		{"db|main|1#", "db|main|2#", "a port of db changed"},
		{"url||a\nurl|db|b", "url||a\nurl|db|c", "url of db changed"},
		{"redis://u:hunter2@h|export|A|1", "redis://u:hunter3@h|export|A|1", "changed"},
		{"env|hunter 2|x", "env|hunter 3|x", "env changed"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct stack *s = build("a");
		s->services[0].fingerprint = fingerprint(s->arena, rows[i].after);
		const struct running running = {"a", fingerprint(s->arena, rows[i].before), .wanted = true};
		OWNED_TEXT expected = {0};
		text_addf(&expected, "restart a: %s\n", rows[i].reason);
		assert_changes(s, NULL, &running, 1, text_string(&expected));
		stack_free(s);
	}
}

/* Whatever the text is: it is compared as a whole, and nothing of it is shown that is no key. */
static void a_strange_fingerprint_is_only_different(void **state)
{
	(void)state;
	static const char *const strange[] = {"hunter2", "9999999999999999999999:hunter2",
		"5:hunter2", ":x", "3", "7:hun\nter2:", "99:"};
	for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
		struct stack *s = build("a");
		s->services[0].fingerprint = strange[i];
		const struct running running = {"a", "", .wanted = true};
		struct changes changes =
			change_plan(s->arena, s, graph_new(s->arena, s), NULL, &running, 1);
		assert_int_equal(changes.items[0].change, CHANGE_RESTART);
		assert_null(strstr(changes.items[0].reason, "ter2"));
		stack_free(s);
	}
}

static void a_restart_goes_on_where_it_is_asked_for(void **state)
{
	(void)state;
	struct stack *s = build("top: web | web: api | api: db | other: db | db");
	s->services[0].policy.on_dependency = DEPENDENCY_RESTART;
	s->services[2].policy.on_dependency = DEPENDENCY_RESTART;
	s->services[4].fingerprint = "7:command3:new\n";
	const struct running running[] = {{"top", "", .wanted = true}, {"web", "", .wanted = true},
		{"api", "", .wanted = true}, {"other", "", .wanted = true},
		{"db", "7:command3:old\n", .wanted = true}};
	assert_changes(s, NULL, running, 5,
		"keep top: unchanged\n"
		"keep web: unchanged\n"
		"restart api: 'db', which it depends on, restarts\n"
		"keep other: unchanged\n"
		"restart db: command changed\n");
	s->services[1].policy.on_dependency = DEPENDENCY_RESTART;
	assert_changes(s, NULL, running, 5,
		"restart top: 'web', which it depends on, restarts\n"
		"restart web: 'api', which it depends on, restarts\n"
		"restart api: 'db', which it depends on, restarts\n"
		"keep other: unchanged\n"
		"restart db: command changed\n");
	stack_free(s);
}

static void a_restart_does_not_start_what_is_down(void **state)
{
	(void)state;
	struct stack *s = build("api: db | db");
	s->services[0].policy.on_dependency = DEPENDENCY_RESTART;
	s->services[1].fingerprint = "7:command3:new\n";
	const struct running running[] = {{"api", "", .wanted = false},
		{"db", "7:command3:old\n", .wanted = true}};
	const bool wanted[] = {false, true};
	assert_changes(s, wanted, running, 2,
		"keep api: not asked for\n"
		"restart db: command changed\n");
	stack_free(s);
}

static void what_is_down_is_started_and_what_is_not_asked_for_stays(void **state)
{
	(void)state;
	struct stack *s = build("web | api | debug | other");
	s->services[2].enabled = false;
	s->services[1].fingerprint = "7:command3:new\n";
	const struct running running[] = {
		{"web", "", .wanted = false}, {"api", "7:command3:old\n", .wanted = true},
		{"debug", "", .wanted = true}};
	assert_changes(s, NULL, running, 3,
		"start web: it was down\n"
		"restart api: command changed\n"
		"stop debug: its profile is not asked for any more\n"
		"start other: new\n");
	/* `up web`: the others are not touched, changed or not. */
	const bool wanted[] = {true, false, false, false};
	assert_changes(s, wanted, running, 3,
		"start web: it was down\n"
		"keep api: not asked for\n"
		"keep debug: not asked for\n"
		"keep other: not asked for\n");
	stack_free(s);
}

static void what_has_failed_is_tried_again(void **state)
{
	(void)state;
	struct stack *s = build("web: migrate | migrate | other");
	s->services[1].fingerprint = "7:command3:new\n";
	const struct running running[] = {{"web", "", .wanted = true, .failed = true},
		{"migrate", "7:command3:old\n", .wanted = true, .failed = true},
		{"other", "", .wanted = true}};
	assert_changes(s, NULL, running, 3,
		"start web: it had failed\n"
		"start migrate: it had failed\n"
		"keep other: unchanged\n");
	const bool wanted[] = {false, true, false};
	assert_changes(s, wanted, running, 3,
		"keep web: not asked for\n"
		"start migrate: it had failed\n"
		"keep other: not asked for\n");
	stack_free(s);
}

/* Of another profile: never started, stopped by somebody, or a task that ran once. */
static void what_is_down_already_is_not_stopped(void **state)
{
	(void)state;
	struct stack *s = build("web | debug | seed | load");
	for (int i = 1; i < s->service_count; i++)
		s->services[i].enabled = false;
	const struct running running[] = {{"web", "", .wanted = true}, {"debug", "", .wanted = false},
		{"seed", "", .done = true}, {"load", "", .wanted = true, .failed = true}};
	assert_changes(s, NULL, running, 4,
		"keep web: unchanged\n"
		"keep debug: not asked for\n"
		"keep seed: not asked for\n"
		"stop load: its profile is not asked for any more\n");
	stack_free(s);
}

static void thousands_are_quick(void **state)
{
	(void)state;
	enum { MANY = 2000 };
	struct stack *s = stack_of(MANY);
	struct running *running = calloc(MANY, sizeof *running);
	for (int i = 0; i < MANY; i++) {
		running[i] =
			(struct running){s->services[i].name, i ? "" : "7:command3:old\n", .wanted = true};
		s->services[i].policy.on_dependency = DEPENDENCY_RESTART;
		if (i)
			add_dependency(s, i, i - 1);
	}
	struct changes changes =
		change_plan(s->arena, s, graph_new(s->arena, s), NULL, running, MANY);
	assert_int_equal(changes.of[CHANGE_RESTART], MANY);
	free(running);
	stack_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_changed_restarts),
		cmocka_unit_test(what_changed_is_named_without_values),
		cmocka_unit_test(a_strange_fingerprint_is_only_different),
		cmocka_unit_test(a_restart_goes_on_where_it_is_asked_for),
		cmocka_unit_test(a_restart_does_not_start_what_is_down),
		cmocka_unit_test(what_is_down_is_started_and_what_is_not_asked_for_stays),
		cmocka_unit_test(what_has_failed_is_tried_again),
		cmocka_unit_test(what_is_down_already_is_not_stopped),
		cmocka_unit_test(thousands_are_quick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
