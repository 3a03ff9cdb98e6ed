#include "spawn/validate.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"
#include "base/own.h"
#include "spawn/explain.h"
#include "spawn/recipe.h"
#include "spawn/validate_inside.h"

const char *validate_file(const struct validate *v)
{
	return v->file ? v->file : v->stack->file;
}

void validate_complain(const struct validate *v, enum severity severity, int line, const char *key,
	const char *subject, const struct error *why)
{
	complaint_add(v->complaints, severity, validate_file(v), line, key, "%s%s%s", subject,
		subject[0] ? ": " : "", why->text);
	if (why->hint[0])
		complaint_hint(v->complaints, "%s", why->hint);
}

static bool is_wanted(const struct validate *v, int service)
{
	return v->wanted ? v->wanted[service] : v->stack->services[service].enabled;
}

enum answer { ANSWER_UNKNOWN, ANSWER_NO, ANSWER_YES };

/* answers: one per service. Each is looked at once: there may be very many ways to it. */
static bool waits_for_a_task(const struct stack *stack, int index, enum answer *answers)
{
	const struct service *service = &stack->services[index];
	if (answers[index] != ANSWER_UNKNOWN)
		return answers[index] == ANSWER_YES;
	answers[index] = ANSWER_NO;
	for (size_t i = 0; i < service->dependency_count; i++) {
		int other = service->dependencies[i].service;
		if (stack->services[other].policy.type == TYPE_TASK
			|| waits_for_a_task(stack, other, answers))
			answers[index] = ANSWER_YES;
	}
	return answers[index] == ANSWER_YES;
}

struct subject {
	const struct validate *v;
	const struct service *service;
	char *const *env;
	const char *path; /* PATH of its environment */
	bool dir_ok;
	bool after_task; /* what is missing may still be made */
};

/* line 0: the key's own line is not known, the section's is said. */
static void complain_missing(const struct subject *s, int line, const char *key, bool missing,
	const struct error *why)
{
	OWNED_TEXT subject = {0};
	text_addf(&subject, "service '%s'", s->service->name);
	enum severity severity = missing && s->after_task ? SEVERITY_WARNING : SEVERITY_ERROR;
	validate_complain(s->v, severity, line ? line : s->service->line, key,
		text_string(&subject), why);
}

static void check_command(const struct subject *s, const char *key, const struct command *command)
{
	if (!command->text || !command->argv || command->through_shell)
		return; /* the shell itself is looked at once */
	const char *program = command->argv[0];
	bool is_relative = strchr(program, '/') && program[0] != '/';
	if (is_relative && !s->dir_ok)
		return; /* the directory has been complained about */
	OWNED_TEXT found = {0};
	struct error why;
	if (recipe_find_program(program, s->path, s->service->dir, &found, &why))
		complain_missing(s, command->line, key,
			why.code == EXIT_NO_COMMAND && strchr(program, '/'), &why);
}

/* All state is private to whoever starts stackup: root changes to a user who cannot even enter it. */
static void check_reach(const struct subject *s)
{
	const struct service *service = s->service;
	const struct passwd *entry = getpwnam(service->user);
	const char *state_dir = s->v->stack->state_dir;
	OWNED_TEXT subject = {0};
	struct error why;
	if (geteuid() != 0 || !entry || !entry->pw_uid || !state_dir || !service->command.text ||
		!strstr(service->command.text, state_dir))
		return;
	text_addf(&subject, "service '%s'", service->name);
	fail(&why, EXIT_BAD_FILE, "user '%s' cannot enter ${state_dir}, which is root's alone", service->user);
	error_hint(&why, "give it a directory of its own, or start stackup as '%s'", service->user);
	validate_complain(s->v, SEVERITY_WARNING, service->line, "user", text_string(&subject), &why);
}

static void check_user(const struct subject *s)
{
	struct error why;
	if (!s->service->user)
		return;
	if (recipe_check_user(s->service->user, &why))
		complain_missing(s, 0, "user", false, &why);
	else
		check_reach(s);
}

static void check_log(const struct subject *s)
{
	const char *file = s->service->log.file;
	const char *slash = file ? strrchr(file, '/') : NULL;
	if (!slash)
		return;
	OWNED_TEXT dir = {0};
	OWNED_TEXT nearest = {0};
	text_add_bytes(&dir, file, slash == file ? 1 : (size_t)(slash - file));
	struct error why;
	if (validate_is_writable(text_string(&dir), &nearest))
		return;
	fail_errno(&why, EXIT_BAD_FILE, "log file '%s' cannot be written: directory '%s'", file,
		text_string(&nearest));
	error_hint(&why, "correct log.file, or the directory's permissions");
	complain_missing(s, 0, "log.file", false, &why);
}

static void check_service(const struct validate *v, const struct service *service, bool after_task)
{
	struct subject s = {.v = v, .service = service, .after_task = after_task};
	struct error why;
	s.env = v->environment(v->self, service->index);
	s.path = s.env ? recipe_variable(s.env, "PATH") : NULL;
	s.dir_ok = !explain_directory(service->dir, &why);
	if (!s.dir_ok)
		complain_missing(&s, 0, "dir", true, &why);
	check_command(&s, "command", &service->command);
	check_command(&s, "stop.command", &service->stop_command);
	if (service->ready.kind == PROBE_COMMAND && !service->policy.readiness_is_health)
		check_command(&s, "ready", &service->ready.command);
	if (service->health.kind == PROBE_COMMAND)
		check_command(&s, "health", &service->health.command);
	check_user(&s);
	check_log(&s);
}

static bool uses_shell(const struct service *service)
{
	return service->command.through_shell || service->stop_command.through_shell ||
		(service->ready.kind == PROBE_COMMAND && service->ready.command.through_shell) ||
		(service->health.kind == PROBE_COMMAND && service->health.command.through_shell);
}

static void check_shell(const struct validate *v)
{
	for (int i = 0; i < v->stack->service_count; i++) {
		if (!is_wanted(v, i) || !uses_shell(&v->stack->services[i]))
			continue;
		OWNED_TEXT found = {0};
		struct error why;
		const char *path = getenv("PATH");
		if (recipe_find_program(v->stack->shell, path, v->stack->dir, &found, &why))
			validate_complain(v, SEVERITY_ERROR, 0, "shell", "the shell", &why);
		return;
	}
}

bool validate_is_writable(const char *dir, struct text *nearest)
{
	text_add(nearest, dir);
	while (nearest->length > 1 && access(text_string(nearest), F_OK) && errno == ENOENT) {
		const char *slash = strrchr(nearest->data, '/');
		if (!slash)
			break;
		text_cut(nearest, slash == nearest->data ? 1 : (size_t)(slash - nearest->data));
	}
	struct stat st;
	if (stat(text_string(nearest), &st))
		return false;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return false;
	}
	return !faccessat(AT_FDCWD, text_string(nearest), W_OK | X_OK, AT_EACCESS);
}

static void check_state_dir(const struct validate *v)
{
	OWNED_TEXT nearest = {0};
	struct error why;
	if (!v->stack->state_dir || validate_is_writable(v->stack->state_dir, &nearest))
		return;
	fail_errno(&why, EXIT_BAD_FILE, "the state directory '%s' cannot be written: '%s'",
		v->stack->state_dir, text_string(&nearest));
	error_hint(&why, "make it writable, or set STACKUP_HOME to a directory that is");
	validate_complain(v, SEVERITY_ERROR, 0, NULL, "", &why);
}

static bool called_sudo(uid_t owner)
{
	const char *text = getenv("SUDO_UID");
	int64_t uid;
	return text && number_parse(text, 0, UINT32_MAX, &uid) && (uid_t)uid == owner;
}

/* A file of somebody without an account (a mounted checkout in a container) can be nobody's trap.
 */
static int refuse_owner(const char *file, uid_t owner, struct error *e)
{
	if (geteuid() != 0 || owner == 0 || called_sudo(owner))
		return 0;
	const struct passwd *entry = getpwuid(owner);
	if (!entry)
		return 0;
	fail(e, EXIT_BAD_FILE, "'%s' belongs to user '%s': as root its commands are not run", file,
		entry->pw_name);
	error_hint(e, "run stackup as '%s', or: chown root %s", entry->pw_name, file);
	return -1;
}

static int refuse_directory(const char *file, struct error *e)
{
	OWNED_TEXT dir = {0};
	struct stat st;
	const char *slash = strrchr(file, '/');
	if (slash)
		text_add_bytes(&dir, file, slash == file ? 1 : (size_t)(slash - file));
	else
		text_add(&dir, ".");
	if (stat(text_string(&dir), &st) || !(st.st_mode & S_IWOTH) || st.st_mode & S_ISVTX)
		return 0;
	fail(e, EXIT_BAD_FILE,
		"directory '%s' can be written by every user, so anybody can replace '%s'",
		text_string(&dir), slash ? slash + 1 : file);
	error_hint(e, "chmod o-w %s", text_string(&dir));
	return -1;
}

int validate_trust(const char *file, struct error *e)
{
	struct stat st;
	/* A missing file is for whoever reads it to say; a pipe is private to its maker. */
	if (!strcmp(file, "-") || stat(file, &st) || !S_ISREG(st.st_mode))
		return 0;
	if (st.st_mode & S_IWOTH) {
		fail(e, EXIT_BAD_FILE, "'%s' can be written by every user", file);
		error_hint(e, "chmod o-w %s", file);
		return -1;
	}
	if (refuse_owner(file, st.st_uid, e))
		return -1;
	return refuse_directory(file, e);
}

size_t validate_stack(const struct validate *v)
{
	size_t before = v->complaints->errors;
	struct error why;
	if (validate_trust(v->stack->file, &why))
		validate_complain(v, SEVERITY_ERROR, 0, NULL, "", &why);
	check_state_dir(v);
	check_shell(v);
	validate_requirements(v);
	size_t count = (size_t)v->stack->service_count;
	OWNED(enum answer) answers = calloc(count + 1, sizeof *answers);
	for (int i = 0; i < v->stack->service_count; i++)
		if (is_wanted(v, i))
			check_service(v, &v->stack->services[i],
				answers && waits_for_a_task(v->stack, i, answers));
	return v->complaints->errors - before;
}
