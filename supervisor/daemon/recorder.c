#include "daemon/recorder.h"

#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "registry/history.h"
#include "registry/leases.h"
#include "registry/registry.h"

enum {
	COLLECT_MS = 500, /* between the first record and the transaction */
	AGAIN_MS = 5000, /* after one that failed */
	TOGETHER = 512, /* records of a transaction: others wait for the registry meanwhile */
	WAITING_MOST = 10000, /* records in memory */
	/* So many at once, and then so many a second. */
	ALLOWED_AT_ONCE = 10000,
	ALLOWED_A_SECOND = 5,
};

struct record {
	struct record *next;
	const char *kind; /* NULL: how the service's ports are held */
	enum hold_mode hold;
	const char *old_state;
	const char *new_state;
	const char *text; /* behind the name */
	int64_t wall_ms;
	char service[];
};

struct queue {
	struct record *first; /* owns, each the next */
	struct record **end;
	size_t count;
};

struct recorder {
	struct recorder_place place;
	void (*on_news)(void *self, const char *text);
	void *self;
	struct ev_loop *loop; /* borrows */
	ev_async wake;
	bool has_thread;
	pthread_t thread;

	/* of the loop */
	struct queue fresh;
	int64_t allowed;
	int64_t allowed_since_ms;
	size_t left_out;

	/* shared */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct queue waiting;
	size_t lost; /* never to be written */
	bool ending;
	bool failing;
	char news[ERROR_TEXT_SIZE + 128]; /* to be said by the loop */
};

/* ---- queues ---- */

static void queue_clear(struct queue *queue)
{
	while (queue->first) {
		struct record *record = queue->first;
		queue->first = record->next;
		free(record);
	}
	*queue = (struct queue){.end = &queue->first};
}

static void queue_push(struct queue *queue, struct record *record)
{
	*queue->end = record;
	queue->end = &record->next;
	queue->count++;
}

static struct record *queue_pop(struct queue *queue)
{
	struct record *record = queue->first;
	queue->first = record->next;
	if (!queue->first)
		queue->end = &queue->first;
	queue->count--;
	record->next = NULL;
	return record;
}

/* ---- on the thread ---- */

static struct event_note note_of(const struct recorder_place *place, const struct record *record)
{
	return (struct event_note){.project_id = place->project_id,
		.instance = place->instance,
		.service = record->service,
		.kind = record->kind,
		.old_value = record->old_state,
		.new_value = record->new_state,
		.text = record->text,
		.wall_ms = record->wall_ms};
}

static int write_records(struct registry *r, const struct recorder_place *place,
	const struct record *records, struct error *e)
{
	struct event_note notes[TOGETHER];
	size_t count = 0;
	for (; records; records = records->next) {
		if (records->kind)
			notes[count++] = note_of(place, records);
		else if (hold_mode_record(r, place->project_id, records->service,
				 hold_mode_word(records->hold), e))
			return -1;
	}
	return history_events(r, notes, count, e);
}

static int write_lost(struct registry *r, const struct recorder *recorder, size_t lost, struct error *e)
{
	char text[96];
	snprintf(text, sizeof text, "%zu event%s before this one %s only in events.jsonl", lost,
		lost == 1 ? "" : "s", lost == 1 ? "is" : "are");
	return history_event(r, recorder->place.project_id, recorder->place.instance,
		event_kind_word(EVENT_WARNING), text, e);
}

static int write_together(const struct recorder *recorder, const struct record *records, size_t lost,
	struct error *e)
{
	struct registry *r = registry_open(
		recorder->place.state, REGISTRY_APPEND, REGISTRY_LOOP_MS, NULL, e);
	if (!r)
		return -1;
	int result = registry_begin(r, e);
	if (!result && lost)
		result = write_lost(r, recorder, lost, e);
	if (!result)
		result = write_records(r, &recorder->place, records, e);
	if (!result)
		result = registry_commit(r, e);
	registry_close(r);
	return result;
}

/* With the mutex. */
static void say(struct recorder *recorder, bool failing, const char *text)
{
	if (recorder->failing == failing)
		return;
	recorder->failing = failing;
	snprintf(recorder->news, sizeof recorder->news, "%s", text);
	if (!recorder->ending)
		ev_async_send(recorder->loop, &recorder->wake);
}

/* With the mutex, which is free while it writes. */
static bool write_some(struct recorder *recorder)
{
	struct queue taken = {.end = &taken.first};
	size_t lost = recorder->lost;
	struct error e = {0};
	while (recorder->waiting.count && taken.count < TOGETHER)
		queue_push(&taken, queue_pop(&recorder->waiting));
	recorder->lost = 0;
	pthread_mutex_unlock(&recorder->mutex);
	bool failed = write_together(recorder, taken.first, lost, &e);
	pthread_mutex_lock(&recorder->mutex);
	if (!failed) {
		say(recorder, false, "the registry can be used again");
		queue_clear(&taken);
		return true;
	}
	char text[sizeof recorder->news];
	snprintf(text, sizeof text, "%s; what happens is kept in memory meanwhile", e.text);
	say(recorder, true, text);
	recorder->lost += lost;
	*taken.end = recorder->waiting.first;
	if (!recorder->waiting.first)
		recorder->waiting.end = taken.end;
	recorder->waiting.first = taken.first;
	recorder->waiting.count += taken.count;
	return false;
}

/* With the mutex. Until that time, or the end of all. */
static void pause_for(struct recorder *recorder, int64_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	int64_t ns = until.tv_nsec + ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	while (!recorder->ending &&
		!pthread_cond_timedwait(&recorder->changed, &recorder->mutex, &until))
		;
}

static void *write_all(void *argument)
{
	struct recorder *recorder = argument;
	pthread_mutex_lock(&recorder->mutex);
	for (;;) {
		while (!recorder->waiting.count && !recorder->ending)
			pthread_cond_wait(&recorder->changed, &recorder->mutex);
		if (!recorder->waiting.count)
			break;
		pause_for(recorder, COLLECT_MS);
		if (write_some(recorder))
			continue;
		if (recorder->ending)
			break;
		pause_for(recorder, AGAIN_MS);
	}
	pthread_mutex_unlock(&recorder->mutex);
	return NULL;
}

/* ---- on the loop ---- */

/* Signals are for the loop. Without a thread (a shortage), the next turn tries again. */
static void begin_thread(struct recorder *recorder)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	recorder->has_thread = !pthread_create(&recorder->thread, NULL, write_all, recorder);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool is_allowed(struct recorder *recorder)
{
	int64_t now = clock_now_ms();
	int64_t seconds = (now - recorder->allowed_since_ms) / 1000;
	recorder->allowed_since_ms += seconds * 1000;
	recorder->allowed += seconds * ALLOWED_A_SECOND;
	if (recorder->allowed > ALLOWED_AT_ONCE)
		recorder->allowed = ALLOWED_AT_ONCE;
	return recorder->allowed > 0 && recorder->allowed--;
}

static struct record *record_new(const char *service, const char *text)
{
	size_t name = service ? strlen(service) + 1 : 1, length = text ? strlen(text) + 1 : 1;
	struct record *record = calloc(1, sizeof *record + name + length);
	if (!record)
		return NULL;
	memcpy(record->service, service ? service : "", name);
	memcpy(record->service + name, text ? text : "", length);
	record->text = record->service + name;
	return record;
}

void recorder_event(struct recorder *recorder, const char *service, enum event_kind kind,
	const char *old_state, const char *new_state, const char *text)
{
	struct record *record = is_allowed(recorder) ? record_new(service, text) : NULL;
	if (!record) {
		recorder->left_out++;
		return;
	}
	record->kind = event_kind_word(kind);
	record->old_state = old_state;
	record->new_state = new_state;
	record->wall_ms = clock_wall_ms();
	queue_push(&recorder->fresh, record);
}

void recorder_hold(struct recorder *recorder, const char *service, enum hold_mode mode)
{
	struct record *record = record_new(service, NULL);
	if (!record)
		return; /* it is learned again */
	record->hold = mode;
	queue_push(&recorder->fresh, record);
}

/* With the mutex. */
static void add_waiting(struct recorder *recorder)
{
	while (recorder->fresh.count) {
		queue_push(&recorder->waiting, queue_pop(&recorder->fresh));
		if (recorder->waiting.count <= WAITING_MOST)
			continue;
		free(queue_pop(&recorder->waiting));
		recorder->lost++;
	}
	recorder->lost += recorder->left_out;
	recorder->left_out = 0;
}

void recorder_pass(struct recorder *recorder)
{
	if (!recorder->fresh.count)
		return;
	pthread_mutex_lock(&recorder->mutex);
	bool had = recorder->waiting.count;
	add_waiting(recorder);
	if (!had)
		pthread_cond_signal(&recorder->changed);
	pthread_mutex_unlock(&recorder->mutex);
	if (!recorder->has_thread)
		begin_thread(recorder);
}

static void on_wake(struct ev_loop *loop, ev_async *w, int events)
{
	(void)loop;
	(void)events;
	struct recorder *recorder = w->data;
	char news[sizeof recorder->news];
	pthread_mutex_lock(&recorder->mutex);
	memcpy(news, recorder->news, sizeof news);
	pthread_mutex_unlock(&recorder->mutex);
	recorder->on_news(recorder->self, news);
}

struct recorder *recorder_new(struct ev_loop *loop, const struct recorder_place *place,
	void (*on_news)(void *self, const char *text), void *self)
{
	struct recorder *recorder = calloc(1, sizeof *recorder);
	if (!recorder)
		return NULL;
	*recorder = (struct recorder){.place = *place,
		.on_news = on_news,
		.self = self,
		.loop = loop,
		.allowed = ALLOWED_AT_ONCE,
		.allowed_since_ms = clock_now_ms(),
		.fresh.end = &recorder->fresh.first,
		.waiting.end = &recorder->waiting.first};
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&recorder->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&recorder->mutex, NULL);
	ev_async_init(&recorder->wake, on_wake);
	recorder->wake.data = recorder;
	ev_async_start(loop, &recorder->wake);
	return recorder;
}

void recorder_free(struct recorder *recorder, bool write)
{
	if (!recorder)
		return;
	pthread_mutex_lock(&recorder->mutex);
	add_waiting(recorder);
	if (!write)
		queue_clear(&recorder->waiting);
	recorder->ending = true;
	pthread_cond_signal(&recorder->changed);
	pthread_mutex_unlock(&recorder->mutex);
	if (recorder->has_thread)
		pthread_join(recorder->thread, NULL);
	else
		write_all(recorder);
	queue_clear(&recorder->waiting);
	ev_async_stop(recorder->loop, &recorder->wake);
	pthread_cond_destroy(&recorder->changed);
	pthread_mutex_destroy(&recorder->mutex);
	free(recorder);
}
