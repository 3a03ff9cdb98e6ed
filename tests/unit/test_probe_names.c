/* rooms: base model probe */
/*
 * Name look-ups go wrong: this program has a getaddrinfo of its own, which libcurl finds before
 * that of the C library.
 */
#include "probe_world.h"

#include <netdb.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool may_go_on;
static int looking;
static int looked;

static void change_looking(int by)
{
	pthread_mutex_lock(&lock);
	looking += by;
	looked += by > 0;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static int looking_now(void)
{
	pthread_mutex_lock(&lock);
	int now = looking;
	pthread_mutex_unlock(&lock);
	return now;
}

/* Eight seconds, as a resolver with a dead name server; shorter when the test is over. */
static void hang(void)
{
	struct timespec end;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 8;
	pthread_mutex_lock(&lock);
	while (!may_go_on && pthread_cond_timedwait(&changed, &lock, &end) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&lock);
}

static int answer_six(const char *service, struct addrinfo **found)
{
	struct {
		struct addrinfo info;
		struct sockaddr_in6 address;
	} *made = calloc(1, sizeof *made);
	if (!made)
		return EAI_MEMORY;
	made->address.sin6_family = AF_INET6;
	made->address.sin6_addr = in6addr_loopback;
	made->address.sin6_port = htons((uint16_t)strtoul(service, NULL, 10));
	made->info.ai_family = AF_INET6;
	made->info.ai_socktype = SOCK_STREAM;
	made->info.ai_addrlen = sizeof made->address;
	made->info.ai_addr = (struct sockaddr *)&made->address;
	*found = &made->info;
	return 0;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **found)
{
	(void)hints;
	int result = EAI_NONAME;
	change_looking(1);
	if (!strcmp(node, "hangs.example"))
		hang();
	else if (!strcmp(node, "six.example"))
		result = answer_six(service, found);
	change_looking(-1);
	return result;
}

void freeaddrinfo(struct addrinfo *found)
{
	free(found);
}

static void let_go(void)
{
	pthread_mutex_lock(&lock);
	may_go_on = true;
	pthread_cond_broadcast(&changed);
	while (looking)
		pthread_cond_wait(&changed, &lock);
	may_go_on = false;
	pthread_mutex_unlock(&lock);
}

static int names_teardown(void **state)
{
	int64_t began = clock_now_ms();
	struct world *w = *state;
	/* A look-up that hangs keeps its thread, and what that has open. */
	w->descriptors = DESCRIPTORS_MAY_STAY;
	int result = world_teardown(state);
	assert_true(clock_now_ms() - began < GAP_MOST_MS + bystander_gap_ms);
	let_go();
	return result;
}

static struct probe named(const char *url)
{
	return (struct probe){.kind = PROBE_HTTP, .url = url, .tls_verify = true};
}

static void test_fault_H6_look_up_hangs(void **state)
{
	struct world *w = *state;
	struct probe probe = named("http://hangs.example/");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(w, &probe, 300), PROBE_FAILED);
		assert_string_equal(w->reason,
			"no answer within 300 ms: the look-up of the host's name did not end");
		assert_waited(w, 300);
	}
	assert_int_equal(looking_now(), 3);
}

static void test_fault_H6_cancel_and_free_while_looking_up(void **state)
{
	struct world *w = *state;
	struct probe probe = named("http://hangs.example/");
	assert_true(prober_begin(w->prober, 0, 1, PROBE_FOR_HEALTH, &probe, 5000));
	assert_true(prober_begin(w->prober, 1, 1, PROBE_FOR_HEALTH, &probe, 5000));
	while (looking_now() < 2)
		turn_for(w, 20);
	int64_t began = clock_now_ms();
	prober_cancel(w->prober, 0);
	assert_true(clock_now_ms() - began < GAP_MOST_MS + bystander_gap_ms);
	turn_for(w, 50);
	/* The other one is freed by the teardown, which is timed. */
	assert_int_equal(looking_now(), 2);
}

static void test_fault_H6_others_are_asked_meanwhile(void **state)
{
	struct world *w = *state;
	uint16_t port = 0;
	int fd = listen_on(NULL, &port);
	struct probe hanging = named("http://hangs.example/");
	struct probe tcp = {.kind = PROBE_TCP, .host = "localhost", .port = port};
	assert_true(prober_begin(w->prober, 9, 1, PROBE_FOR_HEALTH, &hanging, 600));
	for (size_t i = 1; i <= 20; i++) {
		assert_true(prober_begin(w->prober, 0, 1, PROBE_FOR_HEALTH, &tcp, 1000));
		await_results(w, i);
		assert_int_equal(w->result, PROBE_OK);
	}
	await_results(w, 21);
	assert_int_equal(w->service, 9);
	assert_int_equal(w->result, PROBE_FAILED);
	close(fd);
}

static void test_fault_H7_no_such_name(void **state)
{
	struct world *w = *state;
	struct probe probe = named("http://nowhere.example/");
	assert_int_equal(ask(w, &probe, 5000), PROBE_FAILED);
	assert_reason(w, "nowhere.example");
}

/* The name leads to ::1 only, the service is on 127.0.0.1 only: the reason says what was tried. */
static void test_fault_H7_wrong_family(void **state)
{
	struct world *w = *state;
	uint16_t port = 0;
	char url[64];
	char wanted[64];
	int fd = listen_on(NULL, &port);
	snprintf(url, sizeof url, "http://six.example:%u/", port);
	snprintf(wanted, sizeof wanted, " on ::1, port %u", port);
	struct probe probe = named(url);
	assert_int_equal(ask(w, &probe, 5000), PROBE_FAILED);
	assert_reason(w, wanted);
	close(fd);
}

static void test_fault_H7_localhost_is_both_families(void **state)
{
	struct world *w = *state;
	const char *const hosts[] = {"127.0.0.1", "::1"};
	for (size_t i = 0; i < 2; i++) {
		struct server server = server_start("--host", hosts[i]);
		char url[64];
		snprintf(url, sizeof url, "http://localhost:%u/ok", server.port);
		struct probe probe = named(url);
		probe.port = server.port;
		assert_int_equal(ask(w, &probe, 5000), PROBE_OK);
		server_stop(&server);
	}
	char url[64];
	uint16_t port = free_port();
	snprintf(url, sizeof url, "http://localhost:%u/ok", port);
	struct probe probe = named(url);
	assert_int_equal(ask(w, &probe, 5000), PROBE_FAILED);
	assert_reason(w, "connection refused on ");
	assert_reason(w, "::1");
	assert_reason(w, "127.0.0.1");
	/* none of which needed the resolver */
	assert_int_equal(looked, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, names_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fault_H7_localhost_is_both_families),
		TEST(test_fault_H6_look_up_hangs),
		TEST(test_fault_H6_cancel_and_free_while_looking_up),
		TEST(test_fault_H6_others_are_asked_meanwhile),
		TEST(test_fault_H7_no_such_name),
		TEST(test_fault_H7_wrong_family),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
