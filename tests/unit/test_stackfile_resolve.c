/* rooms: stackfile model base */
#include "stackfile_fixture.h"

#include <signal.h>

#define WEB "[service web]\ncommand = true\n"

/* ---- interpolation ---- */

static void every_name_of_the_contract_has_a_value(void **state)
{
	(void)state;
	struct fixture f = {.request = {.main_dir = "/src/main"}};
	load_well(&f, "[service db]\ncommand = true\nport.admin = 9\nurl = pg://${host}:${port}\n"
		"[service web]\ncommand = true\nprotocol = http\nport.hmr = 8\n"
		"env.A = ${port} ${port.hmr} ${host} ${url}\n"
		"env.B = ${db.port} ${db.port.admin} ${db.host} ${db.url}\n"
		"env.C = ${instance} ${base_port} ${stack.name} ${stack.dir} ${main_dir}\n"
		"env.D = ${state_dir} ${log_dir} ${slug} ${branch} ${environment}\n"
		"env.E = ${web.port} ${web.url}\n");
	assert_string_equal(service_env(&f, "web", "A"), "30520 30528 localhost http://localhost:30520");
	assert_string_equal(service_env(&f, "web", "B"), "30522 30529 localhost pg://localhost:30522");
	assert_string_equal(service_env(&f, "web", "C"), "3 30520 shop /src/shop /src/main");
	assert_string_equal(service_env(&f, "web", "D"),
		"/state/shop/3 /state/shop/3/logs shop-main main development");
	assert_string_equal(service_env(&f, "web", "E"), "30520 http://localhost:30520");
	unload(&f);
}

static void variables_come_from_the_caller(void **state)
{
	(void)state;
	const char *caller[] = {"A=one", "EMPTY=", "DOLLAR=$HOME ${A}", "A=two", NULL};
	struct fixture f = {.request = {.caller_env = caller}};
	load_well(&f,
		WEB "env.A = ${A} $A $${A} ${EMPTY:-d} ${EMPTY-d} ${NOT:-${A}} ${NOT:+x}${A:+y}\n"
		    "env.B = ${DOLLAR}\nenv.C = ${db.url:-none}\n[service db]\ncommand = true\n");
	assert_string_equal(service_env(&f, "web", "A"), "one one ${A} d  one y");
	assert_string_equal(service_env(&f, "web", "B"), "$HOME ${A}");
	assert_string_equal(service_env(&f, "web", "C"), "none");
	unload(&f);
}

static void fault_I8_names_that_have_no_value(void **state)
{
	(void)state;
	expect_said(WEB "env.A = ${MISSING}\n",
		"stack.ini:3: env.A: variable MISSING is not set; set it "
		"in the environment or an env file, or write ${MISSING:-default}");
	expect_said(WEB "env.A = ${MISSING:?ask Jo}\n",
		"stack.ini:3: env.A: required variable MISSING is "
		"missing a value: ask Jo; set MISSING in the environment or an env file");
	expect_said(WEB "env.A = ${prot}\n",
		"stack.ini:3: env.A: unknown name 'prot' in '${prot}'; did "
		"you mean ${port}?");
	expect_said(WEB "env.A = ${wbe.port}\n", "stack.ini:3: env.A: unknown name 'wbe.port' in "
		"'${wbe.port}'; did you mean ${web.port}?");
	expect_said(WEB "env.A = ${web.prt}\n", "stack.ini:3: env.A: unknown name 'web.prt' in "
		"'${web.prt}'; did you mean ${web.port}?");
	expect_said(WEB "env.A = ${port.x}\n",
		"stack.ini:3: env.A: service 'web' has no port 'x'; write "
		"'port.x = auto' in [service web]");
	expect_said("[service job]\ncommand = run ${port}\n",
		"stack.ini:2: command: service 'job' has no "
		"port; give it one: 'slot = auto' or 'port = NUMBER' in [service job]");
	expect_said(WEB "env.A = ${url}\n",
		"stack.ini:3: env.A: service 'web' has no url; write 'url = "
		"...' or 'protocol = http' in [service web]");
	expect_said("[service job]\ncommand = true\nenv.A = ${url}\n",
		"stack.ini:3: env.A: service 'job' has no url, since it has no port; write 'slot = auto' "
		"and 'protocol = http', or 'url = ...', in [service job]");
	expect_said(WEB "env.A = ${redis.port} ${redis.port.x}\n",
		"stack.ini:3: env.A: there is no service 'redis'; write [service redis], or correct "
		"'${redis.port}'");
	expect_said("[service job]\ncommand = true\nenv.A = ${port:-none} ${stuff}\n",
		"stack.ini:3: env.A: unknown name 'stuff' in '${stuff}'; names with a lower-case first "
		"letter are stackup's (${port}, ${api.url}); write $$ for a $");
	expect_said("[stack]\ndescription = on ${port}\n" WEB,
		"stack.ini:2: description: ${port} belongs "
		"to a service; write ${SERVICE.port} with the service's name");
	expect_said(WEB "slot = ${db.port}\n[service db]\ncommand = true\n", "stack.ini:3: slot: "
		"${db.port} is not known yet here; ports and slots are chosen before it; use an "
		"environment variable");
	expect_said(WEB "env.A = ${\n",
		"stack.ini:3: env.A: '${' has no closing brace; write ${NAME}, "
		"${NAME:-default} or ${NAME:?message}; $$ stands for a $");
}

static void fault_I8_circles_end(void **state)
{
	(void)state;
	expect_said(WEB "url = http://x/${url}\n",
		"stack.ini:3: url: the url of service 'web' refers to "
		"itself; write one of the urls out");
	expect_said("[service a]\ncommand = true\nurl = ${b.url}\n[service b]\ncommand = true\n"
		    "url = ${c.url}\n[service c]\ncommand = true\nurl = ${a.url}\n",
		"stack.ini:9: url: the url of service 'a' refers to itself; write one of the urls "
		"out");
}

static void fault_I8_expansion_is_bounded(void **state)
{
	(void)state;
	char *large = malloc(100002);
	memset(large, 'x', 100001);
	memcpy(large, "A=", 2);
	large[100001] = '\0';
	const char *caller[] = {large, NULL};
	struct fixture f = {.request = {.caller_env = caller}};
	struct text text = {0};
	text_add(&text, WEB "env.B = ");
	for (int i = 0; i < 16000; i++)
		text_add(&text, "${A}");
	text_add(&text, "\n");
	assert_null(load(&f, text_string(&text)));
	assert_string_equal(said(&f),
		"stack.ini:3: env.B: the value is longer than 1048576 bytes after its "
		"references were filled in");
	unload(&f);
	text_clear(&text);
	text_add(&text, WEB);
	for (int i = 0; i < 3000; i++)
		text_addf(&text, "env.B%d = ${A}${A}${A}${A}${A}\n", i);
	f.request.caller_env = caller;
	assert_null(load(&f, text_string(&text)));
	assert_string_equal(said(&f),
		"stack.ini:137: env.B134: with this value the stack has more than 64 "
		"MiB of text; refer to large variables less often");
	unload(&f);
	text_release(&text);
	free(large);
}

static void fault_I9_values_in_commands_stay_one_word(void **state)
{
	(void)state;
	const char *caller[] = {"EVIL='; reboot #", "SPACE=a b", NULL};
	struct fixture f = {.request = {.caller_env = caller}, .dir = "/src/a b"};
	struct stack *stack = load_well(&f, "[service a]\ncommand = run --dir ${stack.dir} -x\n"
		"[service b]\ncommand = cd ${stack.dir} && run ${UPPER} $HOME\n");
	const struct command *a = &stack->services[0].command;
	assert_false(a->through_shell);
	assert_string_equal(a->argv[2], "/src/a b");
	assert_string_equal(a->argv[3], "-x");
	assert_null(a->argv[4]);
	const struct command *b = &stack->services[1].command;
	assert_true(b->through_shell);
	assert_string_equal(b->argv[0], "/bin/sh");
	assert_string_equal(b->argv[2], "cd '/src/a b' && run ${UPPER} $HOME");
	unload(&f);
	f.request.caller_env = caller;
	assert_non_null(load(&f, WEB "stop.command = halt $port\n"));
	assert_string_equal(said(&f),
		"stack.ini:3: warning: stop.command: $port is left to the shell; "
		"write ${port} for stackup's");
	unload(&f);
}

/* ---- commands and policy ---- */

static void defaults_are_those_of_the_contract(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct stack *stack = load_well(&f, "[service worker]\ncommand = work\n");
	const struct service *s = &stack->services[0];
	const struct service_policy *p = &s->policy;
	assert_int_equal(p->type, TYPE_SERVICE);
	assert_int_equal(p->readiness, READY_STARTED);
	assert_int_equal(p->ready_timeout_ms, 60000);
	assert_false(p->optional || p->essential || p->health.present || p->stop.has_command);
	assert_int_equal(p->on_dependency, DEPENDENCY_KEEP);
	assert_int_equal(p->move, MOVE_OVERLAP);
	assert_int_equal(p->restart.rule, RESTART_ON_FAILURE);
	assert_int_equal(p->restart.delay_ms, 500);
	assert_int_equal(p->restart.max_delay_ms, 30000);
	assert_int_equal(p->restart.reset_ms, 60000);
	assert_int_equal(p->restart.limit, 10);
	assert_int_equal(p->restart.limit_window_ms, 300000);
	assert_int_equal(p->stop.signal, SIGTERM);
	assert_int_equal(p->stop.timeout_ms, 10000);
	assert_int_equal(p->stop.scope, STOP_GROUP);
	assert_int_equal(p->health.interval_ms, 10000);
	assert_int_equal(p->health.timeout_ms, 2000);
	assert_int_equal(p->health.retries, 3);
	assert_int_equal(p->health.successes, 1);
	assert_int_equal(p->health.start_period_ms, 0);
	assert_int_equal(p->health.action, HEALTH_RESTART);
	assert_int_equal(s->identity, IDENTITY_STRICT);
	assert_int_equal(s->log.max_size, 10 << 20);
	assert_int_equal(s->log.keep, 5);
	assert_false(s->log.split || s->tty);
	assert_null(s->log.file);
	assert_null(s->url);
	assert_null(s->user);
	assert_string_equal(s->dir, "/src/shop");
	assert_true(s->enabled);
	unload(&f);
}

static void every_key_reaches_the_stack(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct stack *stack = load_well(&f,
		"[service web]\ncommand = serve\ndescription = what\n"
		"dir = sub/dir\noptional = yes\nessential = true\nurl = ws://x\nuser = nobody\n"
		"export.WEB = ${port}\non_dependency = restart\nmove = stop-first\nready = log listening on .*\n"
		"ready.timeout = 2m\nhealth = tcp\nhealth.interval = 5s\nhealth.timeout = 1s\n"
		"health.retries = 5\nhealth.successes = 2\nhealth.start_period = 30s\n"
		"health.action = alert\nrestart = always\nrestart.delay = 1s\nrestart.max_delay = "
		"1m\n"
		"restart.reset = 5m\nrestart.limit = 3 in 1m\nstop.signal = SIGINT\nstop.timeout = "
		"30s\n"
		"stop.command = halt --now\nstop.to = leader\nlog.file = log/web.log\n"
		"log.max_size = 50M\nlog.keep = 2\nlog.split = yes\nfiles_max = 4096\nidentity = "
		"off\n"
		"secret = A, B\n");
	const struct service *s = &stack->services[0];
	const struct service_policy *p = &s->policy;
	assert_string_equal(s->description, "what");
	assert_string_equal(s->dir, "/src/shop/sub/dir");
	assert_true(p->optional && p->essential);
	assert_string_equal(s->url, "ws://x");
	assert_string_equal(s->user, "nobody");
	assert_string_equal(s->exports[0].name, "WEB");
	assert_string_equal(s->exports[0].value, "30520");
	assert_int_equal(p->on_dependency, DEPENDENCY_RESTART);
	assert_int_equal(p->move, MOVE_STOP_FIRST);
	assert_int_equal(p->readiness, READY_LOG);
	assert_string_equal(s->ready.pattern, "listening on .*");
	assert_int_equal(p->ready_timeout_ms, 120000);
	assert_int_equal(s->health.kind, PROBE_TCP);
	assert_int_equal(s->health.port, 30520);
	assert_string_equal(s->health.host, "localhost");
	assert_int_equal(p->health.interval_ms, 5000);
	assert_int_equal(p->health.timeout_ms, 1000);
	assert_int_equal(p->health.retries, 5);
	assert_int_equal(p->health.successes, 2);
	assert_int_equal(p->health.start_period_ms, 30000);
	assert_int_equal(p->health.action, HEALTH_ALERT);
	assert_int_equal(p->restart.rule, RESTART_ALWAYS);
	assert_int_equal(p->restart.delay_ms, 1000);
	assert_int_equal(p->restart.max_delay_ms, 60000);
	assert_int_equal(p->restart.reset_ms, 300000);
	assert_int_equal(p->restart.limit, 3);
	assert_int_equal(p->restart.limit_window_ms, 60000);
	assert_int_equal(p->stop.signal, SIGINT);
	assert_int_equal(p->stop.timeout_ms, 30000);
	assert_true(p->stop.has_command);
	assert_string_equal(s->stop_command.argv[1], "--now");
	assert_int_equal(p->stop.scope, STOP_LEADER);
	assert_string_equal(s->log.file, "/src/shop/log/web.log");
	assert_int_equal(s->log.max_size, 50 << 20);
	assert_int_equal(s->log.keep, 2);
	assert_true(s->log.split);
	assert_int_equal(s->files_max, 4096);
	assert_int_equal(s->identity, IDENTITY_OFF);
	assert_int_equal(s->secret_count, 2);
	unload(&f);
	load_well(&f, WEB "tty = yes\n");
	assert_true(f.stack->services[0].tty);
	unload(&f);
}

static void tasks_have_defaults_of_their_own(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct stack *stack = load_well(&f,
		"[defaults]\nhealth.retries = 7\n[service t]\ntype = task\n"
		"command = run\ntimeout = 10m\n[service u]\ntype = task\ncommand = run\n"
		"restart = on-failure\n");
	assert_int_equal(stack->services[0].policy.restart.rule, RESTART_NO);
	assert_int_equal(stack->services[0].policy.task_timeout_ms, 600000);
	assert_int_equal(stack->services[1].policy.task_timeout_ms, 0);
	assert_int_equal(stack->services[1].policy.restart.rule, RESTART_ON_FAILURE);
	unload(&f);
	expect_said("[service t]\ntype = task\ncommand = run\nready.timeout = 1m\n",
		"stack.ini:4: 'ready.timeout' is for services; a task is ready when it is done; "
		"write "
		"'timeout = 10m' to bound its run");
	expect_said(
		"[service t]\ntype = task\ncommand = run\nready = started\nhealth = command x\n",
		"stack.ini:4: 'ready' is for services; a task is ready when it is done; remove it\n"
		"stack.ini:5: 'health' is for services; a task tells by its exit status; remove "
		"it");
	expect_said(WEB "timeout = 1m\n",
		"stack.ini:3: 'timeout' bounds the run of a task, and this is a "
		"service; write 'ready.timeout', 'stop.timeout' or 'health.timeout', or 'type = "
		"task'");
}

static void a_service_needs_a_command(void **state)
{
	(void)state;
	expect_said("[service web]\nrestart = no\n",
		"stack.ini:1: service 'web' has no command; write "
		"'command = ...' below [service web]");
	expect_said("[service web]\nzzzzzzzz = true\n",
		"stack.ini:1: service 'web' has no command; write 'command = ...' below [service web]\n"
		"stack.ini:2: unknown key 'zzzzzzzz' in [service web]; remove it; 'stackup help "
		"service' lists the keys");
	expect_said(
		"[service web]\ncommand =\n", "stack.ini:2: command has no value; write a command");
}

static void listening_for_a_service_excludes_the_shell(void **state)
{
	(void)state;
	expect_said("[service web]\ncommand = a && b\nhold = listen\n",
		"stack.ini:2: 'hold = listen' needs a command without a shell: LISTEN_PID would be "
		"the "
		"shell's; write 'exec' before the command, or put it in a script");
	struct fixture f = {0};
	load_well(&f, "[service web]\ncommand = exec serve --fd 3\nhold = listen\n");
	assert_int_equal(f.stack->ports[0].hold, HOLD_LISTEN);
	unload(&f);
}

static void logs_are_not_shared(void **state)
{
	(void)state;
	expect_said(WEB "log.file = a.log\n[service b]\ncommand = true\nlog.file = ./a.log\n",
		"stack.ini:6: services 'web' and 'b' log into the same file; give each a file of "
		"its "
		"own, or remove log.file");
	expect_said(WEB "tty = yes\nlog.split = yes\n",
		"stack.ini:4: a terminal has one stream: 'tty = "
		"yes' and 'log.split = yes' exclude each other; keep one of them");
	expect_said(WEB "restart.delay = 1m\n", "stack.ini:3: restart.delay is longer than "
		"restart.max_delay; the delay doubles from the first to the second");
}

/* ---- checks ---- */

static const struct service *only(struct fixture *f, const char *keys)
{
	struct text text = {0};
	text_addf(&text, WEB "%s", keys);
	load_well(f, text_string(&text));
	text_release(&text);
	return &f->stack->services[0];
}

static void readiness_has_the_defaults_of_the_contract(void **state)
{
	(void)state;
	struct fixture f = {0};
	const struct service *s = only(&f, "");
	assert_int_equal(s->policy.readiness, READY_PORT);
	assert_int_equal(s->ready.kind, PROBE_PORT);
	assert_int_equal(s->ready.port, 30520);
	unload(&f);
	s = only(&f, "health = http /healthz\n");
	assert_int_equal(s->policy.readiness, READY_PROBE);
	assert_true(s->policy.readiness_is_health);
	assert_string_equal(s->ready.url, "http://localhost:30520/healthz");
	assert_int_equal(s->ready.port, 30520);
	assert_string_equal(s->ready.method, "GET");
	assert_int_equal(s->ready.statuses[0].low, 200);
	assert_int_equal(s->ready.statuses[0].high, 399);
	assert_true(s->ready.tls_verify);
	unload(&f);
	s = only(&f, "ready = http /up\n");
	assert_true(s->policy.health.present && s->policy.readiness_is_health);
	assert_string_equal(s->health.url, "http://localhost:30520/up");
	unload(&f);
	s = only(&f, "ready = http /up\nhealth = none\n");
	assert_false(s->policy.health.present || s->policy.readiness_is_health);
	unload(&f);
	s = only(&f, "ready = http /up\nhealth = http /healthz\n");
	assert_false(s->policy.readiness_is_health);
	assert_string_equal(s->ready.url, "http://localhost:30520/up");
	assert_string_equal(s->health.url, "http://localhost:30520/healthz");
	unload(&f);
	s = only(&f, "ready = started\nhealth = command check ${port}\n");
	assert_int_equal(s->policy.readiness, READY_STARTED);
	assert_true(s->policy.health.present);
	assert_string_equal(s->health.command.argv[1], "30520");
	unload(&f);
	s = only(&f, "ready = notify\n");
	assert_int_equal(s->policy.readiness, READY_NOTIFY);
	assert_int_equal(s->ready.kind, PROBE_NOTIFY);
	unload(&f);
	s = only(&f, "protocol = udp\n");
	assert_int_equal(s->policy.readiness, READY_STARTED);
	unload(&f);
}

static void http_checks_know_their_details(void **state)
{
	(void)state;
	struct fixture f = {0};
	const struct service *s = only(&f,
		"health = http http://127.0.0.1:${port}/x?y=1\n"
		"health.status = 200, 204\nhealth.body = \"ok\"\nhealth.header.Authorization = "
		"Bearer t\n"
		"health.method = HEAD\nhealth.tls_verify = no\n");
	assert_string_equal(s->health.url, "http://127.0.0.1:30520/x?y=1");
	assert_int_equal(s->health.port, 30520);
	assert_int_equal(s->health.status_count, 2);
	assert_string_equal(s->health.body_pattern, "\"ok\"");
	assert_string_equal(s->health.headers[0].name, "Authorization");
	assert_string_equal(s->health.headers[0].value, "Bearer t");
	assert_string_equal(s->health.method, "HEAD");
	assert_false(s->health.tls_verify);
	unload(&f);
	s = only(&f, "health = http https://example.org/\n");
	assert_int_equal(s->health.port, 0);
	unload(&f);
	s = only(&f, "health = http http://localhost:1/\n");
	assert_int_equal(s->health.port, 0);
	unload(&f);
	s = only(&f, "health = http http://u:p@localhost:30520\n");
	assert_int_equal(s->health.port, 30520);
	unload(&f);
}

static void checks_need_what_they_check(void **state)
{
	(void)state;
	expect_said("[service job]\ncommand = true\nhealth = http /x\n",
		"stack.ini:3: health: service "
		"'job' has no port to check; write 'slot = auto' or 'port = NUMBER', or a whole "
		"URL");
	expect_said("[service job]\ncommand = true\nready = tcp\n",
		"stack.ini:3: ready: service 'job' has "
		"no port to check; write 'slot = auto' or 'port = NUMBER'");
	expect_said(WEB "health.interval = 1s\n",
		"stack.ini:3: 'health.interval' needs a health check; "
		"write 'health = http /healthz', 'health = tcp' or 'health = command CMD'");
	expect_said(WEB "health = tcp\nhealth.status = 200\nhealth.header.X = y\n",
		"stack.ini:4: 'health.status' is about a check over http; write 'health = http "
		"/healthz', "
		"or remove it\n"
		"stack.ini:5: 'health.header.X' is about a check over http; write 'health = http "
		"/healthz', or remove it");
	expect_said(WEB "protocol = udp\nready = port\n",
		"stack.ini:4: ready: nothing listens on a UDP "
		"port; check it with 'command CMD'");
}

/* ---- dependencies ---- */

static void dependencies_have_conditions(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct stack *stack = load_well(&f, "[service web]\ncommand = true\n"
		"depends_on = db, task, api:healthy, cache:started?,\n  mail?\n"
		"[service db]\ncommand = true\n[service task]\ntype = task\ncommand = true\n"
		"[service api]\ncommand = true\nhealth = tcp\n[service cache]\ncommand = true\n"
		"[service mail]\ncommand = true\n");
	const struct dependency *d = stack->services[0].dependencies;
	assert_int_equal(stack->services[0].dependency_count, 5);
	assert_int_equal(d[0].service, 1);
	assert_int_equal(d[0].condition, CONDITION_READY);
	assert_int_equal(d[1].condition, CONDITION_COMPLETED);
	assert_int_equal(d[2].condition, CONDITION_HEALTHY);
	assert_int_equal(d[3].condition, CONDITION_STARTED);
	assert_true(d[3].optional && d[4].optional && !d[0].optional);
	assert_int_equal(d[4].condition, CONDITION_READY);
	assert_int_equal(d[0].line, 3);
	unload(&f);
}

static void dependencies_that_cannot_be(void **state)
{
	(void)state;
	expect_said(WEB "depends_on = bd\n[service db]\ncommand = true\n",
		"stack.ini:3: there is no service 'bd'; did you mean 'db'?");
	expect_said(WEB "depends_on = redis\n",
		"stack.ini:3: there is no service 'redis'; write [service redis], or remove it "
		"here");
	expect_said(WEB "depends_on = \"db\"\n[service db]\ncommand = true\n",
		"stack.ini:3: there is no service '\"db\"'; write db, without the quotes");
	expect_said(WEB "depends_on = web\n",
		"stack.ini:3: service 'web' depends on itself; remove it from the list");
	expect_said(WEB "depends_on = db:redy\n[service db]\ncommand = true\n",
		"stack.ini:3: unknown condition 'redy'; did you mean 'ready'?");
	expect_said(WEB "depends_on = db:running\n[service db]\ncommand = true\n",
		"stack.ini:3: unknown condition 'running'; write started, ready, healthy or "
		"completed");
	expect_said(WEB "depends_on = db:healthy\n[service db]\ncommand = true\n",
		"stack.ini:3: 'db' cannot become healthy: it has no health check; write 'health = "
		"...' in "
		"[service db], or 'db:ready' here");
	expect_said(WEB "depends_on = db, db:started\n[service db]\ncommand = true\n",
		"stack.ini:3: 'db' is in the list twice; keep one of the two");
}

static void all_mistakes_are_said_at_once(void **state)
{
	(void)state;
	expect_said("[stack]\nblock = x\n[service web]\ncomand = true\nrestart = alwys\n"
		    "depends_on = nobody\nenv.A = ${prot}\nbroken line\n[service db\n",
		"stack.ini:2: block cannot be 'x'; write a number 0 to 354\n"
		"stack.ini:4: unknown key 'comand' in [service web]; did you mean 'command'?\n"
		"stack.ini:5: restart cannot be 'alwys'; did you mean 'always'?\n"
		"stack.ini:6: there is no service 'nobody'; write [service nobody], or remove it "
		"here\n"
		"stack.ini:7: env.A: unknown name 'prot' in '${prot}'; did you mean ${port}?\n"
		"stack.ini:8: 'broken line' is neither a section nor a key with a value; write "
		"'key = "
		"value'\n"
		"stack.ini:9: the section is not closed; end the line with ']'");
}

static void mistakes_in_defaults_are_said_once_per_place(void **state)
{
	(void)state;
	struct fixture f = {0};
	assert_null(load(&f,
		"[defaults]\nslot = 1\nport = 2\n[service a]\ncommand = true\nslot = 3\n"
		"[service b]\ncommand = true\nslot = 4\n"));
	assert_string_equal(said(&f),
		"stack.ini:3: [defaults] has both a slot and a port; keep one of "
		"them, or make it port.NAME");
	unload(&f);
	assert_null(load(&f, "[defaults]\nrestart = alwys\n[service a]\ncommand = true\n"
		"[service b]\ncommand = true\n"));
	assert_string_equal(
		said(&f), "stack.ini:2: restart cannot be 'alwys'; did you mean 'always'?");
	unload(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_of_the_contract_has_a_value),
		cmocka_unit_test(variables_come_from_the_caller),
		cmocka_unit_test(fault_I8_names_that_have_no_value),
		cmocka_unit_test(fault_I8_circles_end),
		cmocka_unit_test(fault_I8_expansion_is_bounded),
		cmocka_unit_test(fault_I9_values_in_commands_stay_one_word),
		cmocka_unit_test(defaults_are_those_of_the_contract),
		cmocka_unit_test(every_key_reaches_the_stack),
		cmocka_unit_test(tasks_have_defaults_of_their_own),
		cmocka_unit_test(a_service_needs_a_command),
		cmocka_unit_test(listening_for_a_service_excludes_the_shell),
		cmocka_unit_test(logs_are_not_shared),
		cmocka_unit_test(readiness_has_the_defaults_of_the_contract),
		cmocka_unit_test(http_checks_know_their_details),
		cmocka_unit_test(checks_need_what_they_check),
		cmocka_unit_test(dependencies_have_conditions),
		cmocka_unit_test(dependencies_that_cannot_be),
		cmocka_unit_test(all_mistakes_are_said_at_once),
		cmocka_unit_test(mistakes_in_defaults_are_said_once_per_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
