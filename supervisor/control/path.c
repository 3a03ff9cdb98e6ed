#include "control/path.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "base/text.h"
#include "base/utf8.h"

__attribute__((format(printf, 1, 2))) static char *join(const char *format, ...)
{
	struct text t = {0};
	va_list args;
	va_start(args, format);
	text_vaddf(&t, format, args);
	va_end(args);
	return text_take(&t);
}

static const char *absolute_variable(const char *name)
{
	const char *value = getenv(name);
	return value && value[0] == '/' ? value : NULL;
}

/* $HOME, else what the user database says: a service manager may start us without HOME. */
static const char *home_directory(void)
{
	const char *home = absolute_variable("HOME");
	if (home)
		return home;
	struct passwd *entry = getpwuid(geteuid());
	return entry && entry->pw_dir && entry->pw_dir[0] == '/' ? entry->pw_dir : NULL;
}

int path_check_private(const char *path, struct error *e)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return fail_errno(e, EXIT_FAILED, "cannot look at %s", path);
	if (S_ISLNK(st.st_mode))
		return fail(e, EXIT_FAILED, "%s is a symbolic link, which cannot be trusted", path);
	if (!S_ISDIR(st.st_mode))
		return fail(e, EXIT_FAILED, "%s is not a directory", path);
	if (st.st_uid != geteuid())
		return fail(e, EXIT_FAILED, "%s belongs to user %u, not to you", path,
			(unsigned)st.st_uid);
	if (st.st_mode & 077) {
		fail(e, EXIT_FAILED, "%s is open to other users (mode %03o)", path,
			(unsigned)(st.st_mode & 0777));
		error_hint(e, "chmod 700 %s", path);
		return -1;
	}
	return 0;
}

static char *find_state(struct error *e)
{
	const char *xdg = absolute_variable("XDG_STATE_HOME");
	if (xdg)
		return join("%s/stackup", xdg);
	const char *home = home_directory();
	if (!home) {
		fail(e, EXIT_FAILED, "there is no home directory to keep state in");
		error_hint(e, "set HOME, XDG_STATE_HOME or STACKUP_HOME");
		return NULL;
	}
	return join("%s/.local/state/stackup", home);
}

/* The runtime directory itself is made by the login manager; only its stackup/ is ours to make. */
static char *find_run(const char *state, char **notice)
{
	const char *xdg = absolute_variable("XDG_RUNTIME_DIR");
	if (!xdg)
		return join("%s/run", state);
	struct error why;
	if (path_check_private(xdg, &why) < 0) {
		*notice = join("XDG_RUNTIME_DIR is not used: %s", why.text);
		return join("%s/run", state);
	}
	return join("%s/stackup", xdg);
}

static char *make_absolute(const char *path)
{
	if (path[0] == '/')
		return join("%s", path);
	OWNED(char) here = getcwd(NULL, 0);
	return here ? join("%s/%s", here, path) : NULL;
}

/* Paths are sent and recorded as text. */
static bool is_text(const char *path, struct error *e)
{
	if (utf8_is_text(path))
		return true;
	fail(e, EXIT_FAILED, "the path %s is not UTF-8", path);
	error_hint(e, "set STACKUP_HOME to a directory with another name");
	return false;
}

int paths_find(struct paths *paths, struct error *e)
{
	*paths = (struct paths){0};
	struct error why = {0};
	const char *own = getenv("STACKUP_HOME");
	if (own && own[0]) {
		paths->state = make_absolute(own);
		paths->run = paths->state ? join("%s/run", paths->state) : NULL;
	} else {
		paths->state = find_state(&why);
		paths->run = paths->state ? find_run(paths->state, &paths->notice) : NULL;
	}
	if (paths->state) {
		paths->registry = join("%s/registry.db", paths->state);
		paths->locks = join("%s/locks", paths->state);
	}
	if (paths->state && paths->run && paths->registry && paths->locks &&
		is_text(paths->state, &why) && is_text(paths->run, &why))
		return 0;
	paths_release(paths);
	if (!why.text[0])
		return fail(e, EXIT_FAILED, "out of memory");
	if (e)
		*e = why;
	return -1;
}

void paths_release(struct paths *paths)
{
	free(paths->state);
	free(paths->run);
	free(paths->registry);
	free(paths->locks);
	free(paths->notice);
	*paths = (struct paths){0};
}

char *paths_instance(const struct paths *paths, const char *project, int instance)
{
	return join("%s/%s/%d", paths->state, project, instance);
}

char *paths_logs(const struct paths *paths, const char *project, int instance)
{
	return join("%s/%s/%d/logs", paths->state, project, instance);
}

char *paths_events(const struct paths *paths, const char *project, int instance)
{
	return join("%s/%s/%d/events.jsonl", paths->state, project, instance);
}

char *paths_ports_env(const struct paths *paths, const char *project, int instance)
{
	return join("%s/%s/%d/ports.env", paths->state, project, instance);
}

char *paths_ports_sh(const struct paths *paths, const char *project, int instance)
{
	return join("%s/%s/%d/ports.sh", paths->state, project, instance);
}

char *paths_socket(const struct paths *paths, const char *project, int instance)
{
	return join("%s/%s/%d.sock", paths->run, project, instance);
}

int paths_prepare(const struct paths *paths, const char *project, int instance, struct error *e)
{
	OWNED(char) logs = paths_logs(paths, project, instance);
	OWNED(char) run = join("%s/%s", paths->run, project);
	if (!logs || !run)
		return fail(e, EXIT_FAILED, "out of memory");
	if (file_make_directories(logs, e) < 0 || file_make_directories(run, e) < 0)
		return fail_while(e, "preparing the state of '%s'", project);
	if (path_check_private(paths->run, e) < 0 || path_check_private(run, e) < 0)
		return fail_while(e, "preparing the control socket");
	return 0;
}

/*
 * Fills *address with PATH, or with a way to it through the descriptor of its directory, which is
 * returned in *dir_fd (else -1) and must stay open for the call that uses the address.
 */
static int fill_address(const char *path, struct sockaddr_un *address, int *dir_fd)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	*dir_fd = -1;
	size_t length = strlen(path);
	if (length < sizeof address->sun_path) {
		memcpy(address->sun_path, path, length + 1);
		return 0;
	}
	const char *slash = strrchr(path, '/');
	if (!slash) {
		errno = ENAMETOOLONG;
		return -1;
	}
	OWNED(char) dir = strndup(path, (size_t)(slash - path));
	if (!dir)
		return -1;
	OWNED_FD fd = open(dir[0] ? dir : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int written = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s",
		fd, slash + 1);
	if (written < 0 || (size_t)written >= sizeof address->sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	*dir_fd = take_fd(&fd);
	return 0;
}

int path_bind(int fd, const char *path)
{
	struct sockaddr_un address;
	OWNED_FD dir_fd = -1;
	if (fill_address(path, &address, &dir_fd) < 0)
		return -1;
	/* The file gets its mode from the umask at bind(2): never open to others, not even for a moment. */
	mode_t before = umask(0177);
	int result = bind(fd, (const struct sockaddr *)&address, sizeof address);
	int number = errno;
	umask(before);
	errno = number;
	return result;
}

int path_connect(int fd, const char *path)
{
	struct sockaddr_un address;
	OWNED_FD dir_fd = -1;
	if (fill_address(path, &address, &dir_fd) < 0)
		return -1;
	int result;
	do
		result = connect(fd, (const struct sockaddr *)&address, sizeof address);
	while (result < 0 && errno == EINTR);
	return result;
}
