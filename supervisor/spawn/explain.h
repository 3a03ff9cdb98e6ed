/*
 * explain.h - why a program cannot be executed, as a sentence with the fix.
 *
 * execve(2) gives one number for very different mistakes: ENOENT is a missing program, a missing
 * interpreter of a script, a Windows line ending after `#!`, or a missing loader. These functions
 * look at the files and say which. The same sentences come before a start (validation) and after a
 * failed one, so that people learn them once.
 *
 * Codes: EXIT_NO_COMMAND for what is missing, EXIT_NOT_EXECUTABLE for what cannot be executed,
 * EXIT_FAILED for the rest. Each error has a hint where there is a fix.
 */
#ifndef SPAWN_EXPLAIN_H
#define SPAWN_EXPLAIN_H

#include "base/error.h"
#include "model/recipe.h"

/*
 * Looks at one file as execve would: 0 when nothing speaks against it, else -1 and the sentence
 * (missing, a directory, not executable, interpreter missing, Windows line ending, no magic,
 * empty). `path` is absolute or relative to our own directory; `shown` is what the user wrote.
 */
int explain_file(const char *path, const char *shown, struct error *e);

/* The kernel knows no such kind of file; `what` is what the file is instead. Always -1. */
int explain_no_magic(const char *shown, const char *what, struct error *e);

/* The program was found nowhere in the list `path`. Always -1. */
int explain_missing(const char *program, const char *path, struct error *e);

/* 0 when one can work in the directory, else -1: which component is missing, no directory, closed.
 */
int explain_directory(const char *dir, struct error *e);

/*
 * A start failed at `stage` with errno `number` (struct exit_status, or number 0: killed before
 * exec). Always -1. `recipe` may be rebuilt for this: argv, envp, dir are looked at.
 */
int explain_failure(const struct recipe *recipe, const char *stage, int number, struct error *e);

#endif
