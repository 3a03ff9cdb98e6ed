#include "stackfile/scope.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "model/names.h"

/* Names without a dot, of the instance; the rows below fill them. */
#define PLAIN_NAMES(X)                                                                             \
	X(NAME_PORT, "port")                                                                       \
	X(NAME_HOST, "host")                                                                       \
	X(NAME_URL, "url")                                                                         \
	X(NAME_INSTANCE, "instance")                                                               \
	X(NAME_BASE_PORT, "base_port")                                                             \
	X(NAME_STACK_NAME, "stack.name")                                                           \
	X(NAME_STACK_DIR, "stack.dir")                                                             \
	X(NAME_MAIN_DIR, "main_dir")                                                               \
	X(NAME_STATE_DIR, "state_dir")                                                             \
	X(NAME_LOG_DIR, "log_dir")                                                                 \
	X(NAME_SLUG, "slug")                                                                       \
	X(NAME_BRANCH, "branch")                                                                   \
	X(NAME_ENVIRONMENT, "environment")

#define X(id, word) id,
enum plain_name { PLAIN_NAMES(X) PLAIN_NAME_COUNT };
#undef X

static const char *const plain_words[] = {
#define X(id, word) [id] = word,
	PLAIN_NAMES(X)
#undef X
};

#define WHY(scope, ...) fail(&(scope)->why, EXIT_BAD_FILE, __VA_ARGS__)

static const struct draft_service *service_at(const struct scope *scope, int index)
{
	return &scope->shared->draft->services[index];
}

/* What stands for a value whose time has not come, and says so. */
static enum interpolate_found too_early(struct scope *scope, const char *name)
{
	WHY(scope, "${%s} is not known yet here", name);
	error_hint(
		&scope->why, "ports and slots are chosen before it; use an environment variable");
	return FOUND_NOTHING;
}

static enum interpolate_found number(struct scope *scope, int value, const char **out)
{
	snprintf(scope->number, sizeof scope->number, "%d", value);
	*out = scope->number;
	return FOUND_VALUE;
}

static enum interpolate_found port_of(struct scope *scope, int service, const char *port_name,
	const char *name, const char **out)
{
	const struct scope_shared *shared = scope->shared;
	const struct draft_service *s = service_at(scope, service);
	if (!shared->facts)
		return too_early(scope, name);
	for (size_t i = 0; i < s->port_row_count; i++) {
		int row = s->port_rows[i];
		if (!strcmp(shared->draft->ports[row].name, port_name))
			return number(scope, shared->facts->numbers[row], out);
	}
	bool is_main = !strcmp(port_name, "main");
	WHY(scope, "service '%s' has no port%s%s%s", s->name, is_main ? "" : " '",
		is_main ? "" : port_name, is_main ? "" : "'");
	if (is_main)
		error_hint(&scope->why,
			"give it one: 'slot = auto' or 'port = NUMBER' in [service %s]", s->name);
	else
		error_hint(
			&scope->why, "write 'port.%s = auto' in [service %s]", port_name, s->name);
	return FOUND_NOTHING;
}

static enum interpolate_found url_of(struct scope *scope, int service, const char *name,
	const char **out)
{
	struct scope_shared *shared = scope->shared;
	const struct draft_service *s = service_at(scope, service);
	if (!shared->facts)
		return too_early(scope, name);
	if (shared->urls[service].state == URL_BUSY) {
		WHY(scope, "the url of service '%s' refers to itself", s->name);
		error_hint(&scope->why, "write one of the urls out");
		return FOUND_NOTHING;
	}
	*out = scope_url(shared, service);
	if (*out)
		return FOUND_VALUE;
	scope->said = shared->urls[service].refused;
	bool portless = s->main_port == NO_PORT;
	WHY(scope, "service '%s' has no url%s", s->name, portless ? ", since it has no port" : "");
	error_hint(&scope->why,
		portless ? "write 'slot = auto' and 'protocol = http', or 'url = ...', in [service %s]"
			 : "write 'url = ...' or 'protocol = http' in [service %s]", s->name);
	return FOUND_NOTHING;
}

static enum interpolate_found text_or_nothing(struct scope *scope, const char *value,
	const char *name, const char **out)
{
	if (!value)
		return too_early(scope, name);
	*out = value;
	return FOUND_VALUE;
}

static enum interpolate_found find_own(struct scope *scope, enum plain_name name, const char **out)
{
	const char *word = plain_words[name];
	if (scope->service < 0) {
		WHY(scope, "${%s} belongs to a service", word);
		error_hint(&scope->why, "write ${SERVICE.%s} with the service's name", word);
		return FOUND_NOTHING;
	}
	if (name == NAME_PORT)
		return port_of(scope, scope->service, "main", word, out);
	if (name == NAME_URL)
		return url_of(scope, scope->service, word, out);
	*out = "localhost";
	return FOUND_VALUE;
}

static enum interpolate_found find_plain(
	struct scope *scope, enum plain_name name, const char **out)
{
	const struct stackfile_facts *facts = scope->shared->facts;
	const struct stack *head = &scope->shared->draft->head;
	const char *word = plain_words[name];
	switch (name) {
	case NAME_PORT:
	case NAME_HOST:
	case NAME_URL:
		return find_own(scope, name, out);
	case NAME_INSTANCE:
		if (facts)
			return number(scope, facts->instance, out);
		return head->instance ? number(scope, head->instance, out) : too_early(scope, word);
	case NAME_BASE_PORT:
		return facts ? number(scope, facts->base_port, out) : too_early(scope, word);
	case NAME_STACK_NAME:
		return text_or_nothing(scope, head->name, word, out);
	case NAME_STACK_DIR:
		return text_or_nothing(scope, head->dir, word, out);
	case NAME_MAIN_DIR:
		return text_or_nothing(scope, head->main_dir, word, out);
	case NAME_ENVIRONMENT:
		return text_or_nothing(scope, head->environment, word, out);
	case NAME_STATE_DIR:
		return text_or_nothing(scope, facts ? facts->state_dir : NULL, word, out);
	case NAME_LOG_DIR:
		return text_or_nothing(scope, facts ? facts->log_dir : NULL, word, out);
	case NAME_SLUG:
		return text_or_nothing(scope, facts ? facts->slug : NULL, word, out);
	case NAME_BRANCH:
		return text_or_nothing(scope, facts ? facts->branch : NULL, word, out);
	case PLAIN_NAME_COUNT:
		break;
	}
	return FOUND_UNKNOWN;
}

/* "db.port.admin": what follows the service's name. */
static enum interpolate_found find_service(struct scope *scope, int service, const char *what,
	const char *name, const char **out)
{
	if (!strcmp(what, "port"))
		return port_of(scope, service, "main", name, out);
	if (!strncmp(what, "port.", 5) && what[5])
		return port_of(scope, service, what + 5, name, out);
	if (!strcmp(what, "url"))
		return url_of(scope, service, name, out);
	if (strcmp(what, "host") != 0)
		return FOUND_UNKNOWN;
	*out = "localhost";
	return FOUND_VALUE;
}

static bool is_of_service(const char *what)
{
	return !strcmp(what, "port") || !strncmp(what, "port.", 5) || !strcmp(what, "url") ||
		!strcmp(what, "host");
}

/* Told only where no known name is near. */
static enum interpolate_found no_service(struct scope *scope, const char *name, const char *what)
{
	if (!is_of_service(what))
		return FOUND_UNKNOWN;
	WHY(scope, "there is no service '%s'", name);
	error_hint(&scope->why, "write [service %s], or correct '${%s.%s}'", name, name, what);
	return FOUND_UNKNOWN;
}

static enum interpolate_found find_ours(struct scope *scope, const char *name, const char **out)
{
	scope->why = (struct error){0};
	for (enum plain_name plain = 0; plain < PLAIN_NAME_COUNT; plain++)
		if (!strcmp(plain_words[plain], name))
			return find_plain(scope, plain, out);
	const char *dot = strchr(name, '.');
	if (!dot)
		return FOUND_UNKNOWN;
	char first[NAME_MOST + 1];
	size_t length = (size_t)(dot - name);
	if (length > NAME_MOST)
		return FOUND_UNKNOWN;
	memcpy(first, name, length);
	first[length] = '\0';
	if (!strcmp(first, "port") && scope->service >= 0)
		return port_of(scope, scope->service, dot + 1, name, out);
	const size_t *place = lookup_find(&scope->shared->draft->places, first);
	return place ? find_service(scope, (int)*place, dot + 1, name, out)
		     : no_service(scope, first, dot + 1);
}

static const char *find_file(const struct dotenv *files, const char *name)
{
	const size_t *place = lookup_find(&files->places, name);
	return place ? files->vars[*place].value : NULL;
}

static enum interpolate_found find_name(void *self, const char *name, const char **value)
{
	struct scope *scope = self;
	const struct draft *draft = scope->shared->draft;
	if (*name >= 'a' && *name <= 'z')
		return find_ours(scope, name, value);
	const char *found = draft_caller(draft, name);
	if (!found && scope->service >= 0)
		found = find_file(&service_at(scope, scope->service)->files, name);
	if (!found)
		found = find_file(&draft->files, name);
	if (!found)
		return FOUND_NOTHING;
	*value = found;
	return FOUND_VALUE;
}

/* "db.prot" is near "db.port", "bd.port" near the same; every service could be meant. */
static const char *nearest_name(void *self, const char *name)
{
	struct scope *scope = self;
	const struct draft *draft = scope->shared->draft;
	struct nearest near = {.wanted = name};
	for (size_t i = 0; i < PLAIN_NAME_COUNT; i++)
		nearest_offer(&near, plain_words[i]);
	if (!strchr(name, '.'))
		return near.best;
	static const char *const parts[] = {"port", "url", "host"};
	for (int i = 0; i < draft->service_count; i++)
		for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++)
			nearest_offer(&near, arena_format(scope->shared->arena, "%s.%s",
						     draft->services[i].name, parts[p]));
	return near.best;
}

static bool explain(void *self, struct error *e)
{
	struct scope *scope = self;
	if (!scope->why.code)
		return false;
	*e = scope->why;
	scope->is_cause = true;
	return true;
}

static void left_to_shell(void *self, enum interpolate_warning warning, const char *name)
{
	struct scope *scope = self;
	if (warning != WARN_LEFT_TO_SHELL)
		return;
	fail(&scope->left, EXIT_BAD_FILE, "$%s is left to the shell", name);
	error_hint(&scope->left, "write ${%s} for stackup's", name);
}

struct interpolation scope_rules(struct scope *scope, enum interpolate_dialect dialect)
{
	return (struct interpolation){
		.dialect = dialect,
		.self = scope,
		.find = find_name,
		.warn = dialect == INTERPOLATE_COMMAND ? left_to_shell : NULL,
		.nearest = nearest_name,
		.explain = explain,
	};
}

void scope_complain(const struct scope *scope, const struct site *site, const struct error *e)
{
	if (!site->complaints || (scope->is_cause && scope->said))
		return;
	complaint_error(site->complaints, site->file, site->line, site->key, "%s: %s", site->key,
		e->text);
	if (*e->hint)
		complaint_hint(site->complaints, "%s", e->hint);
}

/* Complains once, when the bound is passed; all that follows is refused in silence. */
static bool within_total(struct scope_shared *shared, const struct site *site, size_t length)
{
	bool was_within = shared->total <= SCOPE_TOTAL_MOST;
	shared->total += length;
	if (shared->total <= SCOPE_TOTAL_MOST)
		return true;
	if (was_within && site->complaints) {
		complaint_error(site->complaints, site->file, site->line, site->key,
			"%s: with this value the stack has more than %d MiB of text", site->key,
			SCOPE_TOTAL_MOST >> 20);
		complaint_hint(site->complaints, "refer to large variables less often");
	}
	return false;
}

const char *scope_fill(struct scope_shared *shared, int service, const struct site *site,
	const char *text)
{
	if (shared->total > SCOPE_TOTAL_MOST)
		return NULL;
	if (shared->draft->document->is_procfile || !strchr(text, '$'))
		return arena_string(shared->arena, text);
	struct scope scope = {.shared = shared, .service = service};
	struct interpolation rules = scope_rules(&scope, INTERPOLATE_STACK);
	OWNED_TEXT out = {0};
	struct error e = {0};
	if (interpolate(text, &rules, &out, &e)) {
		scope_complain(&scope, site, &e);
		return NULL;
	}
	if (!within_total(shared, site, out.length))
		return NULL;
	return arena_string(shared->arena, text_string(&out));
}

static bool has_default_url(const struct draft *draft, int service)
{
	int row = draft->services[service].main_port;
	if (row == NO_PORT)
		return false;
	enum protocol protocol = draft->ports[row].protocol;
	return protocol == PROTOCOL_HTTP || protocol == PROTOCOL_WS;
}

const char *scope_url(struct scope_shared *shared, int service)
{
	struct url *url = &shared->urls[service];
	const struct draft *draft = shared->draft;
	const struct draft_service *s = &draft->services[service];
	if (url->state == URL_KNOWN)
		return url->text;
	url->state = URL_BUSY;
	const struct entry *entry = s->values[KEY_URL];
	if (entry) {
		struct site site = draft_site(draft, shared->arena, schema_key(KEY_URL), entry,
			shared->complaints);
		url->text = scope_fill(shared, service, &site, entry->value);
		url->refused = !url->text;
	} else if (has_default_url(draft, service)) {
		url->text = arena_format(shared->arena, "http://localhost:%d",
			shared->facts->numbers[s->main_port]);
	}
	url->state = URL_KNOWN;
	return url->text;
}
