#include "registry/place.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"

static int check_ours(const char *path, const struct stat *st, struct error *e)
{
	if (st->st_uid != geteuid()) {
		fail(e, EXIT_REGISTRY, "%s belongs to user %u, not to you", path,
			(unsigned)st->st_uid);
		error_hint(e, "work as its owner, or set STACKUP_HOME to a directory of your own");
		return -1;
	}
	if (!(st->st_mode & 077))
		return 0;
	fail(e, EXIT_REGISTRY, "%s is open to other users (mode %03o)", path,
		(unsigned)(st->st_mode & 0777));
	error_hint(e, "chmod %s %s", S_ISDIR(st->st_mode) ? "700" : "600", path);
	return -1;
}

static int fail_link(const char *path, struct error *e)
{
	fail(e, EXIT_REGISTRY, "%s is a symbolic link, which cannot be trusted", path);
	error_hint(e, "put what it leads to in its place, or set STACKUP_HOME to that directory");
	return -1;
}

int place_make_private(const char *path, struct error *e)
{
	struct stat st;
	if (lstat(path, &st)) {
		if (errno != ENOENT)
			return fail_errno(e, EXIT_REGISTRY, "cannot look at %s", path);
		if (file_make_directories(path, e)) {
			e->code = EXIT_REGISTRY;
			return -1;
		}
		if (lstat(path, &st))
			return fail_errno(e, EXIT_REGISTRY, "cannot look at %s", path);
	}
	if (S_ISLNK(st.st_mode))
		return fail_link(path, e);
	if (!S_ISDIR(st.st_mode))
		return fail(e, EXIT_REGISTRY, "%s is not a directory", path);
	return check_ours(path, &st, e);
}

int place_check_file(const char *path, struct error *e)
{
	struct stat st;
	if (lstat(path, &st)) {
		if (errno == ENOENT)
			return 0;
		fail_errno(e, EXIT_REGISTRY, "cannot look at %s", path);
		error_hint(e, "work as its owner, or set STACKUP_HOME to a directory of your own");
		return -1;
	}
	if (S_ISLNK(st.st_mode))
		return fail_link(path, e);
	if (!S_ISREG(st.st_mode))
		return fail(e, EXIT_REGISTRY, "%s is not a file", path);
	return check_ours(path, &st, e) ? -1 : 1;
}

/* Numbers of statfs(2); those of file systems that live on another host or behind a daemon. */
bool place_type_is_local(int64_t type)
{
	static const uint32_t remote[] = {
		0x6969, /* NFS */
		0x517B, 0xFF534D42, 0xFE534D42, /* SMB, CIFS, SMB2 */
		0x01021997, /* 9p */
		0x65735546, /* FUSE */
		0x00c36400, /* Ceph */
		0x5346414F, 0x6B414653, /* AFS */
		0x0BD00BD0, /* Lustre */
		0x7461636f, /* OCFS2 */
		0x01161970, /* GFS2 */
		0x73757245, /* Coda */
		0x786f4256, 0xbacbacbc, /* VirtualBox and VMware shared folders */
	};
	for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++)
		if ((uint32_t)type == remote[i])
			return false;
	return true;
}

bool place_is_local(const char *directory)
{
	struct statfs fs;
	return !statfs(directory, &fs) && place_type_is_local((int64_t)fs.f_type);
}

bool place_is_writable(const char *directory)
{
	return !access(directory, W_OK | X_OK);
}
