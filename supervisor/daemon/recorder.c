#include "daemon/recorder.h"

#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "daemon/records.h"

enum {
	COLLECT_MS = 500, /* between the first record and the transaction */
	AGAIN_MS = 5000, /* after one that failed */
	WAITING_MOST = 10000, /* records in memory */
	/* So many at once, and then so many a second. */
	ALLOWED_AT_ONCE = 10000,
	ALLOWED_A_SECOND = 5,
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
	struct records fresh;
	int64_t allowed;
	int64_t allowed_since_ms;
	size_t left_out;

	/* shared */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct records waiting;
	size_t lost; /* never to be written */
	bool ending;
	bool failing;
	char news[ERROR_TEXT_SIZE + 128]; /* to be said by the loop */
};

/* ---- on the thread ---- */

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
	struct records taken;
	size_t lost = recorder->lost;
	struct error e = {0};
	records_init(&taken);
	while (recorder->waiting.count && taken.count < RECORDS_TOGETHER)
		records_push(&taken, records_pop(&recorder->waiting));
	recorder->lost = 0;
	pthread_mutex_unlock(&recorder->mutex);
	bool failed = records_write(&taken, &recorder->place, lost, &e);
	pthread_mutex_lock(&recorder->mutex);
	if (!failed) {
		say(recorder, false, "the registry can be used again");
		records_clear(&taken);
		return true;
	}
	char text[sizeof recorder->news];
	snprintf(text, sizeof text, "%s; what happens is kept in memory meanwhile", e.text);
	say(recorder, true, text);
	recorder->lost += lost;
	records_put_back(&recorder->waiting, &taken);
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

void recorder_event(struct recorder *recorder, const char *service, enum event_kind kind,
	const char *old_state, const char *new_state, const char *text)
{
	struct record *record = is_allowed(recorder) ? record_new(service, text) : NULL;
	if (!record) {
		recorder->left_out++;
		return;
	}
	record->what = RECORD_EVENT;
	record->kind = event_kind_word(kind);
	record->old_state = old_state;
	record->new_state = new_state;
	record->wall_ms = clock_wall_ms();
	records_push(&recorder->fresh, record);
}

void recorder_incident(struct recorder *recorder, enum incident_kind kind, const char *text)
{
	struct record *record = recorder->allowed > 0 ? record_new(NULL, text) : NULL;
	if (!record)
		return;
	record->what = RECORD_INCIDENT;
	record->incident = kind;
	record->wall_ms = clock_wall_ms();
	records_push(&recorder->fresh, record);
}

void recorder_hold(struct recorder *recorder, const char *service, enum hold_mode mode)
{
	struct record *record = record_new(service, NULL);
	if (!record)
		return; /* it is learned again */
	record->what = RECORD_HOLD;
	record->hold = mode;
	records_push(&recorder->fresh, record);
}

void recorder_owner(struct recorder *recorder)
{
	struct record *record = record_new(NULL, NULL);
	if (!record)
		return; /* the lock byte says who lives */
	record->what = RECORD_OWNER;
	records_push(&recorder->fresh, record);
}

/* With the mutex. */
static void add_waiting(struct recorder *recorder)
{
	while (recorder->fresh.count) {
		records_push(&recorder->waiting, records_pop(&recorder->fresh));
		if (recorder->waiting.count <= WAITING_MOST)
			continue;
		free(records_pop(&recorder->waiting));
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
		.allowed_since_ms = clock_now_ms()};
	records_init(&recorder->fresh);
	records_init(&recorder->waiting);
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
		records_clear(&recorder->waiting);
	recorder->ending = true;
	pthread_cond_signal(&recorder->changed);
	pthread_mutex_unlock(&recorder->mutex);
	if (recorder->has_thread)
		pthread_join(recorder->thread, NULL);
	else
		write_all(recorder);
	records_clear(&recorder->waiting);
	ev_async_stop(recorder->loop, &recorder->wake);
	pthread_cond_destroy(&recorder->changed);
	pthread_mutex_destroy(&recorder->mutex);
	free(recorder);
}
