/* rooms: base model probe */
#include "base/reserve.h"

#include "probe_world.h"

#include <dirent.h>
#include <dlfcn.h>
#include <sys/resource.h>

static struct server httpd;
static struct server tls_httpd;

struct request {
	struct text url;
	struct probe probe;
};

static struct probe *to(
	struct request *request, const struct server *server, const char *scheme, const char *path)
{
	text_clear(&request->url);
	text_addf(&request->url, "%s://localhost:%u%s", scheme, server->port, path);
	request->probe = (struct probe){.kind = PROBE_HTTP,
		.url = text_string(&request->url),
		.port = server->port,
		.tls_verify = true};
	return &request->probe;
}

#define REQUEST __attribute__((cleanup(release_request))) struct request

static void release_request(struct request *request)
{
	text_release(&request->url);
}

static enum probe_result get(struct world *w, const char *path, int64_t timeout_ms)
{
	REQUEST request = {0};
	return ask(w, to(&request, &httpd, "http", path), timeout_ms);
}

/* "REQUESTS CONNECTIONS MOST" of the server. */
struct seen {
	long requests;
	long connections;
	long most;
};

static struct seen look_at_server(void)
{
	struct seen seen = {0};
	char answer[200] = "";
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons(httpd.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	static const char request[] = "GET /seen HTTP/1.1\r\n\r\n";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
	size_t got = 0;
	while (!strstr(answer, "\r\n\r\n") || answer[got - 1] != '\n' ||
		!strchr(strstr(answer, "\r\n\r\n") + 4, '\n')) {
		ssize_t n = read(fd, answer + got, sizeof answer - 1 - got);
		assert_true(n > 0);
		got += (size_t)n;
	}
	close(fd);
	assert_int_equal(sscanf(strstr(answer, "\r\n\r\n") + 4, "%ld %ld %ld", &seen.requests,
				 &seen.connections, &seen.most),
		3);
	return seen;
}

static rlim_t set_files_max(rlim_t most)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	rlim_t was = limit.rlim_cur;
	limit.rlim_cur = most;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return was;
}

static bool curl_is_loaded(void)
{
	void *library = dlopen("libcurl.so.4", RTLD_LAZY | RTLD_NOLOAD);
	if (library)
		dlclose(library);
	return library != NULL;
}

static size_t count_entries(const char *path)
{
	DIR *directory = opendir(path);
	size_t count = 0;
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

/* ---- loading; the first tests, in this order ---- */

static void test_other_checks_do_not_load_libcurl(void **state)
{
	struct world *w = *state;
	struct probe tcp = {.kind = PROBE_TCP, .host = "localhost", .port = httpd.port};
	struct probe port = {.kind = PROBE_PORT, .port = httpd.port};
	assert_int_equal(ask(w, &tcp, 1000), PROBE_OK);
	assert_int_equal(ask(w, &port, 1000), PROBE_OK);
	assert_false(curl_is_loaded());
}

static void test_fault_H21_libcurl_cannot_be_opened(void **state)
{
	struct world *w = *state;
	turn_for(w, 20);
	rlim_t was = set_files_max(3);
	assert_int_equal(get(w, "/ok", 1000), PROBE_UNKNOWN);
	set_files_max(was);
	assert_reason(w, "HTTP checks need libcurl (install libcurl4)");
	assert_false(curl_is_loaded());
	assert_int_equal(get(w, "/ok", 5000), PROBE_OK);
	assert_true(curl_is_loaded());
}

/* ---- answers ---- */

static void test_ok(void **state)
{
	struct world *w = *state;
	assert_int_equal(get(w, "/ok", 5000), PROBE_OK);
	assert_string_equal(w->reason, "");
	assert_true(w->latency_ms >= 0 && w->latency_ms < 5000);
	assert_int_equal(w->connection_looks, 1);
}

static void test_fault_H10_statuses(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *path;
		enum probe_result result;
		const char *reason;
	} rows[] = {
		{"/continue", PROBE_OK, ""},
		{"/status/101", PROBE_FAILED, "HTTP 101"},
		{"/status/200", PROBE_OK, ""},
		{"/status/204", PROBE_OK, ""},
		{"/status/301", PROBE_OK, ""},
		{"/status/399", PROBE_OK, ""},
		{"/status/400", PROBE_FAILED, "HTTP 400"},
		{"/status/401", PROBE_FAILED, "HTTP 401"},
		{"/status/500", PROBE_FAILED, "HTTP 500"},
		{"/status/503", PROBE_FAILED, "HTTP 503"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(get(w, rows[i].path, 5000), rows[i].result);
		assert_string_equal(w->reason, rows[i].reason);
	}
}

static void test_fault_H10_wanted_statuses(void **state)
{
	struct world *w = *state;
	static const struct status_range wanted[] = {{200, 204}, {401, 401}};
	REQUEST request = {0};
	struct probe *probe = to(&request, &httpd, "http", "/status/401");
	probe->statuses = wanted;
	probe->status_count = 2;
	assert_int_equal(ask(w, probe, 5000), PROBE_OK);
	to(&request, &httpd, "http", "/status/302");
	probe->statuses = wanted;
	probe->status_count = 2;
	assert_int_equal(ask(w, probe, 5000), PROBE_FAILED);
	assert_string_equal(w->reason, "HTTP 302");
}

static enum probe_result get_matching(struct world *w, const char *path, const char *pattern)
{
	REQUEST request = {0};
	struct probe *probe = to(&request, &httpd, "http", path);
	probe->body_pattern = pattern;
	return ask(w, probe, 5000);
}

static void test_body_pattern(void **state)
{
	struct world *w = *state;
	assert_int_equal(get_matching(w, "/ok", "^o[kx]$"), PROBE_OK);
	assert_int_equal(get_matching(w, "/body?status:%20up", "status: (up|fine)"), PROBE_OK);
	assert_int_equal(get_matching(w, "/body?a%00b%0Aready%0Ax", "^ready$"), PROBE_OK);
	assert_int_equal(get_matching(w, "/ok", "down"), PROBE_FAILED);
	assert_string_equal(w->reason, "HTTP 200, but nothing in the body matches 'down'");
	assert_int_equal(get_matching(w, "/ok", "(unclosed"), PROBE_FAILED);
	assert_reason(w, "not a regular expression");
	assert_int_equal(get_matching(w, "/status/503", "."), PROBE_FAILED);
	assert_string_equal(w->reason, "HTTP 503");
}

static void test_method_and_headers(void **state)
{
	struct world *w = *state;
	static const struct pair headers[] = {{.name = "X-Token", .value = "se cret"},
		{.name = "Host", .value = "shop.example"}, {.name = "X-Empty", .value = ""}};
	static const char *const methods[] = {"GET", "POST", "PUT", "OPTIONS"};
	for (size_t i = 0; i < 4; i++) {
		REQUEST request = {0};
		char pattern[100];
		struct probe *probe = to(&request, &httpd, "http", "/request");
		snprintf(pattern, sizeof pattern, "^%s /request HTTP/1.1", methods[i]);
		probe->method = methods[i];
		probe->headers = headers;
		probe->header_count = 3;
		probe->body_pattern = pattern;
		assert_int_equal(ask(w, probe, 5000), PROBE_OK);
		probe->body_pattern = "^X-Token: se cret";
		assert_int_equal(ask(w, probe, 5000), PROBE_OK);
		probe->body_pattern = "^Host: shop[.]example";
		assert_int_equal(ask(w, probe, 5000), PROBE_OK);
		probe->body_pattern = "^X-Empty:";
		assert_int_equal(ask(w, probe, 5000), PROBE_OK);
	}
	REQUEST request = {0};
	struct probe *probe = to(&request, &httpd, "http", "/ok");
	probe->method = "HEAD";
	assert_int_equal(ask(w, probe, 5000), PROBE_OK);
}

/* ---- faults ---- */

static void test_fault_H1_never_answers(void **state)
{
	struct world *w = *state;
	assert_int_equal(get(w, "/hang", 300), PROBE_FAILED);
	assert_string_equal(w->reason, "no answer within 300 ms");
	assert_waited(w, 300);
}

static void test_fault_H1_accepts_and_never_reads(void **state)
{
	struct world *w = *state;
	REQUEST request = {0};
	struct server silent = server_start("--silent", NULL);
	assert_int_equal(ask(w, to(&request, &silent, "http", "/"), 300), PROBE_FAILED);
	assert_waited(w, 300);
	to(&request, &silent, "https", "/");
	request.probe.tls_verify = false;
	assert_int_equal(ask(w, &request.probe, 300), PROBE_FAILED);
	assert_waited(w, 300);
	server_stop(&silent);
}

static void test_fault_H2_one_byte_a_second(void **state)
{
	struct world *w = *state;
	assert_int_equal(get(w, "/drip-headers", 1500), PROBE_FAILED);
	assert_reason(w, "no answer within 1.5 s: its headers did not end");
	assert_waited(w, 1500);
	assert_int_equal(get(w, "/drip-body", 1500), PROBE_FAILED);
	assert_reason(w, "no answer within 1.5 s: it began to answer, and did not end");
	assert_waited(w, 1500);
}

static void test_fault_H3_body_without_end(void **state)
{
	struct world *w = *state;
	assert_int_equal(get(w, "/endless", 20000), PROBE_OK);
	assert_true(w->latency_ms < 5000);
	assert_int_equal(get(w, "/gigabyte", 20000), PROBE_OK);
	assert_true(w->latency_ms < 5000);
	assert_int_equal(get_matching(w, "/gigabyte", "xxx"), PROBE_OK);
	assert_int_equal(get_matching(w, "/late-body?ready", "ready"), PROBE_FAILED);
	assert_reason(w, "(its first 64 KiB were searched)");
}

static void test_fault_H4_redirects_are_not_followed(void **state)
{
	struct world *w = *state;
	struct seen before = look_at_server();
	assert_int_equal(get(w, "/redirect-self", 5000), PROBE_OK);
	assert_int_equal(get(w, "/redirect?http://192.0.2.1/", 5000), PROBE_OK);
	assert_int_equal(get(w, "/redirect?file:///etc/passwd", 5000), PROBE_OK);
	assert_int_equal(get(w, "/redirect?gopher://localhost/", 5000), PROBE_OK);
	assert_int_equal(look_at_server().requests - before.requests, 4);
}

static void test_fault_H4_only_http_and_https(void **state)
{
	struct world *w = *state;
	static const char *const urls[] = {"file:///etc/passwd", "gopher://localhost:70/",
		"ftp://localhost/", "dict://localhost/", "telnet://localhost/"};
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		struct probe probe = {.kind = PROBE_HTTP, .url = urls[i]};
		assert_int_equal(ask(w, &probe, 5000), PROBE_FAILED);
		assert_reason(w, "not supported or disabled");
	}
}

static void test_fault_H5_bad_tls(void **state)
{
	struct world *w = *state;
	REQUEST request = {0};
	struct probe *probe = to(&request, &tls_httpd, "https", "/ok");
	assert_int_equal(ask(w, probe, 5000), PROBE_FAILED);
	assert_reason(w, "TLS: SSL certificate problem");
	assert_reason(w, "(health.tls_verify = no accepts any certificate)");
	probe->tls_verify = false;
	assert_int_equal(ask(w, probe, 5000), PROBE_OK);
	probe = to(&request, &httpd, "https", "/ok");
	assert_int_equal(ask(w, probe, 5000), PROBE_FAILED);
	assert_reason(w, "TLS: ");
	probe = to(&request, &tls_httpd, "http", "/ok");
	assert_int_equal(ask(w, probe, 5000), PROBE_FAILED);
}

static void test_fault_H8_refused_reset_closed(void **state)
{
	struct world *w = *state;
	REQUEST request = {0};
	struct server nobody = {.port = free_port()};
	char wanted[100];
	assert_int_equal(ask(w, to(&request, &nobody, "http", "/"), 5000), PROBE_FAILED);
	snprintf(wanted, sizeof wanted, ", port %u", nobody.port);
	assert_reason(w, "connection refused on ");
	assert_reason(w, "127.0.0.1");
	assert_reason(w, wanted);
	assert_int_equal(get(w, "/reset", 5000), PROBE_FAILED);
	assert_string_equal(w->reason, "it reset the connection");
	assert_int_equal(get(w, "/close", 5000), PROBE_FAILED);
	assert_string_equal(w->reason, "it closed the connection without an answer");
	assert_int_equal(get(w, "/half", 5000), PROBE_FAILED);
	assert_string_equal(w->reason, "it closed the connection in the middle of its answer");
}

static void test_fault_H11_never_two_at_once(void **state)
{
	struct world *w = *state;
	REQUEST request = {0};
	struct probe *probe = to(&request, &httpd, "http", "/hang");
	struct seen before = look_at_server();
	for (int i = 0; i < 10; i++) {
		assert_true(prober_begin(w->prober, 0, 1, PROBE_FOR_HEALTH, probe, 400));
		turn_for(w, 20);
	}
	await_results(w, 1);
	assert_int_equal(w->results, 1);
	assert_int_equal(look_at_server().requests - before.requests, 1);
}

static void test_fault_H12_at_most_so_many_at_once(void **state)
{
	struct world *w = *state;
	REQUEST request = {0};
	struct probe *probe = to(&request, &httpd, "http", "/hang");
	for (int service = 0; service < 200; service++)
		assert_true(prober_begin(w->prober, service, 1, PROBE_FOR_HEALTH, probe, 500));
	await_results(w, 200);
	assert_int_equal(w->told[PROBE_FAILED], PROBER_HTTP_MOST);
	assert_int_equal(w->told[PROBE_UNKNOWN], 200 - PROBER_HTTP_MOST);
	assert_true(look_at_server().most <= PROBER_HTTP_MOST + 1);
}

static void test_200_checks_that_answer_all_succeed(void **state)
{
	struct world *w = *state;
	REQUEST request = {0};
	struct probe *probe = to(&request, &httpd, "http", "/ok");
	for (int service = 0; service < 200; service++)
		assert_true(prober_begin(w->prober, service, 1, PROBE_FOR_HEALTH, probe, 20000));
	await_results(w, 200);
	assert_int_equal(w->told[PROBE_OK], 200);
}

static void test_fault_H14_stranger_gets_no_request(void **state)
{
	struct world *w = *state;
	struct seen before = look_at_server();
	own(w, httpd.port, false, LISTENER_OTHER, 812, "node");
	assert_int_equal(get(w, "/ok", 5000), PROBE_IMPOSTER);
	assert_reason(w, "pid 812 (node) listens on port");
	assert_int_equal(look_at_server().connections - before.connections, 1); /* the looks' own */
}

static void test_fault_H14_answer_of_a_stranger_is_not_believed(void **state)
{
	struct world *w = *state;
	own(w, httpd.port, true, LISTENER_OTHER, 812, "node");
	assert_int_equal(get(w, "/ok", 5000), PROBE_IMPOSTER);
	assert_reason(w, "pid 812 (node) answers on port");
	assert_int_equal(get(w, "/status/503", 5000), PROBE_IMPOSTER);
	assert_int_equal(w->connection_looks, 2);
}

static void test_identity_warn_succeeds_with_a_warning(void **state)
{
	struct world *w = *state;
	own(w, httpd.port, true, LISTENER_TOLERATED, 812, "node");
	assert_int_equal(get(w, "/ok", 5000), PROBE_OK);
	assert_reason(w, "pid 812 (node) answers on port");
	assert_int_equal(get(w, "/status/503", 5000), PROBE_FAILED);
	assert_string_equal(w->reason, "HTTP 503");
}

static void test_answer_of_the_other_run_says_nothing(void **state)
{
	struct world *w = *state;
	own(w, httpd.port, true, LISTENER_SIBLING, 812, "node");
	assert_int_equal(get(w, "/ok", 5000), PROBE_UNKNOWN);
	assert_reason(w, "the other process of this service answered");
	assert_int_equal(get(w, "/status/503", 5000), PROBE_UNKNOWN);
	assert_int_equal(w->connection_looks, 2);
}

static void test_on_a_shared_socket_the_one_who_accepts_is_asked(void **state)
{
	struct world *w = *state;
	struct seen before = look_at_server();
	w->shared = true;
	own(w, httpd.port, true, LISTENER_SIBLING, 812, "node");
	assert_int_equal(get(w, "/ok", 5000), PROBE_UNKNOWN);
	assert_reason(w, "the other process of this service answered");
	assert_int_equal(w->connection_looks, 1);
	own(w, httpd.port, true, LISTENER_OURS, 0, "");
	assert_int_equal(get(w, "/ok", 5000), PROBE_OK);
	assert_int_equal(w->connection_looks, 2);
	/* The other process was sent nothing. */
	assert_int_equal(look_at_server().requests - before.requests, 1);
}

static void test_on_a_shared_socket_the_accept_is_waited_for(void **state)
{
	struct world *w = *state;
	struct seen before = look_at_server();
	w->shared = true;
	w->accepted_at = 4;
	own(w, httpd.port, true, LISTENER_SIBLING, 812, "node");
	assert_int_equal(get(w, "/ok", 5000), PROBE_UNKNOWN);
	assert_reason(w, "the other process of this service answered");
	assert_int_equal(w->connection_looks, 4);
	assert_int_equal(look_at_server().requests - before.requests, 0);
	own(w, httpd.port, true, LISTENER_OURS, 0, "");
	w->accepted_at = 8;
	assert_int_equal(get(w, "/ok", 5000), PROBE_OK);
	assert_int_equal(w->connection_looks, 8);
	/* Of two checks, and two of the looks at the server. */
	assert_int_equal(look_at_server().connections - before.connections, 4);
}

static void test_on_a_shared_socket_nobody_is_waited_for_long(void **state)
{
	struct world *w = *state;
	w->shared = true;
	w->accepted_at = SIZE_MAX;
	/* It is found out when the answer comes. */
	assert_int_equal(get(w, "/ok", 5000), PROBE_OK);
	own(w, httpd.port, true, LISTENER_SIBLING, 812, "node");
	assert_int_equal(get(w, "/ok", 5000), PROBE_UNKNOWN);
}

static void test_url_of_somebody_else_is_not_asked_about(void **state)
{
	struct world *w = *state;
	REQUEST request = {0};
	struct probe *probe = to(&request, &httpd, "http", "/ok");
	probe->port = 0;
	assert_int_equal(ask(w, probe, 5000), PROBE_OK);
	assert_int_equal(w->look_calls, 0);
}

static void test_fault_H15_proxy_of_the_environment_is_ignored(void **state)
{
	struct world *w = *state;
	static const char *const names[] = {
		"http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"};
	for (size_t i = 0; i < 5; i++)
		setenv(names[i], "http://127.0.0.1:9/", 1);
	assert_int_equal(get(w, "/ok", 5000), PROBE_OK);
	for (size_t i = 0; i < 5; i++)
		unsetenv(names[i]);
}

static void test_fault_H16_bombs(void **state)
{
	struct world *w = *state;
	assert_int_equal(get(w, "/bomb", 5000), PROBE_OK);
	assert_int_equal(get(w, "/one-header/60000", 5000), PROBE_OK);
	assert_int_equal(get(w, "/one-header/70000", 5000), PROBE_FAILED);
	assert_string_equal(w->reason, "it sent more than 64 KiB of headers");
	assert_int_equal(get(w, "/one-header/1000000", 5000), PROBE_FAILED);
	assert_string_equal(w->reason, "it sent more than 64 KiB of headers");
	assert_int_equal(get(w, "/headers/10000", 5000), PROBE_FAILED);
	assert_string_equal(w->reason, "it sent more than 64 KiB of headers");
}

static void test_fault_H17_cancelled_check_says_nothing(void **state)
{
	struct world *w = *state;
	REQUEST request = {0};
	REQUEST other = {0};
	struct probe *probe = to(&request, &httpd, "http", "/hang");
	assert_true(prober_begin(w->prober, 5, 1, PROBE_FOR_HEALTH, probe, 300));
	turn_for(w, 100);
	prober_cancel(w->prober, 5);
	assert_int_equal(prober_under_way(w->prober), 0);
	assert_true(prober_begin(
		w->prober, 5, 2, PROBE_FOR_HEALTH, to(&other, &httpd, "http", "/ok"), 5000));
	await_results(w, 1);
	assert_int_equal(w->result, PROBE_OK);
	assert_int_equal(w->generation, 2);
	turn_for(w, 300);
	assert_int_equal(w->results, 1);
}

static void test_fault_H18_every_check_has_a_connection_of_its_own(void **state)
{
	struct world *w = *state;
	struct seen before = look_at_server();
	for (int i = 0; i < 5; i++)
		assert_int_equal(get(w, "/stale", 5000), PROBE_OK);
	/* and the one of look_at_server itself */
	assert_int_equal(look_at_server().connections - before.connections, 6);
}

static void test_fault_H20_not_http(void **state)
{
	struct world *w = *state;
	assert_int_equal(get(w, "/garbage", 5000), PROBE_FAILED);
	assert_string_equal(w->reason, "it did not answer in HTTP");
	assert_int_equal(get(w, "/http09", 5000), PROBE_FAILED);
	assert_string_equal(w->reason, "it did not answer in HTTP");
}

static void test_fault_H21_no_descriptor_is_unknown(void **state)
{
	struct world *w = *state;
	assert_int_equal(get(w, "/ok", 5000), PROBE_OK);
	int lowest_free = dup(0);
	close(lowest_free);
	rlim_t was = set_files_max((rlim_t)lowest_free);
	assert_int_equal(get(w, "/ok", 1000), PROBE_UNKNOWN);
	set_files_max(was);
	assert_reason(w, "Too many open files");
	assert_int_equal(get(w, "/ok", 5000), PROBE_OK);
}

/* Whichever allocation of libcurl's fails, it is never the service's fault. */
static void test_fault_H21_no_memory_is_unknown(void **state)
{
	struct world *w = *state;
	assert_int_equal(get(w, "/ok", 5000), PROBE_OK);
	reserve_fail(0);
	assert_int_equal(get(w, "/ok", 5000), PROBE_OK);
	long last = reserve_asked();
	assert_true(last > 20);
	for (long k = 1; k <= last; k++) {
		unsigned long taken = reserve_taken();
		reserve_fail(k);
		enum probe_result result = get(w, "/ok", 5000);
		assert_true(result == PROBE_OK || result == PROBE_UNKNOWN);
		assert_true(k > last - 5 || reserve_taken() > taken);
	}
	reserve_fail(0);
	assert_int_equal(get(w, "/ok", 5000), PROBE_OK);
}

static void test_fault_H23_password_is_never_told(void **state)
{
	struct world *w = *state;
	static const char *const paths[] = {"/status/401", "/close", "/reset", "/garbage", "/half",
		"/hang", "/one-header/1000000", "/body?x"};
	REQUEST request = {0};
	struct probe *probe = to(&request, &httpd, "http", "/request");
	text_clear(&request.url);
	text_addf(&request.url, "http://admin:hunter2@localhost:%u/request", httpd.port);
	probe->url = text_string(&request.url);
	probe->body_pattern = "^Authorization: Basic ";
	assert_int_equal(ask(w, probe, 5000), PROBE_OK);
	probe->body_pattern = "no such text";
	for (size_t i = 0; i <= sizeof paths / sizeof paths[0]; i++) {
		bool last = i == sizeof paths / sizeof paths[0];
		text_clear(&request.url);
		text_addf(&request.url, "http://admin:hunter2@%s:%u%s", "localhost",
			last ? free_port() : httpd.port, last ? "/" : paths[i]);
		probe->url = text_string(&request.url);
		assert_int_not_equal(ask(w, probe, 300), PROBE_OK);
		assert_null(strstr(w->reason, "hunter2"));
		assert_null(strstr(w->reason, "admin"));
	}
	probe->url = "bad://admin:hunter2@localhost/";
	assert_int_equal(ask(w, probe, 300), PROBE_FAILED);
	assert_null(strstr(w->reason, "hunter2"));
}

static void test_nothing_is_left_behind(void **state)
{
	struct world *w = *state;
	static const char *const paths[] = {
		"/ok", "/close", "/reset", "/garbage", "/half", "/endless", "/headers/10000"};
	assert_int_equal(get(w, "/ok", 5000), PROBE_OK);
	size_t files = count_entries("/proc/self/fd");
	size_t threads = count_entries("/proc/self/task");
	for (int round = 0; round < 5; round++)
		for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
			get(w, paths[i], 5000);
	assert_int_equal(count_entries("/proc/self/fd"), files);
	/* localhost is not looked up by a thread */
	assert_int_equal(count_entries("/proc/self/task"), threads);
}

static int start_servers(void **state)
{
	httpd = server_start(NULL, NULL);
	tls_httpd = server_start("--tls", NULL);
	return group_setup(state);
}

static int stop_servers(void **state)
{
	server_stop(&httpd);
	server_stop(&tls_httpd);
	return group_teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_other_checks_do_not_load_libcurl),
		TEST(test_fault_H21_libcurl_cannot_be_opened),
		TEST(test_ok),
		TEST(test_fault_H10_statuses),
		TEST(test_fault_H10_wanted_statuses),
		TEST(test_body_pattern),
		TEST(test_method_and_headers),
		TEST(test_fault_H1_never_answers),
		TEST(test_fault_H1_accepts_and_never_reads),
		TEST(test_fault_H2_one_byte_a_second),
		TEST(test_fault_H3_body_without_end),
		TEST(test_fault_H4_redirects_are_not_followed),
		TEST(test_fault_H4_only_http_and_https),
		TEST(test_fault_H5_bad_tls),
		TEST(test_fault_H8_refused_reset_closed),
		TEST(test_fault_H11_never_two_at_once),
		TEST(test_fault_H12_at_most_so_many_at_once),
		TEST(test_200_checks_that_answer_all_succeed),
		TEST(test_fault_H14_stranger_gets_no_request),
		TEST(test_fault_H14_answer_of_a_stranger_is_not_believed),
		TEST(test_identity_warn_succeeds_with_a_warning),
		TEST(test_answer_of_the_other_run_says_nothing),
		TEST(test_on_a_shared_socket_the_one_who_accepts_is_asked),
		TEST(test_on_a_shared_socket_the_accept_is_waited_for),
		TEST(test_on_a_shared_socket_nobody_is_waited_for_long),
		TEST(test_url_of_somebody_else_is_not_asked_about),
		TEST(test_fault_H15_proxy_of_the_environment_is_ignored),
		TEST(test_fault_H16_bombs),
		TEST(test_fault_H17_cancelled_check_says_nothing),
		TEST(test_fault_H18_every_check_has_a_connection_of_its_own),
		TEST(test_fault_H20_not_http),
		TEST(test_fault_H21_no_descriptor_is_unknown),
		TEST(test_fault_H21_no_memory_is_unknown),
		TEST(test_fault_H23_password_is_never_told),
		TEST(test_nothing_is_left_behind),
	};
	return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
