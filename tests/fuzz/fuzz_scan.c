/* rooms: base scan */
/*
 * Any bytes as a file of every format in turn: no crash, every finding lies in the file, reads as what it is said to be, and
 * none overlaps another. The first byte chooses the format, so that libFuzzer can stay with one.
 */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "scan/find.h"
#include "scan/formats.h"
#include "scan/ignore.h"

static const char *const names[] = {".env", "package.json", "compose.yml", "Dockerfile", "Procfile", ".mcp.json",
	"vite.config.ts", "angular.json", "supabase/config.toml", "fly.toml", "nginx.conf", "Caddyfile", "haproxy.cfg",
	"a.service", "a.yaml", "values.yaml", ".github/workflows/ci.yml", "main.tf", "Makefile", "a.sh", "stack.ini"};

static void check_value(const struct finding *f)
{
	unsigned char number[16];
	long port = f->kind == FINDING_PORT ? strtol(f->value, NULL, 10) : 1;
	if (port < 1 || port > UINT16_MAX || (f->kind == FINDING_PORT && port != f->port))
		abort();
	if (f->kind == FINDING_IPV4 && inet_pton(AF_INET, f->value, number) != 1)
		abort();
	if (f->kind == FINDING_IPV6 && inet_pton(AF_INET6, f->value, number) != 1)
		abort();
}

static void read_as(const char *name, const char *bytes, size_t length)
{
	struct find f = {.bytes = bytes, .length = length, .format = format_of(name), .arena = arena_new()};
	find_all(&f);
	size_t end = 0;
	for (size_t i = 0; i < f.count; i++) {
		const struct finding *finding = &f.found[i];
		if (finding->start < end || finding->end <= finding->start || finding->end > length)
			abort();
		if (strlen(finding->value) != finding->end - finding->start ||
			memcmp(finding->value, bytes + finding->start, strlen(finding->value)) != 0)
			abort();
		if (finding->line < 1 || finding->column < 1 || finding->confidence < 1 || finding->confidence > 100)
			abort();
		check_value(finding);
		end = finding->end;
	}
	arena_free(f.arena);
}

static void ignore(const char *bytes, size_t length)
{
	struct ignore *chain = ignore_new(NULL, "", (struct slice){bytes, bytes + length});
	ignore_has(chain, "src/a.b/c", false);
	ignore_release(chain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Files with a NUL are left to nobody (walk.h). */
	if (!size || memchr(data, '\0', size))
		return 0;
	const char *bytes = (const char *)data + 1;
	if (*data == '*') {
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			read_as(names[i], bytes, size - 1);
		ignore(bytes, size - 1);
	} else {
		read_as(names[*data % (sizeof names / sizeof *names)], bytes, size - 1);
	}
	return 0;
}
