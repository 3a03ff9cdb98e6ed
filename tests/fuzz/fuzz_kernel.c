/* rooms: base model registry listeners spawn */
/*
 * What the kernel says, and other programs through it: parts divided by lines "%%". The first is a line of
 * /proc/net/tcp or udp, the second a /proc/PID/cgroup, the third a command line, the fourth the name that a
 * process gives itself, and the rest a reply of sock_diag, which goes through a socket.
 */
#include <linux/netlink.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "listeners/container.h"
#include "listeners/process.h"
#include "listeners/sockets.h"
#include "listeners/sockets_proc.h"
#include "spawn/proc.h"

static void socket_lines(const char *line)
{
	char address[SOCKET_ADDRESS_SIZE];
	for (int way = 0; way < 4; way++) {
		struct socket_entry entry;
		if (!sockets_parse_proc_line(line, way & 1, way & 2, &entry))
			continue;
		MUST(entry.udp == !!(way & 2) && entry.v6 == !!(way & 1));
		MUST(*socket_address(&entry, address));
	}
}

static void groups(const char *text)
{
	OWNED_TEXT out = {0};
	text_add(&out, "as it was");
	MUST(container_of_groups(text, &out) || !strcmp(text_string(&out), "as it was"));
	text_clear(&out);
	text_add(&out, "as it was");
	MUST(service_of_groups(text, &out) || !strcmp(text_string(&out), "as it was"));
}

static void proxies(const char *command)
{
	OWNED_TEXT out = {0};
	uint16_t port;
	bool udp;
	if (container_of_proxy(command, &out, &port, &udp))
		MUST(text_string(&out)[0]);
}

/* A name may hold blanks, brackets and newlines: what stands behind it must still be found. */
static void process_names(const char *name)
{
	struct proc_stat stat;
	struct process process;
	char own[16];
	MUST(!prctl(PR_SET_NAME, name) && !prctl(PR_GET_NAME, own));
	MUST(proc_stat(getpid(), &stat) && process_read(getpid(), &process));
	MUST(stat.parent == getppid() && process.parent == getppid());
	MUST(stat.session == getsid(0) && process.session == getsid(0));
	MUST(stat.start == process.start_ticks && !process.is_dead);
}

static void replies(struct tape part)
{
	int ends[2];
	struct socket_list found = {0};
	struct error e = {0};
	const struct nlmsghdr done = {.nlmsg_len = sizeof done, .nlmsg_type = NLMSG_DONE};
	if (!part.left || part.left > 16 * 1024)
		return;
	MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
	MUST(send(ends[1], part.at, part.left, 0) == (ssize_t)part.left);
	MUST(send(ends[1], &done, sizeof done, 0) == sizeof done);
	struct sockets sockets = {.fd = ends[0]};
	if (!sockets_dump(&sockets, KIND_LISTEN, 1000, 2000, &found, &e))
		for (size_t i = 0; i < found.count; i++)
			MUST(found.items[i].port >= 1000 && found.items[i].port <= 2000);
	list_release(&found);
	sockets_release(&sockets);
	close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape tape = tape_of(data, size);
	void (*const readers[])(const char *) = {socket_lines, groups, proxies, process_names};
	for (int i = 0; i < 4; i++) {
		char *text = tape_string(tape_part(&tape));
		readers[i](text);
		free(text);
	}
	replies(tape);
	return 0;
}
