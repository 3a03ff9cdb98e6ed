/* rooms: logs base model */
#include "logs_world.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum { WRITERS = 3, ROUNDS = 25, NOT_PERMITTED = 77 };

/* For forked processes, where an assertion of cmocka has nowhere to jump to. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static void expect_success(pid_t child)
{
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED)
		skip();
	assert_int_equal(status, 0);
}

/* ---- a supervisor that is killed while it is flooded, and its guardian ---- */

struct shared {
	_Atomic uint64_t written[WRITERS]; /* lines whose write() has returned */
	_Atomic pid_t writers[WRITERS];
	_Atomic bool stop;
};

static struct shared *make_shared(void)
{
	void *memory = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

static const char *const names[WRITERS] = {"alpha", "beta", "gamma"};

_Noreturn static void writer(struct shared *shared, int number, int fd)
{
	while (!shared->stop) {
		char line[200];
		uint64_t count = shared->written[number];
		int length = snprintf(line, sizeof line, "%s %llu %.*s\n", names[number],
			(unsigned long long)count, (int)(count % 100),
			"----------------------------------------------------------------------------"
			"-------------------------");
		if (write(fd, line, (size_t)length) != length)
			break;
		shared->written[number] = count + 1;
	}
	_exit(0);
}

struct handed {
	int pipe;
	int log;
};

struct killed_world {
	struct world world;
	struct shared *shared;
	int to_guardian;
};

static void hand_over(void *self, struct intake *in)
{
	struct killed_world *killed = self;
	int fds[2] = {in->pipe_read[0], in->log_fd};
	if (fds[0] < 0)
		return; /* while it is opened; handed over after */
	char number = 0;
	while (strcmp(names[(int)number], in->service) != 0)
		number++;
	union {
		char bytes[CMSG_SPACE(sizeof fds)];
		struct cmsghdr align;
	} control = {0};
	struct iovec data = {&number, 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(header), fds, sizeof fds);
	CHECK(sendmsg(killed->to_guardian, &message, MSG_NOSIGNAL) == 1);
}

/* False: nothing there. */
static bool take_over(int socket, struct handed *handed)
{
	int fds[2];
	char number = 0;
	union {
		char bytes[CMSG_SPACE(sizeof fds)];
		struct cmsghdr align;
	} control;
	struct iovec data = {&number, 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	if (recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
		return false;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	assert_non_null(header);
	if (header) /* gcc does not see that the line above does not return */
		memcpy(fds, CMSG_DATA(header), sizeof fds);
	struct handed *slot = &handed[(int)number];
	if (slot->log >= 0) {
		close(slot->pipe);
		close(slot->log);
	}
	*slot = (struct handed){fds[0], fds[1]};
	return true;
}

_Noreturn static void supervisor(struct killed_world *killed)
{
	struct intake in[WRITERS];
	struct pollfd waiting[WRITERS];
	struct error e = {0};
	struct intake_pool pool;
	struct intake_hooks hooks = {killed, hand_over, NULL};
	CHECK(!intake_pool_open(&pool, killed->world.directory, 0, WRITERS, hooks, &e));
	struct log_settings settings = {.max_size = 64 * 1024, .keep = 100000};
	for (int i = 0; i < WRITERS; i++) {
		CHECK(!intake_open(&in[i], &pool, names[i], &settings, false, &e));
		hand_over(killed, &in[i]);
		waiting[i] = (struct pollfd){in[i].pipe_read[0], POLLIN, 0};
	}
	for (int i = 0; i < WRITERS; i++) {
		pid_t child = fork();
		if (!child)
			writer(killed->shared, i, in[i].pipe_write[0]);
		killed->shared->writers[i] = child;
	}
	for (;;) {
		CHECK(poll(waiting, WRITERS, -1) > 0);
		for (int i = 0; i < WRITERS; i++) {
			if (waiting[i].revents)
				CHECK(intake_drain(&in[i], 0, 32 * 1024, clock_wall_ms())
					< INTAKE_BLOCKED);
		}
	}
}

static void drain_as_guardian(struct handed *handed)
{
	for (int i = 0; i < WRITERS; i++) {
		ssize_t got;
		while ((got = splice(handed[i].pipe, NULL, handed[i].log, NULL, 1 << 20,
				SPLICE_F_NONBLOCK)) > 0)
			continue;
		assert_true(got == 0 || errno == EAGAIN);
		close(handed[i].pipe);
		close(handed[i].log);
	}
}

/* One life of a supervisor: it is killed as soon as `lines` more were written. */
static void live_and_die(struct killed_world *killed, uint64_t lines)
{
	int sockets[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	struct handed handed[WRITERS] = {{-1, -1}, {-1, -1}, {-1, -1}};
	for (int i = 0; i < WRITERS; i++)
		killed->shared->writers[i] = 0;
	uint64_t target = killed->shared->written[0] + lines;
	pid_t child = fork();
	if (!child) {
		close(sockets[0]);
		killed->to_guardian = sockets[1];
		supervisor(killed);
	}
	close(sockets[1]);
	while (killed->shared->written[0] < target || !killed->shared->writers[WRITERS - 1]) {
		if (!take_over(sockets[0], handed))
			sched_yield();
	}
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	for (int i = 0; i < WRITERS; i++)
		kill(killed->shared->writers[i], SIGKILL);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(waitpid(killed->shared->writers[i], NULL, 0),
			killed->shared->writers[i]);
	while (take_over(sockets[0], handed))
		continue;
	close(sockets[0]);
	drain_as_guardian(handed);
}

/* The number behind the name, which must be followed by as many dashes as it says. */
static uint64_t check_line(const struct log_line *line)
{
	assert_false(line->partial || line->more || line->continued || line->dropped);
	struct text text = {0};
	text_add_bytes(&text, line->bytes, line->length);
	size_t name = strlen(line->service);
	assert_true(line->length > name + 2);
	assert_memory_equal(text.data, line->service, name);
	char *rest;
	uint64_t count = strtoull(text.data + name, &rest, 10);
	assert_int_equal(*rest, ' ');
	assert_int_equal(strspn(rest + 1, "-"), count % 100);
	assert_int_equal(rest[1 + count % 100], '\0');
	text_release(&text);
	return count;
}

static void promise_P4_fault_E15_nothing_is_lost_when_the_supervisor_is_killed(void **state)
{
	(void)state;
	struct killed_world killed = {.shared = make_shared()};
	world_begin(&killed.world);
	intake_pool_close(&killed.world.pool);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	uint64_t next[WRITERS] = {0};
	struct log_reader_options options = {
		.directory = killed.world.directory, .tail = -1, .follow = true};
	struct log_reader *follower = read_with(options);
	unsigned seed = (unsigned)getpid();
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int round = 0; round < ROUNDS; round++) {
		live_and_die(&killed, (uint64_t)random() % 2000);
		log_reader_finish(follower);
		struct log_line line;
		while (log_reader_next(follower, &line)) {
			int number = line.service[0] == 'g' ? 2 : line.service[0] - 'a';
			uint64_t count = check_line(&line);
			assert_int_equal(count, next[number]);
			next[number] = count + 1;
		}
		for (int i = 0; i < WRITERS; i++) {
			assert_true(next[i] >= killed.shared->written[i]);
			/* The last write may be done although the writer did not live to count it. */
			assert_true(next[i] <= killed.shared->written[i] + 1);
			killed.shared->written[i] = next[i];
		}
	}
	log_reader_free(follower);
	/* And the same from the files alone. */
	options.follow = false;
	struct log_reader *reader = read_with(options);
	uint64_t again[WRITERS] = {0};
	struct log_line line;
	while (log_reader_next(reader, &line)) {
		int number = line.service[0] == 'g' ? 2 : line.service[0] - 'a';
		assert_int_equal(check_line(&line), again[number]);
		again[number]++;
	}
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(again[i], next[i]);
	log_reader_free(reader);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	munmap(killed.shared, sizeof *killed.shared);
	world_pool(&killed.world, 0, 1);
	world_end(&killed.world);
}

/* ---- rotation while writing and reading ---- */

static void fault_E14_a_follower_misses_nothing_while_it_is_rotated(void **state)
{
	(void)state;
	enum { LINES = 60000 };
	struct world world;
	world_begin(&world);
	intake_pool_close(&world.pool);
	struct log_reader_options options = {
		.directory = world.directory, .tail = 0, .follow = true};
	struct log_reader *reader = read_with(options);
	pid_t child = fork();
	if (!child) {
		struct intake in;
		struct error e = {0};
		CHECK(!intake_pool_open(&world.pool, world.directory, 0, 1, (struct intake_hooks){0}, &e));
		struct log_settings settings = {.max_size = 16 * 1024, .keep = 100000};
		CHECK(!intake_open(&in, &world.pool, "api", &settings, false, &e));
		pid_t flood = fork();
		for (int i = 0; !flood && i < LINES; i++) {
			char line[64];
			int length = snprintf(line, sizeof line, "line number %d\n", i);
			CHECK(write(in.pipe_write[0], line, (size_t)length) == length);
		}
		if (!flood)
			_exit(0);
		struct pollfd waiting = {in.pipe_read[0], POLLIN, 0};
		close(in.pipe_write[0]);
		in.pipe_write[0] = -1;
		while (poll(&waiting, 1, -1) == 1 && (waiting.revents & POLLIN))
			CHECK(intake_drain(&in, 0, 3000, clock_wall_ms()) < INTAKE_BLOCKED);
		CHECK(waitpid(flood, NULL, 0) == flood);
		CHECK(intake_end_generation(&in, clock_wall_ms()) == INTAKE_EMPTY);
		CHECK(in.part > 1);
		intake_close(&in);
		intake_pool_close(&world.pool);
		_exit(0);
	}
	int next = 0;
	while (next < LINES) {
		struct log_line line;
		while (log_reader_next(reader, &line)) {
			char expected[64];
			snprintf(expected, sizeof expected, "line number %d", next++);
			assert_int_equal(line.dropped, 0);
			assert_int_equal(line.length, strlen(expected));
			assert_memory_equal(line.bytes, expected, line.length);
		}
		struct pollfd waiting = {log_reader_fd(reader), POLLIN, 0};
		if (next < LINES)
			poll(&waiting, 1, log_reader_wait_ms(reader));
	}
	expect_success(child);
	log_reader_free(reader);
	world_pool(&world, 0, 1);
	world_end(&world);
}

/* ---- no room ---- */

/* A file system of `pages` pages at the log directory, in a private mount namespace. */
static void mount_small(const struct world *world, int pages)
{
	struct text options = {0};
	text_addf(&options, "size=%d,mode=0700", pages * 4096);
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)
		|| (mkdir(world->directory, 0700) && errno != EEXIST)
		|| mount("small", world->directory, "tmpfs", 0, text_string(&options)))
		_exit(NOT_PERMITTED);
	text_release(&options);
}

static void leave_free(const struct world *world, int pages)
{
	char *path = path_in(world, "filler");
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	char page[4096] = {1};
	int written = 0;
	while (write(fd, page, sizeof page) == (ssize_t)sizeof page)
		written++;
	CHECK(!ftruncate(fd, (written - pages) * 4096L));
	close(fd);
	free(path);
}

static int waiting_bytes(const struct intake *in)
{
	int waiting = 0;
	CHECK(!ioctl(in->pipe_read[0], FIONREAD, &waiting));
	return waiting;
}

/* Fills the disk up to `pages`, prints more than fits, makes room: everything is there. */
_Noreturn static void fill_and_recover(struct world *world, int pages)
{
	struct intake in;
	struct error e = {0};
	struct log_settings settings = {.max_size = 1 << 20, .keep = 3};
	mount_small(world, 64);
	intake_pool_close(&world->pool);
	CHECK(!intake_pool_open(&world->pool, world->directory, 0, 1, world->pool.hooks, &e));
	CHECK(!intake_open(&in, &world->pool, "api", &settings, false, &e));
	leave_free(world, pages);
	struct text expected = {0};
	for (int i = 0; i < 1000; i++)
		text_addf(&expected, "line %d of those that shall not be lost\n", i);
	CHECK(!file_write_all(in.pipe_write[0], expected.data, expected.length));
	for (int i = 0; i < 3; i++)
		CHECK(intake_drain(&in, 0, INTAKE_BUDGET, 1) == INTAKE_BLOCKED);
	CHECK(world->notice_count == 1);
	CHECK(waiting_bytes(&in) > 0);
	char *filler = path_in(world, "filler");
	CHECK(!unlink(filler));
	CHECK(intake_drain(&in, 0, INTAKE_BUDGET, 2) == INTAKE_EMPTY);
	CHECK(world->notice_count == 2);
	struct text content = {0};
	char *path = path_in(world, "api.log");
	CHECK(!file_read(path, 1 << 20, &content, NULL));
	CHECK(content.length == expected.length);
	CHECK(!memcmp(content.data, expected.data, content.length));
	struct log_reader_options options = {.directory = world->directory, .tail = -1};
	struct log_reader *reader = log_reader_open(&options, &e);
	struct log_line line;
	int lines = 0;
	while (log_reader_next(reader, &line))
		lines += !line.dropped && !line.partial;
	CHECK(lines == 1000);
	_exit(0);
}

static void fault_E9_a_full_disk_keeps_the_bytes_in_the_pipe(void **state)
{
	(void)state;
	for (int pages = 0; pages < 5; pages++) {
		struct world world;
		world_begin(&world);
		pid_t child = fork();
		if (!child)
			fill_and_recover(&world, pages);
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		world_end(&world);
		if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED)
			skip();
		assert_int_equal(status, 0);
	}
}

_Noreturn static void fill_for_long(struct world *world)
{
	struct intake in;
	struct error e = {0};
	struct log_settings settings = {.max_size = 16 * 1024, .keep = 3};
	mount_small(world, 64);
	intake_pool_close(&world->pool);
	CHECK(!intake_pool_open(&world->pool, world->directory, 0, 1, world->pool.hooks, &e));
	CHECK(!intake_open(&in, &world->pool, "api", &settings, false, &e));
	char line[4096];
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	for (int i = 0; i < 9; i++) {
		CHECK(!file_write_all(in.pipe_write[0], line, sizeof line));
		CHECK(intake_drain(&in, 0, INTAKE_BUDGET, 1) == INTAKE_EMPTY);
	}
	CHECK(exists(world, "api.log.2"));
	leave_free(world, 0);
	for (int i = 0; i < 4; i++)
		CHECK(!file_write_all(in.pipe_write[0], line, sizeof line));
	CHECK(intake_drain(&in, 0, INTAKE_BUDGET, 1) == INTAKE_BLOCKED);
	CHECK(intake_drain(&in, 0, INTAKE_BUDGET, 1) == INTAKE_BLOCKED);
	CHECK(exists(world, "api.log.2"));
	in.blocked_since_ms -= 60 * 1000;
	CHECK(intake_drain(&in, 0, INTAKE_BUDGET, 1) == INTAKE_BLOCKED);
	CHECK(!exists(world, "api.log.2"));
	CHECK(strstr(text_string(&world->notices), "oldest rotated log was removed"));
	CHECK(intake_drain(&in, 0, INTAKE_BUDGET, 1) == INTAKE_EMPTY);
	_exit(0);
}

static void fault_E9_in_the_end_the_oldest_rotated_log_makes_room(void **state)
{
	(void)state;
	struct world world;
	world_begin(&world);
	pid_t child = fork();
	if (!child)
		fill_for_long(&world);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	world_end(&world);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED)
		skip();
	assert_int_equal(status, 0);
}

/* splice(2) fails with this number from now on. */
static void break_splice(int number)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_splice, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)number),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof code / sizeof code[0], code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		|| prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(NOT_PERMITTED);
}

static void fault_E10_a_failing_disk_is_told_once(void **state)
{
	(void)state;
	static const int numbers[] = {EIO, EDQUOT, EROFS};
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		struct world world;
		struct intake in;
		world_begin(&world);
		world_open(&world, &in, "api");
		pid_t child = fork();
		if (!child) {
			break_splice(numbers[i]);
			put_bytes(&in, 0, "waits\n", 6);
			for (int turn = 0; turn < 5; turn++)
				CHECK(intake_drain(&in, 0, INTAKE_BUDGET, 1) == INTAKE_BLOCKED);
			CHECK(waiting_bytes(&in) == 6);
			CHECK(world.notice_count == 1);
			CHECK(strstr(text_string(&world.notices), strerror(numbers[i])));
			_exit(0);
		}
		expect_success(child);
		intake_close(&in);
		world_end(&world);
	}
}

static void a_file_system_without_splice_is_copied_to(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	pid_t child = fork();
	if (!child) {
		break_splice(EINVAL);
		put_bytes(&in, 0, "one\ntwo\n", 8);
		CHECK(intake_drain(&in, 0, INTAKE_BUDGET, 1) == INTAKE_EMPTY);
		_exit(0);
	}
	expect_success(child);
	expect_history(&world, -1, "api|one\napi|two\n");
	intake_close(&in);
	world_end(&world);
}

/* ---- a gigabyte without a newline ---- */

static long resident_kib(void)
{
	struct text status = {0};
	assert_true(file_read_proc("/proc/self/status", &status));
	const char *at = strstr(text_string(&status), "VmRSS:");
	assert_non_null(at);
	long kib = strtol(at + 6, NULL, 10);
	text_release(&status);
	return kib;
}

static void fault_E1_a_gigabyte_without_newline(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	struct log_settings settings = {.max_size = 10 << 20, .keep = 1};
	world_open_with(&world, &in, "blob", settings, false);
	pid_t child = fork();
	if (!child) {
		static char block[256 * 1024];
		memset(block, 'x', sizeof block);
		for (int i = 0; i < 4096; i++)
			CHECK(!file_write_all(in.pipe_write[0], block, sizeof block));
		_exit(0);
	}
	struct log_reader_options options = {
		.directory = world.directory, .tail = 0, .follow = true};
	struct log_reader *reader = read_with(options);
	uint64_t wanted = 4096ull * 256 * 1024;
	uint64_t seen = 0;
	uint64_t pieces = 0;
	long before_kib = 0;
	while (seen + LINES_MOST <= wanted) {
		struct pollfd waiting = {in.pipe_read[0], POLLIN, 0};
		if (in.base + in.end < wanted) {
			assert_int_equal(poll(&waiting, 1, 60000), 1);
			assert_true(intake_drain(&in, 0, INTAKE_BUDGET, 1) < INTAKE_BLOCKED);
		}
		struct log_line line;
		while (log_reader_next(reader, &line)) {
			assert_int_equal(line.dropped, 0);
			assert_int_equal(line.length, LINES_MOST);
			assert_true(line.more);
			assert_int_equal(line.continued, pieces > 0);
			seen += line.length;
			pieces++;
		}
		if (!before_kib)
			before_kib = resident_kib();
	}
	assert_true(resident_kib() - before_kib < 4096);
	expect_success(child);
	log_reader_free(reader);
	intake_close(&in);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(promise_P4_fault_E15_nothing_is_lost_when_the_supervisor_is_killed),
		cmocka_unit_test(fault_E14_a_follower_misses_nothing_while_it_is_rotated),
		cmocka_unit_test(fault_E9_a_full_disk_keeps_the_bytes_in_the_pipe),
		cmocka_unit_test(fault_E9_in_the_end_the_oldest_rotated_log_makes_room),
		cmocka_unit_test(fault_E10_a_failing_disk_is_told_once),
		cmocka_unit_test(a_file_system_without_splice_is_copied_to),
		cmocka_unit_test(fault_E1_a_gigabyte_without_newline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
