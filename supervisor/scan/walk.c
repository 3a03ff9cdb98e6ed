#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/list.h"
#include "base/own.h"
#include "base/text.h"
#include "scan/above.h"
#include "scan/ignore.h"
#include "scan/walk.h"

enum { GITIGNORE_MOST = 1 << 20 };

struct directory {
	char *path; /* owns */
	struct ignore *ignore; /* holds */
};

struct crew {
	const struct walk *walk;
	int root;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	LIST(struct directory) waiting;
	int busy; /* threads that may still add to it */
	bool is_broken; /* memory ran out */
	struct walk_counts counts;
};

struct worker {
	struct crew *crew;
	int number;
	struct text content; /* of the file */
	struct text names; /* of the directory: type, name, NUL */
	struct walk_counts counts;
};

/* ---- directories that wait ---- */

static bool put(struct crew *crew, const char *path, struct ignore *ignore)
{
	struct directory d = {strdup(path), ignore_hold(ignore)};
	pthread_mutex_lock(&crew->lock);
	bool is_in = d.path && list_push(&crew->waiting, d);
	if (!is_in)
		crew->is_broken = true;
	pthread_cond_signal(&crew->changed);
	pthread_mutex_unlock(&crew->lock);
	if (!is_in) {
		free(d.path);
		ignore_release(d.ignore);
	}
	return is_in;
}

/* The one that came last: the deepest, so that few wait. False: there will be none. */
static bool take(struct crew *crew, struct directory *out)
{
	pthread_mutex_lock(&crew->lock);
	crew->busy--;
	while (!crew->waiting.count && crew->busy)
		pthread_cond_wait(&crew->changed, &crew->lock);
	bool found = crew->waiting.count;
	if (found) {
		*out = crew->waiting.items[--crew->waiting.count];
		crew->busy++;
	} else {
		pthread_cond_broadcast(&crew->changed);
	}
	pthread_mutex_unlock(&crew->lock);
	return found;
}

/* ---- one directory ---- */

static int open_directory(const struct crew *crew, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	const char *name = *path ? path : ".";
	long fd = syscall(SYS_openat2, crew->root, name, &how, sizeof how);
	/* Not there before Linux 5.6, and refused by some containers. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(crew->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return (int)fd;
}

static char type_of(int dir, const struct dirent *entry)
{
	struct stat info;
	if (entry->d_type == DT_DIR)
		return 'd';
	if (entry->d_type == DT_REG)
		return 'f';
	if (entry->d_type != DT_UNKNOWN || fstatat(dir, entry->d_name, &info, AT_SYMLINK_NOFOLLOW))
		return 'o';
	return S_ISDIR(info.st_mode) ? 'd' : S_ISREG(info.st_mode) ? 'f' : 'o';
}

/* All names first: what is ignored is known only when .gitignore is. */
static bool read_names(struct worker *w, int dir)
{
	DIR *stream = fdopendir(dup(dir));
	if (!stream)
		return false;
	text_clear(&w->names);
	for (struct dirent *entry; (entry = readdir(stream));) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		text_add_char(&w->names, type_of(dir, entry));
		text_add_bytes(&w->names, entry->d_name, strlen(entry->d_name) + 1);
	}
	closedir(stream);
	text_add_char(&w->names, '\0');
	return text_ok(&w->names);
}

static bool has_name(const struct worker *w, const char *name)
{
	for (const char *at = text_string(&w->names); *at; at += strlen(at) + 1)
		if (!strcmp(at + 1, name))
			return true;
	return false;
}

/* False: it is none, or cannot be read. A NUL ends nothing here: the caller looks for it. */
static bool read_file(struct worker *w, int dir, const char *name, size_t most)
{
	struct stat info;
	OWNED_FD fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	text_clear(&w->content);
	if (fd < 0 || fstat(fd, &info) || !S_ISREG(info.st_mode))
		return false;
	if ((size_t)info.st_size > most) {
		w->counts.too_large++;
		return false;
	}
	/* One more than there is tells that it ended. */
	size_t room = (size_t)info.st_size + 1;
	for (ssize_t got = 1; got > 0 && w->content.length < most;) {
		char *at = text_room(&w->content, room);
		got = at ? read(fd, at, room) : -1;
		if (got < 0)
			return false;
		text_took(&w->content, (size_t)got);
	}
	return true;
}

static bool read_patterns(struct worker *w, int dir, const char *name)
{
	size_t too_large = w->counts.too_large;
	bool is_read = read_file(w, dir, name, GITIGNORE_MOST);
	w->counts.too_large = too_large;
	return is_read;
}

/* The chain for what is in it. */
static struct ignore *ignore_of(struct worker *w, int dir, const struct directory *d)
{
	struct ignore *chain = ignore_hold(d->ignore);
	if (*d->path && has_name(w, ".git")) {
		ignore_release(chain);
		chain = above_excludes(dir, d->path, NULL);
	}
	if (!has_name(w, ".gitignore") || !read_patterns(w, dir, ".gitignore"))
		return chain;
	struct slice patterns = {w->content.data, w->content.data + w->content.length};
	struct ignore *deeper = ignore_new(chain, d->path, patterns);
	ignore_release(chain);
	return deeper;
}

static void visit_file(struct worker *w, int dir, const char *path, const char *name, const struct ignore *ignore)
{
	const struct walk *walk = w->crew->walk;
	w->counts.files++;
	if (!walk->wants(path) || (ignore_has(ignore, path, false) && !walk->wants_ignored(path)))
		return;
	size_t too_large = w->counts.too_large;
	if (!read_file(w, dir, name, walk->most)) {
		w->counts.unreadable += w->counts.too_large == too_large;
		return;
	}
	w->counts.read++;
	if (w->content.length && !memchr(w->content.data, '\0', w->content.length))
		walk->on_file(walk->owner, w->number, path, w->content.data, w->content.length);
}

static bool is_left_out(const char *name)
{
	return !strcmp(name, ".git") || !strcmp(name, "node_modules") || !strcmp(name, ".hg") || !strcmp(name, ".svn");
}

static void visit_names(struct worker *w, int dir, const struct directory *d, struct ignore *ignore)
{
	OWNED_TEXT path = {0};
	text_addf(&path, "%s%s", d->path, *d->path ? "/" : "");
	size_t base = path.length;
	for (const char *at = w->names.data; *at; at += strlen(at) + 1) {
		text_cut(&path, base);
		text_add(&path, at + 1);
		if (*at == 'f')
			visit_file(w, dir, text_string(&path), at + 1, ignore);
		else if (*at == 'd' && !is_left_out(at + 1) && !ignore_has(ignore, text_string(&path), true))
			put(w->crew, text_string(&path), ignore);
	}
}

static void visit_directory(struct worker *w, const struct directory *d)
{
	OWNED_FD dir = open_directory(w->crew, d->path);
	if (dir < 0 || !read_names(w, dir)) {
		w->counts.unreadable++;
		return;
	}
	w->counts.directories++;
	struct ignore *ignore = ignore_of(w, dir, d);
	w->crew->walk->on_directory(w->crew->walk->owner, w->number, d->path, w->names.data);
	visit_names(w, dir, d, ignore);
	ignore_release(ignore);
}

/* ---- the crew ---- */

static void add_counts(struct walk_counts *all, const struct walk_counts *own)
{
	all->directories += own->directories;
	all->files += own->files;
	all->read += own->read;
	all->too_large += own->too_large;
	all->unreadable += own->unreadable;
}

static void *work(void *argument)
{
	struct worker *w = argument;
	struct directory d;
	while (take(w->crew, &d)) {
		visit_directory(w, &d);
		free(d.path);
		ignore_release(d.ignore);
	}
	text_release(&w->content);
	text_release(&w->names);
	pthread_mutex_lock(&w->crew->lock);
	add_counts(&w->crew->counts, &w->counts);
	pthread_mutex_unlock(&w->crew->lock);
	return NULL;
}

/* The calling thread is one of them; those that cannot be started are not missed. */
static void work_all(struct crew *crew, struct worker *workers, pthread_t *threads)
{
	int started = 0;
	for (int i = 1; i < crew->walk->threads; i++) {
		workers[i] = (struct worker){.crew = crew, .number = i};
		pthread_mutex_lock(&crew->lock);
		crew->busy++;
		pthread_mutex_unlock(&crew->lock);
		if (pthread_create(&threads[i], NULL, work, &workers[i])) {
			pthread_mutex_lock(&crew->lock);
			crew->busy--;
			pthread_mutex_unlock(&crew->lock);
			break;
		}
		started = i;
	}
	work(&workers[0]);
	for (int i = 1; i <= started; i++)
		pthread_join(threads[i], NULL);
}

int walk_tree(const struct walk *walk, struct walk_counts *counts, struct error *e)
{
	struct crew crew = {.walk = walk, .root = -1, .busy = 1};
	OWNED_FD root = open(walk->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return fail_errno(e, EXIT_FAILED, "cannot read the directory %s", walk->root);
	crew.root = root;
	struct worker *workers = calloc((size_t)walk->threads, sizeof *workers);
	pthread_t *threads = calloc((size_t)walk->threads, sizeof *threads);
	struct ignore *above = above_of(root, walk->root);
	bool ready = workers && threads && put(&crew, "", above);
	ignore_release(above);
	pthread_mutex_init(&crew.lock, NULL);
	pthread_cond_init(&crew.changed, NULL);
	if (ready) {
		workers[0] = (struct worker){.crew = &crew};
		work_all(&crew, workers, threads);
	}
	list_release(&crew.waiting);
	free(workers);
	free(threads);
	add_counts(counts, &crew.counts);
	return ready && !crew.is_broken ? 0 : fail(e, EXIT_FAILED, "out of memory while reading %s", walk->root);
}
