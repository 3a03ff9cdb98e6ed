/* rooms: stackfile model base */
#include "stackfile_fixture.h"

#include "model/names.h"

#include <sys/stat.h>
#include <unistd.h>

#define WEB "[service web]\ncommand = true\n"

static const char *env_of(const struct fixture *f, const char *service, const char *name)
{
	assert_non_null(f->stack);
	const struct service *s = stack_service(f->stack, service);
	for (size_t i = 0; i < s->env_count; i++)
		if (!strcmp(s->env[i].name, name))
			return s->env[i].value;
	return NULL;
}

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
	assert_string_equal(env_of(&f, "web", "A"), "defaults");
	assert_string_equal(env_of(&f, "web", "B"), "environment");
	assert_string_equal(env_of(&f, "web", "C"), "service");
	assert_string_equal(env_of(&f, "web", "D"), "overlay");
	assert_string_equal(env_of(&f, "web", "E"), "instance");
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
	assert_string_equal(env_of(&f, "web", "D"), "staging");
	assert_string_equal(env_of(&f, "web", "E"), "other");
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

static const struct port *port_of(const struct fixture *f, const char *service, const char *name)
{
	assert_non_null(f->stack);
	for (int i = 0; i < f->stack->port_count; i++)
		if (!strcmp(f->stack->ports[i].service, service) &&
			!strcmp(f->stack->ports[i].name, name))
			return &f->stack->ports[i];
	return NULL;
}

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
		"require.files = a.toml, /etc/b\nrequire.disk = 2G\nlog.total = 500M\n"
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
	unload(&f);
	expect_said("[stack]\nname = my shop\nblock = 400\ninstances = 0\n" WEB,
		"stack.ini:2: name cannot be 'my shop'; write letters, digits, '.', '_' and '-', a "
		"letter "
		"or digit first\n"
		"stack.ini:3: block cannot be '400'; write a number 0 to 354\n"
		"stack.ini:4: instances cannot be '0'; write a number 1 to 10");
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

/* ---- env files ---- */

static char scratch[] = "/tmp/stackfile-env-XXXXXX";

static int make_scratch(void **state)
{
	(void)state;
	return mkdtemp(scratch) ? 0 : -1;
}

static int remove_scratch(void **state)
{
	(void)state;
	return rmdir(scratch);
}

static const char *put(const char *name, const char *text)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", scratch, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static void drop(const char *name)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", scratch, name);
	assert_int_equal(unlink(path), 0);
}

static const char *file_value(const struct pair *pairs, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(pairs[i].name, name))
			return pairs[i].value;
	return NULL;
}

static void env_files_have_the_order_of_the_contract(void **state)
{
	(void)state;
	put(".env", "A=dotenv\nB=dotenv\nC=dotenv\nX=dotenv\nY=${X}\n");
	put("stack.env", "B=stack\nC=stack\nREF=${A}\n");
	put("test-3.env", "C=environment\n");
	put("web.env", "W=web-${C}\nC=service\n");
	const char *caller[] = {"X=caller", NULL};
	struct fixture f = {
		.dir = scratch, .request = {.caller_env = caller, .environment = "test"}};
	struct stack *stack = load_well(&f,
		"[stack]\nenv_file = stack.env, ?missing.env\n[environment test]\nenv_file = "
		"${environment}-${instance}.env\n" WEB
		"env_file = web.env\nenv.S = ${A} ${B} ${C} ${X} ${Y} ${REF} ${W}\n"
		"[service other]\ncommand = true\nenv.S = ${C}\n");
	assert_string_equal(env_of(&f, "web", "S"),
		"dotenv stack service caller caller dotenv web-environment");
	assert_string_equal(env_of(&f, "other", "S"), "environment");
	assert_string_equal(
		file_value(stack->env_files, stack->env_file_count, "C"), "environment");
	assert_string_equal(file_value(stack->env, stack->env_count, "X"), "caller");
	assert_string_equal(file_value(stack->env, stack->env_count, "B"), "stack");
	assert_string_equal(
		file_value(stack->services[0].env_files, stack->services[0].env_file_count, "C"),
		"service");
	unload(&f);
	drop(".env");
	drop("stack.env");
	drop("test-3.env");
	drop("web.env");
}

static void an_asked_env_file_replaces_the_usual_one(void **state)
{
	(void)state;
	put(".env", "A=dotenv\n");
	const char *asked = put("asked.env", "A=asked\n");
	struct fixture f = {.dir = scratch, .request = {.env_files = &asked, .env_file_count = 1}};
	load_well(&f, WEB "env.S = ${A}\n");
	assert_string_equal(env_of(&f, "web", "S"), "asked");
	unload(&f);
	drop(".env");
	drop("asked.env");
	const char *missing = "/nowhere/x.env";
	f = (struct fixture){
		.dir = scratch, .request = {.env_files = &missing, .env_file_count = 1}};
	assert_null(load(&f, WEB));
	assert_non_null(strstr(said(&f), "/nowhere/x.env: No such file or directory"));
	unload(&f);
}

static void a_missing_env_file_names_the_fix(void **state)
{
	(void)state;
	struct fixture f = {.dir = scratch};
	assert_null(load(&f, "[stack]\nenv_file = not-there.env\n" WEB));
	assert_non_null(strstr(said(&f), "stack.ini:2: env_file: "));
	assert_non_null(
		strstr(said(&f), "; create it, or write '?not-there.env' if it may be missing"));
	unload(&f);
}

static void mistakes_in_env_files_have_their_own_lines(void **state)
{
	(void)state;
	put(".env", "A=1\nB=\"open\n");
	struct fixture f = {.dir = scratch, .label = "sub/stack.ini"};
	assert_null(load(&f, WEB));
	assert_int_equal(strncmp(said(&f), "sub/.env:2: ", 12), 0);
	unload(&f);
	drop(".env");
}

static void a_worktree_without_env_is_told_of_the_main_one(void **state)
{
	(void)state;
	char main_dir[128];
	char linked[128];
	char path[192];
	snprintf(main_dir, sizeof main_dir, "%s/main", scratch);
	snprintf(linked, sizeof linked, "%s/linked", scratch);
	assert_int_equal(mkdir(main_dir, 0700) | mkdir(linked, 0700), 0);
	put("main/.env", "A=1\n");
	put("linked/.git", "gitdir: x\n");
	struct fixture f = {.dir = linked, .request = {.main_dir = main_dir}};
	assert_non_null(load(&f, WEB));
	snprintf(path, sizeof path, "this worktree has no .env, the main worktree has one: %s/.env",
		main_dir);
	assert_non_null(strstr(said(&f), path));
	assert_non_null(strstr(said(&f), "or write 'env_file = "));
	assert_int_equal(f.complaints.errors + f.complaints.warnings, 0);
	unload(&f);
	f = (struct fixture){.dir = linked, .label = "Procfile", .request = {.main_dir = main_dir}};
	assert_non_null(load(&f, "web: true\n"));
	assert_non_null(strstr(said(&f), path));
	assert_null(strstr(said(&f), "env_file"));
	unload(&f);
	f = (struct fixture){.dir = linked, .request = {.main_dir = main_dir}};
	load_well(&f, "[stack]\nenv_file = ?${main_dir}/.env\n" WEB "env.S = ${A}\n");
	assert_string_equal(env_of(&f, "web", "S"), "1");
	unload(&f);
	drop("main/.env");
	drop("linked/.git");
	assert_int_equal(rmdir(main_dir) | rmdir(linked), 0);
}

/* ---- Procfile ---- */

static void a_procfile_is_a_stack(void **state)
{
	(void)state;
	put(".env", "PORT=5000\nA=file\n");
	const char *caller[] = {"A=caller", "B=caller", NULL};
	struct fixture f = {.dir = scratch, .label = "Procfile", .request = {.caller_env = caller}};
	struct stack *stack = load(&f,
		"release: ./migrate\nworker: work ${port} $X\nweb: serve -p $PORT\n"
		"Clock_1: tick\n");
	assert_non_null(stack);
	assert_true(stack->is_procfile);
	assert_int_equal(f.complaints.errors, 0);
	assert_non_null(strstr(said(&f), ".env:1: notice: PORT moves nothing here"));
	assert_int_equal(stack->service_count, 4);
	assert_int_equal(stack->services[0].policy.type, TYPE_TASK);
	assert_int_equal(stack->services[1].policy.type, TYPE_SERVICE);
	assert_string_equal(stack->services[1].command.text, "work ${port} $X");
	assert_true(stack->services[1].command.through_shell);
	assert_int_equal(stack->services[1].policy.restart.rule, RESTART_NO);
	assert_int_equal(stack->services[2].policy.readiness, READY_STARTED);
	assert_null(port_of(&f, "release", "main"));
	assert_int_equal(port_of(&f, "web", "main")->slot, 0);
	assert_int_equal(port_of(&f, "worker", "main")->slot, 1);
	assert_int_equal(port_of(&f, "Clock_1", "main")->slot, 2);
	assert_string_equal(file_value(stack->env, stack->env_count, "A"), "file");
	assert_string_equal(file_value(stack->env, stack->env_count, "B"), "caller");
	unload(&f);
	drop(".env");
}

static void procfile_ports_last_for_ten(void **state)
{
	(void)state;
	struct fixture f = {.label = "Procfile.dev"};
	struct text text = {0};
	for (int i = 0; i < 12; i++)
		text_addf(&text, "p%d: run %d\n", i, i);
	assert_non_null(load(&f, text_string(&text)));
	assert_string_equal(said(&f),
		"Procfile.dev: notice: the instance's 10 ports are given away; "
		"without PORT: p10, p11; in a stack file 'instances = 2' under [stack] doubles "
		"them");
	assert_int_equal(f.stack->port_count, 10);
	unload(&f);
	text_release(&text);
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
		cmocka_unit_test(env_files_have_the_order_of_the_contract),
		cmocka_unit_test(an_asked_env_file_replaces_the_usual_one),
		cmocka_unit_test(a_missing_env_file_names_the_fix),
		cmocka_unit_test(mistakes_in_env_files_have_their_own_lines),
		cmocka_unit_test(a_worktree_without_env_is_told_of_the_main_one),
		cmocka_unit_test(a_procfile_is_a_stack),
		cmocka_unit_test(procfile_ports_last_for_ten),
	};
	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
