#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/failures.h"
#include "cli/shared/progress.h"
#include "cli/verbs/verb.h"

static json_t *make_request(const struct context *context, int64_t timeout_ms)
{
	json_t *targets = json_array();
	for (size_t i = 0; i < context->line.word_count; i++)
		json_array_append_new(targets, json_string(context->line.words[i]));
	json_t *request = json_pack("{s:s, s:o}", "verb", "wait", "targets", targets);
	progress_ask(context, request);
	if (request && timeout_ms >= 0)
		json_object_set_new(request, "timeout_ms", json_integer(timeout_ms));
	return request;
}

static void on_step(void *self, const json_t *frame)
{
	progress_frame(self, frame);
}

int verb_wait(struct context *context, struct error *e)
{
	struct target target;
	struct control_client client = {.fd = -1};
	int64_t timeout_ms;
	if (option_seconds(&context->line, OPTION_PATIENCE, &timeout_ms, e) < 0)
		return -1;
	int result = context_running(context, &target, e);
	if (result == 0)
		result = target_connect(&target, ANSWER_MS, &client, e);
	if (result == 0) {
		const struct run_place run = target_run(&target, context->quiet);
		result = successor_call(&client, &run, make_request(context, timeout_ms), -1, on_step,
			context, NULL, e);
	}
	if (result < 0 && client.fd >= 0)
		failures_show(&client, e);
	if (result == 0 && context->json)
		out_json(json_pack("{s:i, s:b}", "version", 1, "ready", 1));
	client_close(&client);
	target_release(&target);
	return result;
}
