#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "daemon/instance.h"
#include "daemon/pending.h"
#include "daemon/recorder.h"

/* One file of older events is kept; a run begins a new one when it has grown past this. */
enum { EVENTS_MOST = 4 * 1024 * 1024, EVENTS_AT_ONCE = 32 * 1024 };

int tell_open(struct instance *in, struct error *e)
{
	struct stat st;
	if (!stat(in->events_path, &st) && st.st_size > EVENTS_MOST) {
		OWNED_TEXT older = {0};
		text_addf(&older, "%s.1", in->events_path);
		if (text_ok(&older))
			rename(in->events_path, older.data);
	}
	in->events_fd = open(in->events_path,
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (in->events_fd < 0)
		return fail_errno(e, EXIT_FAILED, "cannot write %s", in->events_path);
	return 0;
}

/* A line that cannot be written is lost for the file, never for those who are connected. */
static void write_line(struct instance *in, int service, enum event_kind kind, const char *text)
{
	const struct event_record row = {.wall_ms = clock_wall_ms(),
		.seq = in->event_seq++,
		.instance = in->claim.instance,
		.service = service >= 0 ? service_at(in, service)->name : NULL,
		.kind = kind,
		.text = text};
	OWNED_TEXT line = {0};
	event_record_add(&line, &row);
	if (service >= 0 && kind == EVENT_EXITED) {
		const struct service_run *run = keeper_run(in->keeper, service);
		if (run->exit_signal)
			text_addf(&line, ",\"signal\":%d", run->exit_signal);
		else
			text_addf(&line, ",\"exit_code\":%d", run->exit_code);
	}
	text_add(&line, "}\n");
	if (!text_ok(&line))
		return;
	size_t before = in->events.length;
	text_add_bytes(&in->events, line.data, line.length);
	if (!text_ok(&in->events)) {
		text_cut(&in->events, before);
		tell_flush(in);
		(void)file_write_all(in->events_fd, line.data, line.length);
	} else if (in->events.length >= EVENTS_AT_ONCE) {
		tell_flush(in);
	}
}

void tell_flush(struct instance *in)
{
	struct error ignored;
	if (!in->events.length)
		return;
	if (in->events_fd < 0) /* there was no room for it where this supervisor began */
		(void)tell_open(in, &ignored);
	(void)file_write_all(in->events_fd, in->events.data, in->events.length);
	roster_seen(&in->roster);
	text_clear(&in->events);
}

/* The first mistake stands for all: the file may have hundreds. */
static void add_failure(struct text *out, const struct complaints *c, const struct error *e)
{
	const struct complaint *first = NULL;
	for (size_t i = 0; i < c->list.count && !first; i++)
		if (c->list.items[i].severity == SEVERITY_ERROR)
			first = &c->list.items[i];
	if (!first) {
		text_addf(out, "%s%s%s", e->text, e->hint[0] ? "; " : "", e->hint);
		return;
	}
	complaint_show(first, out);
	if (c->errors > 1)
		text_addf(out, "; and %zu more mistake%s", c->errors - 1, c->errors == 2 ? "" : "s");
}

void tell_not_started(struct instance *in, const struct complaints *c, const struct error *e)
{
	OWNED_TEXT text = {0};
	struct error ignored;
	if (!in->events_path[0] || (in->events_fd < 0 && tell_open(in, &ignored)))
		return;
	text_add(&text, "not started: ");
	add_failure(&text, c, e);
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] == '\n')
			text.data[i] = ' ';
	write_line(in, -1, EVENT_FAILED, text_string(&text));
	tell_flush(in);
}

/* With the state it was in when it was spoken of last, where that is another one now. */
static void record(struct instance *in, int service, enum event_kind kind, const char *text)
{
	bool whole = service < 0;
	const char **told = whole ? &in->told_state : &in->io[service]->told_state;
	const char *before = *told ? *told : whole ? "stopped" : service_state_word(STATE_DOWN);
	if (!whole)
		*told = service_state_word(keeper_run(in->keeper, service)->state);
	else if (kind == EVENT_INSTANCE)
		*told = in->ended ? "stopped" : instance_state_word((enum instance_state)in->state);
	bool same = !*told || !strcmp(before, *told);
	recorder_event(in->recorder, whole ? NULL : service_at(in, service)->name, kind,
		same ? NULL : before, same ? NULL : *told, text);
}

void tell_incident(struct instance *in, int service, enum incident_kind kind, const char *text)
{
	OWNED_TEXT line = {0};
	text_addf(&line, "service '%s': %s", service_at(in, service)->name, text);
	if (in->recorder)
		recorder_incident(in->recorder, kind, text_string(&line));
}

/* Who was not started because of another has no incident of its own. */
static void record_incident(struct instance *in, int service, enum event_kind kind, const char *text)
{
	if (service < 0)
		return;
	if (kind == EVENT_IMPOSTER)
		tell_incident(in, service, INCIDENT_PORT_LOST, text);
	else if (kind == EVENT_FAILED && keeper_run(in->keeper, service)->cause != CAUSE_DEPENDENCY)
		tell_incident(in, service, INCIDENT_FAILED, text);
}

void tell_event(struct instance *in, int service, enum event_kind kind, const char *text)
{
	write_line(in, service, kind, text);
	if (in->recorder) {
		record(in, service, kind, text);
		record_incident(in, service, kind, text);
	}
	pending_progress(in, service, kind, text);
}
