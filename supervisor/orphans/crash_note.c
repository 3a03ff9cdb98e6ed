#include "orphans/crash_note.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "model/event.h"
#include "orphans/death.h"
#include "registry/history.h"

/* As much of the file's end as the number of the last event is looked for in. */
enum { END_BYTES = 64 * 1024 };

/* -1: the line is torn, or no event. */
static int64_t seq_of(const char *line, size_t length)
{
	json_t *event = json_loadb(line, length, 0, NULL);
	const json_t *seq = json_object_get(event, "seq");
	int64_t number = json_is_integer(seq) ? json_integer_value(seq) : -1;
	json_decref(event);
	return number;
}

/* Without any event in sight it is still not the first: 0 would begin a run. */
static int64_t next_seq(const char *bytes, size_t length)
{
	while (length) {
		const char *end = memrchr(bytes, '\n', length);
		size_t begin = end ? (size_t)(end - bytes) + 1 : 0;
		int64_t seq = seq_of(bytes + begin, length - begin);
		if (seq >= 0)
			return seq + 1;
		length = end ? begin - 1 : 0;
	}
	return 1;
}

static void add_line(struct text *out, int64_t seq, int instance, const char *why)
{
	const struct event_record row = {.wall_ms = clock_wall_ms(),
		.seq = (uint64_t)seq,
		.instance = instance,
		.kind = EVENT_CRASHED,
		.text = why};
	event_record_add(out, &row);
	text_add(out, "}\n");
}

static void append(int fd, int instance, const char *why)
{
	char bytes[END_BYTES];
	struct stat st;
	OWNED_TEXT line = {0};
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return;
	ssize_t got = pread(fd, bytes, END_BYTES, st.st_size > END_BYTES ? st.st_size - END_BYTES : 0);
	if (got < 0)
		return;
	if (got && bytes[got - 1] != '\n')
		text_add_char(&line, '\n');
	add_line(&line, got ? next_seq(bytes, (size_t)got) : 0, instance, why);
	if (text_ok(&line))
		(void)file_write_all(fd, line.data, line.length);
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, st.st_mtim};
	(void)futimens(fd, times);
}

int crash_note(struct registry *r, const char *state, const char *project, int64_t project_id,
	int instance, struct error *e)
{
	OWNED_TEXT log = {0};
	OWNED_TEXT why = {0};
	OWNED_TEXT path = {0};
	text_addf(&log, "%s/%s/%d/supervisor.log", state, project, instance);
	death_explain(text_string(&log), &why);
	if (history_crash(r, project_id, instance, text_string(&why), e))
		return -1;
	text_addf(&path, "%s/%s/%d/events.jsonl", state, project, instance);
	OWNED_FD fd = text_ok(&path)
		? open(path.data, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	if (fd >= 0)
		append(fd, instance, text_string(&why));
	return 0;
}
