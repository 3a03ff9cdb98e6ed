#include <stdlib.h>
#include <string.h>

#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/program.h"
#include "cli/verbs/verb.h"

/* *pid: of the supervisor that agrees, and is on its way out. */
static int ask_supervisor(const struct target *t, struct control_client *client,
	const struct program *p, pid_t *pid, struct error *e)
{
	json_t *reply = NULL;
	json_t *request = json_pack("{s:s, s:s, s:s, s:i}", "verb", "upgrade", "program", p->path,
		"version", p->version, "state", p->state);
	if (client_call(client, request, ANSWER_MS, &reply, e) < 0)
		return fail_while(e, "%s", target_name(t));
	*pid = (pid_t)json_integer_value(json_object_get(reply, "pid"));
	json_decref(reply);
	return 0;
}

static int await_next(const struct target *t, struct control_client *client, pid_t *pid,
	struct error *e)
{
	const struct run_place run = target_run(t, true);
	int next = successor_connect(client, &run, pid, e);
	if (next != 0)
		return next > 0 ? 0 : -1;
	fail(e, EXIT_FAILED, "%s has ended while its supervisor was replaced", target_name(t));
	error_hint(e, "`stackup events` says how, `stackup up` starts it again");
	return -1;
}

/* A guardian whose new program does not manage takes its own: then nothing is lost but the upgrade. */
static int judge(const struct target *t, const struct program *p,
	const struct control_client *client, pid_t before, pid_t pid, struct error *e)
{
	if (pid != before && program_is_of(p, pid))
		return 0;
	if (pid == before)
		return fail(e, EXIT_FAILED, "%s: its supervisor could not be replaced; `stackup events` says why",
			target_name(t));
	return fail(e, EXIT_FAILED, "%s: %s could not go on with it; stackup %s does, and no service was touched",
		target_name(t), p->path, client->version);
}

/* What became of it is one of *done. */
static int upgrade(struct context *context, const struct target *t, const struct program *p,
	json_t *done, struct error *e)
{
	struct control_client client = {.fd = -1};
	char before[CLIENT_VERSION_SIZE] = "";
	pid_t old = 0;
	pid_t pid = 0;
	int result = target_connect(t, ANSWER_MS, &client, e);
	memcpy(before, client.version, sizeof before);
	if (result == 0)
		result = ask_supervisor(t, &client, p, &old, e);
	if (result == 0)
		result = await_next(t, &client, &pid, e);
	if (result == 0)
		result = judge(t, p, &client, old, pid, e);
	if (result == 0 && !context->quiet)
		say("%s: stackup %s has taken the place of %s (pid %d); no service was touched",
			target_name(t), client.version, before, (int)pid);
	if (result == 0)
		json_array_append_new(done, json_pack("{s:s, s:i, s:s, s:s, s:i}", "project", t->project,
			"instance", t->instance, "from", before, "to", client.version, "pid", (int)pid));
	client_close(&client);
	return result;
}

/* One that fails is no reason to leave the others. */
static int upgrade_many(struct context *context, enum target_set set, const struct program *p,
	json_t *done, struct error *e)
{
	struct target *targets;
	size_t count;
	size_t tried = 0;
	size_t failed = 0;
	int result = context_targets(context, set, &targets, &count, e);
	for (size_t i = 0; i < count; i++) {
		struct error why = {0};
		tried += targets[i].alive;
		if (targets[i].alive && upgrade(context, &targets[i], p, done, &why) < 0) {
			say_error(&why, false, NULL);
			failed++;
		}
		target_release(&targets[i]);
	}
	free(targets);
	if (failed)
		return fail(e, EXIT_FAILED, "%zu of %zu instances were not upgraded", failed, tried);
	if (result == 0 && !tried && !context->quiet)
		say("no instance runs");
	return result;
}

static int upgrade_one(struct context *context, const struct program *p, json_t *done,
	struct error *e)
{
	struct target target;
	int result = context_running(context, &target, e);
	if (result == 0)
		result = upgrade(context, &target, p, done, e);
	target_release(&target);
	return result;
}

int verb_upgrade(struct context *context, struct error *e)
{
	struct program program;
	enum target_set set = context_set(context);
	json_t *done = json_array();
	int result = program_look(option_value(&context->line, OPTION_BINARY), &program, e);
	if (result == 0)
		result = set == SET_ONE ? upgrade_one(context, &program, done, e)
					: upgrade_many(context, set, &program, done, e);
	if (result == 0 && context->json)
		out_json(json_pack("{s:i, s:O}", "version", 1, "upgraded", done));
	json_decref(done);
	program_release(&program);
	return result;
}
