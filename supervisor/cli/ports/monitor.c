#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/own.h"
#include "base/terminal.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/ports/verbs.h"
#include "control/client.h"
#include "control/path.h"
#include "registry/lock.h"
#include "survey/monitor.h"
#include "survey/report.h"

enum {
	INTERVAL_MS = 1000,
	INTERVAL_LEAST_MS = 100,
	INTERVAL_MOST_MS = 3600 * 1000,
	ASK_MS = 1000, /* a supervisor answers in a few */
};

struct watcher {
	const struct context *context;
	struct sockets sockets;   /* owns */
	struct port_look picture; /* owns; the last one, empty at first */
	int signals;              /* owns; signalfd */
	int64_t interval_ms;
	int64_t end_ms; /* 0: never by itself */
	int64_t seq;    /* events shown */
	bool alerted;
};

static void show_json(struct watcher *w, const struct port_event *event)
{
	json_t *value = report_port_event(event, w->seq, clock_wall_ms());
	OWNED(char) line = value ? json_dumps(value, JSON_COMPACT) : NULL;
	json_decref(value);
	if (line) {
		out_bytes(line, strlen(line));
		out_bytes("\n", 1);
	}
}

static void show(struct watcher *w, const struct port_event *event)
{
	bool colour = w->context->colour;
	char time[CLOCK_ISO_SIZE];
	OWNED_TEXT out = {0}, text = {0};
	port_event_add(&text, event);
	text_addf(&out, "%s%s%s  ", colour_on(colour, COLOUR_GREY),
		clock_iso(clock_wall_ms(), time), colour_off(colour));
	text_addf(&out, "%s%s %-10s%s  ",
		colour_on(colour, event->alert ? COLOUR_RED : COLOUR_GREEN),
		event->alert ? "!" : " ", port_event_word(event->kind), colour_off(colour));
	terminal_add_strict(&out, text_string(&text), text.length);
	text_add_char(&out, '\n');
	out_text(&out);
}

/* At first everything is new: then only what is wrong is worth a line. */
static void show_events(struct watcher *w, const struct port_events *events, bool first)
{
	for (size_t i = 0; i < events->count; i++) {
		const struct port_event *event = &events->items[i];
		if (first && !event->alert)
			continue;
		w->seq++;
		w->alerted |= event->alert;
		if (w->context->json)
			show_json(w, event);
		else
			show(w, event);
	}
}

static const char *word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static bool is_one_of(const char *state, const char *const *states)
{
	for (; *states; states++)
		if (strcmp(state, *states) == 0)
			return true;
	return false;
}

/* Is the service meant to be down, by what its supervisor says of it? */
static bool is_ordered(const json_t *instance, const char *service)
{
	static const char *const ending[] = {"stopping", "stopped", NULL};
	static const char *const down[] = {"stopping", "killing", "down", "done", "blocked", NULL};
	size_t index;
	json_t *found;
	if (is_one_of(word(instance, "state"), ending))
		return true;
	json_array_foreach(json_object_get(instance, "services"), index, found)
		if (strcmp(word(found, "name"), service) == 0)
			return is_one_of(word(found, "state"), down);
	return false;
}

/*
 * A listener vanishes a moment before its lease when an instance is stopped, and stays away while
 * its service is: only the supervisor can tell that from a crash. Having ended tells it as well.
 */
static bool was_stopped(const struct watcher *w, const struct lease *lease)
{
	const struct paths *paths = &w->context->paths;
	OWNED(char) path = paths_socket(paths, lease->project, lease->instance);
	struct control_client client = {.fd = -1};
	json_t *reply = NULL;
	if (path && client_connect(&client, path, ASK_MS, NULL) == 0)
		client_call(&client, json_pack("{s:s}", "verb", "status"), ASK_MS, &reply, NULL);
	client_close(&client);
	bool stopped = reply ? is_ordered(json_object_get(reply, "instance"), lease->service)
			     : !instance_is_alive(paths->state, lease->project_id, lease->instance);
	json_decref(reply);
	return stopped;
}

static void settle(const struct watcher *w, struct port_events *events)
{
	for (size_t i = 0; i < events->count; i++) {
		struct port_event *event = &events->items[i];
		if (event->kind == PORT_VANISHED && event->alert && was_stopped(w, event->lease))
			event->alert = false;
	}
}

static int look(struct watcher *w, struct error *e)
{
	struct port_look picture = {0};
	struct port_events events = {0};
	bool first = !w->picture.arena;
	int result = monitor_look(&w->sockets, w->context->paths.state, &w->picture, &picture, e);
	if (!result)
		result = monitor_compare(&w->picture, &picture, &events, e);
	settle(w, &events);
	if (!result)
		show_events(w, &events, first);
	list_release(&events);
	port_look_release(&w->picture);
	w->picture = picture;
	return result;
}

/* Until the next look. The signal that ended it, 0 when the time has come. */
static int rest(const struct watcher *w, int64_t until_ms)
{
	for (;;) {
		int64_t left = until_ms - clock_now_ms();
		struct pollfd wait = {.fd = w->signals, .events = POLLIN};
		struct signalfd_siginfo info;
		if (poll(&wait, 1, left > 0 ? (int)left : 0) > 0 &&
			read(w->signals, &info, sizeof info) == sizeof info)
			return (int)info.ssi_signo;
		if (left <= 0)
			return 0;
	}
}

static int verdict(const struct watcher *w, int signal)
{
	bool counts = option_given(&w->context->line, OPTION_CI) ||
		option_given(&w->context->line, OPTION_ONCE);
	if (w->alerted && counts)
		return EXIT_CONFLICT;
	return signal ? 128 + signal : EXIT_DONE;
}

static int follow(struct watcher *w, struct error *e)
{
	for (bool last = false;;) {
		if (look(w, e))
			return -1;
		if (last)
			return verdict(w, 0);
		int64_t until = clock_now_ms() + w->interval_ms;
		last = w->end_ms && w->end_ms <= until;
		int signal = rest(w, last ? w->end_ms : until);
		if (signal)
			return verdict(w, signal);
	}
}

static int once(struct watcher *w, struct error *e)
{
	if (look(w, e))
		return -1;
	if (!w->alerted && !w->context->quiet)
		say("nothing unexpected on %zu ports that are leased or in use", w->picture.count);
	return verdict(w, 0);
}

static int read_options(struct watcher *w, struct error *e)
{
	const struct command_line *line = &w->context->line;
	int64_t for_ms;
	if (option_seconds(line, OPTION_INTERVAL, &w->interval_ms, e) ||
		option_seconds(line, OPTION_FOR, &for_ms, e))
		return -1;
	if (w->interval_ms < 0)
		w->interval_ms = INTERVAL_MS;
	if (w->interval_ms < INTERVAL_LEAST_MS || w->interval_ms > INTERVAL_MOST_MS)
		return fail(e, EXIT_USAGE, "--interval wants 0.1 to 3600 seconds");
	w->end_ms = for_ms < 0 ? 0 : clock_now_ms() + for_ms;
	return 0;
}

/* In the background of a script, or under nohup, some are ignored: that stays. */
static int take_signals(struct watcher *w, struct error *e)
{
	static const int endings[] = {SIGINT, SIGTERM, SIGHUP};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		struct sigaction now;
		if (!sigaction(endings[i], NULL, &now) && now.sa_handler != SIG_IGN)
			sigaddset(&set, endings[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return w->signals < 0 ? fail_errno(e, EXIT_FAILED, "watching for signals") : 0;
}

int verb_ports_monitor(struct context *context, struct error *e)
{
	struct watcher w = {.context = context, .signals = -1};
	sockets_init(&w.sockets);
	int code = read_options(&w, e);
	if (!code)
		code = take_signals(&w, e);
	if (!code)
		code = option_given(&context->line, OPTION_ONCE) ? once(&w, e) : follow(&w, e);
	sockets_release(&w.sockets);
	port_look_release(&w.picture);
	own_close(&w.signals);
	return code;
}
