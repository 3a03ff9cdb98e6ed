#include "cli/shared/surroundings.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/shared/event_tail.h"
#include "cli/shared/resolved.h"
#include "spawn/explain.h"
#include "stackfile/describe.h"

/* ---- told by the supervisor ---- */

static bool is_listed(const json_t *names, const char *name)
{
	size_t index;
	json_t *item;
	json_array_foreach(names, index, item)
	{
		if (strcmp(json_string_value(item), name) == 0)
			return true;
	}
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct variable *)a)->name, ((const struct variable *)b)->name);
}

static void add_variable(struct surroundings *s, const char *entry, const json_t *reply)
{
	const char *equals = strchr(entry, '=');
	if (!equals)
		return;
	const char *name = arena_string_n(s->arena, entry, (size_t)(equals - entry));
	const char *origin =
		json_string_value(json_object_get(json_object_get(reply, "origins"), name));
	struct definition *top = arena_new_object(s->arena, struct definition);
	top->entry = entry;
	top->value = equals + 1;
	top->origin = origin ? arena_string(s->arena, origin) : "";
	s->env.envp[s->env.count] = arena_string(s->arena, entry);
	s->env.vars[s->env.count++] = (struct variable){.name = name,
		.top = top,
		.secret = is_listed(json_object_get(reply, "secrets"), name)};
}

static int take_reply(struct surroundings *s, const json_t *reply, struct error *e)
{
	OWNED_TEXT block = {0};
	size_t count;
	if (!wire_unpack_environment(json_object_get(reply, "environ"), &block, &count))
		return fail(e, EXIT_FAILED, "the supervisor's answer cannot be understood");
	const char *entry = arena_copy(s->arena, text_string(&block), block.length + 1);
	s->env.vars = arena_take(s->arena, (count + 1) * sizeof *s->env.vars);
	s->env.envp = arena_take(s->arena, (count + 1) * sizeof *s->env.envp);
	for (size_t i = 0; i < count; i++, entry += strlen(entry) + 1)
		add_variable(s, entry, reply);
	s->env.envp_count = s->env.count;
	qsort(s->env.vars, s->env.count, sizeof *s->env.vars, by_name);
	s->dir = arena_string(s->arena, event_string(reply, "dir"));
	const char *user = event_string(reply, "user");
	s->user = user[0] ? arena_string(s->arena, user) : NULL;
	s->running = true;
	return 0;
}

static int ask_supervisor(const struct target *target, const char *service,
	struct surroundings *s, struct error *e)
{
	json_t *reply = NULL;
	json_t *request = service ? json_pack("{s:s, s:s}", "verb", "env", "service", service)
				  : json_pack("{s:s}", "verb", "env");
	if (target_ask(target, request, &reply, e) < 0)
		return -1;
	int result = take_reply(s, reply, e);
	json_decref(reply);
	return result;
}

/* ---- computed from the file ---- */

static struct definition *copy_definitions(struct arena *arena, const struct definition *from)
{
	if (!from)
		return NULL;
	struct definition *copy = arena_copy(arena, from, sizeof *from);
	copy->value = from->value ? arena_string(arena, from->value) : NULL;
	copy->origin = from->origin ? arena_string(arena, from->origin) : NULL;
	copy->entry = from->entry ? arena_string(arena, from->entry) : NULL;
	copy->covers = copy_definitions(arena, from->covers);
	return copy;
}

/* The environment borrows from the stack, which does not outlive this call. */
static void take_environment(struct surroundings *s, const struct environment *from)
{
	s->env.vars = arena_take(s->arena, (from->count + 1) * sizeof *s->env.vars);
	s->env.count = from->count;
	for (size_t i = 0; i < from->count; i++) {
		const struct variable *v = &from->vars[i];
		s->env.vars[i] = (struct variable){.name = arena_string(s->arena, v->name),
			.top = copy_definitions(s->arena, v->top),
			.note = v->note ? arena_string(s->arena, v->note) : NULL,
			.secret = v->secret};
	}
	s->env.envp = arena_take(s->arena, (from->envp_count + 1) * sizeof *s->env.envp);
	s->env.envp_count = from->envp_count;
	for (size_t i = 0; i < from->envp_count; i++)
		s->env.envp[i] = arena_string(s->arena, from->envp[i]);
}

static int compute(
	struct context *context, const char *service, struct surroundings *s, struct error *e)
{
	struct resolved r;
	int index = -1;
	int result = resolve_checked(context, &r, e);
	if (result == 0 && service) {
		index = resolved_service(&r, service, e);
		result = index < 0 ? -1 : 0;
	}
	if (result == 0) {
		struct environment env =
			environment_of(resolved_environments(&r), r.arena, index, NULL);
		take_environment(s, &env);
		const struct service *row = index < 0 ? NULL : &r.stack->services[index];
		s->dir = arena_string(s->arena, row ? row->dir : r.stack->dir);
		s->user = row && row->user ? arena_string(s->arena, row->user) : NULL;
	}
	resolved_release(&r);
	return result;
}

int surroundings_find(struct context *context, const char *service, enum surroundings_from from,
	struct surroundings *s, struct error *e)
{
	*s = (struct surroundings){.arena = arena_new()};
	if (!s->arena)
		return fail(e, EXIT_FAILED, "out of memory");
	if (from == FROM_FILE)
		return compute(context, service, s, e);
	struct target target;
	struct error why = {0};
	int result = context_target(context, &target, &why);
	bool alive = result == 0 && target.alive;
	if (alive)
		result = ask_supervisor(&target, service, s, e);
	target_release(&target);
	if (alive)
		return result;
	if (why.code && why.code != EXIT_NOT_FOUND) {
		*e = why;
		return -1;
	}
	return compute(context, service, s, e);
}

void surroundings_release(struct surroundings *s)
{
	arena_free(s->arena);
	*s = (struct surroundings){0};
}

/* ---- use ---- */

static void add_masked(void *self, struct text *out, const char *name, const char *value)
{
	const struct surroundings *s = self;
	const struct variable *variable = environment_find(&s->env, name);
	if (variable && variable->secret)
		text_add(out, "***");
	else
		secret_add_masked(out, NULL, name, value);
}

struct env_mask surroundings_mask(struct surroundings *s)
{
	return (struct env_mask){.self = s, .add = add_masked};
}

static int change_user(const char *user, struct error *e)
{
	if (!user || geteuid() != 0)
		return 0;
	const struct passwd *entry = getpwnam(user);
	if (!entry)
		return fail(e, EXIT_FAILED, "there is no user '%s'", user);
	if (initgroups(entry->pw_name, entry->pw_gid) < 0 || setgid(entry->pw_gid) < 0 ||
		setuid(entry->pw_uid) < 0)
		return fail_errno(e, EXIT_FAILED, "becoming user '%s'", user);
	return 0;
}

/* Programs believe their PWD (make, node): it has to say where they are. */
static void give_environment(char **envp, const char *dir)
{
	environ = envp;
	if (dir)
		setenv("PWD", dir, false);
}

/* execvp(3) looks for the program on the PATH of the environment that it gives. */
int surroundings_exec(const struct surroundings *s, const char *const *words, bool change_dir,
	struct error *e)
{
	if (change_dir && chdir(s->dir) < 0)
		return fail_errno(e, EXIT_FAILED, "cannot work in %s", s->dir);
	if (change_user(s->user, e) < 0)
		return -1;
	signal(SIGPIPE, SIG_DFL);
	give_environment(s->env.envp, change_dir ? s->dir : getenv("PWD"));
	execvp(words[0], (char *const *)(uintptr_t)words);
	int number = errno;
	signal(SIGPIPE, SIG_IGN);
	const char *path = getenv("PATH");
	if (number == ENOENT && !strchr(words[0], '/'))
		return explain_missing(words[0], path ? path : "", e);
	if (strchr(words[0], '/') && explain_file(words[0], words[0], e) < 0)
		return -1;
	errno = number;
	return fail_errno(e, number == ENOENT ? EXIT_NO_COMMAND : EXIT_NOT_EXECUTABLE, "%s", words[0]);
}
