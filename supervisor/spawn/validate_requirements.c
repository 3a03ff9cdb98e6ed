#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/own.h"
#include "spawn/recipe.h"
#include "spawn/validate_inside.h"
#include "spawn/version.h"

/* The interpolation environment: caller, then env files. */
static const char *variable(const struct stack *stack, const char *name)
{
	for (size_t i = 0; i < stack->env_count; i++)
		if (!strcmp(stack->env[i].name, name))
			return stack->env[i].value;
	for (size_t i = 0; i < stack->env_file_count; i++)
		if (!strcmp(stack->env_files[i].name, name))
			return stack->env_files[i].value;
	return NULL;
}

/* The line of "FILE:LINE", 0 where there is none. */
static int line_of(const char *origin)
{
	const char *colon = origin ? strrchr(origin, ':') : NULL;
	return colon ? (int)strtol(colon + 1, NULL, 10) : 0;
}

static void check_variables(const struct validate *v)
{
	for (size_t i = 0; i < v->stack->require_variable_count; i++) {
		const struct pair *wanted = &v->stack->require_variables[i];
		const char *value = variable(v->stack, wanted->name);
		if (value && value[0])
			continue;
		complaint_error(v->complaints, validate_file(v), line_of(wanted->origin),
			"require.variables", "variable '%s' is required, and it is %s",
			wanted->name, value ? "empty" : "not set");
		complaint_hint(v->complaints, "export %s=..., or put it into .env", wanted->name);
	}
}

static void check_files(const struct validate *v)
{
	for (size_t i = 0; i < v->stack->require_file_count; i++) {
		const struct pair *wanted = &v->stack->require_files[i];
		OWNED_TEXT path = {0};
		if (wanted->name[0] != '/')
			text_addf(&path, "%s/", v->stack->dir);
		text_add(&path, wanted->name);
		if (!faccessat(AT_FDCWD, text_string(&path), R_OK, AT_EACCESS))
			continue;
		if (errno == ENOENT)
			complaint_error(v->complaints, validate_file(v), line_of(wanted->origin),
				"require.files", "file '%s' is required and does not exist",
				wanted->name);
		else
			complaint_error(v->complaints, validate_file(v), line_of(wanted->origin),
				"require.files", "file '%s' is required and cannot be read: %s",
				wanted->name, strerror(errno));
		complaint_hint(v->complaints, "looked for it as %s", text_string(&path));
	}
}

static void add_size(struct text *out, uint64_t bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;
	double shown = (double)bytes;
	for (; shown >= 1024 && unit < 4; unit++)
		shown /= 1024;
	text_addf(out, unit ? "%.1f %s" : "%.0f %s", shown, units[unit]);
}

static void check_disk(const struct validate *v)
{
	OWNED_TEXT nearest = {0};
	struct statvfs fs;
	const char *dir = v->stack->state_dir ? v->stack->state_dir : v->stack->dir;
	if (v->stack->require_disk <= 0)
		return;
	validate_is_writable(dir, &nearest);
	if (statvfs(text_string(&nearest), &fs))
		return;
	uint64_t available = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (available >= (uint64_t)v->stack->require_disk)
		return;
	OWNED_TEXT wanted = {0};
	OWNED_TEXT free_text = {0};
	add_size(&wanted, (uint64_t)v->stack->require_disk);
	add_size(&free_text, available);
	complaint_error(v->complaints, validate_file(v), 0, "require.disk",
		"%s of free disk space are required; '%s' has %s", text_string(&wanted),
		text_string(&nearest), text_string(&free_text));
	complaint_hint(v->complaints, "free some space, or set STACKUP_HOME to a larger disk");
}

struct tool {
	const struct requirement *requirement;
	struct text path; /* owns; where it was found */
};

static void find_tool(const struct validate *v, struct tool *tool)
{
	struct error why;
	const char *path = getenv("PATH");
	if (!recipe_find_program(tool->requirement->name, path, v->stack->dir, &tool->path, &why))
		return;
	text_release(&tool->path);
	validate_complain(v, SEVERITY_ERROR, tool->requirement->line, "require.commands",
		"required command", &why);
}

static bool must_ask(const struct validate *v, const struct tool *tool)
{
	if (!tool->path.length || !tool->requirement->version)
		return false;
	return v->run_project_programs || !strchr(tool->requirement->name, '/');
}

static void judge(const struct validate *v, const struct tool *tool, const char *version)
{
	const struct requirement *wanted = tool->requirement;
	if (!version[0]) {
		complaint_warning(v->complaints, validate_file(v), wanted->line, "require.commands",
			"the version of '%s' cannot be found out: '%s --version' says no number; "
			"%s is required",
			wanted->name, text_string(&tool->path), wanted->version);
		return;
	}
	if (version_compare(version, wanted->version) >= 0)
		return;
	complaint_error(v->complaints, validate_file(v), wanted->line, "require.commands",
		"'%s' version %s is required, but %s is version %s", wanted->name, wanted->version,
		text_string(&tool->path), version);
	complaint_hint(v->complaints, "install %s %s or newer", wanted->name, wanted->version);
}

static void ask_versions(const struct validate *v, const struct tool *tools, size_t count)
{
	OWNED(struct version_query) queries = calloc(count ? count : 1, sizeof *queries);
	OWNED(size_t) asked = calloc(count ? count : 1, sizeof *asked);
	size_t used = 0;
	if (!queries || !asked)
		return;
	for (size_t i = 0; i < count; i++) {
		if (!must_ask(v, &tools[i]))
			continue;
		queries[used].path = text_string(&tools[i].path);
		asked[used++] = i;
	}
	version_ask(queries, used);
	for (size_t i = 0; i < used; i++) {
		judge(v, &tools[asked[i]], text_string(&queries[i].found));
		text_release(&queries[i].found);
	}
}

static void check_commands(const struct validate *v)
{
	size_t count = v->stack->require_command_count;
	OWNED(struct tool) tools = calloc(count ? count : 1, sizeof *tools);
	if (!tools)
		return;
	for (size_t i = 0; i < count; i++) {
		tools[i].requirement = &v->stack->require_commands[i];
		find_tool(v, &tools[i]);
	}
	ask_versions(v, tools, count);
	for (size_t i = 0; i < count; i++)
		text_release(&tools[i].path);
}

void validate_requirements(const struct validate *v)
{
	check_commands(v);
	check_variables(v);
	check_files(v);
	check_disk(v);
}
