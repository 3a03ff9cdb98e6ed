/*
 * walk.h - all files of a tree that somebody wants, read by several threads.
 *
 *	1. Directories are read one by one, each by one thread; nothing but those not yet read is kept, so
 *	   memory does not grow with the number of files.
 *	2. What git ignores is left out (ignore.h), and so are .git, node_modules and links. A file that is wanted
 *	   anyway (wants_ignored) is read as long as its directory is not ignored. A directory with a .git is a
 *	   repository of its own: the rules above do not hold there. Above the root they hold up to its repository's top.
 *	3. A file is read when wants() says so. Only regular files of at most `most` bytes without NUL in them.
 *
 * The kernel is told not to follow links nor to leave the root (openat2), so that a directory that is replaced by a link
 * meanwhile leads nowhere. Nothing is written or executed; a pipe does not block.
 */
#ifndef SCAN_WALK_H
#define SCAN_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct walk_counts {
	size_t directories;
	size_t files; /* met, ignored ones too */
	size_t read;
	size_t too_large;
	size_t unreadable; /* directories and wanted files */
};

struct walk {
	const char *root;
	int threads; /* 1 at least */
	size_t most; /* bytes of a file */
	void *owner;
	bool (*wants)(const char *path);
	bool (*wants_ignored)(const char *path);
	/* From any of the threads: worker is its number. Paths are relative to the root, "" is the root. */
	void (*on_file)(void *owner, int worker, const char *path, const char *bytes, size_t length);
	void (*on_directory)(void *owner, int worker, const char *path, const char *names);
};

/*
 * Returns when all is read; -1: the root is no directory that can be read, or memory ran out. on_directory gets
 * what is in it, one after the other with a NUL behind each, an empty one at the end: a letter (d directory, f
 * regular file, o anything else) and the name.
 */
int walk_tree(const struct walk *walk, struct walk_counts *counts, struct error *e);

#endif
