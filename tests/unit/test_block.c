/* rooms: base model plan stackfile */
/* A part of somebody else's file: a marked block of variables, and the ports in supabase's config.toml. */
#include "stack_builder.h"

#include <stdio.h>

#include "plan/block.h"
#include "plan/supabase.h"
#include "stackfile/dotenv.h"

#define BEGIN "# stackup: begin (`stackup env --write` replaces what is between)\n"
#define END "# stackup: end\n"

static void only_the_block_changes(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"", BEGIN "A=1\n" END},
		{"X=1\n", "X=1\n\n" BEGIN "A=1\n" END},
		{"X=1", "X=1\n\n" BEGIN "A=1\n" END},
		{"X=1\r\nY=2", "X=1\r\nY=2\r\n\r\n# stackup: begin (`stackup env --write` replaces what is between)\r\nA=1\r\n"
			       "# stackup: end\r\n"},
		{"X=1\n# stackup: begin\n# stackup: end\nY=2", "X=1\n# stackup: begin\nA=1\n# stackup: end\nY=2"},
		{"# stackup: begin (mine: do not touch)\nold\nolder\n  # stackup: end, really\n",
			"# stackup: begin (mine: do not touch)\nA=1\n  # stackup: end, really\n"},
		{"X\r\n# stackup: begin\r\nold\r\n# stackup: end\r\n", "X\r\n# stackup: begin\r\nA=1\r\n# stackup: end\r\n"},
		{"# stackup: begin\nold\n# stackup: end", "# stackup: begin\nA=1\n# stackup: end"},
		{"X=1\r", "X=1\r\n\r\n# stackup: begin (`stackup env --write` replaces what is between)\r\nA=1\r\n"
			  "# stackup: end\r\n"},
		{"# stackup: beginning\n", "# stackup: beginning\n\n" BEGIN "A=1\n" END},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		OWNED_TEXT once = {0}, twice = {0};
		struct error e;
		assert_int_equal(marked_replace(&block_marks, "f", cases[i].before, strlen(cases[i].before), "A=1\n", &once, &e), 0);
		assert_string_equal(text_string(&once), cases[i].after);
		assert_int_equal(marked_replace(&block_marks, "f", once.data, once.length, "A=1\n", &twice, &e), 0);
		assert_string_equal(text_string(&twice), cases[i].after);
	}
}

static void a_broken_block_is_told_with_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *before, *said;
	} cases[] = {
		{"X\n# stackup: begin\nA=1\n", "f:2: the block of stackup has no end"},
		{"X\n# stackup: end\n", "f:2: this ends a block"},
		{"# stackup: begin\n# stackup: begin\n# stackup: end\n", "f:2: there is a block of stackup in line 1"},
		{"# stackup: begin\n# stackup: end\n# stackup: end\n", "f:3: this ends a block"},
		{"# stackup: begin\n# stackup: end\n# stackup: begin\n# stackup: end\n", "f:3: there is a block"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		OWNED_TEXT out = {0};
		struct error e = {0};
		assert_int_equal(marked_replace(&block_marks, "f", cases[i].before, strlen(cases[i].before), "A=1\n", &out, &e), -1);
		assert_non_null(strstr(e.text, cases[i].said));
		assert_int_equal(out.length, 0);
	}
}

static void names_in_two_places(void **state)
{
	(void)state;
	static const char file[] = "A=1\n export B = 2\n# C=3\n# stackup: begin\nD=1\n# stackup: end\nE=\nAB=1\n";
	struct arena *arena = arena_new();
	const char *const *names;
	assert_int_equal(block_doubles(arena, file, sizeof file - 1, "A=1\nexport B='2'\nC=3\nD=4\n# E=5\n", &names), 2);
	assert_string_equal(names[0], "A");
	assert_string_equal(names[1], "B");
	arena_free(arena);
}

static void mask_passwords(void *self, struct text *out, const char *name, const char *value)
{
	(void)self;
	(void)name;
	text_add(out, strstr(value, "pass") ? "***" : value);
}

static void an_example_has_empty_secrets(void **state)
{
	(void)state;
	static const char *const secrets[] = {"API_TOKEN", "DB_URL"};
	const struct pair required[] = {{.name = "REGION"}, {.name = "API_PORT"}, {.name = "API_TOKEN"}};
	const struct environment_facts facts = {.project = "shop", .instance = 1, .base_port = 30100,
		.state_dir = "/state", .slug = "shop"};
	const struct env_mask mask = {.add = mask_passwords};
	struct stack *s = build("api: db | db");
	add_port(s, "api", "main", 30101);
	add_port(s, "db", "main", 30102);
	service_of(s, "db")->url = "postgres://u:pass@localhost:30102/x";
	service_of(s, "api")->secrets = secrets;
	service_of(s, "api")->secret_count = 2;
	s->require_variables = required;
	s->require_variable_count = 3;
	struct block_order order = {.stack = s, .facts = &facts, .mask = &mask, .example = true};
	OWNED_TEXT example = {0}, own = {0}, sh = {0};
	block_lines(s->arena, &order, &example);
	assert_string_equal(text_string(&example),
		"API_HOST=localhost\nAPI_PORT=30101\nDB_HOST=localhost\nDB_PORT=30102\n"
		"# secret\nDB_URL=\n# required\nREGION=\n# required\nAPI_TOKEN=\n");
	order.example = false;
	assert_int_equal(block_lines(s->arena, &order, &own), 1);
	assert_string_equal(text_string(&own),
		"API_HOST=localhost\nAPI_PORT=30101\nDB_HOST=localhost\nDB_PORT=30102\n"
		"# left out, it is secret: DB_URL\n");
	order.sh = true;
	order.mask = NULL;
	block_lines(s->arena, &order, &sh);
	assert_non_null(strstr(text_string(&sh), "export DB_URL='postgres://u:pass@localhost:30102/x'\n"));
	stack_free(s);
}

/* ---- supabase ---- */

static const char config[] =
	"# port = 1\nproject_id = \"shop\"\n\n[api]\nenabled = true\n# Port of the API.\nport = 54321 # api\n"
	"max_rows = 1000\nextra_search_path = [\"public\", \"port = 2\"]\n\n[db]\r\nport=54322\r\nshadow_port =\t54_320\r\n"
	"[db.pooler]\nport = 54329\n[ \"studio\" ]\nport = \"env(STUDIO_PORT)\"\napi_url = \"http://127.0.0.1\"\n"
	"[inbucket]\nport = 54324\n# smtp_port = 54325\n#pop3_port = 54326\n[[inbucket]]\nport = 9\n"
	"[analytics]\nport = 54327\nnote = \"\"\"\n[api]\nport = 3\n\"\"\"\n[edge_runtime]\ninspector_port = 8083";

static void put_port(struct stack *s, const char *service, const char *name, uint16_t number, int slot)
{
	s->ports[s->port_count++] = (struct port){.service = service, .name = name, .number = number,
		.source = slot < 0 ? PORT_AUTO : PORT_SLOT, .slot = slot < 0 ? 6 : slot};
}

static const struct supabase_key *key(const struct supabase_key *keys, size_t count, const char *section,
	const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(keys[i].section, section) && !strcmp(keys[i].key, name))
			return &keys[i];
	return NULL;
}

static void supabase_gets_the_stack_s_ports(void **state)
{
	(void)state;
	struct stack *s = stack_of(4);
	struct supabase_key *keys;
	OWNED_TEXT out = {0}, again = {0};
	put_port(s, "api", "main", 30101, 1);
	put_port(s, "db", "main", 30102, 2);
	put_port(s, "supabase", "main", 30103, 3);
	put_port(s, "supabase", "studio", 30104, 4);
	put_port(s, "supabase", "mail", 30105, 5);
	put_port(s, "supabase", "smtp", 30106, -1);
	put_port(s, "supabase", "shadow", 30107, -1);
	put_port(s, "my-supabase", "db", 30109, -1);
	put_port(s, "supabase", "vector", 30100, -1);
	size_t count = supabase_write(s->arena, config, sizeof config - 1, s->ports, s->port_count, &keys, &out);
	static const struct {
		const char *section, *name;
		int line;
		uint16_t port;
		enum supabase_outcome outcome;
	} wanted[] = {
		{"api", "port", 7, 30103, SUPABASE_CHANGED}, {"db", "port", 12, 30109, SUPABASE_CHANGED},
		{"db", "shadow_port", 13, 30107, SUPABASE_CHANGED}, {"db.pooler", "port", 15, 0, SUPABASE_NO_PORT},
		{"studio", "port", 17, 30104, SUPABASE_NO_NUMBER}, {"inbucket", "port", 20, 30105, SUPABASE_CHANGED},
		{"inbucket", "smtp_port", 21, 30106, SUPABASE_COMMENTED},
		{"inbucket", "pop3_port", 22, 0, SUPABASE_NO_PORT}, {"analytics", "port", 26, 0, SUPABASE_NO_PORT},
		{"analytics", "vector_port", 0, 30100, SUPABASE_ABSENT},
		{"edge_runtime", "inspector_port", 32, 0, SUPABASE_NO_PORT},
	};
	assert_int_equal(count, sizeof wanted / sizeof wanted[0]);
	for (size_t i = 0; i < count; i++) {
		const struct supabase_key *found = key(keys, count, wanted[i].section, wanted[i].name);
		assert_non_null(found);
		if (found->line != wanted[i].line || found->port != wanted[i].port || found->outcome != wanted[i].outcome)
			fail_msg("[%s] %s: line %d, port %d, %s", found->section, found->key, found->line, found->port,
				supabase_outcome_word(found->outcome));
	}
	/* Nothing but the digits. */
	static const char *const digits[][2] = {{"54321", "30103"}, {"54322", "30109"}, {"54_320", "30107"}, {"54324", "30105"}};
	OWNED_TEXT expected = {0};
	text_add(&expected, config);
	for (size_t i = 0; i < sizeof digits / sizeof digits[0]; i++) {
		OWNED_TEXT next = {0};
		const char *at = strstr(text_string(&expected), digits[i][0]);
		text_add_bytes(&next, text_string(&expected), (size_t)(at - text_string(&expected)));
		text_addf(&next, "%s%s", digits[i][1], at + strlen(digits[i][0]));
		text_clear(&expected);
		text_add(&expected, text_string(&next));
	}
	assert_string_equal(text_string(&out), text_string(&expected));
	count = supabase_write(s->arena, out.data, out.length, s->ports, s->port_count, &keys, &again);
	assert_string_equal(text_string(&again), text_string(&out));
	assert_int_equal(key(keys, count, "api", "port")->outcome, SUPABASE_SAME);
	stack_free(s);
}

static void integers_are_those_of_toml(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		enum supabase_outcome outcome;
	} cases[] = {
		{"0xD433", SUPABASE_CHANGED}, {"0xd4_33", SUPABASE_CHANGED}, {"0o152061", SUPABASE_CHANGED},
		{"0b1101010000110001", SUPABASE_CHANGED}, {"+54_321", SUPABASE_CHANGED}, {"0", SUPABASE_CHANGED},
		{"30103", SUPABASE_SAME}, {"0x7597", SUPABASE_SAME}, {"30_103", SUPABASE_SAME},
		{"0X7597", SUPABASE_NO_NUMBER}, {"+0x7597", SUPABASE_NO_NUMBER}, {"0x", SUPABASE_NO_NUMBER},
		{"0x_1", SUPABASE_NO_NUMBER}, {"030103", SUPABASE_NO_NUMBER}, {"07", SUPABASE_NO_NUMBER},
		{"+00", SUPABASE_NO_NUMBER}, {"_1", SUPABASE_NO_NUMBER},
		{"1_", SUPABASE_NO_NUMBER}, {"1__2", SUPABASE_NO_NUMBER}, {"-1", SUPABASE_NO_NUMBER},
		{"0o18", SUPABASE_NO_NUMBER}, {"1e3", SUPABASE_NO_NUMBER}, {"99999999999", SUPABASE_NO_NUMBER},
		{"+", SUPABASE_NO_NUMBER}, {"", SUPABASE_NO_NUMBER},
	};
	struct stack *s = stack_of(1);
	put_port(s, "supabase", "main", 30103, 3);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct supabase_key *keys;
		OWNED_TEXT file = {0}, out = {0}, expected = {0};
		bool changed = cases[i].outcome == SUPABASE_CHANGED;
		text_addf(&file, "[api]\nport = %s # api\n", cases[i].value);
		text_addf(&expected, "[api]\nport = %s # api\n", changed ? "30103" : cases[i].value);
		supabase_write(s->arena, file.data, file.length, s->ports, s->port_count, &keys, &out);
		if (keys[0].outcome != cases[i].outcome)
			fail_msg("%s: %s", cases[i].value, supabase_outcome_word(keys[0].outcome));
		assert_string_equal(text_string(&out), text_string(&expected));
	}
	stack_free(s);
}

static void another_toml_is_none_of_supabase(void **state)
{
	(void)state;
	static const char *const files[] = {"", "port = 3000\n", "[server]\nport = 3000\n", "[api\nport = 1\n",
		"api = { port = 54321 }\n", "[[api]]\nport = 1\n", "[api.x]\nport = 1\n",
		"[api]\n\"a = port = 1\n"};
	struct stack *s = stack_of(1);
	put_port(s, "supabase", "main", 30103, 3);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct supabase_key *keys;
		OWNED_TEXT out = {0};
		size_t count = supabase_write(s->arena, files[i], strlen(files[i]), s->ports, s->port_count, &keys, &out);
		if (count)
			fail_msg("%s", files[i]);
		assert_string_equal(text_string(&out), files[i]);
	}
	/* A dotted key is the same as a section. */
	struct supabase_key *keys;
	OWNED_TEXT out = {0};
	assert_int_not_equal(supabase_write(s->arena, "api.port = 1\n", 13, s->ports, s->port_count, &keys, &out), 0);
	assert_string_equal(text_string(&out), "api.port = 30103\n");
	stack_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_block_changes),
		cmocka_unit_test(a_broken_block_is_told_with_its_line),
		cmocka_unit_test(names_in_two_places),
		cmocka_unit_test(an_example_has_empty_secrets),
		cmocka_unit_test(supabase_gets_the_stack_s_ports),
		cmocka_unit_test(integers_are_those_of_toml),
		cmocka_unit_test(another_toml_is_none_of_supabase),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
