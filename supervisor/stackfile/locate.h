/*
 * locate.h - which stack file is meant, and what git says about the place, without running git.
 *
 * The stack file is what -f names, else $STACKUP_FILE, else the nearest of stack.ini and Procfile
 * from the current directory upwards: not past the top level of the git repository, outside of one
 * not past the home directory. In one directory stack.ini comes before Procfile. One that is found
 * above the current directory must belong to the caller, to root, or to whom the current directory
 * belongs: what it says is executed.
 *
 * Git facts are read from .git, HEAD, commondir and config (gitrepository-layout(5)); a repository
 * that cannot be read is no repository.
 */
#ifndef STACKFILE_LOCATE_H
#define STACKFILE_LOCATE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

struct locate_request {
	const char *file; /* -f, or NULL; "-" is standard input */
	const char *variable; /* $STACKUP_FILE, or NULL */
	const char *cwd; /* absolute */
	const char *home; /* $HOME, or NULL */
};

struct location {
	const char *file; /* absolute, links in its directory resolved; "-" for standard input */
	const char *dir; /* absolute; of the file, or the current one for "-" */
	const char *shown; /* for messages: as given, or relative to the current directory */
	bool is_procfile; /* its name begins with "Procfile" */
};

/* -1: there is none (EXIT_BAD_FILE); the error says where it has looked. */
int locate_stack_file(struct arena *arena, const struct locate_request *request,
	struct location *out, struct error *e);

struct git_facts {
	bool present; /* all others are "" or false where it is not */
	const char *top; /* top level of this worktree, absolute */
	const char *main_dir; /* of the main worktree; of a bare repository: the repository */
	const char *git_dir; /* of this worktree: .git, or .git/worktrees/NAME */
	const char *common_dir; /* what all worktrees share */
	const char *branch; /* "feature/auth", bytes that are not UTF-8 as U+FFFD; "" when detached */
	bool detached;
	bool is_linked; /* a linked worktree: its top is not main_dir */
};

void locate_git(struct arena *arena, const char *dir, struct git_facts *out);
/* The commit that is checked out, as hexadecimal digits; "" where there is none or it cannot be read. */
const char *locate_commit(struct arena *arena, const struct git_facts *git);

#endif
