/*
 * error.h - what went wrong, as one sentence and an exit code.
 *
 * A function that can fail returns int (0 or -1) or a pointer (or NULL) and takes `struct error *e`
 * last. Success leaves *e untouched; failure fills it. It is passed by value: nothing to free. Each
 * layer adds what it was doing in front, and the top prints the whole once:
 *
 *	starting service 'db': port 5432: Address already in use
 *
 * The hint is the fix, a sentence of its own, empty where there is none.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stddef.h>

/* Exit codes are part of the contract with users, the words are the stable "code" of JSON errors. */
#define EXIT_CODES(X)                                                                              \
	X(EXIT_DONE, 0, "done")                                                                    \
	X(EXIT_FAILED, 1, "failed")                                                                \
	X(EXIT_USAGE, 2, "usage")                                                                  \
	X(EXIT_NOT_AS_WANTED, 3, "not_as_wanted")                                                  \
	X(EXIT_NOT_FOUND, 4, "not_found")                                                          \
	X(EXIT_CONFLICT, 5, "port_conflict")                                                       \
	X(EXIT_NOT_READY, 6, "not_ready")                                                          \
	X(EXIT_REGISTRY, 7, "registry_unavailable")                                                \
	X(EXIT_BAD_FILE, 78, "bad_stack_file")                                                     \
	X(EXIT_TIMED_OUT, 124, "timed_out")                                                        \
	X(EXIT_NOT_EXECUTABLE, 126, "not_executable")                                              \
	X(EXIT_NO_COMMAND, 127, "command_not_found")                                               \
	X(EXIT_INTERRUPTED, 130, "interrupted")                                                    \
	X(EXIT_TERMINATED, 143, "terminated")

enum exit_code {
#define X(name, number, word) name = number,
	EXIT_CODES(X)
#undef X
};

/* "port_conflict" for EXIT_CONFLICT; "failed" for a number that is not in the table. */
const char *exit_code_word(int code);

enum { ERROR_TEXT_SIZE = 1024, ERROR_HINT_SIZE = 512 };

struct error {
	int code; /* enum exit_code: what the process should exit with */
	int number; /* errno of the call that failed, 0 where none */
	char text[ERROR_TEXT_SIZE];
	char hint[ERROR_HINT_SIZE];
};

/* All three return -1, so that `return fail(...)` reads well. NULL for e is allowed. */
int fail(struct error *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Appends ": " and the text of errno, and keeps errno in e->number. */
int fail_errno(struct error *e, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Puts what the caller was doing in front of an error that is already there. */
int fail_while(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Analysers see one file at a time: without this they follow paths on which these return 0. */
#ifdef __clang_analyzer__
static inline int minus_one(void)
{
	return -1;
}
#define fail(...)       (fail(__VA_ARGS__), minus_one())
#define fail_errno(...) (fail_errno(__VA_ARGS__), minus_one())
#define fail_while(...) (fail_while(__VA_ARGS__), minus_one())
#endif

/* Sets the hint (the fix) of an error that is already there. */
void error_hint(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For what cannot happen: says where, and aborts. */
#define BUG(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void bug_at(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
