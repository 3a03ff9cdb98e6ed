/* rooms: base model registry listeners ports claim */
/*
 * The claim of an instance with its range of ten ports, as a launch does it: lock byte, leases in the
 * registry, a hold on every port, and what is in the way looked at, classified and moved away from.
 * Against ten bare binds, in turns, in a network of its own.
 *
 *	bench_claim [ROUNDS [STATE]]
 *
 * With STATE only there, in a registry that has something in it already.
 *
 * Prints a line a case: median and slowest claim and the median of the bare binds, in milliseconds, and
 * the case's name.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/alone.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/number.h"
#include "claim/claim.h"

enum { ROUNDS_MOST = 10000, SLOTS_HELD = 10, SOCKETS = 5000, FIRST_SOCKET = 10000, TAKEN = 30101 };

_Noreturn static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int listen_at(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 8))
		die("listening");
	return fd;
}

static void open_sockets(void)
{
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	for (int i = 0; i < SOCKETS; i++)
		listen_at((uint16_t)(FIRST_SOCKET + i));
}

static int64_t bare_us(void)
{
	int fds[SLOTS_HELD];
	int64_t began = clock_now_us();
	for (int i = 0; i < SLOTS_HELD; i++) {
		struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)(31000 + i))};
		fds[i] = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fds[i] < 0 || bind(fds[i], (struct sockaddr *)&at, sizeof at))
			die("a bare bind");
	}
	int64_t took = clock_now_us() - began;
	for (int i = 0; i < SLOTS_HELD; i++)
		close(fds[i]);
	return took;
}

static int64_t claim_us(const char *state)
{
	struct claim_request request = {.state = state, .main_dir = state, .stack_name = "shop", .owner = "",
		.worktree = state, .branch = "main", .run_id = "run", .block = -1, .spans = 1};
	struct port rows[] = {
		{.service = "web", .name = "main", .source = PORT_SLOT, .slot = 0},
		{.service = "api", .name = "main", .source = PORT_SLOT, .slot = 1},
		{.service = "old", .name = "main", .source = PORT_FIXED, .fixed = 8000, .range_low = 8000,
			.range_high = 8009},
	};
	struct error e = {0};
	struct claim claim;
	claim_init(&claim);
	int64_t began = clock_now_us();
	if (claim_instance(&request, &claim, &e) ||
		claim_ports(state, &claim, rows, sizeof rows / sizeof rows[0], NULL, &e)) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	int64_t took = clock_now_us() - began;
	claim_stop(state, &claim, false, NULL);
	claim_release(&claim);
	return took;
}

static int by_size(const void *a, const void *b)
{
	int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
	return (first > second) - (first < second);
}

static void measure(const char *what, const char *state, int rounds)
{
	static int64_t ours[ROUNDS_MOST], bare[ROUNDS_MOST];
	for (int i = 0; i < rounds; i++) {
		bare[i] = bare_us();
		ours[i] = claim_us(state);
	}
	qsort(ours, (size_t)rounds, sizeof *ours, by_size);
	qsort(bare, (size_t)rounds, sizeof *bare, by_size);
	printf("%.3f %.3f %.3f %s\n", (double)ours[rounds / 2] / 1000, (double)ours[rounds - 1] / 1000,
		(double)bare[rounds / 2] / 1000, what);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int64_t rounds = 200;
	char state[64];
	if (argc > 1 && !number_parse(argv[1], 1, ROUNDS_MOST, &rounds)) {
		fprintf(stderr, "bench_claim [ROUNDS [STATE]]\n");
		return 2;
	}
	if (!alone_network() || !alone_directory(state))
		die("a network of its own");
	if (argc > 2) {
		measure("a full registry", argv[2], (int)rounds);
		alone_remove(state);
		return 0;
	}
	measure("nothing in the way", state, (int)rounds);
	int stranger = listen_at(TAKEN);
	measure("a stranger on one of them", state, (int)rounds);
	close(stranger);
	open_sockets();
	measure("5,000 sockets open", state, (int)rounds);
	listen_at(TAKEN);
	measure("5,000 sockets, and a stranger", state, (int)rounds);
	alone_remove(state);
	return 0;
}
