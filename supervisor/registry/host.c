#include "registry/host.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

enum { MACHINE_ID_LENGTH = 32, NAME_SIZE = 128 };

static void read_self(char out[HOST_SIZE])
{
	OWNED_TEXT id = {0};
	char name[NAME_SIZE] = "localhost";
	(void)gethostname(name, sizeof name - 1);
	bool has_id = file_read_proc("/etc/machine-id", &id) && id.length >= MACHINE_ID_LENGTH;
	snprintf(out, HOST_SIZE, "%.*s %s", has_id ? MACHINE_ID_LENGTH : NAME_SIZE,
		has_id ? text_string(&id) : name, name);
}

const char *host_self(void)
{
	static _Thread_local char self[HOST_SIZE];
	if (!self[0])
		read_self(self);
	return self;
}

bool host_is_self(const char *host)
{
	const char *self = host_self();
	size_t length = strcspn(self, " ");
	return !*host || (strcspn(host, " ") == length && !strncmp(host, self, length));
}

const char *host_name(const char *host)
{
	const char *space = strchr(host, ' ');
	return space ? space + 1 : host;
}
