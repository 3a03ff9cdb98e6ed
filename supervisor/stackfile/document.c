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
static bool read_path(const char *path, const char *label, struct text *out,
	struct file_version *version, struct complaints *complaints)
{
	OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat s;
	if (fd < 0 || fstat(fd, &s)) {
		complaint_error(complaints, label, 0, NULL, "cannot be read: %s", strerror(errno));
		if (errno == ENOENT)
			complaint_hint(complaints, "name the stack file with --file");
		else if (errno == EACCES)
			complaint_hint(complaints, "let yourself read it: chmod +r, or work as its owner");
		return false;
	}
	if (!S_ISREG(s.st_mode)) {
		complaint_error(complaints, label, 0, NULL, "%s is not a file",
			S_ISDIR(s.st_mode) ? "a directory" : "this");
		complaint_hint(complaints, "name the stack file itself, or - for standard input");
		return false;
	}
	if (s.st_size > DOCUMENT_SIZE_MOST) {
		complaint_error(complaints, label, 0, NULL,
			"%lld bytes are too much for a stack file", (long long)s.st_size);
		complaint_hint(complaints, "it may have %d MiB", DOCUMENT_SIZE_MOST >> 20);
		return false;
	}
	*version = version_of(&s);
	struct error e = {0};
	if (file_read_fd(fd, label, DOCUMENT_SIZE_MOST, out, &e))
		return complain_read(label, &e, complaints);
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

/* What is read, under which names. */
struct source {
	const char *text;
	size_t length;
	const char *label;
	const char *name; /* of the file, without its directory */
	const char *dir;
	struct file_version version;
	bool is_users;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

bool document_is_procfile(const char *path)
{
	return !strncmp(base_name(path), "Procfile", strlen("Procfile"));
}

static struct document *make(const struct source *source, struct complaints *complaints)
{
	struct arena *arena = arena_new();
	if (!arena || setjmp(*arena_on_failure(arena))) {
		arena_free(arena);
		complaint_error(complaints, source->label, 0, NULL, "out of memory");
		return NULL;
	}
	struct document *document = arena_new_object(arena, struct document);
	bool at_root = !strcmp(source->dir, "/");
	bool is_stdin = !strcmp(source->name, "-");
	document->arena = arena;
	document->label = arena_string(arena, source->label);
	document->dir = arena_string(arena, source->dir);
	document->file = is_stdin ? "-"
		: arena_format(arena, "%s/%s", at_root ? "" : source->dir, source->name);
	document->is_procfile = document_is_procfile(source->name);
	document->is_users = source->is_users;
	document->version = source->version;
	if (document->is_procfile)
		document_build_procfile(document, source->text, source->length, complaints);
	else
		document_build(document, source->text, source->length, complaints);
	return document;
}

struct document *document_parse(const char *text, size_t length, const char *label,
	const char *dir, struct complaints *complaints)
{
	struct source source = {.text = text,
		.length = length,
		.label = label,
		.name = base_name(label),
		.dir = dir};
	return make(&source, complaints);
}

static struct document *read_file(const char *path, const char *shown, bool is_users,
	struct complaints *complaints)
{
	bool is_stdin = !strcmp(path, "-");
	struct source source = {.label = is_stdin ? STDIN_LABEL : shown,
		.name = base_name(path),
		.is_users = is_users};
	OWNED_TEXT content = {0};
	if (is_stdin ? !read_stdin(&content, complaints)
		     : !read_path(path, shown, &content, &source.version, complaints))
		return NULL;
	OWNED(char) dir = directory_of(path);
	if (!dir) {
		complaint_error(complaints, source.label, 0, NULL,
			"its directory cannot be found: %s", strerror(errno));
		return NULL;
	}
	source.text = text_string(&content);
	source.length = content.length;
	source.dir = dir;
	return make(&source, complaints);
}

struct document *document_read_as(const char *path, const char *shown,
	struct complaints *complaints)
{
	return read_file(path, shown, false, complaints);
}

struct document *document_read(const char *path, struct complaints *complaints)
{
	return read_file(path, path, false, complaints);
}

struct document *document_read_users(const char *path, struct complaints *complaints)
{
	return read_file(path, path, true, complaints);
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
