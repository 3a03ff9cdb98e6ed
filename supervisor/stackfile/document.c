#include "stackfile/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/number.h"
#include "base/own.h"
#include "model/names.h"
#include "stackfile/document_build.h"
#include "stackfile/reader.h"
#include "stackfile/schema.h"

#define STDIN_LABEL "<stdin>"

static struct file_version version_of(const struct stat *s)
{
	return (struct file_version){
		.device = (uint64_t)s->st_dev,
		.inode = (uint64_t)s->st_ino,
		.size = s->st_size,
		.mtime_ns = (int64_t)s->st_mtim.tv_sec * 1000000000 + s->st_mtim.tv_nsec,
	};
}

static bool is_procfile_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return !strncmp(slash ? slash + 1 : path, "Procfile", 8);
}

static bool complain_read(const char *label, const struct error *e, struct complaints *complaints)
{
	complaint_error(complaints, label, 0, NULL, "%s", e->text);
	if (*e->hint)
		complaint_hint(complaints, "%s", e->hint);
	return false;
}

/*
 * Opened without blocking, so that a FIFO is refused and not waited for; fstat before the first
 * byte, because reading a directory or a device tells nothing useful.
 */
static bool read_path(const char *path, struct text *out, struct file_version *version,
	struct complaints *complaints)
{
	OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat s;
	if (fd < 0 || fstat(fd, &s)) {
		complaint_error(complaints, path, 0, NULL, "cannot be read: %s", strerror(errno));
		if (errno == ENOENT)
			complaint_hint(complaints, "name the stack file with --file");
		return false;
	}
	if (!S_ISREG(s.st_mode)) {
		complaint_error(complaints, path, 0, NULL, "%s is not a file",
			S_ISDIR(s.st_mode) ? "a directory" : "this");
		complaint_hint(complaints, "name the stack file itself, or - for standard input");
		return false;
	}
	if (s.st_size > DOCUMENT_SIZE_MOST) {
		complaint_error(complaints, path, 0, NULL, "%lld bytes are too much for a stack file",
			(long long)s.st_size);
		complaint_hint(complaints, "it may have %d MiB", DOCUMENT_SIZE_MOST >> 20);
		return false;
	}
	*version = version_of(&s);
	struct error e = {0};
	if (file_read_fd(fd, path, DOCUMENT_SIZE_MOST, out, &e))
		return complain_read(path, &e, complaints);
	return true;
}

static bool read_stdin(struct text *out, struct complaints *complaints)
{
	struct error e = {0};
	if (file_read_fd(STDIN_FILENO, "standard input", DOCUMENT_SIZE_MOST, out, &e))
		return complain_read(STDIN_LABEL, &e, complaints);
	return true;
}

/* The directory the path leads to; the last part stays, so that a linked file keeps its place. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return realpath(".", NULL);
	OWNED(char) parent = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	return parent ? realpath(parent, NULL) : NULL;
}

struct document *document_read(const char *path, struct complaints *complaints)
{
	bool is_stdin = !strcmp(path, "-");
	OWNED_TEXT content = {0};
	struct file_version version = {0};
	if (is_stdin ? !read_stdin(&content, complaints)
		     : !read_path(path, &content, &version, complaints))
		return NULL;
	OWNED(char) dir = directory_of(is_stdin ? "." : path);
	const char *label = is_stdin ? STDIN_LABEL : path;
	if (!dir) {
		complaint_error(complaints, label, 0, NULL, "its directory cannot be found: %s",
			strerror(errno));
		return NULL;
	}
	struct document *document =
		document_parse(text_string(&content), content.length, label, dir, complaints);
	if (!document)
		return NULL;
	document->version = version;
	if (is_stdin)
		document->file = "-";
	return document;
}

struct document *document_parse(const char *text, size_t length, const char *label,
	const char *dir, struct complaints *complaints)
{
	struct arena *arena = arena_new();
	if (!arena) {
		complaint_error(complaints, label, 0, NULL, "out of memory");
		return NULL;
	}
	if (setjmp(*arena_on_failure(arena))) {
		arena_free(arena);
		complaint_error(complaints, label, 0, NULL, "out of memory");
		return NULL;
	}
	struct document *document = arena_new_object(arena, struct document);
	const char *slash = strrchr(label, '/');
	const char *base = slash ? slash + 1 : label;
	document->arena = arena;
	document->label = arena_string(arena, label);
	document->dir = arena_string(arena, dir);
	document->file = arena_format(arena, "%s/%s", strcmp(dir, "/") != 0 ? dir : "", base);
	document->is_procfile = is_procfile_name(label);
	if (document->is_procfile)
		document_build_procfile(document, text, length, complaints);
	else
		document_build(document, text, length, complaints);
	return document;
}

void document_free(struct document *document)
{
	if (document)
		arena_free(document->arena);
}

const struct section *document_section(const struct document *document, enum section_kind kind,
	const char *name)
{
	for (size_t i = 0; i < document->section_count; i++) {
		const struct section *section = &document->sections[i];
		if (section->kind == kind && !section->environment && !strcmp(section->name, name))
			return section;
	}
	return NULL;
}

const struct entry *section_entry(const struct section *section, const char *key)
{
	for (size_t i = 0; i < section->entry_count; i++)
		if (!strcmp(section->entries[i].key, key))
			return &section->entries[i];
	return NULL;
}

static const char *stack_value(const struct document *document, const char *key)
{
	const struct section *section = document_section(document, SECTION_STACK, "");
	const struct entry *entry = section ? section_entry(section, key) : NULL;
	return entry ? entry->value : NULL;
}

const char *document_name(const struct document *document)
{
	return stack_value(document, "name");
}

int document_block(const struct document *document)
{
	const char *value = stack_value(document, "block");
	int64_t block;
	if (!value || !number_parse(value, 0, 354, &block))
		return -1;
	return (int)block;
}

bool document_changed(const struct document *document)
{
	struct stat s;
	if (!document->version.inode)
		return false;
	if (stat(document->file, &s))
		return true;
	struct file_version now = version_of(&s);
	const struct file_version *then = &document->version;
	return now.device != then->device || now.inode != then->inode || now.size != then->size ||
		now.mtime_ns != then->mtime_ns;
}
