/*
 * What a service has whether it is a program or a container: order, restarts, stopping, health, variables.
 */
#include <string.h>

#include "adopt/compose_inside.h"
#include "adopt/procfile.h"
#include "base/file.h"
#include "base/number.h"
#include "model/names.h"
#include "stackfile/command.h"

#define IMAGE(names, port, template, ready) {names, port, template, ready},
static const struct image images[] = {
#include "adopt/images.def"
};
#undef IMAGE

/* "docker.io/library/postgres:16-alpine" is postgres. */
const struct image *image_find(struct arena *arena, const char *image)
{
	const char *slash = strrchr(image, '/');
	const char *last = slash ? slash + 1 : image;
	const char *name = arena_string_n(arena, last, strcspn(last, ":@"));
	for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
		if (*name && name_is_among(images[i].names, name))
			return &images[i];
	return NULL;
}

/* ---- durations ---- */

/* "1m30s", "1.5s", "90s" of compose; false where it is none. */
static bool duration_ms(const char *text, int64_t *ms)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = {{"us", 0.001}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	double total = 0;
	if (!*text)
		return false;
	while (*text) {
		double number = 0, scale = 1;
		size_t digits = strspn(text, "0123456789");
		for (; *text >= '0' && *text <= '9'; text++)
			number = number * 10 + (*text - '0');
		for (text += *text == '.'; *text >= '0' && *text <= '9'; text++)
			number += (*text - '0') * (scale /= 10);
		size_t length = strspn(text, "umsh");
		size_t i = 0;
		while (i < 5 && !(strlen(units[i].unit) == length && !strncmp(text, units[i].unit, length)))
			i++;
		if (i == 5 || !digits)
			return false;
		total += number * units[i].ms;
		text += length;
	}
	*ms = (int64_t)(total + 0.5);
	return total < 1e12;
}

static const char *duration_text(struct arena *arena, int64_t ms)
{
	if (ms % 1000)
		return arena_format(arena, "%lldms", (long long)ms);
	if (ms % 60000 || !ms)
		return arena_format(arena, "%llds", (long long)(ms / 1000));
	return arena_format(arena, "%lldm", (long long)(ms / 60000));
}

static void set_duration(struct compose *c, struct compose_service *s, const struct yaml *map, const char *from,
	const char *key)
{
	const struct yaml *node = yaml_get(map, from);
	const char *text = compose_fill(c, node);
	int64_t ms;
	if (!text)
		return;
	if (duration_ms(text, &ms))
		sheet_set(c->sheet, s->out, key, duration_text(c->arena, ms));
	else
		compose_leave(c, s, node, from, "'%s' is not a duration like 30s or 1m30s", text);
}

/* ---- order ---- */

static void depend(struct compose *c, struct compose_service *s, const struct yaml_pair *pair)
{
	const struct compose_service *to = compose_find(c, pair->key);
	const char *condition = compose_fill(c, yaml_get(pair->value, "condition"));
	const struct yaml *required = yaml_get(pair->value, "required");
	bool optional = yaml_text(required) && !yaml_is_true(required);
	if (!to && optional)
		return;
	if (!to) {
		complaint_error(c->sheet->complaints, pair->value->file, pair->line, "depends_on",
			"'%s' depends on '%s', which is not there", s->key, pair->key);
		return;
	}
	const char *word = "";
	if (condition && !strcmp(condition, "service_started") && !to->is_task)
		word = ":started";
	else if (condition && !strcmp(condition, "service_healthy") && sheet_value(to->out, "health"))
		word = ":healthy";
	sheet_append(c->sheet, s->out, "depends_on",
		arena_format(c->arena, "%s%s%s", to->out->name, word, optional ? "?" : ""));
	if (yaml_is_true(yaml_get(pair->value, "restart")))
		sheet_set(c->sheet, s->out, "on_dependency", "restart");
}

/* "db:database" is db, and a name for it that nobody else has. */
static void add_links(struct compose *c, struct compose_service *s, const struct yaml *depends)
{
	const struct yaml *links = yaml_get(s->node, "links");
	for (size_t i = 0; links && links->kind == YAML_LIST && i < links->count; i++) {
		const char *text = compose_fill(c, links->pairs[i].value);
		const char *name = text ? arena_string_n(c->arena, text, strcspn(text, ":")) : "";
		const struct yaml_pair pair = {name, links->pairs[i].value, links->pairs[i].line};
		if (text && !yaml_get(depends, name))
			depend(c, s, &pair);
		if (text && strchr(text, ':'))
			compose_leave(c, s, links->pairs[i].value, "links", "the name '%s' is known to nobody here",
				strchr(text, ':') + 1);
	}
}

static void add_dependencies(struct compose *c, struct compose_service *s)
{
	const struct yaml *depends = compose_map(c->arena, yaml_get(s->node, "depends_on"), "depends_on");
	for (size_t i = 0; depends && depends->kind == YAML_MAP && i < depends->count; i++)
		depend(c, s, &depends->pairs[i]);
	add_links(c, s, depends);
}

/* ---- health ---- */

/* "curl -f http://localhost:8000/health || exit 1": the path, when it asks the service itself; NULL. */
static const char *http_path(struct compose *c, const struct compose_service *s, const char *text)
{
	const char *url = strstr(text, "http://localhost:");
	size_t host = strlen("http://localhost:");
	if (!url) {
		url = strstr(text, "http://127.0.0.1:");
		host = strlen("http://127.0.0.1:");
	}
	if (!url || !(strstr(text, "curl") || strstr(text, "wget")) || !s->endpoint_count)
		return NULL;
	const char *port = url + host;
	size_t digits = strspn(port, "0123456789");
	const char *own = arena_format(c->arena, "%d", s->endpoints[0].target);
	if (strlen(own) != digits || strncmp(port, own, digits) != 0)
		return NULL;
	const char *path = port + digits;
	size_t length = strcspn(path, " '\"|;&");
	return length && *path == '/' ? arena_string_n(c->arena, path, length) : "/";
}

static const char *joined(struct compose *c, const char *const *words, size_t count)
{
	OWNED_TEXT out = {0};
	for (size_t i = 0; i < count; i++)
		text_addf(&out, "%s%s", i ? " " : "", words[i]);
	return arena_string(c->arena, text_string(&out));
}

/* The check as a command, or as "http PATH" of a program. */
static const char *check_of(struct compose *c, struct compose_service *s, const struct yaml *test, const char *inside)
{
	const char **words;
	size_t count = 0;
	const char *script = yaml_text(test);
	if (!script) {
		count = compose_words(c, test, &words);
		if (count < 2)
			return "none";
		if (!strcmp(words[0], "CMD-SHELL"))
			script = words[1];
	}
	const char *path = inside ? NULL : http_path(c, s, script ? script : joined(c, words, count));
	if (path)
		return arena_format(c->arena, "http %s", path);
	if (inside && script)
		return arena_format(c->arena, "command %s sh -c %s", inside, compose_text(c, s, script, PLACE_WORD));
	if (script)
		return arena_format(c->arena, "command %s", compose_text(c, s, script, PLACE_SHELL));
	return arena_format(c->arena, "command %s%s%s", inside ? inside : "", inside ? " " : "",
		compose_join(c, s, words + 1, count - 1));
}

void compose_health(struct compose *c, struct compose_service *s, const char *inside)
{
	const struct yaml *check = yaml_get(s->node, "healthcheck");
	const struct yaml *test = yaml_get(check, "test");
	if (!test || yaml_is_true(yaml_get(check, "disable")) || s->is_task)
		return;
	const char *health = check_of(c, s, test, inside);
	sheet_set(c->sheet, s->out, "health", health);
	if (!strcmp(health, "none") || !sheet_value(s->out, "health"))
		return;
	set_duration(c, s, check, "interval", "health.interval");
	set_duration(c, s, check, "timeout", "health.timeout");
	set_duration(c, s, check, "start_period", "health.start_period");
	const char *retries = compose_fill(c, yaml_get(check, "retries"));
	if (retries)
		sheet_set(c->sheet, s->out, "health.retries", retries);
	if (yaml_get(check, "start_interval"))
		compose_leave(c, s, yaml_get(check, "start_interval"), "start_interval", "checks always keep health.interval");
}

/* ---- variables ---- */

static void set_variable(struct compose *c, struct compose_service *s, const struct yaml_pair *pair)
{
	const char *raw = yaml_text(pair->value);
	if (!raw)
		return;
	if (!name_is_variable(pair->key)) {
		compose_leave(c, s, pair->value, pair->key, "it is not the name of a variable");
		return;
	}
	const char *whole = strchr(raw, '$') ? NULL : compose_whole(c, s, pair->key, raw);
	bool given = !strcmp(pair->key, "PORT") && whole && !strcmp(whole, "${port}");
	if (!given)
		sheet_set(c->sheet, s->out, arena_format(c->arena, "env.%s", pair->key),
			whole ? whole : compose_text(c, s, raw, PLACE_VALUE));
}

/* Lines of `format: raw` are what they are: no quotes, no references. */
static void set_raw(struct compose *c, struct compose_service *s, const char *text)
{
	for (const char *line = text; *line;) {
		size_t length = strcspn(line, "\r\n");
		const char *equals = memchr(line, '=', length);
		if (*line != '#' && equals) {
			const char *name = arena_string_n(c->arena, line, (size_t)(equals - line));
			const char *value = arena_string_n(c->arena, equals + 1, length - (size_t)(equals - line) - 1);
			if (name_is_variable(name))
				sheet_set(c->sheet, s->out, arena_format(c->arena, "env.%s", name),
					sheet_literal(c->arena, value));
		}
		line += length + strspn(line + length, "\r\n");
	}
}

struct env_file {
	const struct yaml *node;
	const char *path; /* as it is written */
	bool optional;
	bool raw;
};

static size_t env_files(struct compose *c, const struct compose_service *s, struct env_file **files)
{
	const struct yaml *list = yaml_get(s->node, "env_file");
	size_t count = 0, most = !list ? 0 : list->kind == YAML_LIST ? list->count : 1;
	*files = NULL;
	for (size_t i = 0; i < most; i++) {
		const struct yaml *node = list->kind == YAML_LIST ? list->pairs[i].value : list;
		const struct yaml *required = yaml_get(node, "required");
		const char *format = compose_fill(c, yaml_get(node, "format"));
		const char *path = compose_fill(c, node->kind == YAML_MAP ? yaml_get(node, "path") : node);
		if (path)
			*arena_append(c->arena, *files, count) = (struct env_file){node, path,
				yaml_text(required) && !yaml_is_true(required), format && !strcmp(format, "raw")};
	}
	return count;
}

void compose_environment(struct compose *c, struct compose_service *s)
{
	struct env_file *files;
	size_t count = env_files(c, s, &files);
	for (size_t i = 0; i < count; i++) {
		OWNED_TEXT content = {0};
		struct error e = {0};
		if (files[i].raw && !file_read(compose_file(c, files[i].node->place, files[i].path), DOTENV_SIZE_MOST, &content, &e))
			set_raw(c, s, text_string(&content));
		else if (files[i].raw)
			compose_leave(c, s, files[i].node, "env_file", "%s", e.text);
		else
			sheet_append(c->sheet, s->out, "env_file", arena_format(c->arena, "%s%s", files[i].optional ? "?" : "",
				compose_path(c->arena, files[i].node->place, files[i].path)));
	}
	const struct yaml *map = compose_map(c->arena, yaml_get(s->node, "environment"), "environment");
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->count; i++)
		set_variable(c, s, &map->pairs[i]);
}

size_t compose_variables(struct compose *c, const struct compose_service *s, const char ***names)
{
	size_t count = 0;
	struct env_file *files;
	size_t file_count = env_files(c, s, &files);
	const struct yaml *map = compose_map(c->arena, yaml_get(s->node, "environment"), "environment");
	*names = NULL;
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->count; i++)
		*arena_append(c->arena, *names, count) = map->pairs[i].key;
	for (size_t i = 0; i < file_count; i++) {
		OWNED_TEXT content = {0};
		struct error e;
		struct complaints ignored = {0};
		struct dotenv env = {.arena = c->arena, .environment = c->request->environment, .complaints = &ignored};
		if (!file_read(compose_file(c, files[i].node->place, files[i].path), DOTENV_SIZE_MOST, &content, &e))
			dotenv_parse(&env, files[i].path, text_string(&content), content.length);
		complaints_release(&ignored);
		for (size_t k = 0; k < env.count; k++)
			if (!yaml_get(map, env.vars[k].name))
				*arena_append(c->arena, *names, count) = env.vars[k].name;
	}
	return count;
}

/* ---- the rest ---- */

static void set_restart(struct compose *c, struct compose_service *s)
{
	const struct yaml *node = yaml_get(s->node, "restart");
	const char *restart = compose_fill(c, node);
	if (!restart || s->is_task)
		return;
	if (!strcmp(restart, "always") || !strcmp(restart, "unless-stopped"))
		sheet_set(c->sheet, s->out, "restart", "always");
	else if (!strcmp(restart, "no") || !strcmp(restart, "false"))
		sheet_set(c->sheet, s->out, "restart", "no");
	else if (!strncmp(restart, "on-failure:", 11))
		sheet_set(c->sheet, s->out, "restart.limit", arena_format(c->arena, "%s in 1h", restart + 11));
	else if (strcmp(restart, "on-failure") != 0)
		compose_leave(c, s, node, "restart", "'%s' is not always, unless-stopped, on-failure or no", restart);
}

void compose_profiles(struct compose *c, struct compose_service *s)
{
	const struct yaml *list = yaml_get(s->node, "profiles");
	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++) {
		const char *name = compose_fill(c, list->pairs[i].value);
		if (name)
			sheet_append(c->sheet, s->out, "profile", sheet_name(c->arena, name));
	}
}

void compose_common(struct compose *c, struct compose_service *s)
{
	if (s->is_task)
		sheet_set(c->sheet, s->out, "type", "task");
	add_dependencies(c, s);
	set_restart(c, s);
	for (size_t i = 0; i < s->endpoint_count && !s->is_task; i++)
		sheet_want_port(c->sheet, s->out, i ? s->endpoints[i].name : NULL);
	if (s->endpoint_count && !strcmp(s->endpoints[0].protocol, "udp"))
		sheet_set(c->sheet, s->out, "protocol", "udp");
	if (s->way == WAY_TEMPLATE)
		return;
	set_duration(c, s, s->node, "stop_grace_period", "stop.timeout");
	const char *signal = s->way == WAY_PROGRAM ? compose_fill(c, yaml_get(s->node, "stop_signal")) : NULL;
	if (signal)
		sheet_set(c->sheet, s->out, "stop.signal", !strncmp(signal, "SIG", 3) ? signal + 3 : signal);
}
