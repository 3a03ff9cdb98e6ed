/*
 * resume_head.c - the first line of the state, and the one about the instance; both ways.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "control/wire.h"
#include "daemon/resume.h"

static json_t *packed(const char *text)
{
	return text ? wire_pack(text, strlen(text)) : json_null();
}

static json_t *claim_json(const struct claim *c)
{
	return json_pack("{s:I, s:o, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:o, s:I}", "project_id",
		(json_int_t)c->project_id, "project", packed(c->project), "ports_base", (int)c->ports_base,
		"block", c->block, "instance", c->instance, "spans", c->spans, "base_port",
		(int)c->base_port, "state_dir", packed(c->state_dir), "purpose", packed(c->purpose),
		"environment", packed(c->environment), "generation", (json_int_t)c->generation);
}

/* A row of the claim beside its row of the stack: both are in the order of the file. */
static json_t *ports_json(const struct instance *in)
{
	const struct stack *stack = in->loaded.stack;
	json_t *list = json_array();
	for (int i = 0; i < stack->port_count && (size_t)i < in->claim.hold_count; i++) {
		const struct port_place *place = &in->claim.places[i];
		json_array_append_new(list, json_pack("{s:o, s:o, s:b, s:i, s:i, s:i, s:i}", "service",
			packed(place->service), "name", packed(place->name), "udp", place->udp, "wanted",
			(int)place->wanted, "place", (int)place->number, "number", (int)stack->ports[i].number,
			"moved_from", (int)stack->ports[i].moved_from));
	}
	return list;
}

static json_t *run_json(const struct instance *in)
{
	OWNED(char) cwd = getcwd(NULL, 0);
	return json_pack("{s:s, s:b, s:b, s:b, s:i, s:b, s:I, s:o, s:[I, I]}", "id", in->run_id, "detached",
		in->detached, "strict_ports", in->strict_ports, "has_strategy", in->has_strategy,
		"strategy", (int)in->strategy, "no_deps", in->no_deps, "started_wall_ms",
		(json_int_t)in->started_wall_ms, "directory", packed(cwd), "files",
		(json_int_t)in->spawner.files.rlim_cur, (json_int_t)in->spawner.files.rlim_max);
}

json_t *head_of(const struct instance *in)
{
	return json_pack("{s:i, s:s, s:O, s:o, s:o, s:o}", "format", RESUME_FORMAT, "version", STACKUP_VERSION,
		"origin", in->loaded.origin, "claim", claim_json(&in->claim), "ports", ports_json(in),
		"run", run_json(in));
}

json_t *head_instance(const struct instance *in)
{
	return json_pack("{s:{s:b, s:b, s:b, s:b, s:o, s:i, s:b, s:o, s:I, s:i, s:i}}", "instance", "stopping",
		in->stopping, "killing", in->killing, "has_owner", in->has_owner, "abort_on_failure",
		in->abort_on_failure, "exit_code_from",
		in->exit_code_from >= 0 ? packed(service_at(in, in->exit_code_from)->name) : json_null(),
		"exit_code", in->exit_code, "exit_decided", in->exit_decided, "exit_text",
		packed(in->exit_text), "event_seq", (json_int_t)in->event_seq, "state", in->state, "next_slot",
		in->next_slot);
}

/* ---- and back ---- */

static const char *unpacked(struct arena *arena, const json_t *object, const char *name)
{
	OWNED_TEXT text = {0};
	const json_t *value = json_object_get(object, name);
	if (!json_is_string(value) || !wire_unpack(value, &text))
		return NULL;
	return arena_string_n(arena, text_string(&text), text.length);
}

static int number_of(const json_t *object, const char *name)
{
	return (int)json_integer_value(json_object_get(object, name));
}

static int claim_read(struct claim *c, const json_t *json, struct error *e)
{
	c->outcome = CLAIM_OURS;
	c->project_id = json_integer_value(json_object_get(json, "project_id"));
	c->project = unpacked(c->arena, json, "project");
	c->ports_base = (uint16_t)number_of(json, "ports_base");
	c->block = number_of(json, "block");
	c->instance = number_of(json, "instance");
	c->spans = number_of(json, "spans");
	c->base_port = (uint16_t)number_of(json, "base_port");
	c->state_dir = unpacked(c->arena, json, "state_dir");
	c->purpose = unpacked(c->arena, json, "purpose");
	c->environment = unpacked(c->arena, json, "environment");
	c->generation = json_integer_value(json_object_get(json, "generation"));
	if (!c->project_id || !c->project || !c->instance || !c->state_dir || !c->purpose || !c->environment)
		return fail(e, EXIT_FAILED, "the claim of the last supervisor is not whole");
	return 0;
}

static void run_read(struct instance *in, const json_t *json)
{
	const char *id = json_string_value(json_object_get(json, "id"));
	const char *directory = unpacked(in->claim.arena, json, "directory");
	snprintf(in->run_id, sizeof in->run_id, "%s", id ? id : "");
	in->claim.run_id = arena_string(in->claim.arena, in->run_id);
	in->detached = json_is_true(json_object_get(json, "detached"));
	in->strict_ports = json_is_true(json_object_get(json, "strict_ports"));
	in->has_strategy = json_is_true(json_object_get(json, "has_strategy"));
	in->strategy = (enum port_strategy)number_of(json, "strategy");
	in->no_deps = json_is_true(json_object_get(json, "no_deps"));
	in->started_wall_ms = json_integer_value(json_object_get(json, "started_wall_ms"));
	/* Relative paths of programs we start are not from here; somewhere else does as well. */
	(void)!chdir(directory ? directory : "/");
}

int head_read(struct instance *in, const json_t *head, struct error *e)
{
	in->claimed = true;
	in->claim.arena = arena_new();
	if (!in->claim.arena || setjmp(*arena_on_failure(in->claim.arena)))
		return fail(e, EXIT_FAILED, "out of memory");
	if (claim_read(&in->claim, json_object_get(head, "claim"), e))
		return -1;
	run_read(in, json_object_get(head, "run"));
	return in->run_id[0] ? 0 : fail(e, EXIT_FAILED, "the last supervisor has not said which run it was");
}

void head_read_instance(struct instance *in, const json_t *json)
{
	const char *from = unpacked(in->claim.arena, json, "exit_code_from");
	const char *text = unpacked(in->claim.arena, json, "exit_text");
	const struct service *s = from ? stack_service(in->loaded.stack, from) : NULL;
	in->stopping = json_is_true(json_object_get(json, "stopping"));
	in->killing = json_is_true(json_object_get(json, "killing"));
	in->has_owner = json_is_true(json_object_get(json, "has_owner"));
	in->abort_on_failure = json_is_true(json_object_get(json, "abort_on_failure"));
	in->exit_code_from = s ? s->index : -1;
	in->exit_code = number_of(json, "exit_code");
	in->exit_decided = json_is_true(json_object_get(json, "exit_decided"));
	snprintf(in->exit_text, sizeof in->exit_text, "%s", text ? text : "");
	in->event_seq = (uint64_t)json_integer_value(json_object_get(json, "event_seq"));
	in->state = number_of(json, "state");
	in->next_slot = number_of(json, "next_slot");
}

int head_read_places(struct instance *in, const json_t *head, struct error *e)
{
	const json_t *list = json_object_get(head, "ports");
	for (size_t i = 0; i < in->claim.hold_count; i++) {
		const json_t *port = json_array_get(list, i);
		struct arena *arena = in->claim.arena;
		const char *service = unpacked(arena, port, "service");
		const char *name = unpacked(arena, port, "name");
		in->claim.places[i] = (struct port_place){.service = strdup(service ? service : ""),
			.name = strdup(name ? name : ""),
			.udp = json_is_true(json_object_get(port, "udp")),
			.wanted = (uint16_t)number_of(port, "wanted"),
			.number = (uint16_t)number_of(port, "place")};
		if (!in->claim.places[i].service || !in->claim.places[i].name)
			return fail(e, EXIT_FAILED, "out of memory");
	}
	return 0;
}
