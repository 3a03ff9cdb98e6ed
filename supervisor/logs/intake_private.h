/*
 * intake_private.h - inside logs/: the parts of intake.c that have a file of their own.
 */
#ifndef LOGS_INTAKE_PRIVATE_H
#define LOGS_INTAKE_PRIVATE_H

#include "logs/intake.h"

/*
 * Opens or makes the current pair of files, finishes a rotation that was cut short, indexes what is
 * not indexed, and tells on_file. -1 with errno: in->log_fd is -1 then.
 */
int files_open(struct intake *in);
/* Once per drain: makes a new pair where somebody removed or cut the old one. -1 with errno. */
int files_check(struct intake *in, int64_t time_ms);
/* Closes the part and begins the next. Everything must be indexed. -1 with errno. */
int files_rotate(struct intake *in, int64_t time_ms);

/* Indexes [indexed, end). 0 when there is nothing to do. -1 with errno. */
int intake_commit(struct intake *in, int64_t time_ms);

/* The bytes [begin, end) of the log, which are all of one stream, go to the watch. */
void watch_feed(struct intake *in, enum log_stream stream, uint64_t begin, uint64_t end);
void watch_boundary(struct intake *in);

void intake_notice(struct intake *in, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
