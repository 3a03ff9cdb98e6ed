/* rooms: base model probe */
/*
 * Any bytes as a datagram of a service to NOTIFY_SOCKET: what is understood was said in a line of its own,
 * and a status is a part of the datagram, of a bounded length.
 */
#include "fuzz.h"
#include "probe/notify.h"

static bool has_line(const char *bytes, size_t length, const char *wanted)
{
	size_t size = strlen(wanted);
	for (size_t at = 0; at + size <= length; at++)
		if (!memcmp(bytes + at, wanted, size) && (!at || bytes[at - 1] == '\n') &&
			(at + size == length || bytes[at + size] == '\n'))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	struct notify_message m;
	bool meaning = notify_parse(bytes, size, &m);
	MUST(meaning == (m.ready || m.stopping || m.reloading || m.status));
	MUST(m.ready == has_line(bytes, size, "READY=1"));
	MUST(m.stopping == has_line(bytes, size, "STOPPING=1"));
	MUST(m.reloading == has_line(bytes, size, "RELOADING=1"));
	if (m.status) {
		MUST(m.status >= bytes && m.status + m.status_length <= bytes + size);
		MUST(m.status_length <= NOTIFY_STATUS_MOST);
		MUST(!m.status_length || !memchr(m.status, '\n', m.status_length));
	}
	return 0;
}
