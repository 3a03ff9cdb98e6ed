/*
 * libcurl's multi handle on libev: it says which sockets it waits for and when it wants to be
 * called (curl_multi_socket_action(3)).
 */
#include "probe/http.h"

#include <stdlib.h>

struct socket_watch {
	struct io_watch io;
	bool used;
};

struct http_loop {
	const struct curl_calls *curl;
	struct prober *prober; /* borrows */
	CURLM *multi;          /* owns */
	ev_timer timer;
	/* Not from the heap: a socket callback that fails makes the multi handle unusable. */
	struct socket_watch watches[SOCKETS_MOST];
};

static void tell_ended(struct http_loop *loop)
{
	CURLMsg *message;
	int left;
	while ((message = loop->curl->curl_multi_info_read(loop->multi, &left))) {
		char *attempt = NULL;
		CURLcode code = message->data.result;
		if (message->msg != CURLMSG_DONE)
			continue;
		loop->curl->curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &attempt);
		http_judge((struct attempt *)(void *)attempt, loop->curl, code);
	}
}

static void on_curl_socket(struct io_watch *watch, int events)
{
	struct http_loop *loop = watch->owner;
	int running;
	int action = (events & EV_READ ? CURL_CSELECT_IN : 0) |
		(events & EV_WRITE ? CURL_CSELECT_OUT : 0);
	loop->curl->curl_multi_socket_action(loop->multi, watch->io.fd, action, &running);
	tell_ended(loop);
}

static void on_curl_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
	(void)ev;
	(void)events;
	struct http_loop *loop = timer->data;
	int running;
	loop->curl->curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	tell_ended(loop);
}

static int want_timer(CURLM *multi, long timeout_ms, void *self)
{
	(void)multi;
	struct http_loop *loop = self;
	ev_timer_stop(loop->prober->loop, &loop->timer);
	if (timeout_ms >= 0) {
		ev_timer_set(&loop->timer, (double)timeout_ms / 1000., 0.);
		ev_timer_start(loop->prober->loop, &loop->timer);
	}
	return 0;
}

static struct socket_watch *free_watch(struct http_loop *loop)
{
	for (size_t i = 0; i < SOCKETS_MOST; i++)
		if (!loop->watches[i].used)
			return &loop->watches[i];
	BUG("libcurl waits for more than %d sockets at once", SOCKETS_MOST);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *known)
{
	(void)easy;
	struct http_loop *loop = self;
	struct socket_watch *watch = known;
	if (watch)
		io_watch_stop(&watch->io);
	if (what == CURL_POLL_REMOVE) {
		if (watch)
			watch->used = false;
		return 0;
	}
	if (!watch) {
		watch = free_watch(loop);
		watch->used = true;
		loop->curl->curl_multi_assign(loop->multi, fd, watch);
	}
	int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
	io_watch_init(&watch->io, loop->prober->loop, fd, events, on_curl_socket, loop);
	io_watch_start(&watch->io);
	return 0;
}

static struct http_loop *make(struct prober *prober, const struct curl_calls *curl)
{
	struct http_loop *loop = calloc(1, sizeof *loop);
	CURLM *multi = loop ? curl->curl_multi_init() : NULL;
	if (!multi) {
		free(loop);
		return NULL;
	}
	*loop = (struct http_loop){.curl = curl, .prober = prober, .multi = multi};
	ev_init(&loop->timer, on_curl_timer);
	loop->timer.data = loop;
	curl->curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl->curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, loop);
	curl->curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl->curl_multi_setopt(multi, CURLMOPT_TIMERDATA, loop);
	return loop;
}

struct http_loop *http_loop_of(struct prober *prober, struct error *e)
{
	if (prober->http)
		return prober->http;
	const struct curl_calls *curl = curl_load(e);
	if (!curl)
		return NULL;
	prober->http = make(prober, curl);
	if (!prober->http)
		fail(e, EXIT_FAILED, "libcurl could not be set up: no memory or no descriptors");
	return prober->http;
}

const struct curl_calls *http_loop_calls(const struct http_loop *loop)
{
	return loop->curl;
}

CURLMcode http_loop_add(struct http_loop *loop, CURL *easy)
{
	return loop->curl->curl_multi_add_handle(loop->multi, easy);
}

void http_loop_remove(struct http_loop *loop, CURL *easy)
{
	loop->curl->curl_multi_remove_handle(loop->multi, easy);
	loop->curl->curl_easy_cleanup(easy);
}

void http_loop_free(struct http_loop *loop)
{
	if (!loop)
		return;
	loop->curl->curl_multi_cleanup(loop->multi);
	ev_timer_stop(loop->prober->loop, &loop->timer);
	free(loop);
}
