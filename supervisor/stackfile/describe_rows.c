#include "stackfile/describe_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct emit {
	const struct row_sink *sink;
	struct text buffer;
};

static void row(struct emit *e, const char *key, const char *value)
{
	if (value)
		e->sink->on_row(e->sink->self, key, NULL, value);
}

static void row_boolean(struct emit *e, const char *key, bool value)
{
	row(e, key, value ? "yes" : "no");
}

static void row_number(struct emit *e, const char *key, int64_t value)
{
	text_clear(&e->buffer);
	text_addf(&e->buffer, "%" PRId64, value);
	row(e, key, text_string(&e->buffer));
}

/* In the largest unit that says it exactly. */
static void add_scaled(struct text *out, int64_t value, const int64_t *units,
	const char *const *names, size_t count)
{
	size_t i = 0;
	while (i + 1 < count && (value == 0 || value % units[i] != 0))
		i++;
	text_addf(out, "%" PRId64 "%s", value / units[i], names[i]);
}

static void add_duration(struct text *out, int64_t ms)
{
	static const int64_t units[] = {3600000, 60000, 1000, 1};
	static const char *const names[] = {"h", "m", "s", "ms"};
	if (ms == 0)
		text_add(out, "0s");
	else
		add_scaled(out, ms, units, names, 4);
}

static void row_duration(struct emit *e, const char *key, int64_t ms)
{
	text_clear(&e->buffer);
	add_duration(&e->buffer, ms);
	row(e, key, text_string(&e->buffer));
}

static void row_size(struct emit *e, const char *key, int64_t bytes)
{
	static const int64_t units[] = {1 << 30, 1 << 20, 1 << 10, 1};
	static const char *const names[] = {"G", "M", "K", ""};
	text_clear(&e->buffer);
	add_scaled(&e->buffer, bytes, units, names, 4);
	row(e, key, text_string(&e->buffer));
}

static void row_pairs(struct emit *e, const char *family, const struct pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		e->sink->on_row(e->sink->self, family, pairs[i].name, pairs[i].value);
}

static void row_words(struct emit *e, const char *key, const char *const *words, size_t count)
{
	text_clear(&e->buffer);
	for (size_t i = 0; i < count; i++)
		text_addf(&e->buffer, "%s%s", i ? ", " : "", words[i]);
	if (count)
		row(e, key, text_string(&e->buffer));
}

/* ---- [stack] ---- */

static void row_names(struct emit *e, const char *key, const struct pair *pairs, size_t count)
{
	text_clear(&e->buffer);
	for (size_t i = 0; i < count; i++)
		text_addf(&e->buffer, "%s%s", i ? ", " : "", pairs[i].name);
	if (count)
		row(e, key, text_string(&e->buffer));
}

static void row_commands(struct emit *e, const struct stack *stack)
{
	text_clear(&e->buffer);
	for (size_t i = 0; i < stack->require_command_count; i++) {
		const struct requirement *r = &stack->require_commands[i];
		text_addf(&e->buffer, "%s%s%s%s", i ? ", " : "", r->name, r->version ? ">=" : "",
			r->version ? r->version : "");
	}
	if (stack->require_command_count)
		row(e, "require.commands", text_string(&e->buffer));
}

void rows_of_stack(const struct stack *stack, const struct row_sink *sink)
{
	struct emit e = {.sink = sink};
	row(&e, "name", stack->name);
	row(&e, "description", stack->description);
	row(&e, "owner", stack->owner);
	if (stack->block >= 0)
		row_number(&e, "block", stack->block);
	row(&e, "environment", stack->environment);
	row_number(&e, "instances", stack->spans);
	row(&e, "strategy", port_strategy_word(stack->strategy));
	row(&e, "on_crash", crash_rule_word(stack->on_crash));
	row(&e, "shell", stack->shell);
	row_words(&e, "env_file", stack->env_paths, stack->env_path_count);
	row_commands(&e, stack);
	row_names(&e, "require.variables", stack->require_variables, stack->require_variable_count);
	row_names(&e, "require.files", stack->require_files, stack->require_file_count);
	if (stack->require_disk)
		row_size(&e, "require.disk", stack->require_disk);
	if (stack->log_total)
		row_size(&e, "log.total", stack->log_total);
	text_release(&e.buffer);
}

/* ---- [service NAME] ---- */

static void rows_main_port(struct emit *e, const struct port *port)
{
	if (port->source == PORT_FIXED)
		row_number(e, "port", port->fixed);
	else if (port->source == PORT_POOL)
		row(e, "port", "pool");
	else
		row_number(e, "slot", port->slot);
	if (port->range_low) {
		text_clear(&e->buffer);
		text_addf(&e->buffer, "%u-%u", port->range_low, port->range_high);
		row(e, "range", text_string(&e->buffer));
	}
	row(e, "env_var", port->env_var);
	row_boolean(e, "immutable", port->immutable);
	row(e, "on_conflict", port_conflict_rule_word(port->on_conflict));
	row(e, "hold", hold_mode_word(port->hold));
	row(e, "protocol", protocol_word(port->protocol));
}

static void rows_ports(struct emit *e, const struct stack *stack, const struct service *service)
{
	for (size_t i = 0; i < service->port_count; i++) {
		const struct port *port = &stack->ports[service->ports[i]];
		e->sink->on_port(e->sink->self, port->name, port->number);
		if (!strcmp(port->name, "main")) {
			rows_main_port(e, port);
			continue;
		}
		text_clear(&e->buffer);
		if (port->source == PORT_POOL)
			text_add(&e->buffer, "pool");
		else
			text_addf(&e->buffer, "%d",
				port->source == PORT_FIXED ? port->fixed : port->slot);
		e->sink->on_row(e->sink->self, "port", port->name, text_string(&e->buffer));
	}
}

static void row_dependencies(struct emit *e, const struct stack *stack,
	const struct service *service)
{
	text_clear(&e->buffer);
	for (size_t i = 0; i < service->dependency_count; i++) {
		const struct dependency *d = &service->dependencies[i];
		text_addf(&e->buffer, "%s%s:%s%s", i ? ", " : "", stack->services[d->service].name,
			condition_word(d->condition), d->optional ? "?" : "");
	}
	if (service->dependency_count)
		row(e, "depends_on", text_string(&e->buffer));
}

static void row_probe(
	struct emit *e, const char *key, const struct probe *probe, const char *nothing)
{
	if (probe->kind == PROBE_COMMAND) {
		e->sink->on_command(e->sink->self, key, &probe->command, "command ");
		return;
	}
	const char *rest = probe->kind == PROBE_HTTP ? probe->url
		: probe->kind == PROBE_LOG ? probe->pattern : "";
	text_clear(&e->buffer);
	text_addf(&e->buffer, "%s%s%s",
		probe->kind == PROBE_NONE ? nothing : probe_kind_word(probe->kind),
		*rest ? " " : "", rest);
	row(e, key, text_string(&e->buffer));
}

static void rows_http(struct emit *e, const struct probe *probe)
{
	row(e, "health.method", probe->method);
	text_clear(&e->buffer);
	for (size_t i = 0; i < probe->status_count; i++)
		text_addf(&e->buffer, "%s%d-%d", i ? ", " : "", probe->statuses[i].low,
			probe->statuses[i].high);
	row(e, "health.status", text_string(&e->buffer));
	row(e, "health.body", probe->body_pattern);
	row_boolean(e, "health.tls_verify", probe->tls_verify);
	row_pairs(e, "health.header", probe->headers, probe->header_count);
}

static void rows_health(struct emit *e, const struct service *service)
{
	const struct health_policy *health = &service->policy.health;
	row_probe(e, "ready", &service->ready, "started");
	row_duration(e, "ready.timeout", service->policy.ready_timeout_ms);
	row_probe(e, "health", &service->health, "none");
	if (health->present) {
		row_duration(e, "health.interval", health->interval_ms);
		row_duration(e, "health.timeout", health->timeout_ms);
		row_number(e, "health.retries", health->retries);
		row_number(e, "health.successes", health->successes);
		row_duration(e, "health.start_period", health->start_period_ms);
		row(e, "health.action", health_action_word(health->action));
	}
	if (service->health.kind == PROBE_HTTP)
		rows_http(e, &service->health);
	else if (service->ready.kind == PROBE_HTTP)
		rows_http(e, &service->ready);
}

static void rows_restart(struct emit *e, const struct service *service)
{
	const struct restart_policy *restart = &service->policy.restart;
	row(e, "restart", restart_rule_word(restart->rule));
	if (restart->rule == RESTART_NO)
		return;
	row_duration(e, "restart.delay", restart->delay_ms);
	row_duration(e, "restart.max_delay", restart->max_delay_ms);
	row_duration(e, "restart.reset", restart->reset_ms);
	text_clear(&e->buffer);
	text_addf(&e->buffer, "%d in ", restart->limit);
	add_duration(&e->buffer, restart->limit_window_ms);
	row(e, "restart.limit", text_string(&e->buffer));
}

static void rows_stop(struct emit *e, const struct service *service)
{
	const struct stop_policy *stop = &service->policy.stop;
	row(e, "stop.signal", sigabbrev_np(stop->signal));
	row_duration(e, "stop.timeout", stop->timeout_ms);
	row(e, "stop.to", stop_scope_word(stop->scope));
	if (stop->has_command)
		e->sink->on_command(e->sink->self, "stop.command", &service->stop_command, "");
}

static void rows_rest(struct emit *e, const struct service *service)
{
	row(e, "log.file", service->log.file);
	row_size(e, "log.max_size", service->log.max_size);
	row_number(e, "log.keep", service->log.keep);
	row_boolean(e, "log.split", service->log.split);
	row_boolean(e, "tty", service->tty);
	row(e, "user", service->user);
	if (service->files_max)
		row_number(e, "files_max", service->files_max);
	row(e, "identity", identity_word(service->identity));
	row_boolean(e, "essential", service->policy.essential);
	row_boolean(e, "optional", service->policy.optional);
	row_words(e, "secret", service->secrets, service->secret_count);
}

void rows_of_service(const struct stack *stack, const struct service *service,
	const struct row_sink *sink)
{
	struct emit e = {.sink = sink};
	row(&e, "description", service->description);
	row_words(&e, "profile", service->profiles, service->profile_count);
	row(&e, "type", service_type_word(service->policy.type));
	sink->on_command(sink->self, "command", &service->command, "");
	row(&e, "dir", service->dir);
	rows_ports(&e, stack, service);
	row(&e, "url", service->url);
	row_dependencies(&e, stack, service);
	row(&e, "on_dependency", dependency_rule_word(service->policy.on_dependency));
	row(&e, "move", move_rule_word(service->policy.move));
	if (service->policy.type == TYPE_TASK)
		row_duration(&e, "timeout", service->policy.task_timeout_ms);
	else
		rows_health(&e, service);
	rows_restart(&e, service);
	rows_stop(&e, service);
	row_pairs(&e, "env", service->env, service->env_count);
	row_words(&e, "env_file", service->env_paths, service->env_path_count);
	row_pairs(&e, "export", service->exports, service->export_count);
	rows_rest(&e, service);
	text_release(&e.buffer);
}
