/* rooms: base model probe */
#include "base/error.h"
#include "probe/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct hearing {
	struct ev_loop *loop;
	struct notify *notify;
	char directory[64];
	char path[80];
	int sender;
	size_t messages;
	pid_t pid;
	bool ready;
	bool stopping;
	bool reloading;
	char status[NOTIFY_STATUS_MOST + 1];
	size_t ready_count;
};

static void take_message(void *self, pid_t sender, const struct notify_message *message)
{
	struct hearing *h = self;
	h->messages++;
	h->pid = sender;
	h->ready = message->ready;
	h->stopping = message->stopping;
	h->reloading = message->reloading;
	h->ready_count += message->ready;
	snprintf(h->status, sizeof h->status, "%.*s", (int)message->status_length,
		message->status ? message->status : "");
}

static int setup(void **state)
{
	struct hearing *h = calloc(1, sizeof *h);
	struct notify_hooks hooks = {h, take_message};
	struct error e = {0};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	snprintf(h->directory, sizeof h->directory, "/tmp/test_notify.XXXXXX");
	assert_non_null(mkdtemp(h->directory));
	snprintf(h->path, sizeof h->path, "%s/notify", h->directory);
	snprintf(to.sun_path, sizeof to.sun_path, "%s/notify", h->directory);
	h->loop = ev_loop_new(EVFLAG_AUTO);
	h->notify = notify_new(h->loop, h->path, &hooks, &e);
	assert_non_null(h->notify);
	h->sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(h->sender, (struct sockaddr *)&to, sizeof to), 0);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct hearing *h = *state;
	notify_free(h->notify);
	assert_int_equal(access(h->path, F_OK), -1);
	assert_int_equal(rmdir(h->directory), 0);
	ev_loop_destroy(h->loop);
	close(h->sender);
	free(h);
	return 0;
}

static void tell_bytes(struct hearing *h, const char *bytes, size_t length)
{
	assert_int_equal(send(h->sender, bytes, length, 0), (ssize_t)length);
	ev_run(h->loop, EVRUN_NOWAIT);
}

static void tell(struct hearing *h, const char *text)
{
	tell_bytes(h, text, strlen(text));
}

static void test_messages(void **state)
{
	struct hearing *h = *state;
	tell(h, "READY=1");
	assert_int_equal(h->messages, 1);
	assert_true(h->ready);
	assert_int_equal(h->pid, getpid());
	tell(h, "STATUS=loading 3 of 4\nMAINPID=1\nREADY=1\n");
	assert_int_equal(h->messages, 2);
	assert_true(h->ready);
	assert_string_equal(h->status, "loading 3 of 4");
	tell(h, "STOPPING=1");
	assert_true(h->stopping);
	assert_false(h->ready);
	tell(h, "RELOADING=1\nMONOTONIC_USEC=7");
	assert_true(h->reloading);
	tell(h, "STATUS=");
	assert_int_equal(h->messages, 5);
	assert_string_equal(h->status, "");
}

static void test_fault_B10_garbage_means_nothing(void **state)
{
	struct hearing *h = *state;
	static const char *const garbage[] = {"READY", "READY=0", "READY=11", "ready=1", " READY=1",
		"READY=1 ", "\n\n\n", "=", "MAINPID=77", "WATCHDOG=1", "FDSTORE=1", "READY=1\r\n"};
	for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++)
		tell(h, garbage[i]);
	tell_bytes(h, "READY=1\0", 8);
	tell_bytes(h, "", 0);
	tell_bytes(h, "STATUS=a\0b", 10);
	assert_int_equal(h->messages, 0);
	tell_bytes(h, "\0\xff\nREADY=1\n\xc3", 12);
	assert_int_equal(h->messages, 1);
	assert_true(h->ready);
}

static void test_fault_B10_ready_twice_and_flood(void **state)
{
	struct hearing *h = *state;
	size_t sent = 0;
	tell(h, "READY=1");
	tell(h, "READY=1");
	assert_int_equal(h->ready_count, 2);
	/* The socket's queue is bounded: the sender is told to wait, not we to keep it. */
	while (send(h->sender, "READY=1", 7, 0) == 7)
		sent++;
	assert_int_equal(errno, EAGAIN);
	while (h->ready_count < 2 + sent)
		ev_run(h->loop, EVRUN_NOWAIT);
	assert_int_equal(h->messages, 2 + sent);
}

static void test_fault_B10_big_messages(void **state)
{
	struct hearing *h = *state;
	size_t length = 100 * 1024;
	char *big = malloc(length);
	assert_non_null(big);
	memset(big, 'x', length);
	memcpy(big, "READY=1\n", 8);
	tell_bytes(h, big, NOTIFY_MESSAGE_MOST + 1);
	tell_bytes(h, big, length);
	assert_int_equal(h->messages, 0);
	tell_bytes(h, big, NOTIFY_MESSAGE_MOST);
	assert_int_equal(h->messages, 1);
	memcpy(big, "STATUS=x", 8);
	tell_bytes(h, big, 2000);
	assert_int_equal(strlen(h->status), NOTIFY_STATUS_MOST);
	free(big);
}

/* sd_notify's BARRIER=1 and FDSTORE=1 come with a descriptor: it is closed, not kept. */
static void test_fault_B10_descriptors_are_not_kept(void **state)
{
	struct hearing *h = *state;
	int ends[2];
	char byte;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	static char text[] = "BARRIER=1";
	struct iovec from = {.iov_base = text, .iov_len = sizeof text - 1};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr header = {.msg_iov = &from,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};
	struct cmsghdr *first = CMSG_FIRSTHDR(&header);
	first->cmsg_level = SOL_SOCKET;
	first->cmsg_type = SCM_RIGHTS;
	first->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(first), &ends[1], sizeof(int));
	assert_int_equal(sendmsg(h->sender, &header, 0), sizeof text - 1);
	close(ends[1]);
	ev_run(h->loop, EVRUN_NOWAIT);
	assert_int_equal(h->messages, 0);
	/* End of file: nobody has the other end any more. */
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	tell(h, "READY=1");
	assert_int_equal(h->pid, getpid());
}

static void test_socket_is_private_and_replaced(void **state)
{
	struct hearing *h = *state;
	struct notify_hooks hooks = {h, take_message};
	struct error e = {0};
	struct stat was;
	assert_int_equal(stat(h->path, &was), 0);
	assert_int_equal(was.st_mode & 07777, 0600);
	/* The socket of an owner that died is in the way of nobody. */
	struct notify *next = notify_new(h->loop, h->path, &hooks, &e);
	assert_non_null(next);
	notify_free(next);
}

static void test_bad_paths(void **state)
{
	struct hearing *h = *state;
	struct notify_hooks hooks = {h, take_message};
	struct error e = {0};
	char file[100];
	char path[200] = "/tmp/";
	memset(path + 5, 'x', 150);
	assert_null(notify_new(h->loop, path, &hooks, &e));
	assert_non_null(strstr(e.hint, "107 bytes"));
	assert_null(notify_new(h->loop, "", &hooks, &e));
	assert_null(notify_new(h->loop, "notify", &hooks, &e));
	assert_null(notify_new(h->loop, "/nonexistent/notify", &hooks, &e));
	assert_int_equal(e.number, ENOENT);
	snprintf(file, sizeof file, "%s/file", h->directory);
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_null(notify_new(h->loop, file, &hooks, &e));
	assert_non_null(strstr(e.text, "not a socket"));
	assert_int_equal(unlink(file), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_messages),
		TEST(test_fault_B10_garbage_means_nothing),
		TEST(test_fault_B10_ready_twice_and_flood),
		TEST(test_fault_B10_big_messages),
		TEST(test_fault_B10_descriptors_are_not_kept),
		TEST(test_socket_is_private_and_replaced),
		TEST(test_bad_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
