/* rooms: base model stackfile adopt */
/*
 * Any bytes as a compose file: no crash, no endless walk through aliases, and what comes out is text that the
 * reader of stack files takes in whole lines.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "adopt/compose.h"
#include "stackfile/document.h"

static void check_written(struct sheet *sheet)
{
	struct complaints complaints = {0};
	OWNED_TEXT out = {0};
	sheet_write(sheet, &out);
	if (strlen(text_string(&out)) != out.length)
		abort();
	struct document *document =
		document_parse(text_string(&out), out.length, "stack.ini", "/", &complaints);
	document_free(document);
	complaints_release(&complaints);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const environment[] = {"A=1", "B=", NULL};
	int fd = memfd_create("compose", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	const char *const files[] = {path};
	struct complaints complaints = {0};
	struct sheet sheet;
	struct error e = {0};
	sheet_init(&sheet, arena_new(), &complaints);
	const struct compose_request request = {
		.sheet = &sheet, .files = files, .file_count = 1, .base = "/nowhere", .environment = environment};
	if (adopt_compose(&request, &e) && !*e.text)
		abort();
	check_written(&sheet);
	complaints_release(&complaints);
	arena_free(sheet.arena);
	close(fd);
	return 0;
}
