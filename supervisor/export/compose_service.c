#include "export/compose_service.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "export/commands.h"
#include "export/quote.h"
#include "model/names.h"

#define APP "/app"
#define STATE "/state"

/* ---- as it is in a container ---- */

static const struct service *owner_of(const struct exported *x, long port)
{
	for (int i = 0; i < x->stack->port_count; i++)
		if (x->stack->ports[i].number == port)
			return &x->stack->services[x->stack->ports[i].service_index];
	return NULL;
}

/* "localhost:30001" of another service: how long the name is, and whose it is. */
static const struct service *other_at(const struct exported *x, const struct service *s, const char *at,
	size_t *length)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		*length = strlen(names[i]);
		if (strncmp(at, names[i], *length) != 0 || at[*length] != ':')
			continue;
		const struct service *owner = owner_of(x, strtol(at + *length + 1, NULL, 10));
		return owner != s ? owner : NULL;
	}
	return NULL;
}

static bool is_path_at(const char *at, const char *path)
{
	size_t length = strlen(path);
	return length > 1 && strncmp(at, path, length) == 0 && !(isalnum((unsigned char)at[length]) ||
		(at[length] && strchr("_.-", at[length])));
}

/* Paths of this machine and other services' addresses. */
static const char *moved(const struct exported *x, const struct service *s, const char *value)
{
	OWNED_TEXT out = {0};
	while (*value) {
		size_t length;
		const struct service *other = other_at(x, s, value, &length);
		if (other) {
			text_add(&out, other->name);
			value += length;
		} else if (is_path_at(value, x->stack->state_dir)) {
			text_add(&out, STATE);
			value += strlen(x->stack->state_dir);
		} else if (is_path_at(value, x->stack->dir)) {
			text_add(&out, APP);
			value += strlen(x->stack->dir);
		} else {
			text_add_char(&out, *value++);
		}
	}
	return arena_string(x->arena, text_string(&out));
}

static void add_key(struct text *out, const char *key, const char *value)
{
	text_addf(out, "    %s: ", key);
	quote_compose(out, value);
	text_add_char(out, '\n');
}

static void add_item(struct text *out, const char *value)
{
	text_add(out, "      - ");
	quote_compose(out, value);
	text_add_char(out, '\n');
}

/* ---- what runs ---- */

static const char *guess_image(const char *program)
{
	static const struct {
		const char *programs;
		const char *image;
	} images[] = {
#define IMAGE(programs, image) {programs, image},
#include "export/images.def"
#undef IMAGE
	};
	for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
		if (name_is_among(images[i].programs, program))
			return images[i].image;
	return "debian:stable";
}

/* The first word that is a program; of a shell's text the first word of it. */
static const char *program_of(struct exported *x, const struct command *command)
{
	const char *word = command->through_shell ? command->argv[2] : command->argv[0];
	word += strspn(word, " \t\n");
	word = arena_string_n(x->arena, word, strcspn(word, " \t\n;|&"));
	const char *slash = strrchr(word, '/');
	return slash ? slash + 1 : word;
}

static void add_image(struct exported *x, const struct service *s, struct text *out)
{
	bool own = x->request->has_file(s->dir, "Dockerfile");
	if (own || x->request->has_file(x->stack->dir, "Dockerfile")) {
		const char *dir = exported_path(x, own ? s->dir : x->stack->dir);
		add_key(out, "build", *dir == '/' || *dir == '.' ? dir : arena_format(x->arena, "./%s", dir));
		return;
	}
	const char *image = guess_image(program_of(x, &s->command));
	add_key(out, "image", image);
	exported_note(x, s, "the image %s is a guess; it must have what its command needs", image);
}

static void add_command(const struct exported *x, const struct service *s, struct text *out)
{
	text_add(out, "    command:\n");
	for (size_t i = 0; s->command.argv[i]; i++)
		add_item(out, moved(x, s, s->command.argv[i]));
	add_key(out, "working_dir", moved(x, s, s->dir));
	text_add(out, "    volumes:\n");
	add_item(out, ".:" APP);
	add_item(out, "state:" STATE);
}

/* ---- its environment ---- */

/* Others are reached by their names. */
static bool is_host_of(const struct exported *x, const char *variable, const struct service **other)
{
	char name[2 * KEY_MOST];
	for (int i = 0; i < x->stack->service_count; i++) {
		*other = &x->stack->services[i];
		if (strlen((*other)->name) > KEY_MOST)
			continue;
		name_to_variable((*other)->name, name);
		size_t length = strlen(name);
		if ((*other)->port_count && strncmp(variable, name, length) == 0 &&
			strcmp(variable + length, "_HOST") == 0)
			return true;
	}
	return false;
}

static void add_environment(struct exported *x, const struct service *s, struct text *out)
{
	const struct pair *variables;
	const char *const *paths;
	const struct service *other;
	size_t count = exported_variables(x, s, "in an env file of the service", &variables);
	if (count)
		text_add(out, "    environment:\n");
	for (size_t i = 0; i < count; i++) {
		bool is_host = is_host_of(x, variables[i].name, &other) && other != s;
		text_add(out, "      ");
		quote_yaml(out, variables[i].name);
		text_add(out, ": ");
		quote_compose(out, is_host ? other->name : moved(x, s, variables[i].value));
		text_add_char(out, '\n');
	}
	count = exported_env_paths(x, s, &paths);
	if (exported_gets_strange_port(x, s))
		exported_note(x, s, "it gets the PORT of an env file, which here it does not");
	if (count)
		text_add(out, "    env_file:\n");
	for (size_t i = 0; i < count; i++)
		add_item(out, exported_path(x, paths[i]));
}

/* "${API_PORT:-30001}:30001": the variable decides the port outside, inside it is what the command says. */
static void add_ports(const struct exported *x, const struct service *s, struct text *out)
{
	if (s->port_count)
		text_add(out, "    ports:\n");
	for (size_t i = 0; i < s->port_count; i++) {
		const struct port *port = &x->stack->ports[s->ports[i]];
		bool is_main = strcmp(port->name, "main") == 0;
		const char *name = is_main ? s->name : arena_format(x->arena, "%s-%s", s->name, port->name);
		char *variable = arena_take(x->arena, strlen(name) + 1);
		name_to_variable(name, variable);
		text_addf(out, "      - \"${%s_PORT:-%d}:%d%s\"\n", variable, port->number, port->number,
			port->protocol == PROTOCOL_UDP ? "/udp" : "");
	}
}

/* ---- how it is treated ---- */

static const struct probe *check_of(const struct service *s)
{
	return s->health.kind != PROBE_NONE ? &s->health : commands_ready_probe(s);
}

static bool has_check(const struct service *s)
{
	OWNED_TEXT ignored = {0};
	const struct probe *probe = check_of(s);
	return probe && commands_of_probe(probe, &ignored);
}

static const char *condition_of(const struct service *other, const struct dependency *d)
{
	if (d->condition == CONDITION_COMPLETED)
		return "service_completed_successfully";
	return d->condition != CONDITION_STARTED && has_check(other) ? "service_healthy" : "service_started";
}

static void add_dependencies(const struct exported *x, const struct service *s, struct text *out)
{
	if (s->dependency_count)
		text_add(out, "    depends_on:\n");
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct dependency *d = &s->dependencies[i];
		const struct service *other = &x->stack->services[d->service];
		text_addf(out, "      %s:\n        condition: %s\n", other->name, condition_of(other, d));
		if (d->optional || other->policy.optional)
			text_add(out, "        required: false\n");
		if (s->policy.on_dependency == DEPENDENCY_RESTART)
			text_add(out, "        restart: true\n");
	}
}

/* 0 is for ever. */
static int ready_seconds(const struct service *s)
{
	enum { A_DAY = 24 * 60 * 60 };
	int64_t seconds = (s->policy.ready_timeout_ms + 999) / 1000;
	return seconds <= 0 || seconds > A_DAY ? A_DAY : (int)seconds;
}

/* A service that has no health check is asked as long as until it is ready, and goes on being asked. */
static void add_check(const struct exported *x, const struct service *s, struct text *out)
{
	OWNED_TEXT command = {0};
	const struct probe *probe = check_of(s);
	const struct health_policy *h = &s->policy.health;
	if (!probe || s->policy.type == TYPE_TASK || !commands_of_probe(probe, &command))
		return;
	text_add(out, "    healthcheck:\n      test:\n        - \"CMD-SHELL\"\n        - ");
	quote_compose(out, moved(x, s, text_string(&command)));
	bool given = h->present;
	text_addf(out, "\n      interval: %lldms\n      timeout: %lldms\n      retries: %d\n      start_period: %lldms\n",
		(long long)(given ? h->interval_ms : 1000), (long long)(given ? h->timeout_ms : 2000),
		given ? h->retries : ready_seconds(s), (long long)(given ? h->start_period_ms : 0));
}

static void add_restart(const struct service *s, struct text *out)
{
	const struct restart_policy *restart = &s->policy.restart;
	if (restart->rule == RESTART_ON_FAILURE)
		text_addf(out, "    restart: \"on-failure:%d\"\n", restart->limit);
	else
		text_addf(out, "    restart: \"%s\"\n", restart_rule_word(restart->rule));
	text_addf(out, "    stop_signal: SIG%s\n    stop_grace_period: %lldms\n",
		sigabbrev_np(s->policy.stop.signal), (long long)s->policy.stop.timeout_ms);
}

static void add_settings(const struct service *s, struct text *out)
{
	if (s->profile_count)
		text_add(out, "    profiles:\n");
	for (size_t i = 0; i < s->profile_count; i++)
		add_item(out, s->profiles[i]);
	if (s->tty)
		text_add(out, "    tty: true\n");
	if (s->user)
		add_key(out, "user", s->user);
	if (s->files_max)
		text_addf(out, "    ulimits:\n      nofile: %lld\n", (long long)s->files_max);
}

void compose_service(struct exported *x, const struct service *s, struct text *out)
{
	text_addf(out, "  %s:\n", s->name);
	add_image(x, s, out);
	add_command(x, s, out);
	add_environment(x, s, out);
	add_ports(x, s, out);
	add_dependencies(x, s, out);
	add_check(x, s, out);
	add_restart(s, out);
	add_settings(s, out);
}
