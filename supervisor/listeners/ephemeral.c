#include "listeners/ephemeral.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "base/text.h"

#define SYSCTLS "/proc/sys/net/ipv4/"

/* "1234,40000-40010": commas between single ports and ranges. */
static void read_reserved(struct ephemeral *out, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, ",\n");
		char item[16] = "";
		uint16_t low, high;
		if (length && length < sizeof item) {
			memcpy(item, text, length);
			if (number_port_range(item, &low, &high))
				memset(out->reserved + low, true, (size_t)high - low + 1);
		}
		text += length;
		text += strspn(text, ",\n");
	}
}

void ephemeral_read(struct ephemeral *out)
{
	OWNED_TEXT range = {0}, reserved = {0};
	unsigned low, high;
	*out = (struct ephemeral){.low = 32768, .high = 60999};
	bool known = file_read_proc(SYSCTLS "ip_local_port_range", &range) &&
		sscanf(text_string(&range), "%u %u", &low, &high) == 2; /* NOLINT(cert-err34-c) */
	if (known && low && low <= high && high <= UINT16_MAX) {
		out->low = (uint16_t)low;
		out->high = (uint16_t)high;
	}
	if (file_read_proc(SYSCTLS "ip_local_reserved_ports", &reserved))
		read_reserved(out, text_string(&reserved));
}

bool ephemeral_has(const struct ephemeral *e, uint16_t port)
{
	return port >= e->low && port <= e->high && !e->reserved[port];
}
