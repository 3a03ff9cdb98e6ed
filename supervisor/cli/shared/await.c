#include "cli/shared/await.h"

#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "cli/shared/event_tail.h"
#include "cli/shared/progress.h"
#include "cli/shared/successor.h"

static void show_news(const struct context *context, struct event_tail *tail, int64_t since_ms)
{
	json_t *event;
	while (event_tail_next(tail, &event)) {
		if (event_time(event) >= since_ms)
			progress_event(context, event);
		json_decref(event);
	}
}

/*
 * Events are looked for, not waited for by inotify: to close that takes the kernel 10 to 20 ms,
 * which is as long as many a start.
 */
enum { LOOK_AGAIN_MS = 50 };

static void sleep_until_something(const struct control_client *client)
{
	struct pollfd answer = {.fd = client->fd, .events = POLLIN};
	poll(&answer, 1, LOOK_AGAIN_MS);
}

/* The reply, with the news of the time until then. */
static enum client_result await_one(const struct context *context, struct control_client *client,
	json_t *request, struct event_tail *tail, int64_t since_ms, struct error *e)
{
	int64_t id;
	json_t *frame = NULL;
	int sent = client_send(client, json_incref(request), &id, e);
	enum client_result what = sent < 0 ? CLIENT_FAILED : CLIENT_WAITING;
	while (what == CLIENT_WAITING || what == CLIENT_MORE) {
		show_news(context, tail, since_ms);
		if (what == CLIENT_WAITING)
			sleep_until_something(client);
		json_decref(frame);
		frame = NULL;
		what = client_next(client, id, 0, &frame, e);
	}
	show_news(context, tail, since_ms);
	json_decref(frame);
	return what;
}

/* 1: another supervisor took the place; it is asked for what is left of our patience. */
static int turn_to_next(const struct run_place *run, struct control_client *client,
	json_t *request, int64_t patience_ms, int64_t began_ms, const struct error *why,
	struct error *e)
{
	int next = why->number == EPIPE ? successor_connect(client, run, NULL, e) : 0;
	if (next == 0)
		*e = *why;
	if (next > 0 && patience_ms >= 0)
		successor_shorten(request, patience_ms, began_ms);
	return next;
}

int await_reply(const struct context *context, const struct run_place *run,
	struct control_client *client, json_t *request, const char *events, int64_t since_ms,
	struct error *e)
{
	const json_t *patience = json_object_get(request, "timeout_ms");
	const int64_t patience_ms = patience ? json_integer_value(patience) : -1;
	const int64_t began_ms = clock_now_ms();
	struct event_tail *tail = event_tail_open(events, false, e);
	enum client_result what = CLIENT_FAILED;
	int next = tail ? 1 : -1;
	while (next > 0) {
		struct error why = {0};
		what = await_one(context, client, request, tail, since_ms, &why);
		if (what == CLIENT_REPLY)
			break;
		next = turn_to_next(run, client, request, patience_ms, began_ms, &why, e);
	}
	event_tail_free(tail);
	json_decref(request);
	return what == CLIENT_REPLY ? 0 : -1;
}
