#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/wire.h"
#include "daemon/resume.h"

enum { STATE_MOST = 256 * 1024 * 1024 };

void resume_state_release(struct resume_state *state)
{
	json_decref(state->head);
	json_decref(state->instance);
	json_decref(state->services);
	json_decref(state->second);
	json_decref(state->begun);
	json_decref(state->ended);
	*state = (struct resume_state){0};
}

static int read_all(int fd, struct text *out, struct error *e)
{
	struct stat st;
	char block[64 * 1024];
	if (fd < 0 || fstat(fd, &st) || st.st_size > STATE_MOST)
		return fail(e, EXIT_FAILED, "the state of the last supervisor is not there");
	for (off_t at = 0; at < st.st_size;) {
		ssize_t got = pread(fd, block, sizeof block, at);
		if (got <= 0)
			return fail_errno(e, EXIT_FAILED, "the state of the last supervisor cannot be read");
		text_add_bytes(out, block, (size_t)got);
		at += got;
	}
	return text_ok(out) ? 0 : fail(e, EXIT_FAILED, "out of memory");
}

static void replace(json_t **kept, json_t *line)
{
	json_decref(*kept);
	*kept = json_incref(line);
}

/* Numbers are used again: only what was said of one last counts. */
static void take_process(struct resume_state *state, json_t *line)
{
	char number[24];
	const json_t *ended = json_object_get(line, "ended");
	const json_t *started = json_object_get(line, "started");
	const json_t *pid = ended ? ended : started ? started : json_object_get(line, "helper");
	snprintf(number, sizeof number, "%lld", (long long)json_integer_value(pid));
	json_object_set(ended ? state->ended : state->begun, number, line);
	json_object_del(ended ? state->begun : state->ended, number);
}

static void take_line(struct resume_state *state, json_t *line)
{
	const char *service = json_string_value(json_object_get(line, "service"));
	if (!state->head)
		replace(&state->head, line);
	else if (json_object_get(line, "instance"))
		replace(&state->instance, json_object_get(line, "instance"));
	else if (service && json_is_true(json_object_get(line, "second")))
		replace(&state->second, line);
	else if (service)
		json_object_set(state->services, service, line);
	else
		take_process(state, line);
}

/* The head is as large as a stack file and an environment: the limits of frames are not for it. */
int resume_state_read(int fd, struct resume_state *state, struct error *e)
{
	OWNED_TEXT all = {0};
	*state = (struct resume_state){
		.services = json_object(), .begun = json_object(), .ended = json_object()};
	if (read_all(fd, &all, e))
		return -1;
	char *at = all.data;
	char *end = all.data + all.length;
	while (at && at < end) {
		char *newline = memchr(at, '\n', (size_t)(end - at));
		json_t *line = newline ? json_loadb(at, (size_t)(newline - at), 0, NULL) : NULL;
		if (line)
			take_line(state, line);
		json_decref(line);
		at = newline ? newline + 1 : end;
	}
	int format = (int)json_integer_value(json_object_get(state->head, "format"));
	const char *version = json_string_value(json_object_get(state->head, "version"));
	if (format != RESUME_FORMAT)
		return fail(e, EXIT_FAILED, "the last supervisor, version %s, has kept its state in format %d, "
			"this one knows %d", version ? version : "?", format, RESUME_FORMAT);
	return 0;
}
