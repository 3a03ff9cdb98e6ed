#include "daemon/resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/pages.h"
#include "daemon/recorder.h"
#include "watch/snapshot.h"

/* So much more, then the state begins anew: the next supervisor reads all of it before anything else. */
enum { STATE_ROOM = 256 * 1024 };

/* Of a service what is not in its run. */
struct extra {
	uint64_t generation;
	int slot;
	enum hold_mode hold;
	bool hold_learned;
	bool hold_works;
	bool lost;
	int64_t started_wall_ms;
	int64_t ready_wall_ms;
	uint64_t line_part;
	uint64_t line_from;
	struct stop_policy stop;
};

/* What the guardian has at a place, by which it is known when it is another one. */
struct kept {
	dev_t device;
	ino_t inode; /* 0: nothing */
};

struct resume {
	int fd; /* owns: the state; -1: it could not be written, and nobody goes on after us */
	off_t size;
	off_t most;
	uint64_t loaded; /* whose head it has */
	size_t rows;
	struct service_run *runs; /* owns (pages): as written last */
	struct extra *extras; /* owns (pages), likewise */
	char *instance; /* owns: the line, likewise */
	struct kept kept[GUARDIAN_PLACES];
	int kept_count;
};

static void forget_rows(struct resume *r)
{
	pages_free(r->runs, r->rows * sizeof *r->runs);
	pages_free(r->extras, r->rows * sizeof *r->extras);
	r->runs = NULL;
	r->extras = NULL;
	r->rows = 0;
}

void resume_free(struct instance *in)
{
	struct resume *r = in->resume;
	in->resume = NULL;
	if (!r)
		return;
	forget_rows(r);
	own_close(&r->fd);
	free(r->instance);
	free(r);
}

/* ---- lines ---- */

static bool is_on(const struct instance *in)
{
	return in->resume && in->resume->fd >= 0;
}

/* As ever without us: when this process dies, everything stops. */
static void give_up(struct instance *in, const char *why)
{
	char text[REASON_SIZE];
	own_close(&in->resume->fd);
	guardian_arm(&in->guardian, false, NULL);
	guardian_let_go(&in->guardian, PLACE_STATE, NULL);
	reason_format(text, "on_crash = resume does not work any more: %.300s; should the supervisor die, all services "
		"stop", why);
	tell_event(in, -1, EVENT_WARNING, text);
}

static bool put(struct instance *in, const char *line)
{
	struct resume *r = in->resume;
	size_t length = strlen(line);
	if (pwrite(r->fd, line, length, r->size) != (ssize_t)length)
		return false;
	r->size += (off_t)length;
	return true;
}

/* Takes the line; one write(2), so that it is there or not. */
static void write_json(struct instance *in, json_t *json)
{
	OWNED(char) line = NULL;
	OWNED_TEXT whole = {0};
	if (is_on(in) && json)
		line = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (!is_on(in))
		return;
	if (line)
		text_addf(&whole, "%s\n", line);
	if (!line || !text_ok(&whole) || !put(in, text_string(&whole)))
		give_up(in, "there is no memory for its state");
}

static struct extra extra_of(const struct instance *in, int row)
{
	const struct service_io *io = in->io[row];
	struct extra extra;
	memset(&extra, 0, sizeof extra); /* it is compared with what was before */
	extra.generation = io->run.generation;
	extra.slot = io->slot;
	extra.hold = io->run.hold;
	extra.hold_learned = io->run.hold_learned;
	extra.hold_works = io->run.hold_works;
	extra.lost = io->run.lost;
	extra.started_wall_ms = io->run.started_wall_ms;
	extra.ready_wall_ms = io->run.ready_wall_ms;
	extra.line_part = io->run.line_part;
	extra.line_from = io->run.line_from;
	extra.stop.timeout_ms = service_at(in, row)->policy.stop.timeout_ms;
	extra.stop.has_bound = service_at(in, row)->policy.stop.has_bound;
	extra.stop.bound_ms = service_at(in, row)->policy.stop.bound_ms;
	return extra;
}

static json_t *extra_json(const struct extra *x)
{
	return json_pack("{s:I, s:i, s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:b, s:I}", "generation",
		(json_int_t)x->generation, "hold", (int)x->hold, "hold_learned", x->hold_learned,
		"hold_works", x->hold_works, "lost", x->lost, "started_wall_ms",
		(json_int_t)x->started_wall_ms, "ready_wall_ms", (json_int_t)x->ready_wall_ms,
		"line_part", (json_int_t)x->line_part, "line_from", (json_int_t)x->line_from,
		"stop_timeout_ms", (json_int_t)x->stop.timeout_ms, "stop_bound", x->stop.has_bound,
		"stop_bound_ms", (json_int_t)x->stop.bound_ms);
}

static void write_service(struct instance *in, int row)
{
	write_json(in, json_pack("{s:s, s:b, s:i, s:o, s:o}", "service", service_at(in, row)->name, "second",
		row == second_row(in), "slot", in->io[row]->slot, "run", snapshot_of(in->keeper, row), "more",
		extra_json(&in->resume->extras[row])));
}

/* When it is probed next is found out anew; its past changes with its count. */
static bool same_run(const struct service_run *a, const struct service_run *b)
{
	struct service_run copy;
	memcpy(&copy, b, offsetof(struct service_run, transitions));
	copy.probe_at_ms = a->probe_at_ms;
	copy.probe_until_ms = a->probe_until_ms;
	return a->transition_count == b->transition_count
		&& !memcmp(a, &copy, offsetof(struct service_run, transitions));
}

static void write_changed(struct instance *in)
{
	struct resume *r = in->resume;
	for (int row = 0; is_on(in) && row <= second_row(in); row++) {
		const struct service_run *run = keeper_run(in->keeper, row);
		struct extra extra = extra_of(in, row);
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): between its members all is zero */
		if (same_run(&r->runs[row], run) && !memcmp(&r->extras[row], &extra, sizeof extra))
			continue;
		memcpy(&r->runs[row], run, offsetof(struct service_run, transitions));
		r->runs[row].transition_count = run->transition_count;
		r->extras[row] = extra;
		write_service(in, row);
	}
}

static void write_instance(struct instance *in)
{
	struct resume *r = in->resume;
	json_t *json = head_instance(in);
	char *line = json ? json_dumps(json, JSON_COMPACT) : NULL;
	if (is_on(in) && (!line || !r->instance || strcmp(line, r->instance) != 0))
		write_json(in, json);
	else
		json_decref(json);
	free(r->instance);
	r->instance = line;
}

/* ---- the state begins anew, for another stack or because it has become long ---- */

static bool make_rows(struct resume *r, size_t rows)
{
	forget_rows(r);
	r->runs = pages_new(rows * sizeof *r->runs);
	r->extras = pages_new(rows * sizeof *r->extras);
	r->rows = rows;
	return r->runs && r->extras;
}

/* Checks and stop commands that run just now. */
static void write_helpers(struct instance *in)
{
	for (size_t i = 0; i < in->tree.known.count; i++)
		if (in->tree.known.items[i].service < 0)
			resume_helper(in, in->tree.known.items[i].pid);
}

static void write_all(struct instance *in)
{
	struct resume *r = in->resume;
	write_json(in, head_of(in));
	write_helpers(in);
	own_free(&r->instance);
	write_instance(in);
	for (int row = 0; row <= second_row(in); row++) {
		memset(&r->runs[row], 0xff, sizeof r->runs[row]); /* never so */
		r->extras[row].slot = -1;
	}
	write_changed(in);
	r->most = r->size + STATE_ROOM;
}

static void begin_state(struct instance *in)
{
	struct resume *r = in->resume;
	OWNED_FD last = r->fd;
	r->fd = memfd_create("stackup-state", MFD_CLOEXEC);
	r->size = 0;
	r->loaded = in->loaded.number;
	if (r->fd < 0 || !make_rows(r, (size_t)second_row(in) + 1)) {
		give_up(in, "there is no memory for its state");
		return;
	}
	write_all(in);
	/* Only when all of it is there. */
	if (is_on(in) && guardian_hold(&in->guardian, PLACE_STATE, r->fd, NULL))
		give_up(in, "the guardian process does not answer");
}

/* ---- descriptors ---- */

/* True when the guardian had something else there, or has nothing any more. */
static bool keep_place(struct instance *in, int place, int fd)
{
	struct resume *r = in->resume;
	struct stat st = {0};
	if (place >= GUARDIAN_PLACES || (fd >= 0 && fstat(fd, &st)))
		return false;
	const struct kept now = {st.st_dev, st.st_ino};
	struct kept *kept = &r->kept[place];
	bool had = kept->inode;
	if (kept->device == now.device && kept->inode == now.inode)
		return false;
	int rc = fd < 0 ? guardian_let_go(&in->guardian, place, NULL)
			: guardian_hold(&in->guardian, place, fd, NULL);
	if (!rc)
		*kept = now;
	return had;
}

static int keep_holds(struct instance *in, int place, const struct hold *holds, size_t count, bool *changed)
{
	for (size_t i = 0; i < count; i++)
		if (holds[i].fd >= 0)
			*changed |= keep_place(in, place++, holds[i].fd);
	return place;
}

/* True when the guardian lets go of some port. */
static bool keep_ports(struct instance *in)
{
	struct resume *r = in->resume;
	bool changed = false;
	int place = keep_holds(in, PLACE_HOLDS, in->claim.holds, in->claim.hold_count, &changed);
	place = keep_holds(in, place, in->claim.spares, in->claim.spare_count, &changed);
	for (int left = place; left < r->kept_count; left++)
		changed |= keep_place(in, left, -1);
	r->kept_count = place;
	return changed;
}

/* All that it was told it has done when this returns. */
static void await_guardian(struct instance *in)
{
	(void)guardian_await(&in->guardian, NULL);
	foster_heard(in);
}

void resume_ports(struct instance *in)
{
	if (is_on(in) && keep_ports(in))
		await_guardian(in);
}

static void keep_descriptors(struct instance *in)
{
	keep_place(in, PLACE_LOCK, in->claim.lock_fd);
	keep_place(in, PLACE_CONTROL, control_socket(in->server));
	keep_place(in, PLACE_NOTIFY, in->notify ? notify_socket(in->notify) : -1);
	keep_place(in, PLACE_LIFELINE, in->lifeline_fd);
	(void)keep_ports(in);
}

/* A reload can change it both ways. */
static void follow_stack(struct instance *in)
{
	bool wanted = in->loaded.stack->on_crash == CRASH_RESUME;
	if (wanted && !in->resume)
		resume_begin(in);
	else if (!wanted && in->resume)
		resume_stop(in);
}

static void write_turn(struct instance *in)
{
	struct resume *r = in->resume;
	if (!is_on(in))
		return;
	keep_descriptors(in);
	if (r->loaded != in->loaded.number || r->size > r->most) {
		begin_state(in);
		return;
	}
	write_changed(in);
	write_instance(in);
}

void resume_turn(struct instance *in)
{
	follow_stack(in);
	write_turn(in);
}

static int begin(struct instance *in)
{
	in->resume = calloc(1, sizeof *in->resume);
	if (!in->resume)
		return -1;
	in->resume->fd = -1;
	/* What it has there of the last supervisor is none of ours, but goes when that place has something else. */
	in->resume->kept_count = in->inherited_places;
	for (int place = 0; place < in->inherited_places; place++)
		in->resume->kept[place].inode = 1;
	io_keep_all(in);
	keep_descriptors(in);
	begin_state(in);
	return is_on(in) ? 0 : -1;
}

void resume_stop(struct instance *in)
{
	int places = in->resume ? in->resume->kept_count : in->inherited_places;
	in->inherited_places = 0;
	resume_free(in);
	if (!places)
		return;
	guardian_arm(&in->guardian, false, NULL);
	for (int place = 0; place < places; place++)
		guardian_let_go(&in->guardian, place, NULL);
	await_guardian(in);
}

void resume_begin(struct instance *in)
{
	bool wanted = in->loaded.stack->on_crash == CRASH_RESUME;
	if (wanted && !in->resume && !begin(in))
		guardian_arm(&in->guardian, true, NULL);
	if (!wanted)
		resume_stop(in);
	if (in->resumed)
		guardian_took_over(&in->guardian, NULL);
}

/* ---- at once ---- */

void resume_started(struct instance *in, int row, pid_t pid)
{
	if (is_on(in))
		write_json(in, json_pack("{s:i, s:i}", "started", (int)pid, "row", row));
}

void resume_helper(struct instance *in, pid_t pid)
{
	if (is_on(in))
		write_json(in, json_pack("{s:i}", "helper", (int)pid));
}

void resume_ended(struct instance *in, const struct exit_status *s)
{
	if (is_on(in))
		write_json(in, json_pack("{s:i, s:i, s:i, s:b, s:b}", "ended", (int)s->pid, "code", s->code,
			"signal", s->signal, "core", s->core_dumped, "oom", s->by_oom_killer));
}

int resume_prepare(struct instance *in, struct error *e)
{
	if (is_on(in) || (!in->resume && !begin(in)))
		return 0;
	return fail(e, EXIT_FAILED, "the state of the services cannot be handed over: out of memory, or the guardian "
		"process does not answer");
}

int resume_replace(struct instance *in, int program_fd, struct error *e)
{
	write_turn(in);
	if (!is_on(in))
		return fail(e, EXIT_FAILED, "the state of the services could not be written; nothing has changed");
	tell_flush(in);
	if (guardian_ask_replacement(&in->guardian, program_fd, e))
		return -1;
	control_flush(in->server);
	recorder_free(in->recorder, true);
	_exit(EXIT_DONE);
}
