#include "cli/shared/failures.h"

#include <string.h>

#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/event_tail.h"

enum { LAST_LINES = 5 };

static bool is_about(const struct error *e, const char *service)
{
	const char *at = strchr(e->text, '\'');
	size_t length = strlen(service);
	return at && strncmp(at + 1, service, length) == 0 && at[1 + length] == '\'';
}

static void show_one(struct control_client *client, const char *service, bool reason_follows)
{
	json_t *reply = NULL;
	struct error ignored;
	json_t *request = json_pack("{s:s, s:s}", "verb", "why", "service", service);
	if (client_call(client, request, ANSWER_MS, &reply, &ignored) < 0)
		return;
	const json_t *lines = json_object_get(reply, "log");
	size_t count = json_array_size(lines);
	if (!reason_follows)
		say("service '%s' has failed: %s%s", service, event_string(reply, "reason"),
			count ? "; its last lines:" : "");
	else if (count)
		say("the last lines of '%s':", service);
	for (size_t i = count > LAST_LINES ? count - LAST_LINES : 0; i < count; i++)
		say("  %s", json_string_value(json_array_get(lines, i)));
	json_decref(reply);
}

void failures_show(struct control_client *client, const struct error *e)
{
	/* The answers to what is asked below may be refusals as well. */
	json_t *names = json_incref(json_object_get(client->refusal, "failed"));
	size_t index;
	json_t *name;
	json_array_foreach(names, index, name)
		show_one(client, json_string_value(name), is_about(e, json_string_value(name)));
	json_decref(names);
}
