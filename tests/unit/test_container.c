/* rooms: base model listeners */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "listeners/container.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *groups;
	const char *container; /* NULL: none */
	const char *service;
} rows[] = {
	{"", NULL, NULL},
	{"0::/\n", NULL, NULL},
	{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn.scope\n", NULL, NULL},
	{"0::/system.slice/docker-" ID ".scope\n", "0123456789ab", NULL},
	{"12:pids:/docker/" ID "\n0::/docker/" ID "\n", "0123456789ab", NULL},
	{"0::/machine.slice/libpod-" ID ".scope/container\n", "0123456789ab", NULL},
	{"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope\n",
		"0123456789ab", NULL},
	{"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-"
	 ID ".scope\n", "0123456789ab", NULL},
	{"0::/kubepods/besteffort/pod12345678-1234-1234-1234-123456789012/" ID "\n",
		"0123456789ab", NULL},
	{"0::/kubepods.slice/crio-" ID ".scope\n", "0123456789ab", NULL},
	{"1:name=systemd:/lxc/web/init.scope\n", "web", NULL},
	{"0::/lxc.payload/web\n", "web", NULL},
	{"0::/lxc.payload.web/system.slice/ssh.service\n", "web", "ssh.service"},
	{"0::/lxc.monitor.web\n", NULL, NULL},
	{"0::/machine.slice/machine-deb12.scope/payload\n", "deb12", NULL},
	{"0::/machine.slice/systemd-nspawn@deb12.service/payload\n", "deb12", NULL},
	/* one digit less is a checksum or a name, and no container */
	{"0::/user.slice/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n", NULL, NULL},
	{"0::/system.slice/ssh.service\n", NULL, "ssh.service"},
	{"0::/system.slice/system-postgresql.slice/postgresql@15-main.service\n", NULL,
		"postgresql@15-main.service"},
	{"/system.slice/docker.service", NULL, "docker.service"},
	{"0::/system.slice/run-r1.scope\n", NULL, NULL},
	{"0::/init.scope\n", NULL, NULL},
};

static void assert_said(bool found, const struct text *got, const char *wanted, const char *groups)
{
	if (found != (wanted != NULL))
		print_error("%s", groups);
	assert_int_equal(found, wanted != NULL);
	assert_string_equal(text_string(got), wanted ? wanted : "");
}

static void groups_tell_containers_and_services(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		OWNED_TEXT container = {0}, service = {0};
		assert_said(container_of_groups(rows[i].groups, &container), &container,
			rows[i].container, rows[i].groups);
		assert_said(service_of_groups(rows[i].groups, &service), &service, rows[i].service,
			rows[i].groups);
	}
}

static void docker_proxy_tells_what_it_publishes(void **state)
{
	(void)state;
	OWNED_TEXT v4 = {0}, v6 = {0}, none = {0};
	uint16_t port;
	bool udp;
	assert_true(container_of_proxy("/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 "
				       "-container-ip 172.17.0.2 -container-port 80", &v4, &port, &udp));
	assert_string_equal(text_string(&v4), "172.17.0.2:80");
	assert_int_equal(port, 8080);
	assert_false(udp);
	assert_true(container_of_proxy("docker-proxy -proto udp -host-ip :: -host-port 53 -container-ip "
				       "fd00::2 -container-port 5353 -use-listen-fd", &v6, &port, &udp));
	assert_string_equal(text_string(&v6), "[fd00::2]:5353");
	assert_true(udp);
	static const char *const others[] = {"", "docker-proxy", "vim docker-proxy -host-port 1",
		"docker-proxy -host-port 80", "docker-proxy -host-port x -container-ip a -container-port 1"};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_false(container_of_proxy(others[i], &none, &port, &udp));
	assert_int_equal(none.length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_tell_containers_and_services),
		cmocka_unit_test(docker_proxy_tells_what_it_publishes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
