#include "probe/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/own.h"
#include "loop/io_watch.h"

/* A turn of the loop receives this many; the rest waits for the next. */
enum { MESSAGES_A_TURN = 64 };

struct notify {
	struct notify_hooks hooks;
	struct io_watch watch;
	int fd;     /* owns */
	char *path; /* owns */
};

static bool is_line(const char *line, size_t length, const char *wanted)
{
	return length == strlen(wanted) && !memcmp(line, wanted, length);
}

static bool parse_line(const char *line, size_t length, struct notify_message *m)
{
	static const char status[] = "STATUS=";
	size_t key = sizeof status - 1;
	if (memchr(line, '\0', length))
		return false;
	if (is_line(line, length, "READY=1")) {
		m->ready = true;
	} else if (is_line(line, length, "STOPPING=1")) {
		m->stopping = true;
	} else if (is_line(line, length, "RELOADING=1")) {
		m->reloading = true;
	} else if (length >= key && !memcmp(line, status, key)) {
		m->status = line + key;
		m->status_length =
			length - key < NOTIFY_STATUS_MOST ? length - key : NOTIFY_STATUS_MOST;
	} else {
		return false;
	}
	return true;
}

bool notify_parse(const char *bytes, size_t length, struct notify_message *message)
{
	bool meaning = false;
	*message = (struct notify_message){0};
	while (length > 0) {
		const char *newline = memchr(bytes, '\n', length);
		size_t line = newline ? (size_t)(newline - bytes) : length;
		meaning |= parse_line(bytes, line, message);
		size_t used = newline ? line + 1 : line;
		bytes += used;
		length -= used;
	}
	return meaning;
}

static pid_t sender_of(struct msghdr *header)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(header);
	if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_CREDENTIALS)
		return 0;
	struct ucred sender;
	memcpy(&sender, CMSG_DATA(control), sizeof sender);
	return sender.pid;
}

/* False when the socket is empty. */
static bool receive_one(struct notify *notify)
{
	char bytes[NOTIFY_MESSAGE_MOST];
	/* Credentials and nothing else: descriptors find no room, so the kernel closes them. */
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec into = {.iov_base = bytes, .iov_len = sizeof bytes};
	struct msghdr header = {.msg_iov = &into,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};
	struct notify_message message;
	ssize_t n = recvmsg(notify->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EINTR;
	pid_t sender = sender_of(&header);
	/* Cut ones are not believed, and a sender in another pid namespace has no pid here. */
	if (sender > 0 && !(header.msg_flags & MSG_TRUNC) &&
		notify_parse(bytes, (size_t)n, &message))
		notify->hooks.on_message(notify->hooks.self, sender, &message);
	return true;
}

static void on_datagram(struct io_watch *watch, int events)
{
	(void)events;
	struct notify *notify = watch->owner;
	for (int i = 0; i < MESSAGES_A_TURN; i++)
		if (!receive_one(notify))
			return;
}

static int remove_old(const char *path, struct error *e)
{
	struct stat was;
	if (lstat(path, &was))
		return errno == ENOENT ? 0 : fail_errno(e, EXIT_FAILED, "%s", path);
	if (!S_ISSOCK(was.st_mode))
		return fail(e, EXIT_FAILED, "%s is in the way: it is not a socket", path);
	return unlink(path) ? fail_errno(e, EXIT_FAILED, "removing %s", path) : 0;
}

static int bind_private(int fd, const char *path, struct error *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	if (path[0] != '/' || length >= sizeof address.sun_path) {
		fail(e, EXIT_FAILED, "the notify socket's path '%s' cannot be used", path);
		error_hint(e,
			"it must be absolute and at most %zu bytes long; set XDG_RUNTIME_DIR "
			"or STACKUP_HOME to a shorter directory",
			sizeof address.sun_path - 1);
		return -1;
	}
	memcpy(address.sun_path, path, length + 1);
	if (remove_old(path, e))
		return -1;
	/* The descriptor's mode becomes that of the socket file: not open for a moment. */
	if (fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&address, sizeof address))
		return fail_errno(e, EXIT_FAILED, "binding the notify socket %s", path);
	return 0;
}

static int open_socket(const char *path, struct error *e)
{
	int on = 1;
	OWNED_FD fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on))
		return fail_errno(e, EXIT_FAILED, "making the notify socket");
	if (bind_private(fd, path, e))
		return -1;
	return take_fd(&fd);
}

int notify_socket(const struct notify *notify)
{
	return notify->fd;
}

struct notify *notify_new(
	struct ev_loop *loop, const char *path, const struct notify_hooks *hooks, struct error *e)
{
	return notify_new_on(loop, -1, path, hooks, e);
}

struct notify *notify_new_on(struct ev_loop *loop, int fd, const char *path,
	const struct notify_hooks *hooks, struct error *e)
{
	struct notify *notify = calloc(1, sizeof *notify);
	char *copy = strdup(path);
	bool memory = notify && copy;
	if (!memory)
		fail(e, EXIT_FAILED, "no memory for the notify socket");
	else if (fd < 0)
		fd = open_socket(path, e);
	if (!memory || fd < 0) {
		if (fd >= 0)
			close(fd);
		free(notify);
		free(copy);
		return NULL;
	}
	notify->hooks = *hooks;
	notify->fd = fd;
	notify->path = copy;
	io_watch_init(&notify->watch, loop, fd, EV_READ, on_datagram, notify);
	io_watch_start(&notify->watch);
	return notify;
}

void notify_free(struct notify *notify)
{
	if (!notify)
		return;
	io_watch_stop(&notify->watch);
	close(notify->fd);
	unlink(notify->path);
	free(notify->path);
	free(notify);
}
