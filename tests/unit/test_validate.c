/* rooms: spawn model base */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "spawn/validate.h"
#include "spawn/version.h"

/* After the project's: it has a macro of the name fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { NOBODY = 65534 };

static char dir[] = "/tmp/stackup-validate-XXXXXX";

static char *in_dir(const char *name)
{
	static char paths[8][4200];
	static unsigned next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof paths[0], "%s/%s", dir, name);
	return path;
}

static void make_file(const char *name, const char *content, mode_t mode)
{
	OWNED_FD fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, content, strlen(content)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

/* --- one stack to be wrong with --- */

struct world {
	struct service services[4];
	struct dependency dependencies[4][2];
	struct pair variables[4];
	struct pair files[4];
	struct pair env[4];
	struct requirement requirements[8];
	struct stack stack;
	struct complaints complaints;
	struct validate validate;
	char *words[16][3];
	size_t word_count;
	char *env_of_service[4];
	struct text shown;
};

static char *const *environment(void *self, int service)
{
	struct world *w = self;
	(void)service;
	return w->env_of_service;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	*state = w;
	w->env_of_service[0] = (char *)(uintptr_t) "PATH=/usr/bin:/bin";
	w->stack = (struct stack){.name = "shop",
		.file = strdup(in_dir("stack.ini")),
		.dir = dir,
		.shell = "/bin/sh",
		.state_dir = strdup(in_dir("state/1")),
		.services = w->services,
		.require_commands = w->requirements,
		.require_variables = w->variables,
		.require_files = w->files,
		.env = w->env};
	w->validate = (struct validate){.stack = &w->stack,
		.file = "stack.ini",
		.run_project_programs = true,
		.self = w,
		.environment = environment,
		.complaints = &w->complaints};
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	complaints_release(&w->complaints);
	text_release(&w->shown);
	free((char *)(uintptr_t)w->stack.file);
	free((char *)(uintptr_t)w->stack.state_dir);
	free(w);
	return 0;
}

static struct command command(struct world *w, const char *program)
{
	char **argv = w->words[w->word_count++];
	argv[0] = (char *)(uintptr_t)program;
	return (struct command){.text = program, .argv = argv};
}

static struct service *add_service(struct world *w, const char *name, const char *program)
{
	int index = w->stack.service_count++;
	w->services[index] = (struct service){.name = name,
		.index = index,
		.line = 10 * (index + 1),
		.dir = dir,
		.enabled = true,
		.command = command(w, program),
		.dependencies = w->dependencies[index]};
	return &w->services[index];
}

static const char *shown(struct world *w)
{
	text_clear(&w->shown);
	for (size_t i = 0; i < w->complaints.list.count; i++) {
		complaint_show(&w->complaints.list.items[i], &w->shown);
		text_add_char(&w->shown, '\n');
	}
	return text_string(&w->shown);
}

static void assert_says(struct world *w, const char *part)
{
	if (!strstr(shown(w), part))
		fail_msg("it does not say \"%s\":\n%s", part, text_string(&w->shown));
}

/* --- services --- */

static void row_L3_a_stack_that_is_right(void **state)
{
	struct world *w = *state;
	struct service *web = add_service(w, "web", "sleep");
	web->stop_command = command(w, "/bin/true");
	web->health = (struct probe){.kind = PROBE_COMMAND, .command = command(w, "true")};
	w->requirements[0] = (struct requirement){.name = "sh", .line = 2};
	w->stack.require_command_count = 1;
	if (validate_stack(&w->validate))
		fail_msg("%s", shown(w));
	assert_int_equal(w->complaints.warnings, 0);
}

static void row_L3_all_that_is_wrong_at_once(void **state)
{
	struct world *w = *state;
	make_file("plain", "#!/bin/sh\n", 0644);
	add_service(w, "web", "nosuchprogram");
	struct service *api = add_service(w, "api", "./plain");
	api->stop_command = command(w, "nosuchstop");
	api->health = (struct probe){.kind = PROBE_COMMAND, .command = command(w, "nosuchcheck")};
	api->user = "no-such-user";
	struct service *db = add_service(w, "db", "sleep");
	db->dir = in_dir("gone");
	db->ready = (struct probe){.kind = PROBE_COMMAND, .command = command(w, "./ready")};
	add_service(w, "off", "nosuchoff")->enabled = false;
	assert_int_equal(validate_stack(&w->validate), 6);
	assert_says(w,
		"stack.ini:10: service 'web': program 'nosuchprogram' was not found in the 2 "
		"directories of PATH; install it");
	assert_says(
		w, "stack.ini:20: service 'api': './plain' is not executable; chmod +x ./plain");
	assert_says(w, "'nosuchstop' was not found");
	assert_says(w, "'nosuchcheck' was not found");
	assert_says(w, "there is no user 'no-such-user'");
	assert_says(w, "stack.ini:30: service 'db': directory '");
	assert_null(strstr(shown(w), "nosuchoff"));
	/* What is relative to a missing directory is not complained about a second time. */
	assert_null(strstr(shown(w), "./ready"));
}

static void only_what_is_wanted(void **state)
{
	struct world *w = *state;
	add_service(w, "web", "nosuchprogram");
	add_service(w, "api", "sleep");
	w->validate.wanted = (const bool[]){false, true};
	assert_int_equal(validate_stack(&w->validate), 0);
}

static void what_a_task_may_make_is_a_warning(void **state)
{
	struct world *w = *state;
	add_service(w, "build", "sleep")->policy.type = TYPE_TASK;
	struct service *middle = add_service(w, "middle", "sleep");
	struct service *api = add_service(w, "api", "./made/later");
	middle->dependency_count = api->dependency_count = 1;
	w->dependencies[1][0].service = 0;
	w->dependencies[2][0].service = 1;
	assert_int_equal(validate_stack(&w->validate), 0);
	assert_int_equal(w->complaints.warnings, 1);
	assert_says(w, "'./made/later' does not exist");
	/* A name that is looked for in PATH is installed, not made. */
	api->command = command(w, "nosuchprogram");
	assert_int_equal(validate_stack(&w->validate), 1);
}

static void the_shell_is_looked_at_once(void **state)
{
	struct world *w = *state;
	w->stack.shell = "/no/such/shell";
	add_service(w, "web", "/no/such/shell")->command.through_shell = true;
	add_service(w, "api", "/no/such/shell")->command.through_shell = true;
	assert_int_equal(validate_stack(&w->validate), 1);
	assert_says(w, "the shell: '/no/such/shell' does not exist");
}

/* --- require.* --- */

static void required_commands_and_versions(void **state)
{
	struct world *w = *state;
	make_file("tool",
		"#!/bin/sh\n[ \"$1\" = --version ] && echo 'Tool (test 2024) v3.10.2-rc1'\n", 0755);
	make_file("oddtool",
		"#!/bin/sh\n[ \"$1\" = version ] && echo odd version odd1.4.0 linux/amd64\n"
		"exit 2\n",
		0755);
	make_file("mute", "#!/bin/sh\necho none\n", 0755);
	make_file("endless", "#!/bin/sh\nyes 1.2.3\n", 0755);
	const struct requirement wanted[] = {
		{.name = "./tool", .version = "3.9", .line = 1},
		{.name = "./tool", .version = "3.10.2", .line = 2},
		{.name = "./tool", .version = "3.11", .line = 3},
		{.name = "./oddtool", .version = "1.5", .line = 4},
		{.name = "./mute", .version = "1", .line = 5},
		{.name = "nosuchtool", .version = "1", .line = 6},
		{.name = "./endless", .version = "1.2", .line = 7},
	};
	memcpy(w->requirements, wanted, sizeof wanted);
	w->stack.require_command_count = sizeof wanted / sizeof *wanted;
	assert_int_equal(validate_stack(&w->validate), 3);
	assert_int_equal(w->complaints.warnings, 1);
	assert_says(w, "stack.ini:3: './tool' version 3.11 is required, but ");
	assert_says(w, "/./tool is version 3.10.2; install ./tool 3.11 or newer");
	assert_says(w, "stack.ini:4: './oddtool' version 1.5 is required");
	assert_says(w, "version 1.4.0");
	assert_says(w, "the version of './mute' cannot be found out");
	assert_says(w, "stack.ini:6: required command: program 'nosuchtool' was not found");
	/* Nothing that they started is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void a_hanging_tool_is_given_up(void **state)
{
	struct world *w = *state;
	make_file("hangs", "#!/bin/sh\n(trap '' TERM; sleep 600) & echo hangs 7.1; wait\n", 0755);
	w->requirements[0] = (struct requirement){.name = "./hangs", .version = "7.2", .line = 1};
	w->stack.require_command_count = 1;
	int64_t before = clock_now_ms();
	assert_int_equal(validate_stack(&w->validate), 1);
	assert_says(w, "is version 7.1");
	assert_in_range(clock_now_ms() - before, 4000, 12000);
}

static void check_runs_nothing_of_the_project(void **state)
{
	struct world *w = *state;
	char script[9000];
	snprintf(script, sizeof script, "#!/bin/sh\n: > %s\necho 1.0\n", in_dir("ran"));
	make_file("evil", script, 0755);
	w->requirements[0] = (struct requirement){.name = "./evil", .version = "2", .line = 1};
	w->stack.require_command_count = 1;
	w->validate.run_project_programs = false;
	assert_int_equal(validate_stack(&w->validate), 0);
	assert_int_equal(access(in_dir("ran"), F_OK), -1);
	w->validate.run_project_programs = true;
	assert_int_equal(validate_stack(&w->validate), 1);
	assert_int_equal(access(in_dir("ran"), F_OK), 0);
}

static void required_variables_files_and_disk(void **state)
{
	struct world *w = *state;
	make_file("there", "x", 0600);
	w->variables[0] = (struct pair){.name = "SET", .origin = "stack.ini:3"};
	w->variables[1] = (struct pair){.name = "UNSET", .origin = "stack.ini:3"};
	w->variables[2] = (struct pair){.name = "EMPTY", .origin = "stack.ini:4"};
	w->stack.require_variable_count = 3;
	w->env[0] = (struct pair){.name = "SET", .value = "1"};
	w->env[1] = (struct pair){.name = "EMPTY", .value = ""};
	w->stack.env_count = 2;
	w->files[0] = (struct pair){.name = "there", .origin = "stack.ini:5"};
	w->files[1] = (struct pair){.name = "not/there", .origin = "stack.ini:5"};
	w->files[2] = (struct pair){.name = "/etc/passwd", .origin = "stack.ini:5"};
	w->stack.require_file_count = 3;
	w->stack.require_disk = INT64_MAX;
	assert_int_equal(validate_stack(&w->validate), 4);
	assert_says(w, "stack.ini:3: variable 'UNSET' is required, and it is not set");
	assert_says(w, "stack.ini:4: variable 'EMPTY' is required, and it is empty");
	assert_says(w, "stack.ini:5: file 'not/there' is required and does not exist");
	assert_says(w, "of free disk space are required");
	complaints_release(&w->complaints); /* the same is not said twice in one list */
	w->stack.require_disk = 1;
	assert_int_equal(validate_stack(&w->validate), 3);
}

static void the_numbers_of_versions(void **state)
{
	static const struct {
		const char *output;
		const char *version;
	} outputs[] = {
		{"psql (PostgreSQL) 15.5 (Debian 15.5-0+deb12u1)", "15.5"},
		{"v20.11.1\n", "20.11.1"},
		{"Python 3.11.2", "3.11.2"},
		{"go version go1.21.6 linux/amd64", "1.21.6"},
		{"Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0", "7.0.15"},
		{"jq-1.6", "1.6"},
		{"less 590 (GNU regular expressions)", "590"},
		{"GNU bash, version 5.2.15(1)-release", "5.2.15"},
		{"ends with 4.", "4"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
		size_t length;
		const char *found = version_find(outputs[i].output, &length);
		assert_non_null(found);
		assert_int_equal(length, strlen(outputs[i].version));
		assert_memory_equal(found, outputs[i].version, length);
	}
	size_t length;
	assert_null(version_find("no number", &length));
	assert_true(version_compare("3.10", "3.9") > 0);
	assert_true(version_compare("3.9", "3.10") < 0);
	assert_int_equal(version_compare("15", "15.0.0"), 0);
	assert_true(version_compare("15.0.1", "15") > 0);
	assert_int_equal(version_compare("1.2-rc1", "1.2"), 0);
	assert_true(version_compare("2", "10") < 0);
}

/* --- where things are written, and whose file it is --- */

static int in_another_user(int (*check)(void))
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
			_exit(90);
		_exit(check());
	}
	int status;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 91;
}

static int look_as_nobody(void)
{
	void *state;
	setup(&state);
	struct world *w = state;
	struct service *web = add_service(w, "web", "sleep");
	web->log.file = in_dir("logs/web.log");
	web->user = "root";
	size_t errors = validate_stack(&w->validate);
	if (errors != 3)
		return 1;
	if (!strstr(shown(w), "the state directory '") || !strstr(shown(w), "Permission denied"))
		return 2;
	if (!strstr(shown(w), "log file '"))
		return 3;
	if (!strstr(shown(w), "only root can run it as user 'root'"))
		return 4;
	teardown(&state);
	return 0;
}

static void directories_that_cannot_be_written(void **state)
{
	struct world *w = *state;
	free((char *)(uintptr_t)w->stack.state_dir);
	make_file("file", "x", 0600);
	w->stack.state_dir = strdup(in_dir("file/below"));
	assert_int_equal(validate_stack(&w->validate), 1);
	assert_says(w, "Not a directory");
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_another_user(look_as_nobody), 0);
}

static void fault_I18_a_file_that_others_can_write(void **state)
{
	struct world *w = *state;
	struct error e;
	make_file("stack.ini", "", 0666);
	assert_int_equal(validate_trust(w->stack.file, &e), -1);
	assert_int_equal(e.code, EXIT_BAD_FILE);
	assert_non_null(strstr(e.text, "can be written by every user"));
	assert_non_null(strstr(e.hint, "chmod o-w "));
	assert_int_equal(validate_stack(&w->validate), 1);
	make_file("stack.ini", "", 0644);
	assert_int_equal(validate_trust(w->stack.file, &e), 0);

	chmod(dir, 0777);
	assert_int_equal(validate_trust(w->stack.file, &e), -1);
	assert_non_null(strstr(e.text, "so anybody can replace 'stack.ini'"));
	chmod(dir, 01777);
	assert_int_equal(validate_trust(w->stack.file, &e), 0);
	chmod(dir, 0755);
	assert_int_equal(validate_trust("-", &e), 0);
	assert_int_equal(validate_trust(in_dir("missing"), &e), 0);
}

static void fault_I18_as_root_a_file_of_another_user(void **state)
{
	struct world *w = *state;
	struct error e;
	if (geteuid() != 0)
		skip();
	make_file("stack.ini", "", 0644);
	assert_int_equal(chown(w->stack.file, NOBODY, NOBODY), 0);
	assert_int_equal(validate_trust(w->stack.file, &e), -1);
	assert_non_null(strstr(e.text, "belongs to user 'nobody'"));
	setenv("SUDO_UID", "65534", 1);
	assert_int_equal(validate_trust(w->stack.file, &e), 0);
	setenv("SUDO_UID", "1", 1);
	assert_int_equal(validate_trust(w->stack.file, &e), -1);
	unsetenv("SUDO_UID");
	/* Without an account there is nobody who could have laid it. */
	assert_int_equal(chown(w->stack.file, 54321, 54321), 0);
	assert_int_equal(validate_trust(w->stack.file, &e), 0);
	unlink(w->stack.file);
}

int main(void)
{
	if (!mkdtemp(dir) || chmod(dir, 0755))
		return 1;
	unsetenv("SUDO_UID");
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(row_L3_a_stack_that_is_right),
		T(row_L3_all_that_is_wrong_at_once),
		T(only_what_is_wanted),
		T(what_a_task_may_make_is_a_warning),
		T(the_shell_is_looked_at_once),
		T(required_commands_and_versions),
		T(a_hanging_tool_is_given_up),
		T(check_runs_nothing_of_the_project),
		T(required_variables_files_and_disk),
		T(the_numbers_of_versions),
		T(directories_that_cannot_be_written),
		T(fault_I18_a_file_that_others_can_write),
		T(fault_I18_as_root_a_file_of_another_user),
	};
	int failed = cmocka_run_group_tests_name("validate", tests, NULL, NULL);
	file_remove_tree(dir, NULL);
	return failed;
}
