/* rooms: base model plan */
#include "stack_builder.h"

#include <stdio.h>

#include "plan/environment.h"

static const struct environment_facts facts = {.project = "shop",
	.instance = 3,
	.base_port = 30520,
	.state_dir = "/state/shop/3",
	.slug = "shop-main",
	.id = "the-uuid"};

static const char *const no_caller[] = {NULL};

/* web and api have ports, db two of them, worker none. */
static struct stack *shop(void)
{
	struct stack *s = build("web: api | api: db | my-db | db | worker: db api");
	add_port(s, "web", "main", 30520);
	add_port(s, "api", "main", 30521);
	add_port(s, "db", "main", 30522);
	add_port(s, "db", "metrics", 30526);
	add_port(s, "my-db", "admin", 30524);
	service_of(s, "web")->url = "http://localhost:30520";
	service_of(s, "api")->url = "http://localhost:30521";
	return s;
}

static struct environment environment_for(
	struct stack *s, const char *const *caller, const char *service)
{
	struct environments *all = environments_new(s->arena, s, &facts, caller);
	return environment_of(all, s->arena, service ? service_of(s, service)->index : -1, NULL);
}

/* As the child sees it. */
static const char *in_envp(const struct environment *env, const char *name)
{
	size_t length = strlen(name);
	const char *found = NULL;
	for (char **entry = env->envp; *entry; entry++)
		if (!strncmp(*entry, name, length) && (*entry)[length] == '=') {
			assert_null(found);
			found = *entry + length + 1;
		}
	return found;
}

static void assert_value(
	const struct environment *env, const char *name, const char *value, enum layer layer)
{
	const struct variable *var = environment_find(env, name);
	if (!var || !var->top)
		fail_msg("%s is not set", name);
	assert_string_equal(var->top->value, value);
	assert_string_equal(layer_word(var->top->layer), layer_word(layer));
	assert_string_equal(in_envp(env, name), value);
}

static void assert_unset(const struct environment *env, const char *name)
{
	const struct variable *var = environment_find(env, name);
	assert_true(!var || !var->top);
	assert_null(in_envp(env, name));
}

static void what_is_injected(void **state)
{
	(void)state;
	struct stack *s = shop();
	struct environment env = environment_for(s, no_caller, "api");
	assert_value(&env, "PORT", "30521", LAYER_INJECTED);
	assert_value(&env, "WEB_PORT", "30520", LAYER_INJECTED);
	assert_value(&env, "API_PORT", "30521", LAYER_INJECTED);
	assert_value(&env, "DB_PORT", "30522", LAYER_INJECTED);
	assert_value(&env, "DB_METRICS_PORT", "30526", LAYER_INJECTED);
	assert_value(&env, "DB_HOST", "localhost", LAYER_INJECTED);
	assert_value(&env, "MY_DB_ADMIN_PORT", "30524", LAYER_INJECTED);
	assert_value(&env, "MY_DB_HOST", "localhost", LAYER_INJECTED);
	assert_value(&env, "API_URL", "http://localhost:30521", LAYER_INJECTED);
	assert_value(&env, "STACKUP", "1", LAYER_MARKER);
	assert_value(&env, "STACKUP_ID", "the-uuid", LAYER_MARKER);
	assert_value(&env, "STACKUP_PROJECT", "shop", LAYER_MARKER);
	assert_value(&env, "STACKUP_INSTANCE", "3", LAYER_MARKER);
	assert_value(&env, "STACKUP_SERVICE", "api", LAYER_MARKER);
	assert_value(&env, "STACKUP_BASE_PORT", "30520", LAYER_INJECTED);
	assert_value(&env, "STACKUP_STATE_DIR", "/state/shop/3", LAYER_INJECTED);
	assert_value(&env, "STACKUP_SLUG", "shop-main", LAYER_INJECTED);
	static const char *const unset[] = {"DB_URL", "MY_DB_PORT", "WORKER_PORT", "WORKER_HOST",
		"HOST", "PS", "API_MAIN_PORT"};
	for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
		assert_unset(&env, unset[i]);
	stack_free(s);
}

static void port_of_the_caller_moves_nothing(void **state)
{
	(void)state;
	static const char *const caller[] = {"PORT=9999", "HOST=0.0.0.0", "PATH=/bin", NULL};
	struct stack *s = shop();
	SET_PAIRS(s, s->env_files, s->env_file_count, "PORT=8888@.env:1", "HOST=file@.env:2");
	struct environment env = environment_for(s, caller, "web");
	assert_value(&env, "PORT", "30520", LAYER_INJECTED);
	assert_value(&env, "PATH", "/bin", LAYER_CALLER);
	/* HOST of the project's own file is its business, the caller's is not passed on. */
	assert_value(&env, "HOST", "file", LAYER_STACK_FILE);
	env = environment_for(s, caller, "worker");
	assert_unset(&env, "PORT");
	assert_non_null(environment_find(&env, "PORT")->note);
	env = environment_for(s, caller, NULL);
	assert_unset(&env, "PORT");
	/* One with further ports only has no PORT either. */
	env = environment_for(s, caller, "my-db");
	assert_unset(&env, "PORT");
	SET_PAIRS(s, service_of(s, "worker")->env, service_of(s, "worker")->env_count,
		"PORT=7@stack.ini:3");
	env = environment_for(s, caller, "worker");
	assert_value(&env, "PORT", "7", LAYER_ENV);
	stack_free(s);
}

static void layers_in_their_order(void **state)
{
	(void)state;
	static const char *const caller[] = {"A=caller", "B=caller", "C=caller", "D=caller",
		"DB_PORT=caller", "REDIS_URL=caller", NULL};
	struct stack *s = shop();
	struct service *api = service_of(s, "api");
	SET_PAIRS(s, s->env_files, s->env_file_count, "A=file@.env:1", "B=file@.env:2",
		"E=file@.env:3", "F=file@.env:4", "API_PORT=file@.env:5");
	SET_PAIRS(s, api->env_files, api->env_file_count, "A=own@api.env:1", "F=own@api.env:2");
	SET_PAIRS(s, service_of(s, "db")->exports, service_of(s, "db")->export_count,
		"C=export@stack.ini:9", "D=export@stack.ini:10", "PORT=1@stack.ini:11");
	SET_PAIRS(s, api->env, api->env_count, "D=env@stack.ini:20", "WEB_PORT=env@stack.ini:21");
	struct environment env = environment_for(s, caller, "api");
	assert_value(&env, "A", "caller", LAYER_CALLER);
	assert_value(&env, "B", "caller", LAYER_CALLER);
	assert_value(&env, "C", "export", LAYER_EXPORT);
	assert_value(&env, "D", "env", LAYER_ENV);
	assert_value(&env, "E", "file", LAYER_STACK_FILE);
	assert_value(&env, "F", "own", LAYER_SERVICE_FILE);
	assert_value(&env, "DB_PORT", "30522", LAYER_INJECTED);
	assert_value(&env, "API_PORT", "30521", LAYER_INJECTED);
	assert_value(&env, "WEB_PORT", "env", LAYER_ENV);
	assert_value(&env, "REDIS_URL", "caller", LAYER_CALLER);
	assert_value(&env, "PORT", "1", LAYER_EXPORT);

	static const char *const expected[] = {"env", "export", "caller"};
	const struct definition *d = environment_find(&env, "D")->top;
	for (size_t i = 0; i < 3; i++, d = d->covers)
		assert_string_equal(d->value, expected[i]);
	assert_null(d);
	const struct definition *a = environment_find(&env, "A")->top;
	assert_string_equal(a->covers->origin, "api.env:1");
	assert_string_equal(a->covers->covers->origin, ".env:1");
	assert_string_equal(environment_find(&env, "C")->top->origin, "export of db, stack.ini:9");
	stack_free(s);
}

static void exports_reach_direct_dependents_only(void **state)
{
	(void)state;
	struct stack *s = shop();
	SET_PAIRS(s, service_of(s, "db")->exports, service_of(s, "db")->export_count,
		"DSN=db@stack.ini:1");
	SET_PAIRS(s, service_of(s, "api")->exports, service_of(s, "api")->export_count,
		"DSN=api@stack.ini:2");
	struct environment env = environment_for(s, no_caller, "api");
	assert_value(&env, "DSN", "db", LAYER_EXPORT);
	env = environment_for(s, no_caller, "web");
	assert_value(&env, "DSN", "api", LAYER_EXPORT);
	env = environment_for(s, no_caller, "db");
	assert_unset(&env, "DSN");
	/* worker: db api; the later one wins. */
	env = environment_for(s, no_caller, "worker");
	assert_value(&env, "DSN", "api", LAYER_EXPORT);
	assert_string_equal(environment_find(&env, "DSN")->top->covers->value, "db");
	stack_free(s);
}

static void in_procfile_mode_files_beat_the_caller(void **state)
{
	(void)state;
	static const char *const caller[] = {"A=caller", "B=caller", "PORT=1", NULL};
	struct stack *s = shop();
	s->is_procfile = true;
	SET_PAIRS(s, s->env_files, s->env_file_count, "A=file@.env:1", "PORT=5000@.env:2",
		"WEB_PORT=1@.env:3", "PS=x@.env:4");
	struct environment env = environment_for(s, caller, "web");
	assert_value(&env, "A", "file", LAYER_STACK_FILE);
	assert_string_equal(environment_find(&env, "A")->top->covers->value, "caller");
	assert_value(&env, "B", "caller", LAYER_CALLER);
	assert_value(&env, "PORT", "30520", LAYER_INJECTED);
	assert_value(&env, "WEB_PORT", "30520", LAYER_INJECTED);
	assert_value(&env, "PS", "web.1", LAYER_INJECTED);
	env = environment_for(s, caller, "worker");
	assert_unset(&env, "PORT");
	assert_value(&env, "PS", "worker.1", LAYER_INJECTED);
	stack_free(s);
}

static void markers_are_never_overridden(void **state)
{
	(void)state;
	static const char *const caller[] = {"STACKUP_ID=outer", "STACKUP_RUN=7", "STACKUP_SERVICE=outer",
		"STACKUP_PROJECT=outer", "LISTEN_PID=1", "LISTEN_FDS=1", "NOTIFY_SOCKET=/x",
		"STACKUP_HOME=/h", NULL};
	struct stack *s = shop();
	struct service *api = service_of(s, "api");
	SET_PAIRS(s, api->env, api->env_count, "STACKUP_ID=mine@stack.ini:1",
		"STACKUP_INSTANCE=9@stack.ini:2", "STACKUP_SLUG=mine@stack.ini:3");
	struct environment env = environment_for(s, caller, "api");
	assert_value(&env, "STACKUP_ID", "the-uuid", LAYER_MARKER);
	assert_value(&env, "STACKUP_INSTANCE", "3", LAYER_MARKER);
	assert_value(&env, "STACKUP_PROJECT", "shop", LAYER_MARKER);
	assert_value(&env, "STACKUP_SLUG", "mine", LAYER_ENV);
	assert_value(&env, "STACKUP_HOME", "/h", LAYER_CALLER);
	assert_unset(&env, "LISTEN_PID");
	assert_unset(&env, "LISTEN_FDS");
	assert_unset(&env, "NOTIFY_SOCKET");
	env = environment_for(s, caller, NULL);
	assert_unset(&env, "STACKUP_SERVICE");
	assert_unset(&env, "STACKUP_RUN");
	struct environment_facts idle = facts;
	idle.id = NULL;
	env = environment_of(environments_new(s->arena, s, &idle, caller), s->arena, 0, NULL);
	assert_unset(&env, "STACKUP_ID");
	stack_free(s);
}

static void only_enabled_services_are_announced(void **state)
{
	(void)state;
	struct stack *s = shop();
	service_of(s, "db")->enabled = false;
	add_port(s, "worker", "main", 0);
	struct environment env = environment_for(s, no_caller, "api");
	assert_unset(&env, "DB_PORT");
	assert_unset(&env, "DB_HOST");
	assert_unset(&env, "WORKER_PORT");
	/* Started by name all the same, it knows its own. */
	env = environment_for(s, no_caller, "db");
	assert_value(&env, "PORT", "30522", LAYER_INJECTED);
	assert_value(&env, "DB_PORT", "30522", LAYER_INJECTED);
	assert_value(&env, "DB_METRICS_PORT", "30526", LAYER_INJECTED);
	stack_free(s);
}

static void env_var_carries_the_port(void **state)
{
	(void)state;
	static const char *const caller[] = {"VITE_PORT=5000", NULL};
	struct stack *s = shop();
	s->ports[0].env_var = "VITE_PORT";
	s->ports[0].number = 5000;
	s->ports[0].overridden = true;
	struct environment env = environment_for(s, caller, "web");
	assert_value(&env, "VITE_PORT", "5000", LAYER_INJECTED);
	assert_value(&env, "PORT", "5000", LAYER_INJECTED);
	assert_string_equal(environment_find(&env, "VITE_PORT")->top->origin, "caller, by env_var");
	stack_free(s);
}

static void extra_variables_and_odd_callers(void **state)
{
	(void)state;
	static const char *const caller[] = {
		"odd", "=x", "TWICE=1", "TWICE=2", "EMPTY=", "E==q=", "NOTIFY_SOCKET=/outer",
		"PWD=/outer", "OLDPWD=/", "_=/bin/stackup", NULL};
	static const struct pair pairs_[] = {{"NOTIFY_SOCKET", "/run/n.sock", "notify"}};
	const struct environment_extra extra = {pairs_, 1};
	struct stack *s = shop();
	struct environments *all = environments_new(s->arena, s, &facts, caller);
	struct environment env = environment_of(all, s->arena, 0, &extra);
	assert_value(&env, "NOTIFY_SOCKET", "/run/n.sock", LAYER_INJECTED);
	assert_value(&env, "TWICE", "1", LAYER_CALLER);
	assert_value(&env, "EMPTY", "", LAYER_CALLER);
	assert_value(&env, "E", "=q=", LAYER_CALLER);
	assert_null(environment_find(&env, "odd"));
	assert_null(environment_find(&env, ""));
	env = environment_of(all, s->arena, 1, NULL);
	static const char *const unset[] = {"NOTIFY_SOCKET", "PWD", "OLDPWD", "_"};
	for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
		assert_unset(&env, unset[i]);
	stack_free(s);
}

static void secrets_of_any_service_are_marked(void **state)
{
	(void)state;
	static const char *const caller[] = {"TOKEN=t", "PLAIN=p", NULL};
	static const char *const secrets[] = {"TOKEN", "DSN"};
	struct stack *s = shop();
	service_of(s, "db")->secrets = secrets;
	service_of(s, "db")->secret_count = 2;
	SET_PAIRS(
		s, service_of(s, "api")->env, service_of(s, "api")->env_count, "DSN=x@stack.ini:1");
	struct environment env = environment_for(s, caller, "api");
	assert_true(environment_find(&env, "TOKEN")->secret);
	assert_true(environment_find(&env, "DSN")->secret);
	assert_false(environment_find(&env, "PLAIN")->secret);
	stack_free(s);
}

static void variables_are_sorted_and_services_do_not_mix(void **state)
{
	(void)state;
	static const char *const caller[] = {"Z=1", "A=1", "M=1", NULL};
	struct stack *s = shop();
	SET_PAIRS(s, service_of(s, "api")->env, service_of(s, "api")->env_count, "A=api@x:1",
		"ONLY=api@x:2");
	struct environments *all = environments_new(s->arena, s, &facts, caller);
	struct environment api = environment_of(all, s->arena, service_of(s, "api")->index, NULL);
	struct environment web = environment_of(all, s->arena, service_of(s, "web")->index, NULL);
	for (size_t i = 1; i < api.count; i++)
		assert_true(strcmp(api.vars[i - 1].name, api.vars[i].name) < 0);
	size_t entries = 0;
	while (api.envp[entries])
		entries++;
	assert_int_equal(entries, api.envp_count);
	assert_value(&api, "A", "api", LAYER_ENV);
	assert_value(&web, "A", "1", LAYER_CALLER);
	assert_null(environment_find(&web, "A")->top->covers);
	assert_unset(&web, "ONLY");
	assert_value(&web, "PORT", "30520", LAYER_INJECTED);
	stack_free(s);
}

/* 500 services with ports, each of which is told of all others; one that 200 export to. */
static void five_hundred_services(void **state)
{
	(void)state;
	enum { MANY = 500 };
	struct stack *s = stack_of(MANY);
	for (int i = 0; i < MANY; i++)
		add_port(s, s->services[i].name, "main", (uint16_t)(10000 + i));
	for (int i = 1; i <= 200; i++) {
		add_dependency(s, 0, i);
		SET_PAIRS(s, s->services[i].exports, s->services[i].export_count, "X=1@x:1");
	}
	struct environments *all = environments_new(s->arena, s, &facts, no_caller);
	for (int i = 0; i < MANY; i++) {
		struct arena *scratch = arena_new();
		struct environment env = environment_of(all, scratch, i, NULL);
		char port[16];
		snprintf(port, sizeof port, "%d", 10000 + i);
		assert_string_equal(in_envp(&env, "PORT"), port);
		assert_true(env.envp_count >= 2 * MANY);
		arena_free(scratch);
	}
	stack_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_injected),
		cmocka_unit_test(port_of_the_caller_moves_nothing),
		cmocka_unit_test(layers_in_their_order),
		cmocka_unit_test(exports_reach_direct_dependents_only),
		cmocka_unit_test(in_procfile_mode_files_beat_the_caller),
		cmocka_unit_test(markers_are_never_overridden),
		cmocka_unit_test(only_enabled_services_are_announced),
		cmocka_unit_test(env_var_carries_the_port),
		cmocka_unit_test(extra_variables_and_odd_callers),
		cmocka_unit_test(secrets_of_any_service_are_marked),
		cmocka_unit_test(variables_are_sorted_and_services_do_not_mix),
		cmocka_unit_test(five_hundred_services),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
