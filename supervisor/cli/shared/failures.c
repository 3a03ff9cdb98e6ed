#include "cli/shared/failures.h"

#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/event_tail.h"

enum { LAST_LINES = 5 };

static void show_one(struct control_client *client, const char *service)
{
	json_t *reply = NULL;
	struct error ignored;
	json_t *request = json_pack("{s:s, s:s}", "verb", "why", "service", service);
	if (client_call(client, request, ANSWER_MS, &reply, &ignored) < 0)
		return;
	const json_t *lines = json_object_get(reply, "log");
	size_t count = json_array_size(lines);
	say("service '%s' has failed: %s%s", service, event_string(reply, "reason"),
		count ? "; its last lines:" : "");
	for (size_t i = count > LAST_LINES ? count - LAST_LINES : 0; i < count; i++)
		say("  %s", json_string_value(json_array_get(lines, i)));
	json_decref(reply);
}

void failures_show(struct control_client *client)
{
	/* The answers to what is asked below may be refusals as well. */
	json_t *names = json_incref(json_object_get(client->refusal, "failed"));
	size_t index;
	json_t *name;
	json_array_foreach(names, index, name)
		show_one(client, json_string_value(name));
	json_decref(names);
}
