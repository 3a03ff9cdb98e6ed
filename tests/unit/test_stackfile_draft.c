/* rooms: stackfile model base */
#include "stackfile_fixture.h"

#include "model/names.h"

#define WEB "[service web]\ncommand = true\n"

/* ---- layers ---- */

static const char layered[] =
	"[stack]\nenvironment = test\n"
	"[defaults]\nrestart = no\nenv.A = defaults\nenv.B = defaults\nenv.C = defaults\n"
	"env.D = defaults\nenv.E = defaults\n"
	"[environment test]\nenv.B = environment\nenv.C = environment\nenv.D = environment\n"
	"env.E = environment\n"
	"[service web]\ncommand = serve\nrestart = always\nenv.C = service\nenv.D = service\n"
	"env.E = service\n"
	"[service web @test]\ncommand = serve --test\nenv.D = overlay\nenv.E = overlay\n"
	"[service web @staging]\ncommand = serve --staging\nenv.D = staging\n"
	"[instance 3]\nenv.E = instance\n"
	"[instance 4]\nenv.E = other\nenvironment = staging\npurpose = the other one\n";

static void layers_have_the_order_of_the_contract(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct stack *stack = load_well(&f, layered);
	assert_string_equal(stack->environment, "test");
	assert_string_equal(service_env(&f, "web", "A"), "defaults");
	assert_string_equal(service_env(&f, "web", "B"), "environment");
	assert_string_equal(service_env(&f, "web", "C"), "service");
	assert_string_equal(service_env(&f, "web", "D"), "overlay");
	assert_string_equal(service_env(&f, "web", "E"), "instance");
	assert_string_equal(stack->services[0].command.text, "serve --test");
	assert_int_equal(stack->services[0].policy.restart.rule, RESTART_ALWAYS);
	assert_string_equal(stack->services[0].env[0].origin, "stack.ini:5");
	assert_null(stack->purpose);
	unload(&f);
}

static void the_instance_chooses_its_environment(void **state)
{
	(void)state;
	struct fixture f = {.request = {.instance = 4}};
	struct stack *stack = load_well(&f, layered);
	assert_string_equal(stack->environment, "staging");
	assert_string_equal(stack->services[0].command.text, "serve --staging");
	assert_string_equal(service_env(&f, "web", "D"), "staging");
	assert_string_equal(service_env(&f, "web", "E"), "other");
	assert_string_equal(stack->purpose, "the other one");
	unload(&f);
}

static void the_option_beats_the_instance(void **state)
{
	(void)state;
	struct fixture f = {.request = {.instance = 4, .environment = "development"}};
	struct stack *stack = load_well(&f, layered);
	assert_string_equal(stack->environment, "development");
	assert_string_equal(stack->services[0].command.text, "serve");
	unload(&f);
}

static void an_unknown_environment_names_the_nearest(void **state)
{
	(void)state;
	struct fixture f = {.request = {.environment = "stagin"}};
	assert_null(load(&f, layered));
	assert_string_equal(said(&f),
		"stack.ini: it says nothing about an environment 'stagin'; did you mean "
		"'staging'?");
	unload(&f);
	f.request.environment = "qa";
	assert_null(load(&f, WEB));
	assert_string_equal(said(&f),
		"stack.ini: it says nothing about an environment 'qa'; write [environment qa]");
	unload(&f);
	f.request.environment = "qa";
	load_well(&f, WEB "[environment qa]\n");
	assert_string_equal(f.stack->environment, "qa");
	unload(&f);
}

static void overlays_of_other_environments_are_checked_too(void **state)
{
	(void)state;
	expect_said(WEB
		"[service web @staging]\nrestart = alwys\n[service wbe @staging]\ntty = yes\n",
		"stack.ini:4: restart cannot be 'alwys'; did you mean 'always'?\n"
		"stack.ini:5: [service wbe @staging] is about a service that is not there; did you "
		"mean "
		"[service web @staging]?");
}

static void profiles_enable(void **state)
{
	(void)state;
	static const char text[] = WEB "[service debug]\ncommand = true\nprofile = debug, load\n";
	struct fixture f = {0};
	struct stack *stack = load_well(&f, text);
	assert_true(stack->services[0].enabled);
	assert_false(stack->services[1].enabled);
	assert_int_equal(stack->services[1].profile_count, 2);
	unload(&f);
	const char *load_profile = "load";
	f.request.profiles = &load_profile;
	f.request.profile_count = 1;
	stack = load_well(&f, text);
	assert_true(stack->services[1].enabled);
	unload(&f);
	const char *typo = "debgu";
	f.request.profiles = &typo;
	f.request.profile_count = 1;
	assert_null(load(&f, text));
	assert_string_equal(
		said(&f), "stack.ini: no service has the profile 'debgu'; did you mean 'debug'?");
	unload(&f);
}

/* ---- ports ---- */

static void slots_come_from_names_and_aliases(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct stack *stack = load_well(&f,
		"[defaults]\ncommand = true\n[service frontend]\n[service backend]\n[service "
		"postgres]\n"
		"[service worker]\n[service other]\nslot = metrics\n[service more]\nslot = 9\n"
		"[service any]\nslot = auto\n[service fixed]\nport = 5999\n");
	assert_int_equal(port_of(&f, "frontend", "main")->slot, 0);
	assert_int_equal(port_of(&f, "backend", "main")->slot, 1);
	assert_int_equal(port_of(&f, "postgres", "main")->slot, 2);
	assert_null(port_of(&f, "worker", "main"));
	assert_int_equal(port_of(&f, "other", "main")->slot, 6);
	assert_int_equal(port_of(&f, "more", "main")->slot, 9);
	assert_int_equal(port_of(&f, "any", "main")->source, PORT_AUTO);
	assert_int_equal(port_of(&f, "any", "main")->number, 30523);
	assert_int_equal(port_of(&f, "any", "main")->slot, 3);
	assert_int_equal(port_of(&f, "fixed", "main")->source, PORT_FIXED);
	assert_int_equal(port_of(&f, "fixed", "main")->number, 5999);
	assert_false(stack->services[3].policy.has_port);
	assert_true(stack->services[0].policy.has_port);
	unload(&f);
}

static void further_ports_take_slots_and_numbers(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct stack *stack = load_well(&f, WEB "port.admin = auto\nport.metrics = metrics\n"
		"port.grpc = 50051\nport.low = 9\nprotocol = http\n");
	assert_int_equal(stack->port_count, 5);
	assert_int_equal(stack->services[0].port_count, 5);
	assert_true(stack->services[0].has_main_port);
	assert_int_equal(port_of(&f, "web", "main")->protocol, PROTOCOL_HTTP);
	assert_int_equal(port_of(&f, "web", "admin")->source, PORT_AUTO);
	assert_int_equal(port_of(&f, "web", "metrics")->slot, 6);
	assert_int_equal(port_of(&f, "web", "grpc")->fixed, 50051);
	assert_int_equal(port_of(&f, "web", "low")->slot, 9);
	unload(&f);
	stack = load_well(&f, "[service worker]\ncommand = true\nport.metrics = 6\n");
	assert_int_equal(stack->services[0].port_count, 1);
	assert_false(stack->services[0].has_main_port);
	assert_int_equal(stack->services[0].policy.readiness, READY_STARTED);
	unload(&f);
}

static void two_services_on_one_slot_are_told_the_fix(void **state)
{
	(void)state;
	expect_said("[service web]\ncommand = true\n[service client]\ncommand = true\n",
		"stack.ini:3: 'client' and 'web' (line 1) are both on slot 0 (frontend); write "
		"'slot = "
		"auto' in [service client]");
	expect_said("[service web]\ncommand = true\nport.admin = frontend\n",
		"stack.ini:3: 'web.admin' and 'web' (line 1) are both on slot 0 (frontend); write "
		"'port.admin = auto'");
	expect_said("[service a]\ncommand = true\nport = 5000\n[service b]\ncommand = true\nport = "
		    "5000\n",
		"stack.ini:6: 'b' and 'a' (line 3) both want port 5000; give one of them another "
		"port or "
		"a slot");
}

static void a_full_instance_is_told_the_fix(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct text text = {0};
	for (int i = 0; i < 11; i++)
		text_addf(&text, "[service s%d]\ncommand = true\nslot = auto\n", i);
	assert_null(load(&f, text_string(&text)));
	assert_string_equal(said(&f),
		"stack.ini: the services want 11 slots, an instance has 10; write "
		"'instances = 2' under [stack]");
	unload(&f);
	text_add(&text, "[stack]\ninstances = 2\n");
	load_well(&f, text_string(&text));
	assert_int_equal(f.stack->spans, 2);
	assert_int_equal(f.stack->ports[10].number, 30530);
	unload(&f);
	text_release(&text);
	load_well(&f, "[stack]\ninstances = 2\n[service a]\ncommand = true\nslot = 12\n");
	assert_int_equal(f.stack->ports[0].slot, 12);
	unload(&f);
}

static void slots_that_are_none(void **state)
{
	(void)state;
	expect_said(WEB "slot = fronted\n", "stack.ini:3: slot cannot be 'fronted'; did you mean "
		"'frontend'?");
	expect_said(WEB "slot = 10\n",
		"stack.ini:3: slot cannot be '10'; write a slot 0 to 9, or 'port "
		"= 10' for a fixed port");
	expect_said(WEB "slot = 5432\n",
		"stack.ini:3: slot cannot be '5432'; write a slot 0 to 9, or "
		"'port = 5432' for a fixed port");
	expect_said(WEB "slot = qqqqqq\n",
		"stack.ini:3: slot cannot be 'qqqqqq'; write a slot name like "
		"api, a number 0 to 9, or auto");
	expect_said(WEB "slot =\n", "stack.ini:3: slot has no value; write a slot name like api, a "
		"number 0 to 9, or auto");
	expect_said(WEB "slot = pool\n",
		"stack.ini:3: slot cannot be 'pool'; did you mean 'pooler'?");
	expect_said(WEB "port = 65536\n",
		"stack.ini:3: port cannot be '65536'; write a port number 1 to 65535, or pool");
	expect_said(WEB "port.x = 70000\n",
		"stack.ini:3: port.x cannot be '70000'; write a slot name "
		"like api, a number 0 to 9, auto, pool, or a port number");
	expect_said(WEB "slot = 1\nport = 5000\n",
		"stack.ini:4: [service web] has both a slot and a "
		"port; keep one of them, or make it port.NAME");
}

static void a_higher_layer_replaces_slot_by_port(void **state)
{
	(void)state;
	struct fixture f = {0};
	load_well(&f, WEB "slot = 3\n[service web @development]\nport = 5000\n");
	assert_int_equal(f.stack->ports[0].source, PORT_FIXED);
	assert_int_equal(f.stack->port_count, 1);
	unload(&f);
}

static void ranges_have_names(void **state)
{
	(void)state;
	struct fixture f = {0};
	load_well(&f, "[ports]\nrange.web = 8000-8099\n" WEB "port = 8000\nrange = web\n");
	assert_int_equal(f.stack->ports[0].range_low, 8000);
	assert_int_equal(f.stack->ports[0].range_high, 8099);
	unload(&f);
	load_well(&f, WEB "port = 8000\nrange = 8000-8009\n");
	assert_int_equal(f.stack->ports[0].range_high, 8009);
	unload(&f);
	expect_said("[ports]\nrange.mine = 8000-8099\n" WEB "port = 8000\nrange = mien\n",
		"stack.ini:6: range cannot be 'mien'; did you mean 'mine'?");
	expect_said(WEB "port = 8000\nrange = cor\n",
		"stack.ini:4: range cannot be 'cor'; did you mean 'core'?");
	expect_said(WEB "port = 8000\nrange = qqqq\n", "stack.ini:4: range cannot be 'qqqq'; write "
		"'range.qqqq = 8000-8099' under [ports], or the ports themselves");
	expect_said(WEB "port = 8000\nrange = 9-1\n",
		"stack.ini:4: range cannot be '9-1'; write ports "
		"like 8000-8009, or the name of a range");
}

static void every_type_of_service_has_a_range(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint16_t low, high;
	} types[] = {{"core", 8000, 8099}, {"alternate", 8100, 8199}, {"tools", 8200, 8299},
		{"integration", 9000, 9099}, {"frontend", 3000, 3099}, {"dev", 5000, 5199},
		{"optional", 6000, 6099}, {"dashboard", 3200, 3299}, {"external", 9000, 9099},
		{"front-end", 3000, 3099}, {"dashboards", 3200, 3299}, {"development", 5000, 5199}};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		struct fixture f = {0};
		char text[128];
		snprintf(text, sizeof text, WEB "port = 4321\nrange = %s\n", types[i].name);
		load_well(&f, text);
		assert_int_equal(f.stack->ports[0].range_low, types[i].low);
		assert_int_equal(f.stack->ports[0].range_high, types[i].high);
		assert_string_equal(f.stack->ports[0].range_name, types[i].name);
		unload(&f);
	}
	struct fixture f = {0};
	load_well(&f, "[ports]\nrange.integration = 9500-9509\n[service a]\ncommand = true\n"
		"port = 9500\nrange = external\n[service b]\ncommand = true\nport = 8000\n"
		"range = core\n");
	assert_int_equal(f.stack->ports[0].range_low, 9500);
	assert_int_equal(f.stack->ports[0].range_high, 9509);
	assert_int_equal(f.stack->ports[1].range_low, 8000);
	unload(&f);
}

static void pool_ports_come_from_the_range_or_the_pool(void **state)
{
	(void)state;
	struct fixture f = {0};
	load_well(&f, WEB "port = pool\nport.admin = pool\n");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(f.stack->ports[i].source, PORT_POOL);
		assert_int_equal(f.stack->ports[i].range_low, 0);
		assert_int_equal(f.stack->ports[i].slot, NO_SLOT);
	}
	unload(&f);
	load_well(&f, "[ports]\npool = 31000-31049\n" WEB "port = pool\nrange = dev\n"
		"port.admin = pool\n");
	assert_int_equal(f.stack->ports[0].range_low, 5000);
	assert_int_equal(f.stack->ports[1].range_low, 31000);
	assert_int_equal(f.stack->ports[1].range_high, 31049);
	unload(&f);
	const char *in_range[] = {"WEB_PORT=5005", NULL};
	f.request.caller_env = in_range;
	load_well(&f, WEB "port = pool\nrange = dev\nenv_var = WEB_PORT\n");
	assert_int_equal(f.stack->ports[0].source, PORT_FIXED);
	assert_int_equal(f.stack->ports[0].number, 5005);
	unload(&f);
	const char *outside[] = {"WEB_PORT=8000", NULL};
	f.request.caller_env = outside;
	assert_null(load(&f, WEB "port = pool\nrange = dev\nenv_var = WEB_PORT\n"));
	assert_string_equal(said(&f),
		"stack.ini:5: the environment has WEB_PORT=8000, which is outside of the range dev "
		"5000-5199; set it to a port of the range, or unset it");
	unload(&f);
	expect_said("[ports]\npool = many\n" WEB "port = pool\n",
		"stack.ini:2: pool cannot be 'many'; write ports like 8000-8099");
}

static void reserved_ports_are_not_given_away(void **state)
{
	(void)state;
	struct fixture f = {0};
	load_well(&f, "[ports]\nreserve.5555 = adb\nprotect = 5432, 6379\n" WEB);
	assert_int_equal(f.stack->reserved_count, 1);
	assert_string_equal(f.stack->reserved[0], "5555 adb");
	assert_int_equal(f.stack->protect_count, 2);
	assert_int_equal(f.stack->protects[1], 6379);
	unload(&f);
	expect_said("[ports]\nreserve.5555 = adb, Jo\n" WEB "port = 5555\n",
		"stack.ini:5: service 'web' wants port 5555, which is reserved (stack.ini:2): adb, "
		"Jo; "
		"take another port, or a slot");
}

static void conflicts_have_a_strategy_and_emergency_ports(void **state)
{
	(void)state;
	struct fixture f = {0};
	load_well(&f, WEB);
	assert_int_equal(f.stack->strategy, STRATEGY_INTELLIGENT);
	assert_int_equal(f.stack->emergency_low, 40000);
	assert_int_equal(f.stack->emergency_high, 40999);
	unload(&f);
	load_well(&f, "[stack]\nstrategy = aggressive\n[ports]\nemergency = 41000-41009\n" WEB
		"on_conflict = ask\n");
	assert_int_equal(f.stack->strategy, STRATEGY_AGGRESSIVE);
	assert_int_equal(f.stack->emergency_low, 41000);
	assert_int_equal(f.stack->emergency_high, 41009);
	unload(&f);
	expect_said("[stack]\nstrategy = brutal\n" WEB,
		"stack.ini:2: strategy cannot be 'brutal'; write conservative, intelligent or "
		"aggressive");
}

static void the_callers_variable_decides_the_port(void **state)
{
	(void)state;
	static const char text[] = WEB "slot = 0\nenv_var = WEB_PORT\nrange = 8000-8009\n";
	const char *in_range[] = {"PORT=1", "WEB_PORT=8005", "WEB_PORT=9", NULL};
	struct fixture f = {.request = {.caller_env = in_range}};
	load_well(&f, text);
	assert_true(f.stack->ports[0].overridden);
	assert_int_equal(f.stack->ports[0].number, 8005);
	assert_int_equal(f.stack->ports[0].source, PORT_FIXED);
	assert_string_equal(f.stack->ports[0].env_var, "WEB_PORT");
	unload(&f);
	const char *outside[] = {"WEB_PORT=9000", NULL};
	f.request.caller_env = outside;
	assert_null(load(&f, text));
	assert_string_equal(said(&f),
		"stack.ini:4: the environment has WEB_PORT=9000, which is outside of "
		"the range 8000-8009; set it to a port of the range, or unset it");
	unload(&f);
	const char *nonsense[] = {"WEB_PORT=a\033b", NULL};
	f.request.caller_env = nonsense;
	assert_null(load(&f, text));
	assert_string_equal(said(&f),
		"stack.ini:4: the environment has WEB_PORT=a\xe2\x90\x9b"
		"b, which "
		"is not a port; set it to a number 1 to 65535, or unset it");
	unload(&f);
	const char *unset[] = {"PORT=7000", NULL};
	f.request.caller_env = unset;
	load_well(&f, text);
	assert_false(f.stack->ports[0].overridden);
	assert_int_equal(f.stack->ports[0].number, 30520);
	unload(&f);
}

static void policy_of_ports(void **state)
{
	(void)state;
	struct fixture f = {0};
	load_well(&f,
		"[service db]\ncommand = true\nimmutable = yes\non_conflict = fail\nhold = marker\n"
		"[service api]\ncommand = true\nhealth = http /x\n[service web]\ncommand = true\n"
		"protocol = ws\nhold = no\n");
	assert_true(f.stack->ports[0].immutable);
	assert_int_equal(f.stack->ports[0].on_conflict, CONFLICT_FAIL);
	assert_int_equal(f.stack->ports[0].hold, HOLD_MARKER);
	assert_int_equal(f.stack->ports[0].protocol, PROTOCOL_TCP);
	assert_int_equal(f.stack->ports[1].protocol, PROTOCOL_HTTP);
	assert_int_equal(f.stack->ports[2].protocol, PROTOCOL_WS);
	assert_int_equal(f.stack->services[0].identity, IDENTITY_STRICT);
	assert_int_equal(f.stack->services[2].identity, IDENTITY_WARN);
	assert_null(f.stack->services[0].url);
	assert_string_equal(f.stack->services[1].url, "http://localhost:30521");
	assert_string_equal(f.stack->services[2].url, "http://localhost:30520");
	unload(&f);
	expect_said("[service worker]\ncommand = true\nhold = marker\n",
		"stack.ini:3: 'hold' is about a port, and service 'worker' has none; write 'slot = "
		"auto' "
		"or 'port = NUMBER', or remove it");
	load_well(&f, "[defaults]\nhold = marker\n[service worker]\ncommand = true\n");
	unload(&f);
}

/* ---- [stack] ---- */

static void head_of_the_stack(void **state)
{
	(void)state;
	struct fixture f = {.request = {.main_dir = "/src/main", .default_name = "main"}};
	load_well(&f, "[stack]\ndescription = it\nowner = us\nblock = 7\nshell = /bin/bash\n"
		"require.commands = node>=18, psql\nrequire.variables = A, B\n"
		"require.files = a.toml, /etc/b\nrequire.disk = 2G\nlog.total = 500M\non_crash = resume\n"
		"[instance 3]\npurpose = trying ${environment}\n" WEB);
	const struct stack *head = draft_head(f.draft);
	assert_string_equal(head->name, "main");
	assert_string_equal(head->description, "it");
	assert_int_equal(head->block, 7);
	assert_string_equal(head->purpose, "trying development");
	assert_string_equal(head->dir, "/src/shop");
	assert_string_equal(head->main_dir, "/src/main");
	assert_string_equal(f.stack->shell, "/bin/bash");
	assert_int_equal(f.stack->require_command_count, 2);
	assert_string_equal(f.stack->require_commands[0].name, "node");
	assert_string_equal(f.stack->require_commands[0].version, "18");
	assert_null(f.stack->require_commands[1].version);
	assert_string_equal(f.stack->require_variables[1].name, "B");
	assert_string_equal(f.stack->require_files[0].name, "/src/shop/a.toml");
	assert_string_equal(f.stack->require_files[1].name, "/etc/b");
	assert_string_equal(f.stack->require_files[1].origin, "stack.ini:8");
	assert_true(f.stack->require_disk == (int64_t)2 << 30);
	assert_true(f.stack->log_total == (int64_t)500 << 20);
	assert_int_equal(f.stack->on_crash, CRASH_RESUME);
	unload(&f);
	expect_said("[stack]\nname = my shop\nblock = 400\ninstances = 0\n" WEB,
		"stack.ini:2: name cannot be 'my shop'; write letters, digits, '.', '_' and '-', a "
		"letter "
		"or digit first\n"
		"stack.ini:3: block cannot be '400'; write a number 0 to 354\n"
		"stack.ini:4: instances cannot be '0'; write a number 1 to 10");
	expect_said("[stack]\non_crash = restart\n" WEB,
		"stack.ini:2: on_crash cannot be 'restart'; write stop or resume");
	expect_said("[stack]\nblock = 104\n" WEB,
		"stack.ini:2: block 104 is ports 40400 to 40499, which are emergency ports; "
		"take another block, or remove the key for the lowest free one");
	expect_said("[stack]\nname = ../up\nshell =\n" WEB,
		"stack.ini:2: name cannot be '../up'; write letters, digits, '.', '_' and '-', a "
		"letter "
		"or digit first\nstack.ini:3: shell has no value; write a path");
	expect_said("[stack]\nrequire.files = ?maybe\n" WEB, "stack.ini:2: require.files cannot be "
		"'?maybe'; a file that may be missing is not required");
}

static void services_are_known_before_the_resolve(void **state)
{
	(void)state;
	struct fixture f = {0};
	load_well(&f, WEB "[service api]\ncommand = true\n[service api @test]\ntty = yes\n");
	int count;
	const char *const *names = draft_services(f.draft, &count);
	assert_int_equal(count, 2);
	assert_string_equal(names[0], "web");
	assert_string_equal(names[1], "api");
	const struct port *ports = draft_ports(f.draft, &count);
	assert_int_equal(count, 2);
	assert_string_equal(ports[0].service, "web");
	assert_int_equal(ports[0].number, 0);
	unload(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layers_have_the_order_of_the_contract),
		cmocka_unit_test(the_instance_chooses_its_environment),
		cmocka_unit_test(the_option_beats_the_instance),
		cmocka_unit_test(an_unknown_environment_names_the_nearest),
		cmocka_unit_test(overlays_of_other_environments_are_checked_too),
		cmocka_unit_test(profiles_enable),
		cmocka_unit_test(slots_come_from_names_and_aliases),
		cmocka_unit_test(further_ports_take_slots_and_numbers),
		cmocka_unit_test(two_services_on_one_slot_are_told_the_fix),
		cmocka_unit_test(a_full_instance_is_told_the_fix),
		cmocka_unit_test(slots_that_are_none),
		cmocka_unit_test(a_higher_layer_replaces_slot_by_port),
		cmocka_unit_test(ranges_have_names),
		cmocka_unit_test(every_type_of_service_has_a_range),
		cmocka_unit_test(pool_ports_come_from_the_range_or_the_pool),
		cmocka_unit_test(reserved_ports_are_not_given_away),
		cmocka_unit_test(conflicts_have_a_strategy_and_emergency_ports),
		cmocka_unit_test(the_callers_variable_decides_the_port),
		cmocka_unit_test(policy_of_ports),
		cmocka_unit_test(head_of_the_stack),
		cmocka_unit_test(services_are_known_before_the_resolve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
