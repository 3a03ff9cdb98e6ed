#include "plan/secrets.h"

#include <string.h>

enum { VALUE_LEAST = 6 };

static void add_value(struct secrets *s, const char *value)
{
	if (strlen(value) < VALUE_LEAST || lookup_find(&s->known, value))
		return;
	lookup_add(&s->known, value, 0);
	*arena_append(s->arena, s->values, s->value_count) = value;
}

static void add_values(struct secrets *s, const char *name, const struct pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(pairs[i].name, name))
			add_value(s, pairs[i].value);
}

static void add_name(struct secrets *s, const char *name, const struct stack *stack)
{
	if (lookup_find(&s->names, name))
		return;
	lookup_add(&s->names, name, 0);
	add_values(s, name, stack->env, stack->env_count);
	for (int i = 0; i < stack->service_count; i++) {
		const struct service *service = &stack->services[i];
		add_values(s, name, service->env, service->env_count);
		add_values(s, name, service->env_files, service->env_file_count);
	}
}

void secrets_collect(struct secrets *s, struct arena *arena, const struct stack *stack)
{
	*s = (struct secrets){.arena = arena, .names = {.arena = arena}, .known = {.arena = arena}};
	for (int i = 0; i < stack->service_count; i++)
		for (size_t n = 0; n < stack->services[i].secret_count; n++)
			add_name(s, stack->services[i].secrets[n], stack);
}

bool secrets_name(const struct secrets *s, const char *variable)
{
	return lookup_find(&s->names, variable) != NULL;
}

bool secrets_hide(const struct secrets *s, const char *value)
{
	for (size_t i = 0; i < s->value_count; i++)
		if (strstr(value, s->values[i]))
			return true;
	return false;
}
