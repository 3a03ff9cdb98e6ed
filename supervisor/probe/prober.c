#include "probe/attempt.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/number.h"

/*
 * A deadline that is noticed this much too late was not missed by the service: the machine slept,
 * or somebody stopped this process. The loop itself is never that late (promise P6).
 */
enum { PAUSE_MS = 250 };

bool is_shortage(int error_number)
{
	switch (error_number) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case EAGAIN:
	case EADDRNOTAVAIL: /* no local port left */
		return true;
	default:
		return false;
	}
}

static const struct way *way_of(const struct probe *probe)
{
	switch (probe->kind) {
	case PROBE_HTTP:
		return &way_http;
	case PROBE_TCP:
		return &way_tcp;
	case PROBE_COMMAND:
		return &way_command;
	case PROBE_PORT:
		return NULL;
	case PROBE_NONE:
	case PROBE_LOG:
	case PROBE_NOTIFY:
		break;
	}
	BUG("a check of kind %s cannot be asked", probe_kind_word(probe->kind));
}

/* Zero seconds: the next turn of the loop, so everything begun in this turn shares one look. */
static void wake_soon(struct prober *prober)
{
	if (!ev_is_active(&prober->soon)) {
		ev_timer_set(&prober->soon, 0., 0.);
		ev_timer_start(prober->loop, &prober->soon);
	}
}

/* Takes it out of the list of its stage, and drops what its way holds. */
static void leave_stage(struct attempt *a)
{
	struct prober *prober = a->prober;
	switch (a->stage) {
	case STAGE_LOOKING:
		TAILQ_REMOVE(&prober->looking, a, link);
		prober->looking_count--;
		break;
	case STAGE_QUEUED:
		TAILQ_REMOVE(&prober->lanes[a->way->lane].queued, a, link);
		break;
	case STAGE_RUNNING:
		a->way->drop(a);
		TAILQ_REMOVE(&prober->lanes[a->way->lane].running, a, link);
		prober->lanes[a->way->lane].running_count--;
		wake_soon(prober); /* somebody may wait for the place */
		break;
	case STAGE_DONE:
		TAILQ_REMOVE(&prober->done, a, link);
		break;
	}
}

static void enter_done(struct attempt *a, enum probe_result result)
{
	if (a->started_us)
		a->latency_us = clock_now_us() - a->started_us;
	leave_stage(a);
	ev_timer_stop(a->prober->loop, &a->deadline);
	a->result = result;
	a->stage = STAGE_DONE;
	TAILQ_INSERT_TAIL(&a->prober->done, a, link);
	wake_soon(a->prober);
}

void attempt_end(struct attempt *a, enum probe_result result, const char *format, ...)
{
	va_list args;
	text_clear(&a->reason);
	va_start(args, format);
	text_vaddf(&a->reason, format, args);
	va_end(args);
	enter_done(a, result);
}

void attempt_succeed(struct attempt *a)
{
	enter_done(a, PROBE_OK);
}

void attempt_time_out(struct attempt *a)
{
	char duration[NUMBER_DURATION_SIZE];
	int64_t late_ms = clock_now_ms() - a->deadline_ms;
	if (late_ms > PAUSE_MS) {
		attempt_end(a, PROBE_UNKNOWN, "this process was paused for %s during the check",
			number_show_duration(late_ms, duration));
		return;
	}
	number_show_duration(a->timeout_ms, duration);
	if (a->waited || a->stage == STAGE_QUEUED) {
		attempt_end(a, PROBE_UNKNOWN,
			"%s within %s: it had to wait, only %zu %s run at once",
			a->stage == STAGE_QUEUED ? "not asked" : "no answer", duration,
			a->way->most, a->way->plural);
		return;
	}
	text_clear(&a->reason);
	text_addf(&a->reason, "no answer within %s", duration);
	if (a->way->explain_timeout)
		a->way->explain_timeout(a, &a->reason);
	enter_done(a, PROBE_FAILED);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	struct attempt *a = timer->data;
	/* libev counts from the start of the turn in which the timer was set. */
	int64_t left_ms = a->deadline_ms - clock_now_ms();
	if (left_ms > 0) {
		ev_timer_set(timer, (double)left_ms / 1000., 0.);
		ev_timer_start(loop, timer);
		return;
	}
	attempt_time_out(a);
}

/* What the look says about an attempt that waited for it. */
static void take_look(struct attempt *a, const struct listener_look *look)
{
	text_clear(&a->reason);
	enum probe_result result = judge_look(look, &a->reason);
	if (result != PROBE_OK || !a->way) {
		enter_done(a, result);
		return;
	}
	leave_stage(a);
	a->stage = STAGE_QUEUED;
	TAILQ_INSERT_TAIL(&a->prober->lanes[a->way->lane].queued, a, link);
}

static void look_for_all(struct prober *prober)
{
	struct listener_look *looks = prober->looks.items;
	struct attempt *a;
	size_t count = 0;
	if (!prober->looking_count)
		return;
	TAILQ_FOREACH(a, &prober->looking, link)
		looks[count++] = (struct listener_look){
			.service = a->service, .port = a->probe->port, .owner = LISTENER_UNKNOWN};
	prober->hooks.look(prober->hooks.self, looks, count);
	for (size_t i = 0; i < count; i++)
		take_look(TAILQ_FIRST(&prober->looking), &looks[i]);
}

static void start_one(struct attempt *a)
{
	struct prober *prober = a->prober;
	leave_stage(a);
	a->stage = STAGE_RUNNING;
	TAILQ_INSERT_TAIL(&prober->lanes[a->way->lane].running, a, link);
	prober->lanes[a->way->lane].running_count++;
	a->started_us = clock_now_us();
	a->way->start(a);
}

static void start_waiting(struct prober *prober)
{
	for (size_t lane = 0; lane < LANES; lane++) {
		struct attempt *a;
		while ((a = TAILQ_FIRST(&prober->lanes[lane].queued)) &&
			prober->lanes[lane].running_count < a->way->most)
			start_one(a);
		TAILQ_FOREACH(a, &prober->lanes[lane].queued, link)
			a->waited = true;
	}
}

static size_t place_of(int service, enum probe_purpose purpose)
{
	return 2 * (size_t)service + (purpose == PROBE_FOR_HEALTH);
}

static void forget(struct attempt *a)
{
	struct prober *prober = a->prober;
	leave_stage(a);
	ev_timer_stop(prober->loop, &a->deadline);
	prober->places.items[place_of(a->service, a->purpose)] = NULL;
	prober->attempt_count--;
	text_release(&a->reason);
	free(a);
}

/* The hook may begin and cancel, so the attempt is out of every list before it is called. */
static void tell_results(struct prober *prober)
{
	struct attempt *a;
	while ((a = TAILQ_FIRST(&prober->done))) {
		struct text reason = a->reason;
		struct attempt told = *a;
		a->reason = (struct text){0};
		forget(a);
		prober->hooks.on_result(prober->hooks.self, told.service, told.generation,
			told.purpose, told.result, text_string(&reason), told.latency_us / 1000);
		text_release(&reason);
	}
}

static void on_soon(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct prober *prober = timer->data;
	look_for_all(prober);
	start_waiting(prober);
	tell_results(prober);
}

struct prober *prober_new(struct ev_loop *loop, const struct prober_hooks *hooks)
{
	struct prober *prober = calloc(1, sizeof *prober);
	if (!prober)
		return NULL;
	prober->loop = loop;
	prober->hooks = *hooks;
	TAILQ_INIT(&prober->looking);
	TAILQ_INIT(&prober->done);
	for (size_t lane = 0; lane < LANES; lane++) {
		TAILQ_INIT(&prober->lanes[lane].queued);
		TAILQ_INIT(&prober->lanes[lane].running);
	}
	ev_timer_init(&prober->soon, on_soon, 0., 0.);
	prober->soon.data = prober;
	return prober;
}

static bool make_place(struct prober *prober, int service)
{
	while (prober->places.count < 2 * (size_t)service + 2)
		if (!list_push(&prober->places, NULL))
			return false;
	return list_reserve(&prober->looks.items, &prober->looks.capacity,
		prober->looking_count + 1, sizeof *prober->looks.items);
}

static void enter_first_stage(struct attempt *a)
{
	struct prober *prober = a->prober;
	if (!a->way || (a->probe->port && a->way != &way_command)) {
		a->stage = STAGE_LOOKING;
		TAILQ_INSERT_TAIL(&prober->looking, a, link);
		prober->looking_count++;
	} else {
		a->stage = STAGE_QUEUED;
		TAILQ_INSERT_TAIL(&prober->lanes[a->way->lane].queued, a, link);
	}
	wake_soon(prober);
}

bool prober_begin(struct prober *prober, int service, uint64_t generation,
	enum probe_purpose purpose, const struct probe *probe, int64_t timeout_ms)
{
	const struct way *way = way_of(probe);
	if (!make_place(prober, service))
		return false;
	struct attempt **place = &prober->places.items[place_of(service, purpose)];
	if (*place && (*place)->generation == generation)
		return true;
	struct attempt *a = calloc(1, sizeof *a);
	if (!a)
		return false;
	if (*place)
		forget(*place);
	*a = (struct attempt){.prober = prober,
		.way = way,
		.probe = probe,
		.service = service,
		.generation = generation,
		.purpose = purpose,
		.timeout_ms = timeout_ms,
		.deadline_ms = clock_now_ms() + timeout_ms};
	*place = a;
	prober->attempt_count++;
	ev_timer_init(&a->deadline, on_deadline, (double)timeout_ms / 1000., 0.);
	a->deadline.data = a;
	/* An answer that came in the same turn as the deadline came in time. */
	ev_set_priority(&a->deadline, EV_MINPRI);
	if (way)
		ev_timer_start(prober->loop, &a->deadline);
	enter_first_stage(a);
	return true;
}

void prober_cancel(struct prober *prober, int service)
{
	for (int purpose = PROBE_FOR_READY; purpose <= PROBE_FOR_HEALTH; purpose++) {
		size_t place = place_of(service, (enum probe_purpose)purpose);
		if (place < prober->places.count && prober->places.items[place])
			forget(prober->places.items[place]);
	}
}

bool prober_command_exited(struct prober *prober, const struct exit_status *status)
{
	return command_exited(prober, status);
}

size_t prober_under_way(const struct prober *prober)
{
	return prober->attempt_count + command_runs(prober);
}

void prober_free(struct prober *prober)
{
	if (!prober)
		return;
	for (size_t i = 0; i < prober->places.count; i++)
		if (prober->places.items[i])
			forget(prober->places.items[i]);
	command_free_all(prober);
	http_free(prober);
	ev_timer_stop(prober->loop, &prober->soon);
	list_release(&prober->places);
	list_release(&prober->looks);
	free(prober);
}
