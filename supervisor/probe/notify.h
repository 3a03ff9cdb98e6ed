/*
 * notify.h - the socket behind NOTIFY_SOCKET: services say READY=1 with sd_notify(3).
 *
 * One unix datagram socket for all services of an instance. The kernel adds the sender's pid
 * (SO_PASSCRED), the daemon knows whose tree that is. Each datagram is told before the next one is
 * received, so a short-lived sender that waits with BARRIER=1, as systemd-notify does, still exists
 * while it is looked up.
 *
 * Of the protocol READY, STOPPING, RELOADING and STATUS mean something here; MAINPID, WATCHDOG,
 * FDSTORE and whatever else is ignored, as are datagrams past 4096 bytes (systemd's limit, too) and
 * garbage.
 * Descriptors that come along are closed by the kernel on receipt: there is no room for them.
 */
#ifndef PROBE_NOTIFY_H
#define PROBE_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

struct ev_loop;
struct notify;

enum { NOTIFY_MESSAGE_MOST = 4096, NOTIFY_STATUS_MOST = 512 };

struct notify_message {
	bool ready;     /* READY=1 */
	bool stopping;  /* STOPPING=1 */
	bool reloading; /* RELOADING=1: READY=1 follows when it is done */
	const char
		*status; /* last STATUS=, NULL where none; as sent, so escape it before showing */
	size_t status_length; /* at most NOTIFY_STATUS_MOST */
};

struct notify_hooks {
	void *self;
	/* Only messages that mean something. The message lives until the hook returns. */
	void (*on_message)(void *self, pid_t sender, const struct notify_message *message);
};

/*
 * Binds `path` (replacing a socket that is there), mode 0600. Services get the path in
 * NOTIFY_SOCKET, so it must fit into 107 bytes; longer ones fail. Hooks are copied.
 */
struct notify *notify_new(
	struct ev_loop *loop, const char *path, const struct notify_hooks *hooks, struct error *e);
/*
 * The same with the socket of the supervisor before this one, and what was sent to it meanwhile. Takes fd;
 * -1: one is made.
 */
struct notify *notify_new_on(struct ev_loop *loop, int fd, const char *path,
	const struct notify_hooks *hooks, struct error *e);
int notify_socket(const struct notify *notify);
/* Closes and removes the socket. */
void notify_free(struct notify *notify);

/*
 * Reads one datagram; false when nothing in it means anything. `status` points into bytes. Lines
 * without '=' and lines with a NUL are skipped.
 */
bool notify_parse(const char *bytes, size_t length, struct notify_message *message);

#endif
