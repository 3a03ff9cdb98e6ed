/* rooms: loop */
/* The loop while the kernel has no room: this epoll_ctl(2) and epoll_create1(2) stand before libc's. */
#include "loop/io_watch.h"
#include "loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static int refusals; /* how many of the next calls fail */
static int refused;
static int refusal;
static int creations_refused;

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	if (refusals > 0) {
		refusals--;
		refused++;
		errno = refusal;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, epoll, operation, fd, event);
}

int epoll_create1(int flags)
{
	if (creations_refused > 0) {
		creations_refused--;
		errno = ENFILE;
		return -1;
	}
	return (int)syscall(SYS_epoll_create1, flags);
}

struct world {
	struct ev_loop *loop;
	int ends[2];
	struct io_watch watch;
	int calls;
	int events;
};

static void on_ready(struct io_watch *watch, int events)
{
	struct world *w = watch->owner;
	w->calls++;
	w->events |= events;
	io_watch_stop(watch);
}

static int setup(void **state)
{
	static struct world w;
	w = (struct world){.loop = loop_new()};
	refused = refusals = creations_refused = 0;
	refusal = ENOMEM;
	*state = &w;
	if (!w.loop || pipe2(w.ends, O_CLOEXEC))
		return -1;
	io_watch_init(&w.watch, w.loop, w.ends[0], EV_READ, on_ready, &w);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	io_watch_stop(&w->watch);
	ev_loop_destroy(w->loop);
	close(w->ends[0]);
	close(w->ends[1]);
	return 0;
}

/* Runs until nothing is watched any more. */
static void run(struct world *w)
{
	ev_run(w->loop, 0);
}

static void readiness_is_told(void **state)
{
	struct world *w = *state;
	assert_int_equal(write(w->ends[1], "x", 1), 1);
	io_watch_start(&w->watch);
	run(w);
	assert_int_equal(w->calls, 1);
	assert_int_equal(w->events, EV_READ);
}

static void is_watched_in_the_end(struct world *w, int error)
{
	refusal = error;
	refusals = 3;
	assert_int_equal(write(w->ends[1], "x", 1), 1);
	io_watch_start(&w->watch);
	run(w);
	assert_int_equal(refused, 3);
	assert_int_equal(w->calls, 1);
	assert_int_equal(w->events, EV_READ); /* never EV_ERROR, nor EV_WRITE */
}

static void without_memory_it_is_watched_in_the_end(void **state)
{
	is_watched_in_the_end(*state, ENOMEM);
}

static void beyond_the_limit_it_is_watched_in_the_end(void **state)
{
	is_watched_in_the_end(*state, ENOSPC);
}

static void a_refusal_does_not_spin(void **state)
{
	struct world *w = *state;
	refusals = 1000;
	io_watch_start(&w->watch);
	ev_tstamp end = ev_time() + 0.2;
	while (ev_time() < end)
		ev_run(w->loop, EVRUN_ONCE);
	assert_in_range(refused, 1, 200 / IO_WATCH_RETRY_MS + 2);
	assert_int_equal(w->calls, 0);
}

static void stop_ends_the_trying(void **state)
{
	struct world *w = *state;
	refusals = 1000;
	io_watch_start(&w->watch);
	ev_run(w->loop, EVRUN_ONCE);
	assert_int_equal(refused, 1);
	io_watch_start(&w->watch); /* asks nobody while it waits */
	io_watch_stop(&w->watch);
	run(w);
	assert_int_equal(refused, 1);
	assert_int_equal(w->calls, 0);
}

static void on_writable(struct io_watch *watch, int events)
{
	*(int *)watch->owner |= events;
	io_watch_stop(watch);
}

/* libev stops all watchers of a descriptor at once. */
static void both_watches_of_a_descriptor_come_back(void **state)
{
	struct world *w = *state;
	struct io_watch writable;
	int told = 0;
	io_watch_init(&w->watch, w->loop, w->ends[1], EV_WRITE, on_ready, w);
	io_watch_init(&writable, w->loop, w->ends[1], EV_WRITE, on_writable, &told);
	refusals = 1;
	io_watch_start(&w->watch);
	io_watch_start(&writable);
	run(w);
	assert_int_equal(told, EV_WRITE);
	assert_int_equal(w->events, EV_WRITE);
}

static void the_epoll_descriptor_is_made_anew_in_the_end(void **state)
{
	struct world *w = *state;
	assert_int_equal(write(w->ends[1], "x", 1), 1);
	io_watch_start(&w->watch);
	creations_refused = 3;
	ev_loop_fork(w->loop);
	run(w);
	assert_int_equal(creations_refused, 0);
	assert_int_equal(w->events, EV_READ);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(readiness_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(without_memory_it_is_watched_in_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(beyond_the_limit_it_is_watched_in_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refusal_does_not_spin, setup, teardown),
		cmocka_unit_test_setup_teardown(stop_ends_the_trying, setup, teardown),
		cmocka_unit_test_setup_teardown(both_watches_of_a_descriptor_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(the_epoll_descriptor_is_made_anew_in_the_end, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
