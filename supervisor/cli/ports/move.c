#include <string.h>

#include "base/number.h"
#include "claim/block_owner.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/ports/verbs.h"
#include "cli/shared/progress.h"
#include "model/port.h"

static json_t *make_request(const struct context *context, int64_t port, int64_t grace_ms)
{
	json_t *request = json_pack("{s:s, s:s, s:I}", "verb", "move", "service",
		context->line.words[1], "port", (json_int_t)port);
	if (request && grace_ms >= 0)
		json_object_set_new(request, "grace_ms", json_integer(grace_ms));
	return request;
}

static void on_step(void *self, const json_t *frame)
{
	progress_frame(self, frame);
}

static void add_restarted(struct text *out, const json_t *names)
{
	size_t index;
	json_t *name;
	json_array_foreach(names, index, name)
		text_addf(out, "%s'%s'", index ? ", " : "; restarted with it: ",
			json_string_value(name));
}

static bool is_udp(const json_t *reply)
{
	const char *protocol = json_string_value(json_object_get(reply, "protocol"));
	return protocol && !strcmp(protocol, protocol_word(PROTOCOL_UDP));
}

static void tell(const struct context *context, const json_t *reply)
{
	OWNED_TEXT line = {0};
	char shown[NUMBER_DURATION_SIZE];
	int from = (int)json_integer_value(json_object_get(reply, "from"));
	int64_t grace_ms = json_integer_value(json_object_get(reply, "grace_ms"));
	text_addf(&line, "service '%s' moved from port %d to %d",
		json_string_value(json_object_get(reply, "service")), from,
		(int)json_integer_value(json_object_get(reply, "to")));
	add_restarted(&line, json_object_get(reply, "restarted"));
	if (grace_ms)
		text_addf(&line, "; port %d leads there for another %s", from,
			number_show_duration(grace_ms, shown));
	else if (is_udp(reply))
		text_addf(&line, "; port %d is silent, for datagrams are not led on", from);
	if (!context->quiet)
		say("%s; it stays there until `stackup down`", text_string(&line));
	if (context->json)
		out_json(json_pack("{s:i, s:O, s:O, s:O, s:O, s:O}", "version", 1,
			"service", json_object_get(reply, "service"),
			"from", json_object_get(reply, "from"),
			"to", json_object_get(reply, "to"),
			"restarted", json_object_get(reply, "restarted"),
			"grace_ms", json_object_get(reply, "grace_ms")));
}

/* "api.admin", as `port api admin` shows it, is no service. */
static int check_word(const char *word, struct error *e)
{
	const char *dot = strchr(word, '.');
	if (!dot)
		return 0;
	fail(e, EXIT_USAGE, "port.%s of '%.*s' does not move: while a service runs only its main port "
		"does", dot + 1, (int)(dot - word), word);
	error_hint(e, "write another port.%s into the stack file: `stackup up` takes it", dot + 1);
	return -1;
}

/* Another project's block: taken where its instance has the port, else a word about it. */
static int check_block(const struct context *context, const struct target *target, uint16_t port,
	struct error *e)
{
	struct block_owner owner;
	int found = block_owner_find(context->paths.state, port, target->arena, &owner, e);
	if (found <= 0 || owner.project_id == target->project_id)
		return found < 0 ? -1 : 0;
	if (owner.leased_to) {
		fail(e, EXIT_CONFLICT, "port %u is leased to instance %d of '%s'", port,
			owner.leased_to, owner.project);
		error_hint(e, "take a port of your own block");
		return -1;
	}
	if (!context->quiet)
		say("port %u lies in the block of project '%s', which does without it meanwhile", port,
			owner.project);
	return 0;
}

int verb_ports_move(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	struct target target;
	struct control_client client = {.fd = -1};
	json_t *reply = NULL;
	int64_t port, grace_ms;
	if (!number_parse(line->words[2], 1, 65535, &port))
		return fail(e, EXIT_USAGE,
			"`ports move` wants a service and a port number, 1 to 65535");
	if (option_seconds(line, OPTION_GRACE, &grace_ms, e) || check_word(line->words[1], e))
		return -1;
	int result = context_running(context, &target, e);
	if (result == 0)
		result = check_block(context, &target, (uint16_t)port, e);
	if (result == 0)
		result = target_connect(&target, ANSWER_MS, &client, e);
	if (result == 0) {
		const struct run_place run = target_run(&target, context->quiet);
		result = successor_call_once(&client, &run, make_request(context, port, grace_ms),
			on_step, context, &reply, e);
	}
	if (result == 0)
		tell(context, reply);
	json_decref(reply);
	client_close(&client);
	target_release(&target);
	return result;
}
