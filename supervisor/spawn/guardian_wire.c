#include "spawn/guardian_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* See cmsg(3). */
union control {
	char bytes[CMSG_SPACE(GUARDIAN_FDS_MOST * sizeof(int))];
	struct cmsghdr align;
};

int guardian_send(int socket, const struct guardian_message *message, const int *fds, size_t count)
{
	union control control = {0};
	struct guardian_message copy = *message;
	struct iovec bytes = {&copy, sizeof copy};
	struct msghdr all = {.msg_iov = &bytes, .msg_iovlen = 1};
	if (count) {
		all.msg_control = control.bytes;
		all.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *header = CMSG_FIRSTHDR(&all);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	ssize_t sent;
	do
		sent = sendmsg(socket, &all, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -1 : 0;
}

static size_t received_fds(struct msghdr *message, int *fds)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return 0;
	size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(header), count * sizeof(int));
	return count;
}

int guardian_receive(int socket, struct guardian_message *message, int *fds, size_t *count)
{
	union control control;
	struct iovec bytes = {message, sizeof *message};
	struct msghdr all = {.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes};
	ssize_t got;
	do
		got = recvmsg(socket, &all, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	*count = got > 0 ? received_fds(&all, fds) : 0;
	/* Of another size: of no word that we know. */
	if (got > 0 && got != (ssize_t)sizeof *message)
		message->word = 0;
	return got > 0 ? 1 : (int)got;
}
