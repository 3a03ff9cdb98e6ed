#include "listeners/sockets_proc.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* Words of 32 bits as the machine stores them, each printed as one hexadecimal number. */
static const char *parse_address(const char *at, bool v6, uint8_t *address)
{
	for (int i = 0; i < (v6 ? 4 : 1); i++) {
		char word[9];
		if (strnlen(at, 8) < 8)
			return NULL;
		memcpy(word, at, 8);
		word[8] = '\0';
		char *end;
		uint32_t value = (uint32_t)strtoul(word, &end, 16);
		if (*end)
			return NULL;
		memcpy(address + (size_t)i * 4, &value, 4);
		at += 8;
	}
	return *at == ':' ? at + 1 : NULL;
}

static const char *parse_hex(const char *at, unsigned long *value)
{
	char *end;
	*value = strtoul(at, &end, 16);
	return end == at ? NULL : end;
}

static const char *next_word(const char *at)
{
	while (*at && *at != ' ')
		at++;
	while (*at == ' ')
		at++;
	return at;
}

static enum socket_state state_of(unsigned long state, bool udp)
{
	if (udp)
		return state == TCP_ESTABLISHED ? SOCKET_CONNECTED : SOCKET_UDP;
	return state == TCP_LISTEN ? SOCKET_LISTEN
		: state == TCP_TIME_WAIT ? SOCKET_TIME_WAIT : SOCKET_CONNECTED;
}

/* "sl local:port remote:port st tx:rx tr:when retrnsmt uid timeout inode ..."; see proc(5). */
bool sockets_parse_proc_line(const char *line, bool v6, bool udp, struct socket_entry *entry)
{
	unsigned long port, peer_port, state;
	*entry = (struct socket_entry){.v6 = v6, .udp = udp};
	const char *at = strchr(line, ':');
	at = at ? parse_address(next_word(at), v6, entry->address) : NULL;
	at = at ? parse_hex(at, &port) : NULL;
	at = at ? parse_address(next_word(at), v6, entry->peer) : NULL;
	at = at ? parse_hex(at, &peer_port) : NULL;
	at = at ? parse_hex(next_word(at), &state) : NULL;
	if (!at)
		return false;
	at = next_word(next_word(next_word(next_word(at))));
	entry->uid = (uid_t)strtoul(at, NULL, 10);
	entry->inode = strtoul(next_word(next_word(at)), NULL, 10);
	entry->port = (uint16_t)port;
	entry->peer_port = (uint16_t)peer_port;
	entry->state = state_of(state, udp);
	return true;
}

static int read_table(const char *path, bool v6, bool udp, struct socket_list *out,
	struct error *e)
{
	OWNED_TEXT table = {0};
	if (!file_read_proc(path, &table))
		return v6 ? 0 : fail_errno(e, EXIT_FAILED, "cannot read %s", path);
	char *rest = table.data;
	for (char *line; (line = strsep(&rest, "\n"));) {
		struct socket_entry entry;
		if (sockets_parse_proc_line(line, v6, udp, &entry) && !list_push(out, entry))
			return fail(e, EXIT_FAILED, "out of memory");
	}
	return 0;
}

int sockets_read_proc(bool udp, struct socket_list *out, struct error *e)
{
	if (read_table(udp ? "/proc/net/udp" : "/proc/net/tcp", false, udp, out, e))
		return -1;
	return read_table(udp ? "/proc/net/udp6" : "/proc/net/tcp6", true, udp, out, e);
}
