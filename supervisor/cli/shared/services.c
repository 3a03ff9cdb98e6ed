#include "cli/shared/services.h"

#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/failures.h"
#include "cli/shared/farewell.h"
#include "cli/shared/progress.h"

static json_t *make_request(const struct context *context, const char *verb, int64_t timeout_ms)
{
	const struct command_line *line = &context->line;
	json_t *names = json_array();
	for (size_t i = 0; i < line->word_count; i++)
		json_array_append_new(names, json_string(line->words[i]));
	json_t *request = json_pack("{s:s, s:o, s:b, s:b, s:b}", "verb", verb, "services", names,
		"no_deps", (int)option_given(line, OPTION_NO_DEPS), "with_dependents",
		(int)option_given(line, OPTION_WITH_DEPENDENTS), "wait", 1);
	progress_ask(context, request);
	if (request && timeout_ms >= 0)
		json_object_set_new(request, "timeout_ms", json_integer(timeout_ms));
	return request;
}

static void on_step(void *self, const json_t *frame)
{
	progress_frame(self, frame);
}

static void tell(const struct context *context, json_t *reply)
{
	size_t index;
	json_t *note;
	if (!context->quiet)
		json_array_foreach(json_object_get(reply, "notes"), index, note)
			say("%s", json_string_value(note));
	if (context->json)
		out_json(json_pack("{s:i, s:O}", "version", 1, "services",
			json_object_get(reply, "services")));
	json_decref(reply);
}

int services_do(struct context *context, const char *verb, struct error *e)
{
	struct target target;
	struct control_client client = {.fd = -1};
	json_t *reply = NULL;
	int64_t timeout_ms;
	int result = option_seconds(&context->line, OPTION_TIMEOUT, &timeout_ms, e);
	if (result < 0)
		return -1;
	result = context_running(context, &target, e);
	if (result == 0)
		result = target_connect(&target, ANSWER_MS, &client, e);
	if (result == 0) {
		farewell(context, "`%s` goes on all the same", verb);
		const struct run_place run = target_run(&target, context->quiet);
		result = successor_call(&client, &run, make_request(context, verb, timeout_ms), -1,
			on_step, context, &reply, e);
		farewell_over();
	}
	if (result == 0)
		tell(context, reply);
	else if (client.fd >= 0)
		failures_show(&client, e);
	client_close(&client);
	target_release(&target);
	return result;
}
