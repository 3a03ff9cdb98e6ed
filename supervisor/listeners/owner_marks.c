#include "listeners/owner_marks.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "base/own.h"
#include "listeners/process.h"
#include "registry/lock.h"

enum { ANCESTORS_MOST = 32 };

bool owner_read_file(pid_t pid, const char *name, struct text *out)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	return file_read_proc(path, out);
}

char *owner_read_link(pid_t pid, const char *name)
{
	char path[64], target[PATH_MAX];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	ssize_t length = readlink(path, target, sizeof target - 1);
	return length < 0 ? NULL : strndup(target, (size_t)length);
}

static bool find_variable(const struct text *environment, const char *name, struct text *out)
{
	size_t length = strlen(name);
	const char *at = text_string(environment), *end = at + environment->length;
	for (; at < end; at += strlen(at) + 1) {
		if (strncmp(at, name, length) != 0 || at[length] != '=')
			continue;
		text_add(out, at + length + 1);
		return text_ok(out);
	}
	return false;
}

bool owner_variable(pid_t pid, const char *name, struct text *out)
{
	OWNED_TEXT environment = {0};
	return owner_read_file(pid, "environ", &environment) &&
		find_variable(&environment, name, out);
}

static char *variable(const struct text *environment, const char *name)
{
	struct text value = {0};
	if (find_variable(environment, name, &value))
		return text_take(&value);
	text_release(&value);
	return NULL;
}

static bool take_marks(struct owner *out, const struct text *environment)
{
	out->run_id = variable(environment, "STACKUP_ID");
	if (!out->run_id)
		return false;
	out->project = variable(environment, "STACKUP_PROJECT");
	out->service = variable(environment, "STACKUP_SERVICE");
	out->state_dir = variable(environment, "STACKUP_STATE_DIR");
	OWNED(char) instance = variable(environment, "STACKUP_INSTANCE");
	int64_t number;
	if (instance && number_parse(instance, 1, INT_MAX, &number))
		out->instance = (int)number;
	return true;
}

/* The last part of a path, cut off from it; NULL when there is none. */
static char *cut_last(char *path)
{
	char *slash = strrchr(path, '/');
	if (!slash || slash == path)
		return NULL;
	*slash = '\0';
	return slash + 1;
}

static char *run_of(const char *state_dir)
{
	OWNED_TEXT path = {0}, lines = {0};
	text_addf(&path, "%s/ports.env", state_dir);
	if (!text_ok(&path) || !file_read_proc(path.data, &lines))
		return NULL;
	for (size_t i = 0; i < lines.length; i++)
		if (lines.data[i] == '\n')
			lines.data[i] = '\0';
	return variable(&lines, "STACKUP_ID");
}

/* STATE/PROJECT/N/supervisor.log; the guardian and a client have no such standard error. */
static bool take_supervisor(struct owner *out, pid_t pid)
{
	OWNED(char) log = owner_read_link(pid, "fd/2");
	const char *name = log ? cut_last(log) : NULL;
	if (!name || strcmp(name, "supervisor.log") != 0)
		return false;
	OWNED(char) state_dir = strdup(log);
	const char *instance = cut_last(log);
	const char *project = instance ? cut_last(log) : NULL;
	int64_t number;
	if (!state_dir || !project || !number_parse(instance, 1, INT_MAX, &number))
		return false;
	out->run_id = run_of(state_dir);
	if (!out->run_id)
		return false;
	out->project = strdup(project);
	out->instance = (int)number;
	out->state_dir = state_dir;
	state_dir = NULL;
	return true;
}

static pid_t parent_of(pid_t pid)
{
	struct process process;
	return process_read(pid, &process) ? process.parent : 0;
}

static void ask_ancestors(struct owner *out)
{
	pid_t pid = parent_of(out->pid);
	for (int i = 0; i < ANCESTORS_MOST && pid > 1; i++, pid = parent_of(pid)) {
		OWNED_TEXT environment = {0};
		if (!owner_read_file(pid, "environ", &environment))
			return;
		if (take_marks(out, &environment))
			return;
		if (instance_lock_is_among_first_of(pid)) {
			(void)take_supervisor(out, pid);
			return;
		}
	}
}

/* An environment begins with NAME=, unless something else was written over it. */
static bool is_overwritten(const struct text *environment)
{
	const char *at = text_string(environment);
	size_t name = 0;
	while (isalnum((unsigned char)at[name]) || at[name] == '_')
		name++;
	return environment->length && !(name && at[name] == '=');
}

void owner_read_marks(struct owner *out)
{
	OWNED_TEXT environment = {0};
	if (!owner_read_file(out->pid, "environ", &environment) || take_marks(out, &environment))
		return;
	if (is_overwritten(&environment))
		ask_ancestors(out);
}
