#include "cli/ports/port_facts.h"

#include <string.h>

#include "base/nearest.h"
#include "cli/shared/event_tail.h"
#include "cli/shared/resolved.h"
#include "stackfile/document.h"

static json_t *find_in(const json_t *services, const char *name, struct error *e)
{
	struct nearest near = {.wanted = name};
	size_t index;
	json_t *service;
	json_array_foreach(services, index, service)
	{
		if (strcmp(event_string(service, "name"), name) == 0)
			return json_incref(service);
		nearest_offer(&near, event_string(service, "name"));
	}
	fail(e, EXIT_NOT_FOUND, "there is no service '%s'", name);
	nearest_hint(&near, e);
	return NULL;
}

static json_t *from_supervisor(const struct target *target, const char *name, struct error *e)
{
	json_t *reply = NULL;
	if (target_ask(target, json_pack("{s:s}", "verb", "status"), &reply, e) < 0)
		return NULL;
	const json_t *instance = json_object_get(reply, "instance");
	json_t *found = find_in(json_object_get(instance, "services"), name, e);
	if (found) {
		json_object_set(found, "file", json_object_get(reply, "file"));
		json_object_set(found, "url", json_object_get(found, "_url"));
	}
	json_decref(reply);
	return found;
}

static json_t *from_file(struct context *context, const char *name, struct error *e)
{
	struct resolved r;
	json_t *found = NULL;
	int index = resolve_checked(context, &r, e) < 0 ? -1 : resolved_service(&r, name, e);
	if (index >= 0) {
		const struct service *s = &r.stack->services[index];
		json_t *ports = json_object();
		for (size_t i = 0; i < s->port_count; i++)
			json_object_set_new(ports, r.stack->ports[s->ports[i]].name,
				json_integer(r.stack->ports[s->ports[i]].number));
		found = json_pack("{s:s, s:s, s:o, s:s?}", "name", s->name, "file", r.stack->file,
			"ports", ports, "url", s->url);
		if (!found)
			fail(e, EXIT_FAILED, "out of memory");
	}
	resolved_release(&r);
	return found;
}

json_t *port_facts(struct context *context, const char *service, struct error *e)
{
	struct target target;
	struct error why = {0};
	bool alive = context_target(context, &target, &why) == 0 && target.alive;
	json_t *found = alive ? from_supervisor(&target, service, e) : NULL;
	target_release(&target);
	if (alive)
		return found;
	/* An explicit instance or project that does not exist is not a question about the file. */
	if (why.code && why.code != EXIT_NOT_FOUND) {
		*e = why;
		return NULL;
	}
	return from_file(context, service, e);
}

void port_facts_hint(const json_t *facts, const char *what, struct error *e)
{
	bool is_procfile = document_is_procfile(event_string(facts, "file"));
	error_hint(e, "%swrite %s below [service %s]",
		is_procfile ? "a Procfile has no place for it: in a stack.ini " : "", what,
		event_string(facts, "name"));
}
