#include "logs/reader_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/own.h"

enum { LOOK_MS = 250, SPARE_FILES = 64, FILES_EACH = 2 };

/* ---- the heap: which service has the record that came first ---- */

static bool is_before(const struct source *a, const struct source *b)
{
	return a->record.seq != b->record.seq ? a->record.seq < b->record.seq
		: a->number < b->number;
}

static void heap_swap(struct log_reader *reader, size_t a, size_t b)
{
	struct source *kept = reader->heap.items[a];
	reader->heap.items[a] = reader->heap.items[b];
	reader->heap.items[b] = kept;
}

static void heap_push(struct log_reader *reader, struct source *source)
{
	/* Out of memory: it is offered again with its next news. */
	if (!list_push(&reader->heap, source))
		return;
	source->queued = true;
	size_t at = reader->heap.count - 1;
	while (at && is_before(reader->heap.items[at], reader->heap.items[(at - 1) / 2])) {
		heap_swap(reader, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

static struct source *heap_pop(struct log_reader *reader)
{
	struct source *first = reader->heap.items[0];
	heap_swap(reader, 0, --reader->heap.count);
	size_t at = 0;
	for (;;) {
		size_t least = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < reader->heap.count; child++) {
			if (is_before(reader->heap.items[child], reader->heap.items[least]))
				least = child;
		}
		if (least == at)
			break;
		heap_swap(reader, at, least);
		at = least;
	}
	first->queued = false;
	return first;
}

static void heap_clear(struct log_reader *reader)
{
	for (size_t i = 0; i < reader->heap.count; i++)
		reader->heap.items[i]->queued = false;
	reader->heap.count = 0;
}

static uint64_t heap_highest(const struct log_reader *reader)
{
	uint64_t highest = 0;
	for (size_t i = 0; i < reader->heap.count; i++) {
		if (reader->heap.items[i]->record.seq > highest)
			highest = reader->heap.items[i]->record.seq;
	}
	return highest;
}

void reader_offer(struct log_reader *reader, struct source *source)
{
	if (!source->queued && source != reader->active && source_peek(source))
		heap_push(reader, source);
}

/* ---- phases ---- */

static void begin_history(struct log_reader *reader)
{
	reader->phase = READER_HISTORY;
	reader->active = NULL;
	heap_clear(reader);
	for (size_t i = 0; i < reader->sources.count; i++)
		reader_offer(reader, reader->sources.items[i]);
	reader->horizon = reader->limit;
}

static bool offer_rest(struct log_reader *reader, struct source *source)
{
	if (source == reader->active || (!reader->rest_of_all && source_is_live(source)))
		return false;
	if (source->queued || (!source_peek(source) && !source_finish(source)))
		return false;
	heap_push(reader, source);
	return true;
}

static void begin_rest(struct log_reader *reader)
{
	reader->phase = READER_REST;
	/* Services that nobody has heard of yet have a rest as well. */
	if (reader->rest_of_all)
		directory_news(reader);
	heap_clear(reader);
	reader->horizon = UINT64_MAX;
	for (size_t i = 0; i < reader->sources.count; i++)
		(void)offer_rest(reader, reader->sources.items[i]);
}

static void begin_follow(struct log_reader *reader)
{
	reader->phase = READER_FOLLOW;
	reader->rest_of_all = false;
	reader->skip = 0;
	reader->horizon = 0;
	for (size_t i = 0; i < reader->sources.count; i++)
		reader_offer(reader, reader->sources.items[i]);
}

/*
 * A record may be delivered when none with a lower seq can turn up any more. The one writer writes
 * them in order of seq and inotify tells in that order. So after a record was seen, what inotify
 * tells next includes every record before it.
 */
static bool look_further(struct log_reader *reader)
{
	uint64_t seen = heap_highest(reader);
	directory_news(reader);
	reader->horizon = seen;
	return reader->heap.count > 0;
}

static bool next_phase(struct log_reader *reader)
{
	switch (reader->phase) {
	case READER_HISTORY:
		begin_rest(reader);
		return true;
	case READER_REST:
		if (reader->options.follow)
			begin_follow(reader);
		else
			reader->phase = READER_DONE;
		return true;
	case READER_FOLLOW:
		return look_further(reader);
	case READER_DONE:
		break;
	}
	return false;
}

static struct source *next_source(struct log_reader *reader)
{
	for (;;) {
		if (reader->heap.count && reader->heap.items[0]->record.seq <= reader->horizon)
			return heap_pop(reader);
		if (!next_phase(reader))
			return NULL;
	}
}

static void finish_active(struct log_reader *reader)
{
	struct source *source = reader->active;
	reader->active = NULL;
	if (reader->phase == READER_REST)
		(void)offer_rest(reader, source);
	else
		reader_offer(reader, source);
}

static bool is_delivered(struct log_reader *reader, const struct log_line *line)
{
	const struct log_reader_options *options = &reader->options;
	if (line->dropped)
		return !reader->skip;
	if (line->time_ms < options->since_ms)
		return false;
	if (options->wanted && !options->wanted(options->wanted_self, line))
		return false;
	if (!reader->skip)
		return true;
	reader->skip--;
	return false;
}

bool log_reader_next(struct log_reader *reader, struct log_line *line)
{
	for (;;) {
		if (!reader->active)
			reader->active = next_source(reader);
		if (!reader->active)
			return false;
		if (!source_read(reader->active, reader->buffer, line))
			finish_active(reader);
		else if (is_delivered(reader, line))
			return true;
	}
}

/* ---- opening ---- */

/* Two files a service may be more than the shell's usual 1024. */
static void raise_file_limit(const struct log_reader *reader)
{
	struct rlimit limit;
	rlim_t needed = reader->sources.count * FILES_EACH + SPARE_FILES;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= needed)
		return;
	limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * The last N lines: all are read once to be counted, from a place that is surely early enough, and
 * then again without the first few.
 */
static int skip_to_tail(struct log_reader *reader)
{
	if (!reader->sources.count)
		return 0;
	OWNED(struct source_place) places = calloc(reader->sources.count, sizeof *places);
	if (!places)
		return -1;
	for (size_t i = 0; i < reader->sources.count; i++)
		places[i] = source_tell(reader->sources.items[i]);
	bool follow = reader->options.follow;
	reader->options.follow = false;
	begin_history(reader);
	uint64_t count = 0;
	struct log_line line;
	while (log_reader_next(reader, &line))
		count += !line.dropped;
	reader->options.follow = follow;
	uint64_t tail = (uint64_t)reader->options.tail;
	reader->skip = count > tail ? count - tail : 0;
	heap_clear(reader);
	for (size_t i = 0; i < reader->sources.count; i++)
		source_seek(reader->sources.items[i], &places[i]);
	return 0;
}

/*
 * From now on: what there is is passed over at once, so that nothing that comes between opening and
 * the first look is taken for old. Begun lines stay begun.
 */
static void skip_all(struct log_reader *reader)
{
	bool follow = reader->options.follow;
	reader->options.follow = false;
	reader->skip = UINT64_MAX;
	begin_history(reader);
	struct log_line line;
	(void)log_reader_next(reader, &line);
	reader->options.follow = follow;
	if (follow)
		begin_follow(reader);
}

static int begin(struct log_reader *reader)
{
	if (reader->options.follow)
		directory_watch(reader);
	directory_scan(reader);
	raise_file_limit(reader);
	for (size_t i = 0; i < reader->sources.count; i++) {
		uint64_t seq = source_last_seq(reader->sources.items[i]);
		if (seq > reader->limit)
			reader->limit = seq;
	}
	history_seek(reader);
	if (!reader->options.tail) {
		skip_all(reader);
		return 0;
	}
	if (reader->options.tail > 0 && skip_to_tail(reader))
		return -1;
	begin_history(reader);
	return 0;
}

static int copy_options(struct log_reader *reader, const struct log_reader_options *options)
{
	reader->options = *options;
	reader->directory = strdup(options->directory);
	reader->buffer = malloc(SOURCE_BUFFER);
	if (!reader->directory || !reader->buffer)
		return -1;
	for (size_t i = 0; i < options->service_count; i++) {
		char *name = strdup(options->services[i]);
		if (!name || !list_push(&reader->names, name)) {
			free(name);
			return -1;
		}
	}
	return 0;
}

struct log_reader *log_reader_open(const struct log_reader_options *options, struct error *e)
{
	struct log_reader *reader = calloc(1, sizeof *reader);
	if (!reader) {
		fail(e, EXIT_FAILED, "cannot read the logs: out of memory");
		return NULL;
	}
	reader->directory_fd = reader->inotify_fd = reader->watch = -1;
	if (copy_options(reader, options) || begin(reader)) {
		fail(e, EXIT_FAILED, "cannot read the logs: out of memory");
		log_reader_free(reader);
		return NULL;
	}
	return reader;
}

void log_reader_free(struct log_reader *reader)
{
	if (!reader)
		return;
	for (size_t i = 0; i < reader->sources.count; i++)
		source_free(reader->sources.items[i]);
	for (size_t i = 0; i < reader->names.count; i++)
		free(reader->names.items[i]);
	list_release(&reader->sources);
	list_release(&reader->names);
	list_release(&reader->heap);
	own_close(&reader->directory_fd);
	own_close(&reader->inotify_fd);
	free(reader->directory);
	free(reader->buffer);
	free(reader);
}

int log_reader_fd(const struct log_reader *reader)
{
	return reader->watch < 0 ? -1 : reader->inotify_fd;
}

int log_reader_wait_ms(const struct log_reader *reader)
{
	return reader->watch < 0 || reader->suspect ? LOOK_MS : -1;
}

void log_reader_finish(struct log_reader *reader)
{
	reader->rest_of_all = true;
	if (reader->phase == READER_FOLLOW)
		begin_rest(reader);
}
