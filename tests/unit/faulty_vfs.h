/*
 * faulty_vfs.h - SQLite's files with a fault at the n-th call: an I/O error, a kill, or a power
 * cut.
 *
 * It becomes the process's default VFS, so the code under test is the real one. Every call counts
 * that writes, syncs, locks, opens or removes; and reads, where single errors are tried.
 *
 * A power cut happens in a process of its own. What was synced, and what was there when the file
 * was opened, is on the disk; of everything written since, each write by itself is there or is
 * not. The files as they are after the cut are written into a directory, and the process ends.
 */
#ifndef TESTS_UNIT_FAULTY_VFS_H
#define TESTS_UNIT_FAULTY_VFS_H

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"

enum fault { FAULT_NONE, FAULT_ERROR, FAULT_ERRORS, FAULT_KILL, FAULT_CUT };

static struct {
	enum fault fault; /* ERROR: of that call; ERRORS: of it and all that follow */
	int at;           /* which call */
	int calls;
	const char *cut_into; /* FAULT_CUT: the directory */
	unsigned seed;
} faulty;

/* ---- what is on the disk ---- */

struct disk_write {
	sqlite3_int64 at;
	int length; /* -1: a truncation to `at` */
	char *bytes;
};

struct disk_file {
	char name[96];
	char *durable;
	size_t durable_length;
	struct disk_write *writes;
	size_t count;
	bool is_there;
};
static struct disk_file disk[16];

static struct disk_file *disk_of(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	for (size_t i = 0; i < 16; i++) {
		if (!disk[i].name[0])
			snprintf(disk[i].name, sizeof disk[i].name, "%s", name);
		if (!strcmp(disk[i].name, name))
			return &disk[i];
	}
	abort();
}

static void disk_synced(const char *path)
{
	struct disk_file *file = disk_of(path);
	OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st))
		return;
	free(file->durable);
	file->durable = malloc((size_t)st.st_size + 1);
	file->durable_length = (size_t)pread(fd, file->durable, (size_t)st.st_size, 0);
	for (size_t i = 0; i < file->count; i++)
		free(file->writes[i].bytes);
	file->count = 0;
	file->is_there = true;
}

static void disk_written(const char *path, sqlite3_int64 at, const void *bytes, int length)
{
	if (faulty.fault != FAULT_CUT)
		return;
	struct disk_file *file = disk_of(path);
	file->writes = realloc(file->writes, (file->count + 1) * sizeof *file->writes);
	struct disk_write *write = &file->writes[file->count++];
	*write = (struct disk_write){.at = at, .length = length};
	if (length > 0) {
		write->bytes = malloc((size_t)length);
		memcpy(write->bytes, bytes, (size_t)length);
	}
}

/* A registry that lies there when the power is still on. */
static inline void disk_has(const char *directory)
{
	static const char *const names[] = {"registry.db", "registry.db-wal"};
	for (size_t i = 0; i < 2; i++) {
		char path[256];
		snprintf(path, sizeof path, "%s/%s", directory, names[i]);
		disk_synced(path);
	}
}

/* Some of the writes since the last sync have reached the disk, in no order. */
static void disk_keep_some(int fd, const struct disk_file *file)
{
	for (size_t i = 0; i < file->count; i++) {
		const struct disk_write *write = &file->writes[i];
		faulty.seed = faulty.seed * 1103515245 + 12345;
		if (faulty.seed >> 16 & 1)
			continue;
		if (write->length < 0)
			(void)!ftruncate(fd, write->at);
		else
			(void)!pwrite(fd, write->bytes, (size_t)write->length, write->at);
	}
}

static void disk_cut(void)
{
	for (size_t i = 0; i < 16 && disk[i].name[0]; i++) {
		char path[256];
		size_t length = strlen(disk[i].name);
		if (!disk[i].is_there || (length > 4 && !strcmp(disk[i].name + length - 4, "-shm")))
			continue;
		if ((size_t)snprintf(path, sizeof path, "%s/%s", faulty.cut_into, disk[i].name) >=
			sizeof path)
			_exit(1);
		OWNED_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		(void)file_write_all(fd, disk[i].durable, disk[i].durable_length);
		disk_keep_some(fd, &disk[i]);
	}
	_exit(0);
}

/* ---- the fault ---- */

/* true: this call is to fail. */
static bool faulty_call(void)
{
	bool hit = ++faulty.calls == faulty.at;
	switch (faulty.fault) {
	case FAULT_NONE:
		return false;
	case FAULT_ERROR:
		return hit;
	case FAULT_ERRORS:
		return faulty.at && faulty.calls >= faulty.at;
	case FAULT_KILL:
		if (hit)
			kill(getpid(), SIGKILL);
		return false;
	case FAULT_CUT:
		if (hit)
			disk_cut();
		return false;
	}
	return false;
}

static void faulty_set(enum fault fault, int at)
{
	faulty.fault = fault;
	faulty.at = at;
	faulty.calls = 0;
}

/* ---- files ---- */

struct faulty_file {
	sqlite3_file base;
	char path[256];
	sqlite3_file *real; /* behind this struct */
};

static struct faulty_file *faulty_of(sqlite3_file *file)
{
	return (struct faulty_file *)(void *)file;
}

#define REAL(file)            (faulty_of(file)->real)
#define CALL(file, name, ...) (REAL(file)->pMethods->name(REAL(file), ##__VA_ARGS__))

static int faulty_close(sqlite3_file *file)
{
	return CALL(file, xClose);
}

/* Most calls are reads, and no file is different after one. */
static bool faulty_read_call(void)
{
	return faulty.fault == FAULT_ERROR
		? faulty_call()
		: faulty.fault == FAULT_ERRORS && faulty.at && faulty.calls >= faulty.at;
}

/* One EIO is what SQLite's own file system calls a broken one, for which it then says "malformed". */
static int faulty_read(sqlite3_file *file, void *to, int length, sqlite3_int64 at)
{
	if (faulty_read_call())
		return faulty.fault == FAULT_ERROR ? SQLITE_IOERR_CORRUPTFS : SQLITE_IOERR_READ;
	return CALL(file, xRead, to, length, at);
}

/* A copy is written page by page and has no name before it is whole: its first pages tell enough. */
static bool is_in_copy(const sqlite3_file *file, sqlite3_int64 at)
{
	const char *path = ((const struct faulty_file *)(const void *)file)->path;
	return at > 3 * 4096 && strstr(path, ".before-");
}

static int faulty_write(sqlite3_file *file, const void *from, int length, sqlite3_int64 at)
{
	if (!is_in_copy(file, at) && faulty_call())
		return SQLITE_IOERR_WRITE;
	disk_written(faulty_of(file)->path, at, from, length);
	return CALL(file, xWrite, from, length, at);
}

static int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	if (faulty_call())
		return SQLITE_IOERR_TRUNCATE;
	disk_written(faulty_of(file)->path, size, NULL, -1);
	return CALL(file, xTruncate, size);
}

static int faulty_sync(sqlite3_file *file, int flags)
{
	if (faulty_call())
		return SQLITE_IOERR_FSYNC;
	if (faulty.fault == FAULT_CUT)
		disk_synced(faulty_of(file)->path);
	return SQLITE_OK; /* no test needs the real disk to wait */
	(void)flags;
}

static int faulty_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return CALL(file, xFileSize, size);
}

static int faulty_lock(sqlite3_file *file, int level)
{
	return faulty_call() ? SQLITE_IOERR_LOCK : CALL(file, xLock, level);
}

static int faulty_unlock(sqlite3_file *file, int level)
{
	return CALL(file, xUnlock, level);
}

static int faulty_check_lock(sqlite3_file *file, int *result)
{
	return CALL(file, xCheckReservedLock, result);
}

static int faulty_control(sqlite3_file *file, int what, void *with)
{
	return CALL(file, xFileControl, what, with);
}

static int faulty_sector(sqlite3_file *file)
{
	return CALL(file, xSectorSize);
}

static int faulty_device(sqlite3_file *file)
{
	return CALL(file, xDeviceCharacteristics);
}

static int faulty_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
	return faulty_call() ? SQLITE_IOERR_SHMMAP : CALL(file, xShmMap, page, size, extend, out);
}

static int faulty_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
	return CALL(file, xShmLock, offset, count, flags);
}

static void faulty_shm_barrier(sqlite3_file *file)
{
	CALL(file, xShmBarrier);
}

static int faulty_shm_unmap(sqlite3_file *file, int remove)
{
	return CALL(file, xShmUnmap, remove);
}

static const sqlite3_io_methods faulty_methods = {.iVersion = 2,
	.xClose = faulty_close,
	.xRead = faulty_read,
	.xWrite = faulty_write,
	.xTruncate = faulty_truncate,
	.xSync = faulty_sync,
	.xFileSize = faulty_size,
	.xLock = faulty_lock,
	.xUnlock = faulty_unlock,
	.xCheckReservedLock = faulty_check_lock,
	.xFileControl = faulty_control,
	.xSectorSize = faulty_sector,
	.xDeviceCharacteristics = faulty_device,
	.xShmMap = faulty_shm_map,
	.xShmLock = faulty_shm_lock,
	.xShmBarrier = faulty_shm_barrier,
	.xShmUnmap = faulty_shm_unmap};

/* ---- the file system ---- */

static sqlite3_vfs *real_vfs;
static sqlite3_vfs faulty_vfs;

static int faulty_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
	(void)vfs;
	struct faulty_file *opened = faulty_of(file);
	memset(opened, 0, sizeof *opened);
	if (faulty_call())
		return SQLITE_CANTOPEN;
	opened->real = (sqlite3_file *)(void *)(opened + 1);
	memset(opened->real, 0, (size_t)real_vfs->szOsFile);
	bool fresh = !path || access(path, F_OK);
	int result = real_vfs->xOpen(real_vfs, path, opened->real, flags, out);
	if (result != SQLITE_OK)
		return result;
	snprintf(opened->path, sizeof opened->path, "%s", path ? path : "/temporary");
	if (faulty.fault == FAULT_CUT && path && !fresh && !disk_of(path)->is_there)
		disk_synced(path);
	opened->base.pMethods = &faulty_methods;
	return SQLITE_OK;
}

static int faulty_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	(void)vfs;
	if (faulty_call())
		return SQLITE_IOERR_DELETE;
	if (faulty.fault == FAULT_CUT && sync)
		disk_of(path)->is_there = false;
	return real_vfs->xDelete(real_vfs, path, 0);
}

static void faulty_install(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	faulty_vfs = *real_vfs;
	faulty_vfs.zName = "faulty";
	faulty_vfs.szOsFile = (int)sizeof(struct faulty_file) + real_vfs->szOsFile;
	faulty_vfs.xOpen = faulty_open;
	faulty_vfs.xDelete = faulty_delete;
	sqlite3_vfs_register(&faulty_vfs, 1);
}

#endif
