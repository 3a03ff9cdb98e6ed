#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "registry/sql.h"

/* Checking every page is quick up to here; a longer file is believed until a read fails. */
enum { CHECKED_BYTES = 8 * 1024 * 1024, CHECKED_BY_READERS_BYTES = 1024 * 1024 };

/* What a disk loses by itself leaves no trace in the times: it is found within an hour. */
enum { SOUND_MS = 60 * 60 * 1000 };

bool registry_is_damaged(const struct registry *r)
{
	int code = r->db ? sqlite3_errcode(r->db) : SQLITE_OK;
	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

static void add_mark(const struct registry *r, const char *mark, struct text *path)
{
	text_addf(path, "%s-%s", r->path, mark);
}

static int make_mark(const struct registry *r, const char *mark)
{
	OWNED_TEXT path = {0};
	add_mark(r, mark, &path);
	if (!*r->state || !text_ok(&path))
		return -1;
	return open(path.data, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

void registry_suspect(const struct registry *r)
{
	OWNED_FD fd = make_mark(r, "suspect");
}

static bool is_suspected(const struct registry *r)
{
	OWNED_TEXT path = {0};
	add_mark(r, "suspect", &path);
	return text_ok(&path) && !access(path.data, F_OK);
}

static void acquit(const struct registry *r)
{
	OWNED_TEXT path = {0};
	add_mark(r, "suspect", &path);
	if (text_ok(&path))
		unlink(path.data);
}

/*
 * Between two checkpoints the file does not change, so one look at its pages is enough for every
 * process. The mark beside it was modified when the file changed last before that look (nobody can
 * set the time of change, so a copy that is put back is another file), and accessed when the look was.
 */
static void remember_sound(const struct registry *r, const struct stat *seen)
{
	OWNED_FD fd = make_mark(r, "sound");
	if (fd >= 0)
		futimens(fd, (struct timespec[]){{.tv_nsec = UTIME_NOW}, seen->st_ctim});
}

static bool was_sound(const struct registry *r, const struct stat *now)
{
	OWNED_TEXT path = {0};
	struct stat mark;
	add_mark(r, "sound", &path);
	if (!text_ok(&path) || lstat(path.data, &mark))
		return false;
	int64_t age_ms = clock_wall_ms() - (int64_t)mark.st_atim.tv_sec * 1000;
	return mark.st_mtim.tv_sec == now->st_ctim.tv_sec &&
		mark.st_mtim.tv_nsec == now->st_ctim.tv_nsec && age_ms >= 0 && age_ms < SOUND_MS;
}

/* "... unable to get the page. error code=10": the disk failed, which says nothing about the file. */
static bool is_of_disk(const char *answer)
{
	static const char words[] = "error code=";
	const char *code = strstr(answer, words);
	return code && (strtol(code + strlen(words), NULL, 10) & 0xff) != SQLITE_CORRUPT;
}

/*
 * An empty file is damaged, too: we never leave one (a new registry is renamed into place),
 * so somebody else emptied it. A version without its tables is as well.
 */
static bool looks_sound(struct registry *r)
{
	struct stat st;
	char answer[256];
	if (stat(r->path, &st))
		return errno != ENOENT;
	if (st.st_size == 0)
		return false;
	if (registry_read_version(r, NULL))
		return !registry_is_damaged(r);
	bool suspected = is_suspected(r);
	int64_t most = r->lock_fd < 0 ? CHECKED_BY_READERS_BYTES : CHECKED_BYTES;
	if (!suspected && (st.st_size > most || was_sound(r, &st)))
		return true;
	if (registry_read_pragma(r, "PRAGMA quick_check(1)", answer, sizeof answer, NULL))
		return !registry_is_damaged(r);
	if (is_of_disk(answer))
		return true;
	if (strcmp(answer, "ok") != 0 || r->version <= 0)
		return false;
	if (suspected)
		acquit(r);
	remember_sound(r, &st);
	return true;
}

static bool disk_reads(const char *path)
{
	char block[65536];
	OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got = fd < 0 ? -1 : 1;
	while (got > 0 || (got < 0 && errno == EINTR))
		got = read(fd, block, sizeof block);
	return got == 0;
}

/* SQLite says of a page that the disk did not give that the file is malformed: once is no proof. */
bool registry_is_sound(struct registry *r)
{
	return looks_sound(r) || !disk_reads(r->path) || looks_sound(r);
}

/* Bytes of the header: https://www.sqlite.org/fileformat.html#the_database_header */
enum { AT_WRITE_VERSION = 18, WRITE_VERSION_WAL = 2, AT_USER_VERSION = 60, HEADER_BYTES = 100 };

bool registry_lost_log(const struct registry *r)
{
	OWNED_TEXT log = {0};
	unsigned char header[HEADER_BYTES];
	text_addf(&log, "%s-wal", r->path);
	if (!text_ok(&log) || !access(log.data, F_OK))
		return false;
	OWNED_FD fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || pread(fd, header, sizeof header, 0) != sizeof header)
		return false;
	const unsigned char *version = &header[AT_USER_VERSION];
	return header[AT_WRITE_VERSION] == WRITE_VERSION_WAL && !version[0] && !version[1] &&
		(version[2] << 8 | version[3]) == REGISTRY_VERSION;
}
