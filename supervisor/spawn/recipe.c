#include "spawn/recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "spawn/explain.h"

enum { USER_ENTRY_MOST = 1 << 20 };

const char *recipe_variable(char *const *env, const char *name)
{
	size_t length = strlen(name);
	for (; *env; env++)
		if (!strncmp(*env, name, length) && (*env)[length] == '=')
			return *env + length + 1;
	return NULL;
}

static int no_memory(struct error *e)
{
	errno = ENOMEM;
	return fail_errno(e, EXIT_FAILED, "cannot prepare a start");
}

/* "dir/name", or name when that is absolute already. */
static void add_joined(struct text *out, const char *dir, const char *name, size_t length)
{
	if (!length || name[0] != '/') {
		text_add(out, dir);
		if (length)
			text_add_char(out, '/');
	}
	text_add_bytes(out, name, length);
}

static bool is_runnable(const char *path)
{
	struct stat st;
	return !stat(path, &st) && S_ISREG(st.st_mode) &&
		!faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
}

/* As execvp(3): the first that can be executed; if none can, the first that exists is explained. */
static int search(
	const char *program, const char *path, const char *dir, struct text *found, struct error *e)
{
	OWNED_TEXT existing = {0};
	size_t before = found->length;
	for (const char *part = path;; part++) {
		size_t length = strcspn(part, ":");
		add_joined(found, dir, part, length);
		text_add_char(found, '/');
		text_add(found, program);
		if (!text_ok(found))
			return no_memory(e);
		if (is_runnable(found->data + before))
			return 0;
		struct stat st;
		if (!existing.length && !stat(found->data + before, &st) && !S_ISDIR(st.st_mode))
			text_add(&existing, found->data + before);
		text_cut(found, before);
		part += length;
		if (!*part)
			break;
	}
	if (existing.length && explain_file(existing.data, existing.data, e))
		return -1;
	return explain_missing(program, path, e);
}

int recipe_find_program(
	const char *program, const char *path, const char *dir, struct text *found, struct error *e)
{
	if (!program[0])
		return fail(e, EXIT_NO_COMMAND, "the command is empty");
	if (!strchr(program, '/'))
		return search(program, path ? path : RECIPE_DEFAULT_PATH, dir, found, e);
	size_t before = found->length;
	add_joined(found, dir, program, strlen(program));
	if (!text_ok(found))
		return no_memory(e);
	return explain_file(found->data + before, program, e);
}

static int lookup_user(const char *name, struct passwd *entry, char **memory, struct error *e)
{
	for (size_t size = 1024; size <= USER_ENTRY_MOST; size *= 4) {
		free(*memory);
		*memory = malloc(size);
		if (!*memory)
			return no_memory(e);
		struct passwd *result;
		int number = getpwnam_r(name, entry, *memory, size, &result);
		if (number == ERANGE)
			continue;
		if (result)
			return 0;
		fail(e, EXIT_FAILED, "there is no user '%s'", name);
		error_hint(e, "create the user, or correct 'user'");
		return -1;
	}
	return fail(e, EXIT_FAILED, "user '%s' cannot be looked up: its entry is too large", name);
}

static int lookup_groups(struct recipe_made *made, const struct passwd *entry, struct error *e)
{
	int count = 32;
	for (;;) {
		gid_t *groups = reallocarray(made->groups, (size_t)count, sizeof *groups);
		if (!groups)
			return no_memory(e);
		made->groups = groups;
		if (getgrouplist(entry->pw_name, entry->pw_gid, groups, &count) >= 0)
			break;
	}
	made->recipe.groups = made->groups;
	made->recipe.group_count = (size_t)count;
	return 0;
}

/* 0: nothing to change. 1: entry is somebody else, and we may become that. */
static int find_user(const char *name, struct passwd *entry, char **memory, struct error *e)
{
	if (lookup_user(name, entry, memory, e))
		return -1;
	if (entry->pw_uid == geteuid())
		return 0;
	if (geteuid() == 0)
		return 1;
	fail(e, EXIT_FAILED, "only root can run it as user '%s'", name);
	error_hint(e, "remove 'user', or start stackup as root");
	return -1;
}

int recipe_check_user(const char *user, struct error *e)
{
	struct passwd entry;
	OWNED(char) memory = NULL;
	return user && find_user(user, &entry, &memory, e) < 0 ? -1 : 0;
}

static int add_user(struct recipe_made *made, const char *name, struct error *e)
{
	struct passwd entry;
	OWNED(char) memory = NULL;
	int found = find_user(name, &entry, &memory, e);
	if (found <= 0)
		return found;
	made->recipe.change_user = true;
	made->recipe.uid = entry.pw_uid;
	made->recipe.gid = entry.pw_gid;
	return lookup_groups(made, &entry, e);
}

static bool is_listen_variable(const char *entry)
{
	return !strncmp(entry, "LISTEN_PID=", 11) || !strncmp(entry, "LISTEN_FDS=", 11) ||
		!strncmp(entry, "LISTEN_FDNAMES=", 15);
}

static int make_listen_texts(struct recipe_made *made, const struct recipe_request *request)
{
	char **texts = made->listen_texts;
	if (asprintf(&texts[0], "LISTEN_PID=%011d", 0) < 0)
		texts[0] = NULL;
	if (asprintf(&texts[1], "LISTEN_FDS=%zu", request->listen_count) < 0)
		texts[1] = NULL;
	if (asprintf(&texts[2], "LISTEN_FDNAMES=%s",
		    request->listen_names ? request->listen_names : "") < 0)
		texts[2] = NULL;
	return texts[0] && texts[1] && texts[2] ? 0 : -1;
}

/* See sd_listen_fds(3). The caller's own LISTEN_* are about descriptors that a child never gets. */
static int add_listen(
	struct recipe_made *made, const struct recipe_request *request, struct error *e)
{
	size_t count = 0;
	while (request->env[count])
		count++;
	made->env = calloc(count + 4, sizeof *made->env);
	if (!made->env || make_listen_texts(made, request))
		return no_memory(e);
	size_t used = 0;
	for (size_t i = 0; i < count; i++)
		if (!is_listen_variable(request->env[i]))
			made->env[used++] = request->env[i];
	for (size_t i = 0; i < 3; i++)
		made->env[used++] = made->listen_texts[i];
	made->recipe.envp = made->env;
	made->recipe.listen_fds = request->listen_fds;
	made->recipe.listen_count = request->listen_count;
	made->recipe.listen_pid = made->listen_texts[0];
	return 0;
}

static size_t count_parts(const char *path)
{
	size_t count = 1;
	for (; *path; path++)
		count += *path == ':';
	return count;
}

static char *joined(const char *dir, const char *part, size_t length, const char *program)
{
	struct text text = {0};
	add_joined(&text, dir, part, length);
	if (program) {
		text_add_char(&text, '/');
		text_add(&text, program);
	}
	return text_take(&text);
}

/* Every place where the program may be, in order. */
static int list_paths(
	struct recipe_made *made, const struct recipe_request *request, struct error *e)
{
	const char *program = request->command->argv[0];
	const char *path = recipe_variable(request->env, "PATH");
	bool searched = !strchr(program, '/');
	path = path ? path : RECIPE_DEFAULT_PATH;
	if (!program[0])
		return fail(e, EXIT_NO_COMMAND, "the command is empty");
	size_t count = searched ? count_parts(path) : 1;
	made->paths = calloc(count + 1, sizeof *made->paths);
	made->recipe.paths = made->paths;
	if (!made->paths)
		return no_memory(e);
	for (size_t i = 0; i < count; i++) {
		size_t length = strcspn(path, ":");
		made->paths[i] = searched ? joined(request->dir, path, length, program)
					  : joined(request->dir, program, strlen(program), NULL);
		if (!made->paths[i])
			return no_memory(e);
		path += length + 1;
	}
	return 0;
}

int recipe_build(struct recipe_made *made, const struct recipe_request *request, struct error *e)
{
	*made = (struct recipe_made){.recipe = {
					     .label = request->label,
					     .argv = request->command->argv,
					     .envp = request->env,
					     .dir = request->dir,
					     .stdin_fd = -1,
					     .stdout_fd = -1,
					     .stderr_fd = -1,
					     .tty_fd = -1,
					     .files_max = request->files_max,
				     }};
	if (list_paths(made, request, e) || (request->user && add_user(made, request->user, e)) ||
		(request->listen_count && add_listen(made, request, e))) {
		recipe_release(made);
		return -1;
	}
	return 0;
}

void recipe_release(struct recipe_made *made)
{
	for (size_t i = 0; made->paths && made->paths[i]; i++)
		free(made->paths[i]);
	free(made->paths);
	free(made->env);
	free(made->groups);
	for (size_t i = 0; i < 3; i++)
		free(made->listen_texts[i]);
	*made = (struct recipe_made){0};
}
