#include "logs/pool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "logs/parts.h"

enum {
	TRIM_PART = 16,
	PIPE_PAGE = 4096,
	PIPE_PAGES_DEFAULT = 16,
	PIPE_PAGES_MOST = 128,
	/*
	 * A user without privileges has 16384 pages for all pipes (pipe(7), pipe-user-pages-soft);
	 * past that every new pipe gets two. One instance takes at most a quarter.
	 */
	PIPE_PAGES_ALL = 4096,
};

/* One log or index file met while looking through the directory. */
struct found {
	const char *name; /* borrows until the next one */
	size_t service_length;
	bool is_index;
	int number;
	struct stat st;
};

typedef void on_found(void *self, int directory_fd, const struct found *found);

static void each_file(int directory_fd, on_found *visit, void *self)
{
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	const struct dirent *entry;
	while ((entry = readdir(directory))) {
		struct found found = {.name = entry->d_name};
		if (parts_name(found.name, &found.service_length, &found.is_index, &found.number)
			&& !fstatat(directory_fd, found.name, &found.st, AT_SYMLINK_NOFOLLOW)
			&& S_ISREG(found.st.st_mode))
			visit(self, directory_fd, &found);
	}
	closedir(directory);
}

/* Logs that lie elsewhere are not in the directory: their parts are asked for one by one. */
static void each_elsewhere(const struct intake_pool *pool, on_found *visit, void *self)
{
	for (size_t i = 0; i < pool->intakes.count; i++) {
		const struct intake *in = pool->intakes.items[i];
		for (int number = 0; in->elsewhere && number <= in->keep; number++) {
			OWNED_TEXT path = {0};
			text_add(&path, in->elsewhere);
			if (number)
				text_addf(&path, ".%d", number);
			struct found found = {.name = text_string(&path), .number = number};
			if (text_ok(&path) && !lstat(path.data, &found.st) && S_ISREG(found.st.st_mode))
				visit(self, AT_FDCWD, &found);
		}
	}
}

/* The seq that a directory's next byte gets: the highest of all that were given out. */
static void learn_seq(void *self, int directory_fd, const struct found *found)
{
	struct intake_pool *pool = self;
	/* A supervisor killed while it rotated leaves no current part. */
	if (!found->is_index || found->number > 1)
		return;
	OWNED_FD fd = openat(directory_fd, found->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct index_record last;
	struct index_record before;
	off_t end;
	if (fd < 0 || index_last(fd, &last, &end))
		return;
	uint64_t begin = 0;
	off_t back = 2 * (off_t)INDEX_RECORD_SIZE;
	if (end >= INDEX_HEADER_SIZE + back && index_read(fd, end - back, &before, 1) == 1)
		begin = before.end;
	uint64_t next = index_next_seq(&last, begin);
	/* A reader has numbered what a killed supervisor did not index; do not use these again. */
	OWNED_TEXT log = {0};
	text_add_bytes(&log, found->name, found->service_length);
	text_add(&log, found->number ? ".log.1" : ".log");
	struct stat st;
	if (text_ok(&log) && !fstatat(directory_fd, log.data, &st, AT_SYMLINK_NOFOLLOW)
		&& (uint64_t)st.st_size > last.end)
		next += (uint64_t)st.st_size - last.end;
	if (next > pool->seq)
		pool->seq = next;
}

static void add_size(void *self, int directory_fd, const struct found *found)
{
	(void)directory_fd;
	int64_t *sum = self;
	*sum += found->st.st_size;
}

static void measure(struct intake_pool *pool)
{
	pool->used = 0;
	each_file(pool->directory_fd, add_size, &pool->used);
	each_elsewhere(pool, add_size, &pool->used);
}

static int open_directory(const char *path, struct error *e)
{
	OWNED_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st))
		return fail_errno(e, EXIT_FAILED, "cannot open the log directory %s", path);
	if (st.st_uid != geteuid())
		return fail(e, EXIT_FAILED, "the log directory %s belongs to another user", path);
	if ((st.st_mode & 0077) && fchmod(fd, 0700))
		return fail_errno(e, EXIT_FAILED, "cannot make the log directory %s private", path);
	return take_fd(&fd);
}

int intake_pool_open(struct intake_pool *pool, const char *directory, int64_t total, int services,
	struct intake_hooks hooks, struct error *e)
{
	*pool = (struct intake_pool){
		.directory_fd = -1, .total = total, .services = services, .hooks = hooks, .seq = 1};
	if (file_make_directories(directory, e))
		return -1;
	pool->directory = strdup(directory);
	if (!pool->directory)
		return fail(e, EXIT_FAILED, "cannot open the logs: out of memory");
	pool->directory_fd = open_directory(directory, e);
	if (pool->directory_fd < 0) {
		intake_pool_close(pool);
		return -1;
	}
	each_file(pool->directory_fd, learn_seq, pool);
	if (total)
		measure(pool);
	return 0;
}

void intake_pool_close(struct intake_pool *pool)
{
	own_close(&pool->directory_fd);
	free(pool->directory);
	pool->directory = NULL;
	list_release(&pool->intakes);
}

int pool_reopen(struct intake_pool *pool)
{
	struct error e = {0};
	if (file_make_directories(pool->directory, &e)) {
		errno = e.number ? e.number : ENOTDIR;
		return -1;
	}
	int fd = open_directory(pool->directory, &e);
	if (fd < 0) {
		errno = e.number ? e.number : EACCES;
		return -1;
	}
	close(pool->directory_fd);
	pool->directory_fd = fd;
	return 0;
}

int64_t pool_time(struct intake_pool *pool, int64_t wall_ms)
{
	if (wall_ms > pool->time_ms)
		pool->time_ms = wall_ms;
	return pool->time_ms;
}

/* A rotated log that could go. */
struct rotated {
	char *name; /* owns */
	int directory_fd; /* borrows */
	int number;
	struct timespec time;
	int64_t size;
};

struct candidates {
	LIST(struct rotated) list;
};

static void note_rotated(void *self, int directory_fd, const struct found *found)
{
	struct candidates *all = self;
	if (found->is_index || !found->number)
		return;
	char *name = strdup(found->name);
	struct rotated one = {name, directory_fd, found->number, found->st.st_mtim, found->st.st_size};
	if (!name || !list_push(&all->list, one))
		free(name);
}

static int oldest_first(const void *left, const void *right)
{
	const struct rotated *a = left;
	const struct rotated *b = right;
	if (a->time.tv_sec != b->time.tv_sec)
		return a->time.tv_sec < b->time.tv_sec ? -1 : 1;
	if (a->time.tv_nsec != b->time.tv_nsec)
		return a->time.tv_nsec < b->time.tv_nsec ? -1 : 1;
	return b->number - a->number;
}

/* The service of a log that lies elsewhere, added to the text. */
static void add_service_of(const struct intake_pool *pool, const char *path, struct text *service)
{
	for (size_t i = 0; i < pool->intakes.count; i++) {
		const struct intake *in = pool->intakes.items[i];
		size_t length = in->elsewhere ? strlen(in->elsewhere) : 0;
		if (length && !strncmp(path, in->elsewhere, length) && path[length] == '.')
			text_add(service, in->service);
	}
}

/* Removes a log and its index; returns the bytes that are free now. */
static int64_t remove_rotated(const struct intake_pool *pool, const struct rotated *one)
{
	OWNED_TEXT service = {0};
	size_t length = 0;
	bool is_index = false;
	int number = 0;
	if (one->directory_fd == AT_FDCWD)
		add_service_of(pool, one->name, &service);
	else if (parts_name(one->name, &length, &is_index, &number))
		text_add_bytes(&service, one->name, length);
	struct parts parts = {.directory_fd = pool->directory_fd, .service = text_string(&service)};
	if (service.length)
		parts_remove_index(&parts, one->number);
	return unlinkat(one->directory_fd, one->name, 0) ? 0 : one->size;
}

/* Removes the oldest rotated logs until `bytes` are free. Returns how much was. */
static int64_t free_bytes(struct intake_pool *pool, int64_t bytes)
{
	struct candidates all = {0};
	each_file(pool->directory_fd, note_rotated, &all);
	each_elsewhere(pool, note_rotated, &all);
	if (all.list.count)
		qsort(all.list.items, all.list.count, sizeof all.list.items[0], oldest_first);
	int64_t freed = 0;
	for (size_t i = 0; i < all.list.count; i++) {
		if (freed < bytes)
			freed += remove_rotated(pool, &all.list.items[i]);
		free(all.list.items[i].name);
	}
	list_release(&all.list);
	return freed;
}

int64_t pool_drop_oldest(struct intake_pool *pool)
{
	return free_bytes(pool, 1);
}

void pool_added(struct intake_pool *pool, uint64_t bytes)
{
	pool->used += (int64_t)bytes;
	if (!pool->total || pool->used <= pool->total || pool->all_current)
		return;
	measure(pool);
	if (pool->used <= pool->total)
		return;
	/* A little more than needed, so that not every batch looks through the directory. */
	int64_t wanted = pool->used - pool->total + pool->total / TRIM_PART;
	pool->all_current = free_bytes(pool, wanted) < pool->used - pool->total;
	measure(pool);
}

int64_t pool_part_size(const struct intake_pool *pool, int64_t max_size)
{
	if (!pool->total)
		return max_size;
	/* A quarter: a log and its index at most as large, twice over for the rotated ones. */
	int64_t share = pool->total / (4 * (int64_t)(pool->services > 0 ? pool->services : 1));
	if (share < PART_LEAST)
		share = PART_LEAST;
	return share < max_size ? share : max_size;
}

int pool_pipe_size(const struct intake_pool *pool)
{
	int pages = PIPE_PAGES_MOST;
	while (pages > PIPE_PAGES_DEFAULT && pages * pool->services > PIPE_PAGES_ALL)
		pages /= 2;
	return pages * PIPE_PAGE;
}
