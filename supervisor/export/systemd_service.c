#include <string.h>

#include "export/commands.h"
#include "export/quote.h"
#include "export/systemd.h"

/* ---- [Unit] ---- */

/* systemd waits with `After=` until the other one counts as started: for that its readiness is asked for. */
static void add_dependencies(const struct exported *x, const struct service *s, struct text *out)
{
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct dependency *d = &s->dependencies[i];
		const struct service *other = &x->stack->services[d->service];
		const char *unit = systemd_unit(x, other, "service");
		if (!other->enabled)
			continue;
		bool follows = s->policy.on_dependency == DEPENDENCY_RESTART;
		text_addf(out, "%s=%s\n", d->optional || other->policy.optional ? "Wants" : "Requires", unit);
		text_addf(out, "After=%s\n%s", unit, follows ? "PartOf=" : "");
		if (follows)
			text_addf(out, "%s\n", unit);
	}
}

static void add_head(const struct exported *x, const struct service *s, struct text *out)
{
	const struct restart_policy *restart = &s->policy.restart;
	text_addf(out, "[Unit]\nDescription=%s of %s\n", s->name, systemd_stem(x));
	text_addf(out, "PartOf=%s.target\n", systemd_stem(x));
	add_dependencies(x, s, out);
	const struct port *socket;
	for (size_t n = 0; (socket = systemd_socket(x, s, n)); n++)
		text_addf(out, "Requires=%s\n", systemd_socket_unit(x, s, socket));
	if (restart->rule != RESTART_NO)
		text_addf(out, "StartLimitIntervalSec=%lldms\nStartLimitBurst=%d\n",
			(long long)restart->limit_window_ms, restart->limit);
}

/* ---- [Service] ---- */

static void add_command(struct text *out, const char *key, const struct command *command, const char *winners)
{
	text_addf(out, "%s=/usr/bin/env%s", key, winners);
	for (size_t i = 0; command->argv[i]; i++) {
		text_add_char(out, ' ');
		quote_systemd_command(out, command->argv[i]);
	}
	text_add_char(out, '\n');
}

/* The unit counts as started when this has ended. */
static void add_readiness(const struct service *s, struct text *out)
{
	OWNED_TEXT command = {0}, loop = {0};
	const struct probe *probe = commands_ready_probe(s);
	if (s->policy.type == TYPE_TASK || !probe || !commands_of_probe(probe, &command))
		return;
	text_addf(&loop, "until %s 2>/dev/null; do sleep 0.2; done", text_string(&command));
	text_add(out, "ExecStartPost=/bin/sh -c ");
	quote_systemd_command(out, text_string(&loop));
	text_add_char(out, '\n');
}

static void add_type(const struct service *s, struct text *out)
{
	bool is_task = s->policy.type == TYPE_TASK;
	bool notifies = s->policy.readiness == READY_NOTIFY;
	int64_t most = is_task ? s->policy.task_timeout_ms : s->policy.ready_timeout_ms;
	text_addf(out, "\n[Service]\nType=%s\n", is_task ? "oneshot" : notifies ? "notify" : "exec");
	if (is_task)
		text_add(out, "RemainAfterExit=yes\n");
	if (notifies)
		text_add(out, "NotifyAccess=all\n");
	if (most > 0)
		text_addf(out, "TimeoutStartSec=%lldms\n", (long long)most);
	else
		text_add(out, "TimeoutStartSec=infinity\n");
}

struct variables {
	const struct pair *pairs;
	size_t count;
	const char *const *paths;
	size_t path_count;
};

static struct variables find_variables(struct exported *x, const struct service *s)
{
	struct variables v;
	const char *drop_in = arena_format(x->arena, "by `systemctl %sedit %s`",
		x->request->for_system ? "" : "--user ", systemd_unit(x, s, "service"));
	v.count = exported_variables(x, s, drop_in, &v.pairs);
	v.path_count = exported_env_paths(x, s, &v.paths);
	return v;
}

/* A path of its own syntax: to the end of the line, with specifiers. */
static void add_path(struct text *out, const char *key, const char *path)
{
	text_add(out, key);
	for (const char *c = path; *c; c++)
		text_addf(out, *c == '%' ? "%%%c" : "%c", *c);
	text_add_char(out, '\n');
}

static void add_environment(struct exported *x, const struct service *s, const struct variables *v,
	struct text *out)
{
	if (x->request->path)
		systemd_key(out, "Environment", arena_format(x->arena, "PATH=%s", x->request->path));
	for (size_t i = 0; i < v->count; i++)
		systemd_key(out, "Environment",
			arena_format(x->arena, "%s=%s", v->pairs[i].name, v->pairs[i].value));
	for (size_t i = 0; i < v->path_count; i++) {
		add_path(out, "EnvironmentFile=", v->paths[i]);
		exported_note(x, s, "%s is read by systemd's rules: nothing like ${NAME} is replaced in it",
			exported_path(x, v->paths[i]));
	}
}

/* For systemd an env file wins over Environment=; in a stack env.NAME and PORT do. */
static void add_start(const struct exported *x, const struct service *s, const struct variables *v, struct text *out)
{
	OWNED_TEXT winners = {0};
	if (exported_gets_strange_port(x, s))
		text_add(&winners, " -u PORT");
	for (size_t i = 0; i < v->count; i++) {
		OWNED_TEXT word = {0};
		if (!exported_is_in_files(x, s, v->pairs[i].name))
			continue;
		text_addf(&word, "%s=%s", v->pairs[i].name, v->pairs[i].value);
		text_add_char(&winners, ' ');
		quote_systemd_command(&winners, text_string(&word));
	}
	add_command(out, "ExecStart", &s->command, text_string(&winners));
}

static void add_restart(const struct service *s, struct text *out)
{
	const struct restart_policy *restart = &s->policy.restart;
	text_addf(out, "Restart=%s\n", restart_rule_word(restart->rule));
	if (restart->rule != RESTART_NO)
		text_addf(out, "RestartSec=%lldms\n", (long long)restart->delay_ms);
}

static void add_stop(const struct service *s, struct text *out)
{
	const struct stop_policy *stop = &s->policy.stop;
	if (stop->has_command)
		add_command(out, "ExecStop", &s->stop_command, "");
	text_addf(out, "KillSignal=SIG%s\nKillMode=%s\nTimeoutStopSec=%lldms\n", sigabbrev_np(stop->signal),
		stop->scope == STOP_LEADER ? "mixed" : "control-group", (long long)stop->timeout_ms);
}

void systemd_service(struct exported *x, const struct service *s, struct text *out)
{
	add_head(x, s, out);
	add_type(s, out);
	if (x->request->for_system && s->user)
		systemd_key(out, "User", s->user);
	add_path(out, "WorkingDirectory=", s->dir);
	const struct variables variables = find_variables(x, s);
	add_environment(x, s, &variables, out);
	add_start(x, s, &variables, out);
	add_readiness(s, out);
	add_restart(s, out);
	add_stop(s, out);
	if (s->files_max)
		text_addf(out, "LimitNOFILE=%lld\n", (long long)s->files_max);
	if (s->log.file)
		add_path(out, "StandardOutput=append:", s->log.file);
}

/* ---- sockets ---- */

const struct port *systemd_socket(const struct exported *x, const struct service *s, size_t n)
{
	for (size_t i = 0; i < s->port_count; i++) {
		const struct port *port = &x->stack->ports[s->ports[i]];
		if (port->hold == HOLD_LISTEN && n-- == 0)
			return port;
	}
	return NULL;
}

const char *systemd_socket_unit(const struct exported *x, const struct service *s, const struct port *port)
{
	if (strcmp(port->name, "main") == 0)
		return systemd_unit(x, s, "socket");
	return arena_format(x->arena, "%s-%s-%s.socket", systemd_stem(x), s->name, port->name);
}

void systemd_add_socket(const struct exported *x, const struct service *s, const struct port *port,
	struct text *out)
{
	bool is_udp = port->protocol == PROTOCOL_UDP;
	text_addf(out, "[Unit]\nDescription=port %s of %s of %s\nPartOf=%s.target\n\n", port->name, s->name,
		systemd_stem(x), systemd_stem(x));
	text_addf(out, "[Socket]\nListen%s=%d\nFileDescriptorName=%s\nService=%s\n", is_udp ? "Datagram" : "Stream",
		port->number, port->name, systemd_unit(x, s, "service"));
}
