/*
 * scribe - a service whose log can be checked: it says what it writes, and to which end.
 *
 *   scribe NAME RECORDS [ACTION...]
 *
 * Every line is `scribe NAME RUN NUMBER FILLING SUM`: the number counts from 1, the sum is of all before
 * it. RECORDS/NAME.RUN holds how many lines have been written whole, told by memory that outlives the process:
 * what is told is in the log, and at most one line more. RECORDS/NAME.one is locked while it runs; who
 * finds it locked writes that into RECORDS/wrong: nobody may be there twice.
 *
 * It listens on $PORT or on a socket that was passed to it and answers every request with 200. Actions:
 *
 *   every MS      the time between two lines (100)
 *   lines N       ends with 0 after so many
 *   dies MS       ends with 1 at random within that time
 *   stubborn      ignores TERM
 *   notify        tells $NOTIFY_SOCKET that it is ready
 *   twice         does not mind another one (a restart without a gap has two for a moment)
 *   forks         what writes is a grandchild in a session of its own; the first process stays
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct record {
	int64_t began_ms; /* wall clock */
	int64_t wrote_ms; /* the last line */
	int64_t lines;
};

static struct record *record;
static const char *name, *records;
static char run_id[48];
static long every_ms = 100, lines_most = -1, dies_ms = -1;
static bool notifies, forks, twice;
static unsigned dice;

static int64_t wall_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static unsigned roll(unsigned most)
{
	dice = dice * 1103515245 + 12345;
	return (dice >> 16) % most;
}

static int open_record(const char *end, int flags)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s.%s", records, name, end);
	int fd = open(path, flags | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		_exit(91);
	return fd;
}

static void tell_wrong(const char *format, int other)
{
	char path[512], line[256];
	snprintf(path, sizeof path, "%s/wrong", records);
	int n = snprintf(line, sizeof line, "%s, process %d: process %d %s\n", name, (int)getpid(),
		other, format);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		_exit(92);
	_exit(93);
}

static void be_the_only_one(void)
{
	int fd = open_record("one", O_RDWR), self = getpid(), other = 0;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		(void)!pread(fd, &other, sizeof other, 0);
		tell_wrong(kill(other, 0) ? "was there a moment ago" : "is there already", other);
	}
	if (pwrite(fd, &self, sizeof self, 0) != sizeof self)
		_exit(91);
}

static void begin_record(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(run_id, sizeof run_id, "%d-%llx", (int)getpid(),
		(unsigned long long)now.tv_sec * 1000000000ULL + (unsigned long long)now.tv_nsec);
	int fd = open_record(run_id, O_RDWR);
	if (ftruncate(fd, sizeof *record))
		_exit(91);
	record = mmap(NULL, sizeof *record, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (record == MAP_FAILED)
		_exit(91);
	record->began_ms = wall_ms();
	close(fd);
	dice = (unsigned)now.tv_nsec ^ (unsigned)getpid();
}

/* ---- lines ---- */

/* CRC-32 as zlib has it. */
static uint32_t sum(const char *bytes, size_t length)
{
	uint32_t value = 0xffffffffU;
	for (size_t i = 0; i < length; i++) {
		value ^= (unsigned char)bytes[i];
		for (int bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? 0xedb88320U : 0);
	}
	return ~value;
}

static void write_line(void)
{
	static const char filling[] =
		"the quick brown fox jumps over the lazy dog and comes back again";
	char line[256];
	int used = snprintf(line, sizeof line, "scribe %s %s %lld %.*s", name, run_id,
		(long long)record->lines + 1, (int)(1 + roll(sizeof filling - 2)), filling);
	used += snprintf(line + used, sizeof line - (size_t)used, " %08x\n",
		(unsigned)sum(line, (size_t)used));
	for (int done = 0; done < used;) {
		ssize_t n = write(STDOUT_FILENO, line + done, (size_t)(used - done));
		if (n < 0 && errno != EINTR)
			_exit(94);
		done += n > 0 ? (int)n : 0;
	}
	record->lines++;
	record->wrote_ms = wall_ms();
}

/* ---- its port ---- */

static int listener(void)
{
	const char *passed = getenv("LISTEN_FDS"), *port = getenv("PORT");
	if (passed && *passed == '1')
		return 3;
	if (!port)
		return -1;
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtol(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 64))
		_exit(98);
	return fd;
}

static void answer(int fd)
{
	static const char reply[] =
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
	char request[2048];
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (client < 0)
		return;
	struct pollfd asked = {.fd = client, .events = POLLIN};
	if (poll(&asked, 1, 200) > 0 && read(client, request, sizeof request) > 0)
		(void)!write(client, reply, sizeof reply - 1);
	close(client);
}

static void tell_ready(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t length = path ? strlen(path) : 0;
	if (!length || length >= sizeof at.sun_path)
		_exit(95);
	memcpy(at.sun_path, path, length);
	if (*path == '@')
		at.sun_path[0] = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&at,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) != 7)
		_exit(96);
	close(fd);
}

/* ---- the run ---- */

static _Noreturn void work(void)
{
	struct pollfd asked = {.fd = listener(), .events = POLLIN};
	int64_t end_ms = dies_ms < 0 ? INT64_MAX : wall_ms() + 1 + roll((unsigned)dies_ms);
	if (notifies)
		tell_ready();
	for (long i = 0; lines_most < 0 || i < lines_most; i++) {
		write_line();
		int64_t next_ms = wall_ms() + every_ms / 2 + roll((unsigned)every_ms + 1);
		if (roll(50) == 0) /* and now and then many at once */
			for (int more = 0; more < 50 && lines_most < 0; more++)
				write_line();
		for (int64_t now_ms; (now_ms = wall_ms()) < next_ms;) {
			if (poll(&asked, 1, (int)(next_ms - now_ms)) > 0)
				answer(asked.fd);
			if (now_ms > end_ms)
				_exit(1);
		}
	}
	_exit(0);
}

static void leave_to_grandchild(void)
{
	pid_t middle = fork();
	if (middle == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
		return;
	}
	waitpid(middle, NULL, 0);
	for (;;)
		pause();
}

static void read_actions(int argc, char **argv)
{
	for (int i = 3; i < argc; i++) {
		long number = i + 1 < argc ? strtol(argv[i + 1], NULL, 10) : 0;
		if (!strcmp(argv[i], "every"))
			every_ms = number, i++;
		else if (!strcmp(argv[i], "lines"))
			lines_most = number, i++;
		else if (!strcmp(argv[i], "dies"))
			dies_ms = number, i++;
		else if (!strcmp(argv[i], "stubborn"))
			signal(SIGTERM, SIG_IGN);
		else if (!strcmp(argv[i], "notify"))
			notifies = true;
		else if (!strcmp(argv[i], "forks"))
			forks = true;
		else if (!strcmp(argv[i], "twice"))
			twice = true;
		else
			_exit(2);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	name = argv[1];
	records = argv[2];
	read_actions(argc, argv);
	if (forks)
		leave_to_grandchild();
	if (!twice)
		be_the_only_one();
	begin_record();
	work();
}
