#include <signal.h>
#include <string.h>

#include "base/nearest.h"
#include "stackfile/describe.h"
#include "stackfile/resolve_inside.h"

static bool is_partial(const struct draft_service *service)
{
	return service->section->is_partial || (service->overlay && service->overlay->is_partial);
}

/* Then the typo has been complained about; its mending is the command's. */
static bool misspells_command(const struct section *section)
{
	for (size_t i = 0; section && i < section->entry_count; i++) {
		struct nearest near = {.wanted = section->entries[i].key};
		nearest_offer(&near, "command");
		if (near.best && !schema_find(section->kind, near.wanted, NULL))
			return true;
	}
	return false;
}

static void miss_command(struct resolving *r, const struct service *service)
{
	const struct draft_service *own = &r->draft->services[service->index];
	if (is_partial(own) || misspells_command(own->section) || misspells_command(own->overlay))
		return;
	complaint_error(r->complaints, r->draft->document->label, service->line, "command",
		"service '%s' has no command", service->name);
	complaint_hint(r->complaints, "write 'command = ...' below [service %s]", service->name);
}

static void check_listen(struct resolving *r, const struct service *service, const struct site *command)
{
	const struct port *port = stack_main_port(r->stack, service);
	if (!port || port->hold != HOLD_LISTEN)
		return;
	if (port->protocol == PROTOCOL_UDP) {
		struct site site = site_of(r, service->index, KEY_HOLD);
		complaint_error(r->complaints, site.file, site.line, site.key,
			"'hold = listen' is for TCP: nobody listens on a port of 'protocol = udp'");
		complaint_hint(r->complaints, "remove one of the two");
	}
	if (service->command.through_shell) {
		complaint_error(r->complaints, command->file, command->line, command->key,
			"'hold = listen' needs a command without a shell: LISTEN_PID would be the shell's");
		complaint_hint(r->complaints, "write 'exec' before the command, or put it in a script");
	}
}

static void fill_command(struct resolving *r, struct service *service)
{
	int index = service->index;
	const struct entry *entry = entry_of(r, index, KEY_COMMAND);
	if (!entry) {
		miss_command(r, service);
		return;
	}
	struct site site = site_of(r, index, KEY_COMMAND);
	if (value_accepts(&site, entry->value))
		command_at(r, index, &site, entry->value, &service->command);
	check_listen(r, service, &site);
}

static void fill_restart(struct resolving *r, struct service *service)
{
	int index = service->index;
	struct restart_policy *restart = &service->policy.restart;
	bool never = service->policy.type == TYPE_TASK || r->draft->document->is_procfile;
	restart->rule = (enum restart_rule)choice_of(r, index, KEY_RESTART,
		never ? RESTART_NO : RESTART_ON_FAILURE);
	restart->delay_ms = duration_of(r, index, KEY_RESTART_DELAY);
	restart->max_delay_ms = duration_of(r, index, KEY_RESTART_MAX_DELAY);
	restart->reset_ms = duration_of(r, index, KEY_RESTART_RESET);
	const char *limit = text_of(r, index, KEY_RESTART_LIMIT);
	struct site site = site_of(r, index, KEY_RESTART_LIMIT);
	if (limit)
		value_limit(&site, limit, &restart->limit, &restart->limit_window_ms);
	if (restart->max_delay_ms >= restart->delay_ms)
		return;
	bool later = own_entry(r, index, KEY_RESTART_MAX_DELAY) != NULL;
	site = site_of(r, index, later ? KEY_RESTART_MAX_DELAY : KEY_RESTART_DELAY);
	if (site.line)
		complaint_error(r->complaints, site.file, site.line, site.key,
			"restart.delay is longer than restart.max_delay");
	if (site.line)
		complaint_hint(r->complaints, "the delay doubles from the first to the second");
}

static void fill_stop(struct resolving *r, struct service *service)
{
	int index = service->index;
	struct stop_policy *stop = &service->policy.stop;
	const char *signal = text_of(r, index, KEY_STOP_SIGNAL);
	struct site site = site_of(r, index, KEY_STOP_SIGNAL);
	stop->signal = SIGTERM;
	if (signal)
		value_signal(&site, signal, &stop->signal);
	stop->timeout_ms = duration_of(r, index, KEY_STOP_TIMEOUT);
	stop->scope = (enum stop_scope)choice_of(r, index, KEY_STOP_TO, STOP_GROUP);
	const struct entry *command = entry_of(r, index, KEY_STOP_COMMAND);
	if (!command)
		return;
	site = site_of(r, index, KEY_STOP_COMMAND);
	if (value_accepts(&site, command->value))
		command_at(r, index, &site, command->value, &service->stop_command);
	stop->has_command = service->stop_command.text != NULL;
}

static void fill_health(struct resolving *r, struct service *service)
{
	int index = service->index;
	struct health_policy *health = &service->policy.health;
	health->interval_ms = duration_of(r, index, KEY_HEALTH_INTERVAL);
	health->timeout_ms = duration_of(r, index, KEY_HEALTH_TIMEOUT);
	health->retries = (int)number_of(r, index, KEY_HEALTH_RETRIES);
	health->successes = (int)number_of(r, index, KEY_HEALTH_SUCCESSES);
	health->start_period_ms = duration_of(r, index, KEY_HEALTH_START_PERIOD);
	health->action = (enum health_action)choice_of(r, index, KEY_HEALTH_ACTION, HEALTH_RESTART);
}

static void fill_policy(struct resolving *r, struct service *service)
{
	int index = service->index;
	struct service_policy *policy = &service->policy;
	policy->type = (enum service_type)choice_of(r, index, KEY_TYPE, TYPE_SERVICE);
	policy->has_port = service->port_count > 0;
	policy->ready_timeout_ms = duration_of(r, index, KEY_READY_TIMEOUT);
	policy->task_timeout_ms = duration_of(r, index, KEY_TIMEOUT);
	policy->optional = boolean_of(r, index, KEY_OPTIONAL);
	policy->essential = boolean_of(r, index, KEY_ESSENTIAL);
	policy->on_dependency =
		(enum dependency_rule)choice_of(r, index, KEY_ON_DEPENDENCY, DEPENDENCY_KEEP);
	policy->move = (enum move_rule)choice_of(r, index, KEY_MOVE, MOVE_OVERLAP);
	if (policy->type == TYPE_TASK) {
		refuse_key(r, index, KEY_READY_TIMEOUT,
			"is for services; a task is ready when it is done",
			"write 'timeout = 10m' to bound its run");
	} else {
		refuse_key(r, index, KEY_TIMEOUT, "bounds the run of a task, and this is a service",
			"write 'ready.timeout', 'stop.timeout' or 'health.timeout', or 'type = "
			"task'");
		policy->task_timeout_ms = 0;
	}
	fill_restart(r, service);
	fill_stop(r, service);
	fill_health(r, service);
}

static void fill_ports(struct resolving *r, struct service *service)
{
	const struct draft_service *from = &r->draft->services[service->index];
	service->ports = arena_copy(r->arena, from->port_rows,
		from->port_row_count * sizeof *from->port_rows);
	service->port_count = from->port_row_count;
	service->has_main_port = from->main_port != NO_PORT;
	for (size_t i = 0; i < service->port_count; i++)
		r->stack->ports[service->ports[i]].service = service->name;
}

static void fill_log(struct resolving *r, struct service *service)
{
	int index = service->index;
	service->log.file = path_of(r, index, KEY_LOG_FILE);
	service->log.max_size = size_of(r, index, KEY_LOG_MAX_SIZE);
	service->log.keep = (int)number_of(r, index, KEY_LOG_KEEP);
	service->log.split = boolean_of(r, index, KEY_LOG_SPLIT);
	service->tty = boolean_of(r, index, KEY_TTY);
	if (!service->tty || !service->log.split)
		return;
	struct site site =
		site_of(r, index, own_entry(r, index, KEY_LOG_SPLIT) ? KEY_LOG_SPLIT : KEY_TTY);
	complaint_error(r->complaints, site.file, site.line, site.key,
		"a terminal has one stream: 'tty = yes' and 'log.split = yes' exclude each other");
	complaint_hint(r->complaints, "keep one of them");
}

static const struct pair *copy_pairs(struct resolving *r, const struct pair *from, size_t count)
{
	struct pair *pairs = arena_take(r->arena, count * sizeof *pairs);
	for (size_t i = 0; i < count; i++)
		pairs[i] = (struct pair){arena_string(r->arena, from[i].name),
			arena_string(r->arena, from[i].value),
			arena_string(r->arena, from[i].origin)};
	return pairs;
}

static const char *const *copy_words(struct resolving *r, const struct words *from)
{
	const char **words = arena_take(r->arena, from->count * sizeof *words);
	for (size_t i = 0; i < from->count; i++)
		words[i] = arena_string(r->arena, from->items[i]);
	return words;
}

static void fill_environment(struct resolving *r, struct service *service)
{
	int index = service->index;
	const struct draft_service *from = &r->draft->services[index];
	service->env = pairs_of(r, index, &from->env, &service->env_count);
	service->exports = pairs_of(r, index, &from->exports, &service->export_count);
	service->env_files = copy_pairs(r, from->files.vars, from->files.count);
	service->env_file_count = from->files.count;
	service->env_paths = paths_of(r, &from->files, &service->env_path_count);
	const char *secrets = text_of(r, index, KEY_SECRET);
	struct site site = site_of(r, index, KEY_SECRET);
	struct words words = {0};
	if (secrets && value_variables(&site, secrets, &words)) {
		service->secrets = words.items;
		service->secret_count = words.count;
	}
	service->profiles = copy_words(r, &from->profiles);
	service->profile_count = from->profiles.count;
	service->enabled = from->enabled;
}

static enum identity identity_of(struct resolving *r, const struct service *service)
{
	const struct port *port = stack_main_port(r->stack, service);
	enum identity fallback = port && port->hold == HOLD_NO ? IDENTITY_WARN : IDENTITY_STRICT;
	return (enum identity)choice_of(r, service->index, KEY_IDENTITY, (int)fallback);
}

static const char *user_of(struct resolving *r, const struct service *service)
{
	const char *user = text_of(r, service->index, KEY_USER);
	struct site site = site_of(r, service->index, KEY_USER);
	if (user && !*user)
		value_refuse(&site, user);
	return user;
}

static const char *shown_url(struct resolving *r, const struct service *service)
{
	OWNED_TEXT shown = {0};
	if (!service->url || !entry_of(r, service->index, KEY_URL))
		return service->url;
	secret_add_shown(&shown, r->stack, service, service->url);
	return arena_string(r->arena, text_string(&shown));
}

void resolve_service(struct resolving *r, struct service *service)
{
	int index = service->index;
	fill_ports(r, service);
	fill_policy(r, service);
	fill_command(r, service);
	service->description = text_of(r, index, KEY_DESCRIPTION);
	service->dir = path_of(r, index, KEY_DIR);
	if (!service->dir)
		service->dir = r->stack->dir;
	service->url = scope_url(&r->shared, index);
	resolve_probes(r, service);
	service->identity = identity_of(r, service);
	fill_environment(r, service);
	service->url_shown = shown_url(r, service);
	fill_log(r, service);
	service->user = user_of(r, service);
	service->files_max = number_of(r, index, KEY_FILES_MAX);
	service->state_dir =
		arena_format(r->arena, "%s/services/%s", r->stack->state_dir, service->name);
}

/* ---- dependencies ---- */

static bool find_condition(const struct site *site, const char *word, enum condition *out)
{
	static const enum condition all[] = {
		CONDITION_STARTED, CONDITION_READY, CONDITION_HEALTHY, CONDITION_COMPLETED};
	struct nearest near = {.wanted = word};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (!strcmp(condition_word(all[i]), word)) {
			*out = all[i];
			return true;
		}
		nearest_offer(&near, condition_word(all[i]));
	}
	complaint_error(site->complaints, site->file, site->line, site->key,
		"unknown condition '%.60s'", word);
	if (near.best)
		complaint_hint(site->complaints, "did you mean '%s'?", near.best);
	else
		complaint_hint(site->complaints, "write started, ready, healthy or completed");
	return false;
}

static bool find_service(const struct resolving *r, const struct site *site, const char *name,
	int *out)
{
	const size_t *place = lookup_find(&r->draft->places, name);
	if (place) {
		*out = (int)*place;
		return true;
	}
	struct nearest near = {.wanted = name};
	for (int i = 0; i < r->draft->service_count; i++)
		nearest_offer(&near, r->draft->services[i].name);
	complaint_error(site->complaints, site->file, site->line, site->key,
		"there is no service '%.60s'", name);
	if (*name == '"' || *name == '\'')
		complaint_hint(site->complaints, "write %.*s, without the quotes",
			(int)strcspn(name + 1, "\"'"), name + 1);
	else if (near.best)
		complaint_hint(site->complaints, "did you mean '%s'?", near.best);
	else
		complaint_hint(site->complaints, "write [service %.40s], or remove it here", name);
	return false;
}

static bool check_dependency(struct resolving *r, const struct service *service,
	const struct site *site, const struct dependency *d)
{
	const struct service *other = &r->stack->services[d->service];
	if (other == service) {
		complaint_error(site->complaints, site->file, site->line, site->key,
			"service '%s' depends on itself", service->name);
		complaint_hint(site->complaints, "remove it from the list");
		return false;
	}
	if (d->condition != CONDITION_HEALTHY || other->policy.health.present)
		return true;
	complaint_error(site->complaints, site->file, site->line, site->key,
		"'%s' cannot become healthy: it has no health check", other->name);
	complaint_hint(site->complaints, "write 'health = ...' in [service %s], or '%s:ready' here",
		other->name, other->name);
	return false;
}

static bool is_repeated(const struct site *site, const struct dependency *all, size_t count,
	const struct dependency *d, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (all[i].service != d->service)
			continue;
		complaint_error(site->complaints, site->file, site->line, site->key,
			"'%s' is in the list twice", name);
		complaint_hint(site->complaints, "keep one of the two");
		return true;
	}
	return false;
}

void resolve_dependencies(struct resolving *r, struct service *service)
{
	const char *text = text_of(r, service->index, KEY_DEPENDS_ON);
	struct site site = site_of(r, service->index, KEY_DEPENDS_ON);
	struct wanted_dependency *wanted;
	size_t count;
	if (!text || !value_dependencies(&site, text, &wanted, &count))
		return;
	struct dependency *all = arena_take(r->arena, count * sizeof *all);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		struct dependency d = {.optional = wanted[i].optional, .line = site.line};
		bool fine = find_service(r, &site, wanted[i].name, &d.service);
		if (fine)
			d.condition = r->stack->services[d.service].policy.type == TYPE_TASK
				? CONDITION_COMPLETED : CONDITION_READY;
		if (wanted[i].condition)
			fine = find_condition(&site, wanted[i].condition, &d.condition) && fine;
		if (fine && check_dependency(r, service, &site, &d) &&
			!is_repeated(&site, all, kept, &d, wanted[i].name))
			all[kept++] = d;
	}
	service->dependencies = all;
	service->dependency_count = kept;
}
