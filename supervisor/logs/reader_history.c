#include "logs/reader_private.h"

/* A line may have begun so many bytes before the place where its end is. */
enum { CONTEXT = LINES_MOST };

/* The source whose previous record is the latest of all. */
static struct source *latest(const struct log_reader *reader)
{
	struct source *best = NULL;
	for (size_t i = 0; i < reader->sources.count; i++) {
		struct source *source = reader->sources.items[i];
		if (source->going_back && (!best || source->record.seq > best->record.seq))
			best = source;
	}
	return best;
}

static void add_context(struct source *source)
{
	uint64_t bytes = 0;
	while (bytes < CONTEXT && source_back(source)) {
		bytes += source->record.end - source->begin;
		if (source->record.flags & INDEX_GENERATION_END)
			break;
	}
}

/* Backwards through all services at once, until there are enough lines or they are too old. */
static void go_back(struct log_reader *reader, uint64_t lines)
{
	for (size_t i = 0; i < reader->sources.count; i++) {
		struct source *source = reader->sources.items[i];
		source_to_end(source);
		source->going_back = source_back(source);
	}
	uint64_t count = 0;
	struct source *source;
	while (count < lines && (source = latest(reader))) {
		if (source->record.time_ms < reader->options.since_ms) {
			source->going_back = false;
			continue;
		}
		count += source_count(source, reader->buffer);
		source->going_back = source_back(source);
	}
	for (size_t i = 0; i < reader->sources.count; i++)
		add_context(reader->sources.items[i]);
}

void history_seek(struct log_reader *reader)
{
	const struct log_reader_options *options = &reader->options;
	/* How far back the last N lines that somebody wants are, only reading all of them can tell. */
	bool everything = options->tail < 0 || (options->tail > 0 && options->wanted);
	if (!everything || options->since_ms) {
		go_back(reader, everything ? UINT64_MAX : (uint64_t)options->tail);
		return;
	}
	for (size_t i = 0; i < reader->sources.count; i++)
		source_rewind(reader->sources.items[i]);
}
