#include "listeners/container.h"

#include <string.h>

#include "base/number.h"
#include "base/own.h"

enum { ID_DIGITS = 64, ID_SHOWN = 12 };

/* One part of a path: /a/b has the parts a and b. */
struct part {
	const char *at;
	size_t length;
};

static bool next_part(struct part *part)
{
	part->at += part->length;
	part->at += strspn(part->at, "/\n");
	part->length = strcspn(part->at, "/\n");
	return part->length > 0;
}

static bool is(const struct part *part, const char *word)
{
	return part->length == strlen(word) && !memcmp(part->at, word, part->length);
}

/* What stands between a beginning and an end of the part; false where it has not both. */
static bool between(const struct part *part, const char *begin, const char *end, struct text *out)
{
	size_t first = strlen(begin), last = strlen(end);
	if (part->length <= first + last || memcmp(part->at, begin, first) != 0 ||
		memcmp(part->at + part->length - last, end, last) != 0)
		return false;
	text_add_bytes(out, part->at + first, part->length - first - last);
	return true;
}

static bool ends_in(const struct part *part, const char *end)
{
	size_t length = strlen(end);
	return part->length >= length &&
		!memcmp(part->at + part->length - length, end, length);
}

/* docker-ID.scope, libpod-ID.scope, cri-containerd-ID.scope, crio-ID, and ID alone. */
static bool has_id(const struct part *part, struct text *out)
{
	for (size_t i = 0; i < part->length;) {
		size_t digits = strspn(part->at + i, "0123456789abcdef");
		if (digits == ID_DIGITS) {
			text_add_bytes(out, part->at + i, ID_SHOWN);
			return true;
		}
		i += digits ? digits : 1;
	}
	return false;
}

bool container_of_groups(const char *groups, struct text *out)
{
	struct part part = {.at = groups};
	bool lxc = false;
	while (next_part(&part)) {
		if (has_id(&part, out) || between(&part, "lxc.payload.", "", out) ||
			between(&part, "machine-", ".scope", out) ||
			between(&part, "systemd-nspawn@", ".service", out))
			return true;
		if (lxc) {
			text_add_bytes(out, part.at, part.length);
			return true;
		}
		lxc = is(&part, "lxc") || is(&part, "lxc.payload");
	}
	return false;
}

bool service_of_groups(const char *groups, struct text *out)
{
	struct part part = {.at = groups};
	bool system = false;
	while (next_part(&part)) {
		if (system && between(&part, "", ".service", out)) {
			text_add(out, ".service");
			return true;
		}
		/* Services can lie in slices of the slice. */
		system = is(&part, "system.slice") || (system && ends_in(&part, ".slice"));
	}
	return false;
}

/* The word after this option, ended by a blank; NULL when it is not there. */
static char *word_after(const char *command, const char *option)
{
	const char *at = strstr(command, option);
	if (!at)
		return NULL;
	at += strlen(option);
	return strndup(at, strcspn(at, " "));
}

bool container_of_proxy(const char *command, struct text *out, uint16_t *port, bool *udp)
{
	size_t program = strcspn(command, " ");
	const char *name = command + program;
	while (name > command && name[-1] != '/')
		name--;
	if (strncmp(name, "docker-proxy ", strlen("docker-proxy ")) != 0)
		return false;
	OWNED(char) protocol = word_after(command, " -proto ");
	OWNED(char) here = word_after(command, " -host-port ");
	OWNED(char) address = word_after(command, " -container-ip ");
	OWNED(char) there = word_after(command, " -container-port ");
	int64_t number;
	if (!here || !address || !there || !number_parse(here, 1, UINT16_MAX, &number))
		return false;
	*port = (uint16_t)number;
	*udp = protocol && !strcmp(protocol, "udp");
	bool six = strchr(address, ':') != NULL;
	text_addf(out, "%s%s%s:%s", six ? "[" : "", address, six ? "]" : "", there);
	return true;
}
