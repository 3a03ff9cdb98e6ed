/*
 * claim_world.h - a registry, worktrees and strangers in a network of their own, for test_claim*.c.
 */
#ifndef TESTS_CLAIM_WORLD_H
#define TESTS_CLAIM_WORLD_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "alone.h"
#include "base/own.h"
#include "claim/claim.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

struct world {
	char dir[64];
	struct arena *arena;
	struct error e;
};
static struct world w;

static inline int begin(void **state)
{
	(void)state;
	w = (struct world){.arena = arena_new()};
	return alone_network() && alone_directory(w.dir) && w.arena ? 0 : -1;
}

static inline int end(void **state)
{
	(void)state;
	alone_remove(w.dir);
	arena_free(w.arena);
	return 0;
}

/* A worktree that exists, below the test's own directory. */
static inline const char *worktree(const char *name)
{
	const char *path = arena_format(w.arena, "%s/trees/%s", w.dir, name);
	assert_int_equal(file_make_directories(path, NULL), 0);
	return path;
}

static inline struct claim_request request_for(const char *main_dir, const char *tree)
{
	return (struct claim_request){.state = w.dir, .main_dir = worktree(main_dir),
		.stack_name = main_dir, .owner = "", .worktree = worktree(tree), .branch = "main",
		.run_id = "run-1", .block = -1, .spans = 1};
}

static inline struct claim_request numbered(const char *project, int number)
{
	struct claim_request request = request_for(project, project);
	request.want = WANT_NUMBER;
	request.number = number;
	return request;
}

static inline void must_claim(const struct claim_request *request, struct claim *claim)
{
	claim_init(claim);
	if (claim_instance(request, claim, &w.e)) {
		print_error("%s\n", w.e.text);
		assert_true(false);
	}
}

static inline struct port slot_row(const char *service, int slot)
{
	return (struct port){.service = service, .name = "main", .source = PORT_SLOT, .slot = slot};
}

static inline void must_board(struct claim *claim, struct port *ports, size_t count)
{
	if (claim_ports(w.dir, claim, ports, count, NULL, &w.e)) {
		print_error("%s\n", w.e.text);
		assert_true(false);
	}
}

/* claims and lets go, keeping the number */
static inline int number_of(struct claim_request *request)
{
	struct claim claim;
	must_claim(request, &claim);
	int number = claim.instance;
	assert_int_equal(claim.outcome, CLAIM_OURS);
	assert_int_equal(claim_stop(w.dir, &claim, false, &w.e), 0);
	claim_release(&claim);
	return number;
}

static inline int listen_at(uint16_t port, bool reuse)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = reuse;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 8)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A process with the port, its pid and a word when it is ready. */
static inline pid_t stranger_on(uint16_t port, const char *name)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t child = fork();
	if (!child) {
		prctl(PR_SET_NAME, name);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int fd = listen_at(port, true);
		(void)!write(ends[1], "x", fd >= 0);
		pause();
		_exit(0);
	}
	char byte;
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return child;
}

static inline void end_child(pid_t child)
{
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
