#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What error.h puts around them for analysers. */
#undef fail
#undef fail_errno
#undef fail_while

const char *exit_code_word(int code)
{
	switch (code) {
#define X(name, number, word)                                                                      \
	case number:                                                                               \
		return word;
		EXIT_CODES(X)
#undef X
	default:
		return "failed";
	}
}

static __attribute__((format(printf, 4, 0))) void set(struct error *e, int code, int number,
	const char *format, va_list args)
{
	e->code = code;
	e->number = number;
	e->hint[0] = '\0';
	vsnprintf(e->text, sizeof e->text, format, args);
}

int fail(struct error *e, int code, const char *format, ...)
{
	if (e) {
		va_list args;
		va_start(args, format);
		set(e, code, 0, format, args);
		va_end(args);
	}
	return -1;
}

int fail_errno(struct error *e, int code, const char *format, ...)
{
	int number = errno;
	if (e) {
		va_list args;
		va_start(args, format);
		set(e, code, number, format, args);
		va_end(args);
		size_t used = strlen(e->text);
		snprintf(e->text + used, sizeof e->text - used, ": %s", strerror(number));
	}
	return -1;
}

int fail_while(struct error *e, const char *format, ...)
{
	if (e) {
		char was[ERROR_TEXT_SIZE];
		memcpy(was, e->text, sizeof was);
		va_list args;
		va_start(args, format);
		vsnprintf(e->text, sizeof e->text, format, args);
		va_end(args);
		size_t used = strlen(e->text);
		snprintf(e->text + used, sizeof e->text - used, ": %s", was);
	}
	return -1;
}

void error_hint(struct error *e, const char *format, ...)
{
	if (!e)
		return;
	va_list args;
	va_start(args, format);
	vsnprintf(e->hint, sizeof e->hint, format, args);
	va_end(args);
}

void bug_at(const char *file, int line, const char *format, ...)
{
	va_list args;
	fprintf(stderr, "stackup: bug at %s:%d: ", file, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}
