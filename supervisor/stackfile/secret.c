#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "stackfile/describe.h"

#define MASK "***"

/* Shorter values (1, yes, root) stand in too many places to be masked wherever they occur. */
enum { SECRET_LEAST = 6 };

static bool is_listed(const struct service *service, const char *variable)
{
	for (size_t i = 0; i < service->secret_count; i++)
		if (!strcmp(service->secrets[i], variable))
			return true;
	return false;
}

bool secret_name(const struct service *service, const char *variable)
{
	static const char *const parts[] = {"SECRET", "TOKEN", "PASS", "KEY", "DSN"};
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (strcasestr(variable, parts[i]))
			return true;
	return service && is_listed(service, variable);
}

/* Length of the authority of a URL that begins at `at`, behind its "://". */
static size_t authority_length(const char *at)
{
	return strcspn(at, "/?# \t\n\"'<>");
}

void secret_add_text(struct text *out, const char *value)
{
	const char *scheme;
	while ((scheme = strstr(value, "://"))) {
		const char *authority = scheme + 3;
		size_t length = authority_length(authority);
		const char *at = memrchr(authority, '@', length);
		const char *colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
		if (!colon) {
			text_add_bytes(out, value, (size_t)(authority - value));
			value = authority;
			continue;
		}
		text_add_bytes(out, value, (size_t)(colon + 1 - value));
		text_add(out, MASK);
		value = at;
	}
	text_add(out, value);
}

void secret_add_masked(struct text *out, const struct service *service, const char *variable,
	const char *value)
{
	if (*value && secret_name(service, variable))
		text_add(out, MASK);
	else
		secret_add_text(out, value);
}

/* ---- values of secrets inside of other texts ---- */

struct secret_values {
	LIST(const char *) list;
};

/* By its name, or because some service of the stack says so. */
static bool is_secret(const struct stack *stack, const char *variable)
{
	bool found = secret_name(NULL, variable);
	for (int i = 0; i < stack->service_count && !found; i++)
		found = is_listed(&stack->services[i], variable);
	return found;
}

static void collect(struct secret_values *values, const struct stack *stack,
	const struct pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(pairs[i].value) >= SECRET_LEAST && is_secret(stack, pairs[i].name))
			list_push(&values->list, pairs[i].value);
}

static const char *earliest(const struct secret_values *values, const char *text, size_t *length)
{
	const char *first = NULL;
	for (size_t i = 0; i < values->list.count; i++) {
		const char *value = values->list.items[i];
		const char *found = strstr(text, value);
		size_t found_length = strlen(value);
		if (!found || (first && found > first))
			continue;
		if (found == first && found_length <= *length)
			continue;
		first = found;
		*length = found_length;
	}
	return first;
}

void secret_add_shown(struct text *out, const struct stack *stack, const struct service *service,
	const char *text)
{
	struct secret_values values = {0};
	collect(&values, stack, service->env, service->env_count);
	collect(&values, stack, service->env_files, service->env_file_count);
	collect(&values, stack, stack->env, stack->env_count);
	OWNED_TEXT plain = {0};
	size_t length = 0;
	for (const char *found; (found = earliest(&values, text, &length)); text = found + length) {
		text_add_bytes(&plain, text, (size_t)(found - text));
		text_add(&plain, MASK);
	}
	text_add(&plain, text);
	list_release(&values.list);
	secret_add_text(out, text_string(&plain));
}

static void hide_in(char **owned, const struct stack *stack)
{
	for (int i = 0; i < stack->service_count; i++) {
		OWNED_TEXT shown = {0};
		secret_add_shown(&shown, stack, &stack->services[i], *owned);
		if (!text_ok(&shown) || !strcmp(text_string(&shown), *owned))
			continue;
		free(*owned);
		*owned = text_take(&shown);
	}
}

void secret_hide_in(struct complaints *complaints, size_t first, const struct stack *stack)
{
	for (size_t i = first; i < complaints->list.count; i++) {
		hide_in(&complaints->list.items[i].text, stack);
		hide_in(&complaints->list.items[i].hint, stack);
	}
}
