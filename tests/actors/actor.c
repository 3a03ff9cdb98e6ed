/* See actor.h: a table of actions, performed in the order of the command line. */
#include "actor.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static __attribute__((format(printf, 1, 2))) void say(const char *format, ...)
{
	char line[4096];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (n > 0)
		write_all(STDOUT_FILENO, line, (uint64_t)n < sizeof line ? (uint64_t)n : sizeof line - 1);
}

static long number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);
	switch (*end) {
	case 'K':
		return value << 10;
	case 'M':
		return value << 20;
	case 'G':
		return value << 30;
	default:
		return value;
	}
}

static long own_port(void)
{
	const char *port = getenv("PORT");
	if (!port) {
		fprintf(stderr, "actor: PORT is not set\n");
		_exit(97);
	}
	return number(port);
}

/* ---- what TERM does ---- */

static volatile sig_atomic_t term_words;
static volatile sig_atomic_t term_delay_ms = -1;
static volatile sig_atomic_t term_exit;

static void numbered_lines(long count)
{
	static char block[64 * 1024];
	size_t used = 0;
	for (long i = 1; i <= count; i++) {
		used += (size_t)snprintf(block + used, 32, "word %ld\n", i);
		if (used > sizeof block - 32 || i == count) {
			write_all(STDOUT_FILENO, block, used);
			used = 0;
		}
	}
}

static void on_term(int signal)
{
	static const char line[] = "actor: got a signal to stop\n";
	write_all(STDOUT_FILENO, line, sizeof line - 1);
	(void)signal;
	if (term_delay_ms > 0) {
		struct timespec left = {.tv_sec = term_delay_ms / 1000,
			.tv_nsec = (term_delay_ms % 1000) * 1000000L};
		while (nanosleep(&left, &left) < 0 && errno == EINTR)
			continue;
	}
	if (term_words > 0)
		numbered_lines(term_words);
	_exit((int)term_exit);
}

static void handle_stop_signals(void)
{
	struct sigaction action = {.sa_handler = on_term};
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

/* ---- actions ---- */

static void do_listen(struct actor *actor, char **args)
{
	(void)args;
	serve_listen(actor, own_port());
}

static void do_port(struct actor *actor, char **args)
{
	serve_listen(actor, number(args[0]));
}

static void do_listen_fd(struct actor *actor, char **args)
{
	(void)args;
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	if (!count || !pid || number(pid) != getpid()) {
		fprintf(stderr, "actor: no socket was passed to this process\n");
		_exit(96);
	}
	for (int i = 0; i < number(count); i++)
		serve_adopt(actor, 3 + i);
}

static void do_wait(struct actor *actor, char **args)
{
	serve(actor, number(args[0]), NULL);
}

static void do_ready_after(struct actor *actor, char **args)
{
	serve(actor, number(args[0]), NULL);
	serve_listen(actor, own_port());
}

static void do_crash_after(struct actor *actor, char **args)
{
	serve(actor, number(args[0]), NULL);
	_exit(1);
}

static void do_wait_file(struct actor *actor, char **args)
{
	serve(actor, -1, args[0]);
}

static void do_exit(struct actor *actor, char **args)
{
	(void)actor;
	_exit((int)number(args[0]));
}

static void do_fail_first(struct actor *actor, char **args)
{
	(void)actor;
	int fd = open(args[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	struct stat now;
	if (fd < 0 || fstat(fd, &now) < 0)
		_exit(95);
	if (now.st_size >= number(args[0])) {
		close(fd);
		return;
	}
	write_all(fd, ".", 1);
	_exit(1);
}

static void do_bind(struct actor *actor, char **args)
{
	actor->address = args[0];
}

static void do_no_reuse(struct actor *actor, char **args)
{
	(void)args;
	actor->plain_bind = 1;
}

static void do_http_status(struct actor *actor, char **args)
{
	actor->status = (int)number(args[0]);
}

static void do_http_delay(struct actor *actor, char **args)
{
	actor->delay_ms = number(args[0]);
}

static void do_http_body(struct actor *actor, char **args)
{
	actor->body = args[0];
}

static void do_healthy_while(struct actor *actor, char **args)
{
	actor->health_file = args[0];
}

static void do_ignore_term(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

static void do_term_delay(struct actor *actor, char **args)
{
	(void)actor;
	term_delay_ms = (sig_atomic_t)number(args[0]);
	handle_stop_signals();
}

static void do_graceful(struct actor *actor, char **args)
{
	(void)args;
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	handle_stop_signals();
	actor->graceful = 1;
}

static void do_words_on_term(struct actor *actor, char **args)
{
	(void)actor;
	term_words = (sig_atomic_t)number(args[0]);
	handle_stop_signals();
}

static void do_exit_on_term(struct actor *actor, char **args)
{
	(void)actor;
	term_exit = (sig_atomic_t)number(args[0]);
	handle_stop_signals();
}

static _Noreturn void linger(const char *what)
{
	say("%s %d\n", what, (int)getpid());
	for (;;)
		pause();
}

static void do_child(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	if (fork() == 0)
		linger("child");
}

static void do_setsid_child(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	if (fork() == 0) {
		setsid();
		linger("setsid-child");
	}
}

/* The middle process is reaped here, so the grandchild belongs to the nearest subreaper. */
static void do_double_fork(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	pid_t middle = fork();
	if (middle == 0) {
		setsid();
		if (fork() == 0)
			linger("grandchild");
		_exit(0);
	}
	waitpid(middle, NULL, 0);
}

static void do_fork_bomb(struct actor *actor, char **args)
{
	(void)actor;
	for (long i = 0; i < number(args[0]); i++)
		if (fork() == 0) {
			setsid();
			for (;;)
				pause();
		}
	say("forked %ld\n", number(args[0]));
}

static void do_orphans(struct actor *actor, char **args)
{
	(void)actor;
	for (long i = 0; i < number(args[0]); i++) {
		pid_t middle = fork();
		if (middle == 0) {
			if (fork() == 0)
				_exit(0);
			_exit(0);
		}
		if (middle > 0)
			waitpid(middle, NULL, 0);
	}
	say("orphaned %ld\n", number(args[0]));
}

static void do_stop_self(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	raise(SIGSTOP);
}

static int signal_number(const char *name)
{
	if (isdigit((unsigned char)name[0]))
		return (int)number(name);
	for (int i = 1; i < 32; i++) {
		const char *known = sigabbrev_np(i);
		if (known && strcmp(known, name) == 0)
			return i;
	}
	_exit(94);
}

static void do_raise(struct actor *actor, char **args)
{
	(void)actor;
	raise(signal_number(args[0]));
}

static void do_say(struct actor *actor, char **args)
{
	(void)actor;
	say("%s\n", args[0]);
}

static void do_err(struct actor *actor, char **args)
{
	(void)actor;
	write_all(STDERR_FILENO, args[0], strlen(args[0]));
	write_all(STDERR_FILENO, "\n", 1);
}

static void do_partial(struct actor *actor, char **args)
{
	(void)actor;
	say("%s", args[0]);
}

static void do_lines(struct actor *actor, char **args)
{
	(void)actor;
	for (long i = 1; i <= number(args[0]); i++)
		say("line %ld\n", i);
}

static void do_last_words(struct actor *actor, char **args)
{
	(void)actor;
	numbered_lines(number(args[0]));
	_exit(0);
}

static void do_flood(struct actor *actor, char **args)
{
	(void)actor;
	static char block[64 * 1024];
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = i % 64 == 63 ? '\n' : (char)('a' + i % 26);
	if (strcmp(args[0], "forever") == 0)
		for (;;)
			write_all(STDOUT_FILENO, block, sizeof block);
	for (long left = number(args[0]); left > 0; left -= (long)sizeof block)
		write_all(STDOUT_FILENO, block,
			left < (long)sizeof block ? (uint64_t)left : sizeof block);
}

static void do_no_newline(struct actor *actor, char **args)
{
	(void)actor;
	static char block[1 << 20];
	memset(block, 'x', sizeof block);
	for (long left = number(args[0]); left > 0; left -= (long)sizeof block)
		write_all(STDOUT_FILENO, block,
			left < (long)sizeof block ? (uint64_t)left : sizeof block);
}

static void do_binary(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	char bytes[512];
	for (int i = 0; i < 512; i++)
		bytes[i] = (char)(i / 2);
	write_all(STDOUT_FILENO, bytes, sizeof bytes);
	write_all(STDOUT_FILENO, "\n\xff\xfe\xc0\xaf invalid\n", 13);
}

/* Each would do something to a terminal: clipboard, title, link, question, DCS, C1 raw and UTF-8. */
static void do_escape_sequences(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	static const char text[] = "esc-begin\n"
		"\033]52;c;ZXZpbA==\007osc52\n"
		"\033]0;title\007osc0\n"
		"\033]8;;http://evil.example\033\\link\033]8;;\033\\osc8\n"
		"\033[6ncsi6n\033[2Jclear\033[21ttitle\n"
		"\033P1$r0m\033\\dcs\n"
		"\2332Jc1raw\302\2332Jc1utf8\n"
		"over\rwritten\n"
		"\033[31mred\033[0m \033[1;32mgreen\n"
		"bidi\342\200\256override\n"
		"esc-end\n";
	write_all(STDOUT_FILENO, text, sizeof text - 1);
}

static void do_close_stdout(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
}

static void notify(const char *text, size_t length)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	if (!path || strlen(path) >= sizeof at.sun_path) {
		fprintf(stderr, "actor: NOTIFY_SOCKET is not usable\n");
		_exit(93);
	}
	memcpy(at.sun_path, path, strlen(path));
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		at.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sendto(fd, text, length, 0, (struct sockaddr *)&at, size) < 0)
		fprintf(stderr, "actor: notify: %s\n", strerror(errno));
	close(fd);
}

static void do_notify(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	notify("READY=1", 7);
}

static void do_notify_text(struct actor *actor, char **args)
{
	(void)actor;
	notify(args[0], strlen(args[0]));
}

static void do_dump_fds(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	DIR *dir = opendir("/proc/self/fd");
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		long fd = strtol(entry->d_name, NULL, 10);
		if (entry->d_name[0] == '.' || fd == dirfd(dir))
			continue;
		char path[300], target[300] = "";
		snprintf(path, sizeof path, "/proc/self/fd/%ld", fd);
		ssize_t n = readlink(path, target, sizeof target - 1);
		say("fd %ld %s\n", fd, n > 0 ? target : "?");
	}
	if (dir)
		closedir(dir);
}

static void do_dump_signals(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	FILE *file = fopen("/proc/self/status", "re");
	char line[512];
	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, "Sig", 3) == 0)
			say("%s", line);
	if (file)
		fclose(file);
}

static void do_dump_env(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	for (char **entry = environ; *entry; entry++)
		say("env %s\n", *entry);
}

static void do_dump_process(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	char here[4096];
	mode_t mask = umask(0);
	umask(mask);
	int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	say("process pid=%d ppid=%d pgid=%d sid=%d uid=%d umask=%03o tty=%s stdin-tty=%d cwd=%s\n",
		(int)getpid(), (int)getppid(), (int)getpgid(0), (int)getsid(0), (int)getuid(),
		(unsigned)mask, terminal >= 0 ? "yes" : "no", isatty(STDIN_FILENO),
		getcwd(here, sizeof here) ? here : "?");
	if (terminal >= 0)
		close(terminal);
}

static void do_dump_size(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	struct winsize size = {0};
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		say("size %dx%d\n", size.ws_col, size.ws_row);
	else
		say("no terminal\n");
}

static void do_arg(struct actor *actor, char **args)
{
	(void)actor;
	say("arg %zu <%s>\n", strlen(args[0]), args[0]);
}

static void do_write_file(struct actor *actor, char **args)
{
	(void)actor;
	int fd = open(args[0], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		_exit(92);
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	char line[1024];
	int n = snprintf(line, sizeof line, "%s %d %lld.%09ld\n", args[1], (int)getpid(),
		(long long)now.tv_sec, now.tv_nsec);
	write_all(fd, line, (uint64_t)n);
	close(fd);
}

static void do_read_stdin(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	char bytes[4096];
	size_t total = 0;
	for (ssize_t n; (n = read(STDIN_FILENO, bytes, sizeof bytes)) > 0;)
		total += (size_t)n;
	say("stdin ended after %zu bytes\n", total);
}

static void do_echo(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	char line[4096];
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\r\n")] = '\0';
		say("echo <%s>\n", line);
	}
}

static const char *const *rest_of_script;

static void do_clear_env(struct actor *actor, char **args)
{
	(void)args;
	static char *none[] = {NULL};
	char **rest = (char **)(uintptr_t)rest_of_script;
	rest[-1] = (char *)(uintptr_t)actor->path;
	execve(actor->path, rest - 1, none);
	_exit(91);
}

/* The strings lie one after the other above the stack; getenv() finds nothing afterwards. */
static void do_overwrite_env(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	static char *none[] = {NULL};
	char *first = environ[0], *end = first;
	for (char **entry = environ; *entry == end; entry++)
		end += strlen(*entry) + 1;
	memset(first, ' ', (size_t)(end - first));
	environ = none;
}

static void do_help(struct actor *actor, char **args);

static const struct action {
	const char *name;
	int words; /* that follow it */
	void (*perform)(struct actor *actor, char **args);
	const char *summary;
} actions[] = {
	{"--arg", 1, do_arg, "prints the word and its length"},
	{"--binary", 0, do_binary, "every byte twice, and invalid UTF-8"},
	{"--bind", 1, do_bind, "address for what listens later (127.0.0.1)"},
	{"--child", 0, do_child, "a child in the same group that stays"},
	{"--clear-env", 0, do_clear_env, "goes on without any environment"},
	{"--close-stdout", 0, do_close_stdout, "closes standard output and error"},
	{"--crash-after", 1, do_crash_after, "exits with 1 after MS"},
	{"--double-fork", 0, do_double_fork, "a daemonised grandchild that stays"},
	{"--dump-env", 0, do_dump_env, "prints its environment"},
	{"--dump-fds", 0, do_dump_fds, "prints its descriptors"},
	{"--dump-process", 0, do_dump_process, "prints pid, session, user, mask, directory"},
	{"--dump-signals", 0, do_dump_signals, "prints blocked and ignored signals"},
	{"--dump-size", 0, do_dump_size, "prints the size of its terminal"},
	{"--echo", 0, do_echo, "answers every line of standard input"},
	{"--err", 1, do_err, "prints to standard error"},
	{"--escape-sequences", 0, do_escape_sequences, "prints what must not reach a terminal"},
	{"--exit", 1, do_exit, "exits with CODE"},
	{"--exit-on-term", 1, do_exit_on_term, "exits with CODE when asked to stop"},
	{"--fail-first", 2, do_fail_first, "N FILE: exits with 1 the first N times"},
	{"--flood", 1, do_flood, "BYTES (or forever) of 64-byte lines"},
	{"--fork-bomb", 1, do_fork_bomb, "N children, each in a session of its own"},
	{"--graceful", 0, do_graceful, "TERM ends it between two requests, not within one"},
	{"--healthy-while", 1, do_healthy_while, "answers 503 where FILE does not exist"},
	{"--help", 0, do_help, "prints this"},
	{"--http-body", 1, do_http_body, "answers TEXT"},
	{"--http-delay", 1, do_http_delay, "answers after MS"},
	{"--http-status", 1, do_http_status, "answers with STATUS"},
	{"--ignore-term", 0, do_ignore_term, "ignores TERM, INT and HUP"},
	{"--last-words", 1, do_last_words, "prints N lines and exits with 0"},
	{"--lines", 1, do_lines, "prints N lines, a write each"},
	{"--listen", 0, do_listen, "listens on $PORT"},
	{"--listen-fd", 0, do_listen_fd, "serves the sockets of LISTEN_FDS"},
	{"--no-newline", 1, do_no_newline, "BYTES without a newline"},
	{"--no-reuse", 0, do_no_reuse, "what listens later does not set SO_REUSEADDR"},
	{"--notify", 0, do_notify, "sd_notify READY=1"},
	{"--notify-text", 1, do_notify_text, "sends TEXT to the notify socket"},
	{"--orphans", 1, do_orphans, "N orphans that exit at once"},
	{"--overwrite-env", 0, do_overwrite_env, "writes a title over its environment, as redis does"},
	{"--partial", 1, do_partial, "prints TEXT without a newline"},
	{"--port", 1, do_port, "listens on PORT"},
	{"--raise", 1, do_raise, "raises SIGNAL (KILL, SEGV, 9)"},
	{"--read-stdin", 0, do_read_stdin, "reads standard input to its end"},
	{"--ready-after", 1, do_ready_after, "listens on $PORT after MS"},
	{"--resume-by-guardian", 0, do_ignore_term, "a supervisor that never takes over"},
	{"--say", 1, do_say, "prints TEXT"},
	{"--setsid-child", 0, do_setsid_child, "a child in a session of its own that stays"},
	{"--stop-self", 0, do_stop_self, "raises SIGSTOP"},
	{"--term-delay", 1, do_term_delay, "needs MS to stop"},
	{"--wait", 1, do_wait, "serves for MS"},
	{"--wait-file", 1, do_wait_file, "serves until FILE exists"},
	{"--words-on-term", 1, do_words_on_term, "prints N lines when asked to stop"},
	{"--write-file", 2, do_write_file, "FILE WORD: appends WORD, pid and time"},
	{"--wrong-port", 1, do_port, "listens on PORT instead of its own"},
};

static void do_help(struct actor *actor, char **args)
{
	(void)actor, (void)args;
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
		say("%-20s %s\n", actions[i].name, actions[i].summary);
	_exit(0);
}

static const struct action *action_named(const char *name)
{
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

int main(int argc, char **argv)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	struct actor actor = {.path = n > 0 ? path : argv[0], .status = 200};
	signal(SIGCHLD, SIG_DFL);
	for (int i = 1; i < argc;) {
		const struct action *action = action_named(argv[i]);
		if (!action || i + action->words >= argc) {
			fprintf(stderr, "actor: what is '%s'?\n", argv[i]);
			return 2;
		}
		char **args = argv + i + 1;
		i += 1 + action->words;
		rest_of_script = (const char *const *)(argv + i);
		action->perform(&actor, args);
	}
	serve(&actor, -1, NULL);
}
