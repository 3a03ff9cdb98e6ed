#include "cli/shared/successor.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "cli/out.h"

enum { LOOK_AGAIN_MS = 5 };

char *successor_run_id(struct control_client *client)
{
	json_t *reply = NULL;
	if (client_call(client, json_pack("{s:s}", "verb", "ping"), SUCCESSOR_MS, &reply, NULL) < 0)
		return NULL;
	const char *run = json_string_value(json_object_get(reply, "run"));
	char *copy = run ? strdup(run) : NULL;
	json_decref(reply);
	return copy;
}

/* 1: it is; 0: it is another run. */
static int is_same_run(struct control_client *client, const struct run_place *place, int64_t left_ms,
	pid_t *pid, struct error *e)
{
	json_t *reply = NULL;
	if (client_call(client, json_pack("{s:s}", "verb", "ping"), left_ms, &reply, e) < 0)
		return -1;
	const char *run = json_string_value(json_object_get(reply, "run"));
	bool same = run && place->run_id && strcmp(run, place->run_id) == 0;
	if (pid)
		*pid = (pid_t)json_integer_value(json_object_get(reply, "pid"));
	json_decref(reply);
	return same;
}

static int silent(const struct run_place *place, struct error *e)
{
	fail(e, EXIT_TIMED_OUT, "the supervisor of %s is being replaced, and the next one does not answer",
		place->name);
	error_hint(e, "its services go on; `stackup status` shows them once it does");
	return -1;
}

int successor_connect(struct control_client *client, const struct run_place *place, pid_t *pid,
	struct error *e)
{
	int64_t patience_ms = place->patience_ms ? place->patience_ms : SUCCESSOR_MS;
	int64_t end_ms = clock_now_ms() + patience_ms;
	for (int64_t left_ms = patience_ms; left_ms > 0; left_ms = end_ms - clock_now_ms()) {
		struct error why = {0};
		client_close(client);
		int same = client_connect(client, place->socket, left_ms, &why);
		if (same == 0)
			same = is_same_run(client, place, left_ms, pid, &why);
		if (same > 0)
			return 1;
		if (why.code == EXIT_TIMED_OUT)
			break;
		/* One that was just ending took us for the last time. */
		if (same == 0 || why.number != EPIPE) {
			client_close(client);
			return 0;
		}
		poll(NULL, 0, LOOK_AGAIN_MS);
	}
	client_close(client);
	return silent(place, e);
}

void successor_shorten(json_t *request, int64_t patience_ms, int64_t began_ms)
{
	int64_t left_ms = patience_ms - (clock_now_ms() - began_ms);
	json_object_set_new(request, "timeout_ms", json_integer(left_ms > 0 ? left_ms : 0));
}

static bool is_of(const json_t *request, const char *verb)
{
	const char *asked = json_string_value(json_object_get(request, "verb"));
	return asked && strcmp(asked, verb) == 0;
}

/* -1: for ever, or that number says something else. */
static int64_t patience_of(const json_t *request)
{
	const json_t *timeout = json_object_get(request, "timeout_ms");
	bool counts = is_of(request, "wait") || is_of(request, "start");
	return counts && timeout ? json_integer_value(timeout) : -1;
}

int successor_call(struct control_client *client, const struct run_place *place, json_t *request,
	int64_t timeout_ms, void (*on_more)(void *self, const json_t *part), void *self,
	json_t **reply, struct error *e)
{
	int64_t patience_ms = patience_of(request);
	int64_t began_ms = clock_now_ms();
	int64_t asked_ms = clock_wall_ms();
	int result;
	for (;;) {
		struct error why = {0};
		result = client_call_stream(
			client, json_incref(request), timeout_ms, on_more, self, reply, &why);
		int next = result < 0 && why.number == EPIPE ? successor_connect(client, place, NULL, e) : 0;
		if (result < 0 && next == 0)
			*e = why;
		if (next <= 0)
			break;
		if (!place->quiet)
			say("the supervisor of %s was replaced; asked the new one", place->name);
		if (is_of(request, "restart"))
			json_object_set_new(request, "first_asked_ms", json_integer(asked_ms));
		if (patience_ms >= 0)
			successor_shorten(request, patience_ms, began_ms);
	}
	json_decref(request);
	return result;
}

int successor_call_once(struct control_client *client, const struct run_place *place,
	json_t *request, void (*on_more)(void *self, const json_t *part), void *self,
	json_t **reply, struct error *e)
{
	struct error why = {0};
	if (client_call_stream(client, request, -1, on_more, self, reply, &why) == 0)
		return 0;
	int next = why.number == EPIPE ? successor_connect(client, place, NULL, e) : 0;
	if (next > 0)
		return fail(e, EXIT_FAILED, "the supervisor of %s was replaced before it had answered; "
			"what was under way is undone", place->name);
	if (next == 0)
		*e = why;
	return -1;
}
