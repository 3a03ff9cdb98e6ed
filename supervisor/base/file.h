/*
 * file.h - whole files in, whole files out, and private directories.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/text.h"

/*
 * Appends the content of a regular file to *out. Fails (EXIT_FAILED, "cannot read PATH: reason") for
 * anything else than a regular file and past `most` bytes. e->number tells ENOENT from the rest.
 */
int file_read(const char *path, size_t most, struct text *out, struct error *e);
/* Does it say just that? No, too, when it cannot be read. */
bool file_has_content(const char *path, const char *content, size_t length);
/* Everything until end of file from a descriptor, at most `most` bytes. */
int file_read_fd(int fd, const char *name, size_t most, struct text *out, struct error *e);
/* A /proc file: its size is not known before. Returns false when it cannot be read. */
bool file_read_proc(const char *path, struct text *out);

/*
 * Replaces PATH in one step: temporary file in the same directory, fsync, rename, fsync of the
 * directory. Readers see the old content or the new one, never a part. Mode is 0600.
 */
int file_replace(const char *path, const char *content, size_t length, struct error *e);

/*
 * The same for a file of the user's, which may be open to others and need not be ours: a symbolic
 * link stays, and what it leads to is replaced; mode and, where possible, owner are kept; a new one
 * has what the umask leaves of 0666. Nothing is written when the content is there already. 1:
 * written, 0: was there, -1.
 */
int file_rewrite(const char *path, const char *content, size_t length, struct error *e);

/* mkdir -p; directories that it creates are 0700. Fine when it exists already. */
int file_make_directories(const char *path, struct error *e);

/* Writes all of it; continues after EINTR and short writes. */
int file_write_all(int fd, const void *bytes, size_t length);

/* Removes a file or a whole directory tree, without following links. Missing is fine. */
int file_remove_tree(const char *path, struct error *e);

#endif
