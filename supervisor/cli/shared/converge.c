#include "cli/shared/converge.h"

#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/out.h"
#include "cli/shared/event_tail.h"
#include "control/wire.h"

enum { RELOAD_MS = 60000 };

static json_t *string_list(const char *const *strings, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < count; i++)
		json_array_append_new(list, json_string(strings[i]));
	return list;
}

static json_t *reload_request(const struct launch_request *r, const char *shown)
{
	OWNED(char) here = getcwd(NULL, 0);
	json_t *request = json_pack(
		"{s:s, s:s, s:s, s:s?, s:b, s:b, s:s?, s:s?, s:s?, s:o, s:o, s:o, s:o}", "verb",
		"reload", "shown", shown, "file", r->file, "dir", here, "no_deps", (int)r->no_deps,
		"strict_ports", (int)r->strict_ports, "strategy",
		r->strategy ? port_strategy_word(*r->strategy) : NULL, "environment",
		r->environment, "purpose", r->purpose, "services",
		string_list(r->services, r->service_count), "profiles",
		string_list(r->profiles, r->profile_count), "env_files",
		string_list(r->env_files, r->env_file_count), "environ",
		wire_pack_environment(environ));
	if (request && r->stop_timeout_ms >= 0)
		json_object_set_new(request, "timeout_ms", json_integer(r->stop_timeout_ms));
	return request;
}

/* "; restarts api, worker" */
static void add_names(struct text *out, const json_t *plan, const char *key, const char *what)
{
	size_t index;
	json_t *name;
	json_array_foreach(json_object_get(plan, key), index, name)
		text_addf(out, "%s%s %s", index ? "," : "; ", index ? "" : what,
			json_string_value(name));
}

/* Before anything of it is done: whoever reads this may still think better of it. */
static void tell_plan(const struct context *context, const char *name, const json_t *plan)
{
	if (context->quiet)
		return;
	OWNED_TEXT text = {0};
	add_names(&text, plan, "stopped", "stops");
	add_names(&text, plan, "restarted", "restarts");
	add_names(&text, plan, "started", "starts");
	say("%s runs already%s", name, text.length ? text_string(&text) : "; nothing has changed");
}

static void tell_notes(const struct context *context, const json_t *reply)
{
	if (context->quiet)
		return;
	size_t index;
	json_t *note;
	json_array_foreach(json_object_get(reply, "notes"), index, note)
		say("%s", json_string_value(note));
}

/* A refused reload brings the complaints with it: they are shown like our own. */
static int show_refusal(struct context *context, const json_t *detail, struct error *e)
{
	struct complaints complaints = {0};
	size_t index;
	json_t *item;
	json_array_foreach(json_object_get(detail, "complaints"), index, item)
	{
		const char *word = event_string(item, "severity");
		complaint_add(&complaints,
			strcmp(word, "warning") == 0 ? SEVERITY_WARNING
			: strcmp(word, "notice") == 0 ? SEVERITY_NOTICE : SEVERITY_ERROR,
			event_string(item, "file"),
			(int)json_integer_value(json_object_get(item, "line")),
			json_string_value(json_object_get(item, "key")), "%s",
			event_string(item, "text"));
		if (event_string(item, "hint")[0])
			complaint_hint(&complaints, "%s", event_string(item, "hint"));
	}
	struct error judged = {0};
	if (context_judge(context, &complaints, &judged) < 0 && e->code == EXIT_BAD_FILE)
		*e = judged;
	complaints_release(&complaints);
	return -1;
}

/*
 * A file in another directory of the repository has the same project where neither is named. Not so one
 * whose directory was moved: what runs then names a file that is not there any more.
 */
static int refuse_strange_file(const struct context *context, const struct launch_request *request,
	const char *name, struct control_client *client, struct error *e)
{
	json_t *reply = NULL;
	struct error ignored;
	if (context->yes || client_call(client, json_pack("{s:s}", "verb", "status"), RELOAD_MS,
		&reply, &ignored) < 0)
		return 0;
	int result = 0;
	const char *file = event_string(reply, "file");
	if (strcmp(event_string(reply, "dir"), request->dir) != 0 && access(file, F_OK) == 0) {
		result = fail(e, EXIT_FAILED, "%s runs from %s, not from %s", name, file, request->file);
		error_hint(e, "`stackup down` ends it; `name = ...` below [stack] makes this one a "
			"project of its own, --yes puts it in the other's place");
	}
	json_decref(reply);
	return result;
}

int converge(struct context *context, const struct launch_request *request, const char *shown,
	const char *name, struct control_client *client, struct error *e)
{
	int64_t id;
	json_t *frame = NULL;
	if (refuse_strange_file(context, request, name, client, e) < 0 ||
		client_send(client, reload_request(request, shown), &id, e) < 0)
		return -1;
	enum client_result what;
	do {
		json_decref(frame);
		what = client_next(client, id, RELOAD_MS, &frame, e);
		if (what == CLIENT_MORE)
			tell_plan(context, name, frame);
	} while (what == CLIENT_MORE);
	int result = 0;
	if (what == CLIENT_REPLY)
		tell_notes(context, frame);
	else if (what == CLIENT_WAITING)
		result = fail(e, EXIT_TIMED_OUT, "the supervisor does not answer");
	else
		result = show_refusal(context, client->refusal, e);
	json_decref(frame);
	return result;
}
