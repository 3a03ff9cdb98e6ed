#include "cli/registry/truth.h"

#include <poll.h>
#include <string.h>

#include "base/list.h"
#include "base/own.h"
#include "cli/context.h"

enum { REPLY_MS = 2000, AGAIN_MS = 200 };

struct wants {
	struct verify_want *items; /* owns */
	size_t count;
	size_t capacity;
};

/* ---- what supervisors say ---- */

static bool serves(const json_t *service)
{
	const char *type = json_string_value(json_object_get(service, "type"));
	const char *state = json_string_value(json_object_get(service, "state"));
	return type && state && !strcmp(type, "service") &&
		(!strcmp(state, "ready") || !strcmp(state, "unhealthy"));
}

static int take_ports(const struct instance *row, const json_t *service, struct wants *out)
{
	const char *name;
	json_t *port;
	json_object_foreach((json_t *)(uintptr_t)json_object_get(service, "ports"), name, port)
	{
		struct verify_want want = {.project_id = row->project_id,
			.instance = row->number,
			.port = (uint16_t)json_integer_value(port)};
		if (!list_push(out, want))
			return -1;
	}
	return 0;
}

static bool ask(const struct context *context, const struct instance *row, json_t **reply)
{
	struct control_client client = {.fd = -1};
	struct error none = {0};
	OWNED(char) socket = paths_socket(&context->paths, row->project, row->number);
	if (!socket || client_connect(&client, socket, REPLY_MS, &none))
		return false;
	int result =
		client_call(&client, json_pack("{s:s}", "verb", "status"), REPLY_MS, reply, &none);
	client_close(&client);
	return !result;
}

static int ask_one(const struct context *context, const struct instance *row, struct truth *truth,
	struct wants *out, struct error *e)
{
	json_t *reply = NULL, *service;
	size_t index;
	int result = 0;
	if (!ask(context, row, &reply)) {
		truth->mute++;
		return 0;
	}
	json_t *services = json_object_get(json_object_get(reply, "instance"), "services");
	json_array_foreach(services, index, service)
	{
		if (!result && serves(service))
			result = take_ports(row, service, out);
	}
	json_decref(reply);
	return result ? fail(e, EXIT_FAILED, "out of memory") : 0;
}

static int ask_all(
	const struct context *context, struct truth *truth, struct wants *out, struct error *e)
{
	struct inventory all;
	struct arena *arena = arena_new();
	if (!arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int result = inventory_read(context->paths.state, 0, arena, &all, e);
	truth->mute = 0;
	for (size_t i = 0; !result && i < all.instance_count; i++) {
		const struct instance *row = &all.instances[i].row;
		if (row->status == INSTANCE_RUNNING && !instance_is_elsewhere(row))
			result = ask_one(context, row, truth, out, e);
	}
	arena_free(arena);
	return result;
}

/* ---- both looks ---- */

static int look(const struct context *context, struct truth *truth, struct error *e)
{
	struct wants wants = {0};
	int result = ask_all(context, truth, &wants, e);
	if (!result)
		result = verify_look(
			context->paths.state, wants.items, wants.count, &truth->facts, e);
	if (!result)
		verify_judge(&truth->facts, truth->facts.arena, &truth->found);
	list_release(&wants);
	return result;
}

int truth_find(const struct context *context, struct truth *truth, struct error *e)
{
	struct truth again = {0};
	*truth = (struct truth){0};
	if (look(context, truth, e))
		return -1;
	if (!truth->found.count)
		return 0;
	(void)poll(NULL, 0, AGAIN_MS);
	int result = look(context, &again, e);
	if (!result)
		verify_keep_seen(&truth->found, &again.found);
	truth_release(&again);
	return result;
}

void truth_release(struct truth *truth)
{
	verify_facts_release(&truth->facts);
	*truth = (struct truth){0};
}
