/* rooms: base model registry listeners ports */
/* Whom nobody stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "ports/protect.h"

#include <cmocka.h>

static bool is_protected(const char *name)
{
	struct owner owner = {.pid = 4242, .uid = 1000, .name = (char *)(uintptr_t)name};
	return protect_process(&owner, 1000) != NULL;
}

static void row_P7_processes_of_the_system_and_of_containers(void **state)
{
	(void)state;
	static const char *const names[] = {"systemd", "systemd-resolve", "sshd", "sshd-session",
		"dockerd", "docker-proxy", "containerd-shim", "conmon", "rootlessport", "init"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_true(is_protected(names[i]));
	static const char *const others[] = {"node", "python3", "redis-server", "initdb", "ssh",
		"runc-like", "", "podman-compose"};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_false(is_protected(others[i]));
}

static void row_P7_processes_of_others_and_pid_1(void **state)
{
	(void)state;
	struct owner owner = {.pid = 4242, .uid = 1000};
	assert_null(protect_process(&owner, 1000));
	assert_non_null(protect_process(&owner, 1001));
	assert_non_null(protect_process(&owner, 0));
	owner.supervisor = true;
	assert_non_null(protect_process(&owner, 1000));
	owner = (struct owner){.pid = 1, .uid = 1000};
	assert_non_null(protect_process(&owner, 1000));
	owner.pid = 0;
	assert_non_null(protect_process(&owner, 1000));
	owner = (struct owner){.pid = 4242, .uid = 1000, .container = (char[]){"0123"}};
	assert_non_null(protect_process(&owner, 1000));
}

static void row_P3_ports_of_databases_and_of_the_file(void **state)
{
	(void)state;
	static const uint16_t protects[] = {8001, 9001};
	assert_non_null(protect_port(5432, NULL, 0));
	assert_non_null(protect_port(6379, NULL, 0));
	assert_non_null(protect_port(9001, protects, 2));
	assert_null(protect_port(9001, protects, 1));
	assert_null(protect_port(30102, protects, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_P7_processes_of_the_system_and_of_containers),
		cmocka_unit_test(row_P7_processes_of_others_and_pid_1),
		cmocka_unit_test(row_P3_ports_of_databases_and_of_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
