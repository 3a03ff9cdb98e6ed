#include <string.h>

#include "export/exported.h"
#include "export/features.h"
#include "export/quote.h"

/*
 * A line a service: `env` sets its variables and its directory, so that runners which put `exec` in front
 * of a line run it as well. Comments would stop some of them, so the notes are not in the file.
 */

/* The same in every line: what speaks of others' ports. */
static bool is_of_all(const struct exported *x, const char *name)
{
	struct environment all = environment_of(x->request->environments, x->arena, -1, NULL);
	const struct variable *v = environment_find(&all, name);
	return v && v->top && v->top->layer == LAYER_INJECTED;
}

static void add_variable(const struct pair *variable, struct text *line)
{
	text_addf(line, " %s=", variable->name);
	quote_shell(line, variable->value);
}

/* PORT is the first one: there `import` finds it again. */
static void add_variables(struct exported *x, const struct service *service, struct text *line)
{
	const struct pair *variables;
	size_t count = exported_variables(x, service, "in .env", &variables);
	for (size_t i = 0; i < count; i++)
		if (strcmp(variables[i].name, "PORT") == 0)
			add_variable(&variables[i], line);
	for (size_t i = 0; i < count; i++)
		if (strcmp(variables[i].name, "PORT") != 0 && !is_of_all(x, variables[i].name))
			add_variable(&variables[i], line);
}

static int add_line(struct exported *x, const struct service *service, struct text *out, struct error *e)
{
	OWNED_TEXT environment = {0}, command = {0};
	const char *dir = exported_path(x, service->dir);
	if (strcmp(dir, ".") != 0) {
		text_add(&environment, " -C ");
		quote_shell(&environment, dir);
	}
	add_variables(x, service, &environment);
	quote_shell_words(&command, service->command.argv);
	if (strchr(text_string(&command), '\n') || strchr(text_string(&environment), '\n')) {
		fail(e, EXIT_BAD_FILE, "service '%s' cannot be a line of a Procfile: its command or a variable has "
			"several lines", service->name);
		error_hint(e, "put the command into a script");
		return -1;
	}
	text_addf(out, "%s: %s%s%s%s\n", service->name, environment.length ? "env" : "", text_string(&environment),
		environment.length ? " " : "", text_string(&command));
	return 0;
}

static void note_env_files(struct exported *x, const struct service *service)
{
	for (size_t i = 0; i < service->env_path_count; i++)
		exported_note(x, service, "%s is not read; put what is in it into .env",
			exported_path(x, service->env_paths[i]));
}

int export_procfile(struct exported *x, struct error *e)
{
	struct text *out = exported_file(x, "Procfile");
	for (int i = 0; i < x->stack->service_count; i++) {
		const struct service *s = &x->stack->services[i];
		if (s->policy.type == TYPE_TASK) {
			exported_note(x, s, "left out: a task would end the others; run it before them");
			continue;
		}
		if (!s->enabled) {
			exported_note(x, s, "left out: it is in no profile that was asked for");
			continue;
		}
		if (exported_check_command(x, s, e) || add_line(x, s, out, e))
			return -1;
		features_note_lost(x, s, FEATURE(BACKOFF) | FEATURE(LIMIT) | FEATURE(WEAK_ORDER) |
			FEATURE(READY_LOG) | FEATURE(READY_NOTIFY) | FEATURE(HEALTH_ACTION) |
			FEATURE(HEALTH_DETAIL) | FEATURE(TASK_TIMEOUT));
		note_env_files(x, s);
	}
	exported_note_stack(x);
	if (x->stack->port_count)
		exported_note(x, NULL, "the variables that tell every service the others' ports are not in the "
			"Procfile; `stackup env --format=dotenv` has them for .env");
	return 0;
}
