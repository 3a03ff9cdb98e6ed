/* rooms: base control */
/*
 * The server on a real loop and real sockets. Raw clients share the process: turn() runs the loop
 * until a condition holds. The blocking client of client.h talks to a server in a forked child.
 */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "control/client.h"
#include "control/path.h"
#include "control/server.h"
#include "descriptors.h"

#include <cmocka.h>

struct world {
	char dir[64];
	char path[128];
	int descriptors; /* before anything was opened */
	struct ev_loop *loop;
	struct control_server *server;
	/* what the handler saw */
	int requests;
	int gone;
	bool lifeline_gone;
	uint64_t last_gone;
	struct control_ticket later; /* of the last "later" request */
	int at_once; /* in the present loop turn */
	int most_at_once;
	char trouble[256];
};

static void on_request(void *self, struct control_ticket ticket, const char *verb, const json_t *body)
{
	struct world *w = self;
	w->requests++;
	if (++w->at_once > w->most_at_once)
		w->most_at_once = w->at_once;
	if (strcmp(verb, "later") == 0) {
		w->later = ticket;
	} else if (strcmp(verb, "refuse") == 0) {
		struct error e = {0};
		(fail)(&e, EXIT_NOT_FOUND, "there is no service 'ap'");
		error_hint(&e, "did you mean 'api'?");
		control_refuse(w->server, ticket, &e);
	} else if (strcmp(verb, "stream") == 0) {
		for (int i = 0; i < 3; i++)
			control_more(w->server, ticket, json_pack("{s:i}", "part", i));
		control_reply(w->server, ticket, NULL);
	} else {
		control_reply(w->server, ticket,
			json_pack("{s:s, s:O*}", "echo", verb, "text", json_object_get(body, "text")));
	}
}

static void on_gone(void *self, uint64_t client, bool lifeline)
{
	struct world *w = self;
	w->gone++;
	w->last_gone = client;
	w->lifeline_gone = w->lifeline_gone || lifeline;
}

static void on_trouble(void *self, const char *text)
{
	struct world *w = self;
	snprintf(w->trouble, sizeof w->trouble, "%s", text);
}

static void listen_again(struct world *w)
{
	struct error e = {0};
	struct control_handler handler = {
		.self = w, .on_request = on_request, .on_gone = on_gone, .on_trouble = on_trouble};
	w->server = control_listen(w->loop, w->path, &handler, &e);
	if (!w->server)
		fail_msg("%s", e.text);
}

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	snprintf(w->dir, sizeof w->dir, "/tmp/stackup-control-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->path, sizeof w->path, "%s/run/shop/3.sock", w->dir);
	w->descriptors = descriptors_open();
	w->loop = ev_loop_new(EVFLAG_AUTO);
	listen_again(w);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;
	control_close(w->server);
	ev_loop_destroy(w->loop);
	file_remove_tree(w->dir, NULL);
	descriptors_expect(w->descriptors);
	free(w);
	return 0;
}

/* ---- raw clients ---- */

struct raw {
	int fd;
	struct frame_reader reader;
};

static void one_turn(struct world *w)
{
	w->at_once = 0;
	ev_run(w->loop, EVRUN_NOWAIT);
}

/* Runs the loop for as long as there is anything to do for it. */
static void settle(struct world *w)
{
	for (int i = 0; i < 50; i++)
		one_turn(w);
}

static struct raw raw_open(const char *path)
{
	struct raw r = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
	assert_true(r.fd >= 0);
	assert_int_equal(path_connect(r.fd, path), 0);
	return r;
}

static void raw_close(struct raw *r)
{
	close(r->fd);
	frame_reader_release(&r->reader);
}

static void raw_send(struct raw *r, const char *json)
{
	OWNED_TEXT bytes = {0};
	json_t *object = json_loads(json, 0, NULL);
	assert_non_null(object);
	assert_int_equal(frame_encode(object, &bytes, NULL), 0);
	assert_int_equal(file_write_all(r->fd, bytes.data, bytes.length), 0);
	json_decref(object);
}

/* The next frame, running the loop meanwhile; NULL: the connection has ended. */
static json_t *raw_next(struct world *w, struct raw *r)
{
	int64_t deadline = clock_now_ms() + 20000;
	for (;;) {
		json_t *frame;
		char bytes[64 * 1024];
		enum frame_result what = frame_next(&r->reader, &frame, NULL);
		if (what == FRAME_READY)
			return frame;
		assert_int_equal(what, FRAME_PARTIAL);
		one_turn(w);
		ssize_t count = recv(r->fd, bytes, sizeof bytes, 0);
		if (count == 0 || (count < 0 && errno == ECONNRESET))
			return NULL;
		if (count > 0)
			assert_true(frame_feed(&r->reader, bytes, (size_t)count));
		if (clock_now_ms() > deadline)
			fail_msg("no frame and no end within 20 s");
	}
}

/* Past the greetings. */
static struct raw raw_greeted(struct world *w)
{
	struct raw r = raw_open(w->path);
	json_t *greeting = raw_next(w, &r);
	assert_int_equal(json_integer_value(json_object_get(greeting, "stackup")), 1);
	json_decref(greeting);
	raw_send(&r, "{\"stackup\":1,\"version\":\"0.1.0\"}");
	return r;
}

static void assert_answers(struct world *w, struct raw *r, int id)
{
	char request[64];
	snprintf(request, sizeof request, "{\"id\":%d,\"verb\":\"ping\"}", id);
	raw_send(r, request);
	json_t *reply = raw_next(w, r);
	assert_non_null(reply);
	assert_int_equal(json_integer_value(json_object_get(reply, "id")), id);
	assert_true(json_is_true(json_object_get(reply, "ok")));
	json_decref(reply);
}

static void assert_closed(struct world *w, struct raw *r)
{
	json_t *frame;
	while ((frame = raw_next(w, r)))
		json_decref(frame);
	raw_close(r);
}

/* ---- requests and replies ---- */

static void test_reply_refuse_stream(void **state)
{
	struct world *w = *state;
	struct raw r = raw_greeted(w);
	assert_answers(w, &r, 7);
	raw_send(&r, "{\"id\":8,\"verb\":\"refuse\"}");
	json_t *reply = raw_next(w, &r);
	const json_t *error = json_object_get(reply, "error");
	assert_true(json_is_false(json_object_get(reply, "ok")));
	assert_string_equal(json_string_value(json_object_get(error, "code")), "not_found");
	assert_int_equal(json_integer_value(json_object_get(error, "exit")), 4);
	assert_string_equal(json_string_value(json_object_get(error, "hint")), "did you mean 'api'?");
	json_decref(reply);
	raw_send(&r, "{\"id\":9,\"verb\":\"stream\"}");
	for (int i = 0; i < 3; i++) {
		json_t *part = raw_next(w, &r);
		assert_true(json_is_true(json_object_get(part, "more")));
		assert_int_equal(json_integer_value(json_object_get(part, "part")), i);
		json_decref(part);
	}
	reply = raw_next(w, &r);
	assert_true(json_is_true(json_object_get(reply, "ok")));
	json_decref(reply);
	raw_close(&r);
}

static void test_reply_turns_later(void **state)
{
	struct world *w = *state;
	struct raw r = raw_greeted(w);
	raw_send(&r, "{\"id\":5,\"verb\":\"later\"}");
	settle(w);
	assert_answers(w, &r, 6);
	assert_true(control_present(w->server, w->later.client));
	assert_true(control_reply(w->server, w->later, NULL));
	json_t *reply = raw_next(w, &r);
	assert_int_equal(json_integer_value(json_object_get(reply, "id")), 5);
	json_decref(reply);
	raw_close(&r);
}

/* A ticket outlives its client, and a new client never gets the old one's answer. */
static void fault_G3_gone_in_every_phase(void **state)
{
	struct world *w = *state;
	struct raw silent = raw_open(w->path);
	settle(w);
	raw_close(&silent);
	struct raw half = raw_open(w->path);
	assert_int_equal(file_write_all(half.fd, "\0\0", 2), 0);
	settle(w);
	raw_close(&half);
	settle(w);
	assert_int_equal(w->gone, 0);

	struct raw asking = raw_greeted(w);
	raw_send(&asking, "{\"id\":5,\"verb\":\"later\"}");
	settle(w);
	raw_close(&asking);
	settle(w);
	assert_int_equal(w->gone, 1);
	assert_int_equal(control_client_count(w->server), 0);
	struct raw next = raw_greeted(w);
	settle(w);
	assert_false(control_present(w->server, w->later.client));
	assert_false(control_more(w->server, w->later, json_object()));
	assert_false(control_reply(w->server, w->later, json_object()));
	assert_answers(w, &next, 1);
	raw_close(&next);
}

static void test_lifeline(void **state)
{
	struct world *w = *state;
	struct raw r = raw_open(w->path);
	json_decref(raw_next(w, &r));
	raw_send(&r, "{\"stackup\":1,\"version\":\"0.1.0\",\"lifeline\":true}");
	assert_answers(w, &r, 1);
	assert_false(w->lifeline_gone);
	raw_close(&r);
	settle(w);
	assert_true(w->lifeline_gone);
}

static void test_adopt(void **state)
{
	struct world *w = *state;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	uint64_t number = control_adopt(w->server, pair[0], true);
	assert_true(number > 0);
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	struct raw r = {.fd = pair[1]};
	json_decref(raw_next(w, &r));
	raw_send(&r, "{\"stackup\":1,\"version\":\"0.1.0\"}");
	assert_answers(w, &r, 1);
	raw_close(&r);
	settle(w);
	assert_true(w->lifeline_gone);
	assert_int_equal(w->last_gone, number);
}

static void test_first_frame_must_greet(void **state)
{
	struct world *w = *state;
	struct raw r = raw_open(w->path);
	raw_send(&r, "{\"id\":1,\"verb\":\"ping\"}");
	assert_closed(w, &r);
	assert_int_equal(w->requests, 0);
}

static void fault_S20_other_version(void **state)
{
	struct world *w = *state;
	struct raw r = raw_open(w->path);
	json_decref(raw_next(w, &r));
	raw_send(&r, "{\"stackup\":2,\"version\":\"9.9.9\"}");
	raw_send(&r, "{\"id\":1,\"verb\":\"status\"}");
	json_t *reply = raw_next(w, &r);
	assert_true(json_is_false(json_object_get(reply, "ok")));
	const char *text =
		json_string_value(json_object_get(json_object_get(reply, "error"), "text"));
	assert_non_null(strstr(text, STACKUP_VERSION));
	json_decref(reply);
	raw_send(&r, "{\"id\":2,\"verb\":\"down\"}");
	reply = raw_next(w, &r);
	assert_true(json_is_true(json_object_get(reply, "ok")));
	json_decref(reply);
	raw_close(&r);
}

static void test_open_requests_are_bounded(void **state)
{
	struct world *w = *state;
	struct raw r = raw_greeted(w);
	for (int i = 0; i < CONTROL_REQUESTS_OPEN; i++)
		raw_send(&r, "{\"id\":5,\"verb\":\"later\"}");
	settle(w);
	raw_send(&r, "{\"id\":6,\"verb\":\"ping\"}");
	json_t *reply = raw_next(w, &r);
	assert_true(json_is_false(json_object_get(reply, "ok")));
	json_decref(reply);
	control_reply(w->server, w->later, NULL);
	json_decref(raw_next(w, &r));
	assert_answers(w, &r, 7);
	raw_close(&r);
}

/* ---- hostile clients ---- */

static void fault_G1_thousand_idle_clients(void **state)
{
	struct world *w = *state;
	enum { MANY = 1000 };
	static struct raw idle[MANY];
	struct raw busy = raw_greeted(w);
	raw_send(&busy, "{\"id\":1,\"verb\":\"later\"}");
	settle(w);
	for (int i = 0; i < MANY; i++) {
		idle[i] = raw_open(w->path);
		one_turn(w);
		assert_true(control_client_count(w->server) <= CONTROL_CLIENTS_MOST);
	}
	settle(w);
	assert_int_equal(control_client_count(w->server), CONTROL_CLIENTS_MOST);
	/* The one that waits for an answer was not idle; the newest are there, the oldest are not. */
	assert_true(control_reply(w->server, w->later, NULL));
	json_decref(raw_next(w, &busy));
	assert_answers(w, &busy, 2);
	json_t *greeting = raw_next(w, &idle[MANY - 1]);
	assert_non_null(greeting);
	json_decref(greeting);
	json_t *only = raw_next(w, &idle[0]);
	json_decref(only);
	assert_null(raw_next(w, &idle[0]));
	for (int i = 0; i < MANY; i++)
		raw_close(&idle[i]);
	raw_close(&busy);
}

/* Both deadlines run at the same time: 5 s for the greeting, 10 s for the rest of a frame. */
static void fault_G2_slow_client(void **state)
{
	struct world *w = *state;
	struct raw mute = raw_open(w->path);
	struct raw slow = raw_greeted(w);
	settle(w);
	assert_int_equal(file_write_all(slow.fd, "\0\0\0\x40{", 5), 0);
	int64_t start = clock_now_ms();
	json_decref(raw_next(w, &mute));
	assert_null(raw_next(w, &mute));
	int64_t took = clock_now_ms() - start;
	assert_in_range(took, 3000, 8000);
	/* A byte now and then does not move the deadline. */
	assert_int_equal(file_write_all(slow.fd, "\"", 1), 0);
	assert_null(raw_next(w, &slow));
	took = clock_now_ms() - start;
	assert_in_range(took, 8000, 15000);
	assert_int_equal(control_client_count(w->server), 0);
	raw_close(&mute);
	raw_close(&slow);
}

static void fault_G4_G5_bad_frames_close(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *bytes;
		size_t length;
	} bad[] = {{"\xff\xff\xff\xff", 4}, {"\0\0\0\2[]", 6}, {"\0\0\0\1{", 5}, {"\0\0\0\0", 4},
		{"GET / HTTP/1.1\r\n\r\n", 18}, {"\0\0\0\3{\0}", 7}};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct raw r = raw_greeted(w);
		settle(w);
		assert_int_equal(file_write_all(r.fd, bad[i].bytes, bad[i].length), 0);
		assert_closed(w, &r);
	}
	assert_int_equal(w->requests, 0);
	assert_int_equal(control_client_count(w->server), 0);
}

static void fault_G6_client_never_reads(void **state)
{
	struct world *w = *state;
	struct raw r = raw_greeted(w);
	raw_send(&r, "{\"id\":1,\"verb\":\"later\"}");
	settle(w);
	char line[1024] = "";
	memset(line, 'x', sizeof line - 1);
	size_t sent = 0;
	while (control_more(w->server, w->later, json_pack("{s:s}", "text", line)))
		assert_true(++sent < 10000);
	/* What the kernel buffers, and 256 KiB of ours. */
	assert_true(sent * sizeof line < CONTROL_OUTPUT_MOST + 1024 * 1024);
	assert_int_equal(control_client_count(w->server), 0);
	assert_int_equal(w->gone, 1);
	assert_non_null(strstr(w->trouble, "does not read"));
	raw_close(&r);
}

static void test_one_big_reply_passes(void **state)
{
	struct world *w = *state;
	struct raw r = raw_greeted(w);
	raw_send(&r, "{\"id\":1,\"verb\":\"later\"}");
	settle(w);
	char *big = calloc(1, 900 * 1024 + 1);
	memset(big, 'y', 900 * 1024);
	assert_true(control_reply(w->server, w->later, json_pack("{s:s}", "text", big)));
	json_t *reply = raw_next(w, &r);
	assert_int_equal(json_string_length(json_object_get(reply, "text")), 900 * 1024);
	json_decref(reply);
	raw_send(&r, "{\"id\":2,\"verb\":\"later\"}");
	settle(w);
	char *too_big = realloc(big, 1100 * 1024 + 1);
	memset(too_big, 'z', 1100 * 1024);
	too_big[1100 * 1024] = '\0';
	assert_false(control_reply(w->server, w->later, json_pack("{s:s}", "text", too_big)));
	reply = raw_next(w, &r);
	assert_true(json_is_false(json_object_get(reply, "ok")));
	json_decref(reply);
	free(too_big);
	raw_close(&r);
}

static void fault_G22_ten_thousand_commands(void **state)
{
	struct world *w = *state;
	enum { MANY = 10000 };
	struct raw r = raw_greeted(w);
	OWNED_TEXT all = {0};
	for (int i = 0; i < MANY; i++) {
		json_t *request = json_pack("{s:i, s:s}", "id", i, "verb", "ping");
		frame_encode(request, &all, NULL);
		json_decref(request);
	}
	size_t sent = 0;
	for (int answered = 0; answered < MANY; answered++) {
		ssize_t count = send(r.fd, all.data + sent, all.length - sent, MSG_NOSIGNAL);
		sent += count > 0 ? (size_t)count : 0;
		json_t *reply = raw_next(w, &r);
		assert_non_null(reply);
		assert_int_equal(json_integer_value(json_object_get(reply, "id")), answered);
		json_decref(reply);
	}
	assert_int_equal(w->requests, MANY);
	assert_true(w->most_at_once <= CONTROL_REQUESTS_A_TURN);
	raw_close(&r);
}

/* ---- the socket file ---- */

static void test_modes(void **state)
{
	struct world *w = *state;
	struct stat st;
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	char dir[128];
	snprintf(dir, sizeof dir, "%s/run/shop", w->dir);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void fault_G8_stale_socket_is_replaced(void **state)
{
	struct world *w = *state;
	control_close(w->server);
	assert_int_equal(access(w->path, F_OK), -1);
	int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(path_bind(stale, w->path), 0);
	close(stale);
	listen_again(w);
	struct raw r = raw_greeted(w);
	assert_answers(w, &r, 1);
	raw_close(&r);
}

static void fault_G9_long_path(void **state)
{
	struct world *w = *state;
	char part[100];
	memset(part, 'd', sizeof part);
	part[sizeof part - 1] = '\0';
	OWNED_TEXT path = {0};
	text_addf(&path, "%s/%s/%s/3.sock", w->dir, part, part);
	struct control_handler handler = {.self = w, .on_request = on_request, .on_gone = on_gone};
	struct error e = {0};
	struct control_server *first = w->server;
	w->server = control_listen(w->loop, text_string(&path), &handler, &e);
	assert_non_null(w->server);
	struct raw r = raw_open(text_string(&path));
	json_decref(raw_next(w, &r));
	raw_send(&r, "{\"stackup\":1,\"version\":\"0.1.0\"}");
	assert_answers(w, &r, 1);
	raw_close(&r);
	control_close(w->server);
	w->server = first;
	assert_int_equal(access(text_string(&path), F_OK), -1);
}

static void wait_for_socket(struct world *w)
{
	int64_t deadline = clock_now_ms() + 5000;
	while (access(w->path, F_OK) < 0) {
		one_turn(w);
		assert_true(clock_now_ms() < deadline);
	}
}

static void fault_G10_socket_removed(void **state)
{
	struct world *w = *state;
	struct raw before = raw_greeted(w);
	settle(w);
	assert_int_equal(unlink(w->path), 0);
	wait_for_socket(w);
	assert_non_null(strstr(w->trouble, "removed"));
	struct raw r = raw_greeted(w);
	assert_answers(w, &r, 1);
	assert_answers(w, &before, 2);
	/* The whole directory, twice: the new one is watched as well. */
	for (int i = 0; i < 2; i++) {
		char dir[128];
		snprintf(dir, sizeof dir, "%s/run", w->dir);
		assert_int_equal(file_remove_tree(dir, NULL), 0);
		wait_for_socket(w);
		struct raw again = raw_greeted(w);
		assert_answers(w, &again, 3);
		raw_close(&again);
	}
	raw_close(&r);
	raw_close(&before);
}

static void fault_G10_socket_renamed_away(void **state)
{
	struct world *w = *state;
	char other[160];
	snprintf(other, sizeof other, "%s.old", w->path);
	assert_int_equal(rename(w->path, other), 0);
	wait_for_socket(w);
	struct raw r = raw_greeted(w);
	assert_answers(w, &r, 1);
	raw_close(&r);
}

/* In a child of another user: what connecting comes to. 0: greeted, else the errno, 255: closed. */
static int connect_as_nobody(const char *path)
{
	pid_t pid = fork();
	if (pid == 0) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
			_exit(254);
		if (path_connect(fd, path) < 0)
			_exit(errno);
		char byte;
		_exit(recv(fd, &byte, 1, 0) == 1 ? 0 : 255);
	}
	return pid;
}

static int result_of(struct world *w, pid_t pid)
{
	int status;
	while (waitpid(pid, &status, WNOHANG) == 0)
		one_turn(w);
	return WEXITSTATUS(status);
}

static void fault_G11_other_user(void **state)
{
	struct world *w = *state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(result_of(w, connect_as_nobody(w->path)), EACCES);
	/* Even when somebody has opened all the modes, the peer's uid is asked for. */
	char dir[128];
	snprintf(dir, sizeof dir, "%s/run/shop", w->dir);
	assert_int_equal(chmod(w->path, 0666), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	snprintf(dir, sizeof dir, "%s/run", w->dir);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(chmod(w->dir, 0777), 0);
	assert_int_equal(result_of(w, connect_as_nobody(w->path)), 255);
}

static void test_directory_must_be_ours_alone(void **state)
{
	struct world *w = *state;
	char open_dir[128];
	char path[160];
	struct error e = {0};
	struct control_handler handler = {.self = w, .on_request = on_request, .on_gone = on_gone};
	snprintf(open_dir, sizeof open_dir, "%s/open", w->dir);
	snprintf(path, sizeof path, "%s/1.sock", open_dir);
	assert_int_equal(mkdir(open_dir, 0700), 0);
	assert_int_equal(chmod(open_dir, 0755), 0);
	assert_null(control_listen(w->loop, path, &handler, &e));
	assert_non_null(strstr(e.text, "open to other users"));
	assert_non_null(strstr(e.hint, "chmod 700"));
}

/* ---- no descriptors ---- */

static void run_forever(struct world *w)
{
	for (;;)
		ev_run(w->loop, EVRUN_ONCE);
}

/* On a processor, or waiting for one: a machine that is busy with others hides nobody who spins. */
static int64_t wanted_ms(pid_t pid)
{
	char path[64];
	OWNED_TEXT times = {0};
	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
	assert_true(file_read_proc(path, &times));
	char *next;
	int64_t run_ns = strtoll(text_string(&times), &next, 10);
	return (run_ns + strtoll(next, NULL, 10)) / 1000000;
}

static void fault_S30_no_descriptors(void **state)
{
	struct world *w = *state;
	int limited[2];
	char byte;
	assert_int_equal(pipe2(limited, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ev_loop_fork(w->loop);
		one_turn(w);
		int lowest_free = dup(0);
		struct rlimit none = {.rlim_cur = (rlim_t)lowest_free, .rlim_max = 4096};
		close(lowest_free);
		setrlimit(RLIMIT_NOFILE, &none);
		file_write_all(limited[1], "x", 1);
		run_forever(w);
	}
	assert_int_equal(read(limited[0], &byte, 1), 1);
	close(limited[0]);
	close(limited[1]);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(path_connect(fd, w->path), 0);
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	int64_t before = wanted_ms(pid);
	assert_int_equal(poll(&readable, 1, 1500), 0);
	assert_true(wanted_ms(pid) - before < 700);
	struct rlimit enough = {.rlim_cur = 1024, .rlim_max = 4096};
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, &enough, NULL), 0);
	assert_int_equal(poll(&readable, 1, 5000), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
}

/* ---- the blocking client ---- */

static pid_t serve(struct world *w)
{
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ev_loop_fork(w->loop);
		run_forever(w);
	}
	return pid;
}

static void on_part(void *self, const json_t *part)
{
	int *sum = self;
	*sum = *sum * 10 + 1 + (int)json_integer_value(json_object_get(part, "part"));
}

static void test_client_calls(void **state)
{
	struct world *w = *state;
	pid_t pid = serve(w);
	struct control_client c;
	struct error e = {0};
	json_t *reply = NULL;
	int sum = 0;
	assert_int_equal(client_connect(&c, w->path, 5000, &e), 0);
	assert_string_equal(c.version, STACKUP_VERSION);
	assert_int_equal(client_call(&c, json_pack("{s:s, s:s}", "verb", "hello", "text", "ä"), 5000,
				 &reply, &e), 0);
	assert_string_equal(json_string_value(json_object_get(reply, "text")), "ä");
	json_decref(reply);
	assert_int_equal(client_call_stream(&c, json_pack("{s:s}", "verb", "stream"), 5000, on_part,
				 &sum, NULL, &e), 0);
	assert_int_equal(sum, 123);
	assert_int_equal(client_call(&c, json_pack("{s:s}", "verb", "refuse"), 5000, NULL, &e), -1);
	assert_int_equal(e.code, EXIT_NOT_FOUND);
	assert_string_equal(e.text, "there is no service 'ap'");
	assert_string_equal(e.hint, "did you mean 'api'?");
	assert_int_equal(client_call(&c, json_pack("{s:s}", "verb", "later"), 50, NULL, &e), -1);
	assert_int_equal(e.code, EXIT_TIMED_OUT);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* The parent has the listening socket, too: only the connection has ended. */
	assert_int_equal(client_call(&c, json_pack("{s:s}", "verb", "hello"), 5000, NULL, &e), -1);
	assert_int_equal(e.number, EPIPE);
	client_close(&c);
}

static void test_client_nobody_there(void **state)
{
	struct world *w = *state;
	struct control_client c;
	struct error e = {0};
	control_close(w->server);
	assert_int_equal(client_connect(&c, w->path, 1000, &e), -1);
	assert_int_equal(e.code, EXIT_NOT_FOUND);
	int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(path_bind(stale, w->path), 0);
	close(stale);
	assert_int_equal(client_connect(&c, w->path, 1000, &e), -1);
	assert_int_equal(e.code, EXIT_NOT_FOUND);
	unlink(w->path);
	w->server = NULL;
}

/* A server that says what it is told to. */
static void client_against(struct control_client *c, const char *greeting, int *result, struct error *e)
{
	int pair[2];
	OWNED_TEXT bytes = {0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	json_t *object = json_loads(greeting, 0, NULL);
	frame_encode(object, &bytes, NULL);
	json_decref(object);
	file_write_all(pair[1], bytes.data, bytes.length);
	*result = client_adopt(c, pair[0], false, 1000, e);
	if (*result == 0)
		*result = dup(pair[1]);
	close(pair[1]);
}

static void fault_S20_client_other_version(void **state)
{
	(void)state;
	struct control_client c;
	struct error e = {0};
	int server;
	client_against(&c, "{\"stackup\":2,\"version\":\"9.9.9\"}", &server, &e);
	assert_true(server >= 0);
	assert_int_equal(client_send(&c, json_pack("{s:s}", "verb", "status"), NULL, &e), -1);
	assert_non_null(strstr(e.text, "9.9.9"));
	assert_non_null(strstr(e.text, STACKUP_VERSION));
	assert_non_null(strstr(e.hint, "stackup down"));
	assert_int_equal(client_send(&c, json_pack("{s:s}", "verb", "down"), NULL, &e), 0);
	close(server);
	client_close(&c);
}

static void test_client_not_stackup(void **state)
{
	(void)state;
	struct control_client c;
	struct error e = {0};
	int server;
	client_against(&c, "{\"hello\":1}", &server, &e);
	assert_int_equal(server, -1);
	assert_non_null(strstr(e.text, "not a stackup supervisor"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(test_reply_refuse_stream), T(test_reply_turns_later), T(fault_G3_gone_in_every_phase),
		T(test_lifeline), T(test_adopt), T(test_first_frame_must_greet),
		T(fault_S20_other_version), T(test_open_requests_are_bounded),
		T(fault_G1_thousand_idle_clients), T(fault_G2_slow_client),
		T(fault_G4_G5_bad_frames_close), T(fault_G6_client_never_reads),
		T(test_one_big_reply_passes), T(fault_G22_ten_thousand_commands), T(test_modes),
		T(fault_G8_stale_socket_is_replaced), T(fault_G9_long_path),
		T(fault_G10_socket_removed), T(fault_G10_socket_renamed_away), T(fault_G11_other_user),
		T(test_directory_must_be_ours_alone), T(fault_S30_no_descriptors),
		T(test_client_calls), T(test_client_nobody_there), T(fault_S20_client_other_version),
		T(test_client_not_stackup),
	};
	/* A thousand clients and their ends are in this one process. */
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
