/* rooms: stackfile model base */
#include "stackfile_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#define WEB "[service web]\ncommand = true\n"

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
	assert_string_equal(service_env(&f, "web", "S"),
		"dotenv stack service caller caller dotenv web-environment");
	assert_string_equal(service_env(&f, "other", "S"), "environment");
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
	assert_string_equal(service_env(&f, "web", "S"), "asked");
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
	assert_string_equal(service_env(&f, "web", "S"), "1");
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
