/*
 * reader_private.h - inside logs/: what the files of the reader share.
 */
#ifndef LOGS_READER_PRIVATE_H
#define LOGS_READER_PRIVATE_H

#include "base/list.h"
#include "logs/reader.h"
#include "logs/source.h"

enum reader_phase {
	READER_HISTORY, /* up to the last record there was at the beginning */
	READER_REST, /* what a supervisor that is gone did not index */
	READER_FOLLOW,
	READER_DONE,
};

struct log_reader {
	struct log_reader_options options; /* services: owns a copy; directory: below */
	char *directory; /* owns */
	LIST(char *) names; /* owns; empty: every service */
	int directory_fd; /* owns; -1 while there is none */
	int inotify_fd; /* owns; -1: not following, or none to be had */
	int watch; /* -1: the directory is not watched */
	bool suspect; /* an index was removed: perhaps the directory goes as well */
	bool rest_of_all; /* READER_REST takes live services too */
	enum reader_phase phase;
	LIST(struct source *) sources; /* owns */
	LIST(struct source *) heap; /* borrows; the lowest seq first */
	struct source *active; /* borrows; out of the heap, its record is being delivered */
	uint64_t horizon; /* no record up to this seq can turn up any more */
	uint64_t limit; /* of READER_HISTORY */
	uint64_t skip; /* lines not to deliver: they are before the wanted tail */
	char *buffer; /* owns */
};

/* Finds the directory if it was not there, and every service in it. */
void directory_scan(struct log_reader *reader);
/*
 * Takes in all that inotify has to tell: puts services with news in the heap. Without inotify looks
 * at every service.
 */
void directory_news(struct log_reader *reader);
/* Makes the inotify descriptor. Without one the reader looks by the clock. */
void directory_watch(struct log_reader *reader);

/* Puts the source in the heap if it has something and is not in it. */
void reader_offer(struct log_reader *reader, struct source *source);

/* Moves every source to where options.tail and .since_ms begin, with what a line may need before. */
void history_seek(struct log_reader *reader);

#endif
