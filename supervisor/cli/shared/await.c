#include "cli/shared/await.h"

#include <poll.h>

#include "cli/shared/event_tail.h"
#include "cli/shared/progress.h"

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

int await_reply(const struct context *context, struct control_client *client, json_t *request,
	const char *events, int64_t since_ms, struct error *e)
{
	int64_t id;
	json_t *frame = NULL;
	struct event_tail *tail = event_tail_open(events, false, e);
	if (!tail) {
		json_decref(request);
		return -1;
	}
	int sent = client_send(client, request, &id, e);
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
	event_tail_free(tail);
	return what == CLIENT_REPLY ? 0 : -1;
}
