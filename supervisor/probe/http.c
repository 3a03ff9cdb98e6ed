#include "probe/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/reserve.h"
#include "probe/dial.h"

static struct http_attempt *http_of(void *self)
{
	return ((struct attempt *)self)->http;
}

static curl_socket_t on_open_socket(void *self, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)purpose;
	struct http_attempt *http = http_of(self);
	http->port = dial_port(&address->addr);
	text_add(&http->tried, http->tried.length ? " and " : "");
	dial_show(&http->tried, &address->addr);
	int fd = tcp_take(self);
	http->connected = fd;
	if (fd < 0)
		fd = dial_socket(address->family, address->socktype, address->protocol);
	if (fd < 0) {
		if (is_shortage(errno))
			http->shortage = errno;
		return CURL_SOCKET_BAD;
	}
	http->sockets[0] = http->sockets[1];
	http->sockets[1] = fd;
	return fd;
}

static int on_socket_options(void *self, curl_socket_t fd, curlsocktype purpose)
{
	(void)purpose;
	return fd == http_of(self)->connected ? CURL_SOCKOPT_ALREADY_CONNECTED : CURL_SOCKOPT_OK;
}

static int on_close_socket(void *self, curl_socket_t fd)
{
	struct http_attempt *http = http_of(self);
	for (size_t i = 0; i < 2; i++)
		if (http->sockets[i] == fd)
			http->sockets[i] = -1;
	return close(fd);
}

/* The one that won; the other is closed by then, or still unconnected. */
static int connected_socket(const struct http_attempt *http)
{
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_storage address;
		socklen_t length = sizeof address;
		if (http->sockets[i] >= 0 &&
			!getpeername(http->sockets[i], (struct sockaddr *)&address, &length))
			return http->sockets[i];
	}
	return http->sockets[1];
}

/* At the end of an answer's headers, while its connection is certainly open. */
static bool identify(struct attempt *a)
{
	struct http_attempt *http = a->http;
	if (!http->identified) {
		http->identified = true;
		http->identity =
			judge_connection(a, connected_socket(http), &http->identity_reason);
	}
	return http->identity == PROBE_OK;
}

static long status_of(const struct attempt *a)
{
	long status = 0;
	http_loop_calls(a->prober->http)
		->curl_easy_getinfo(a->http->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* All headers are there. STOP_NONE where the body, or after a 1xx the true answer, is to follow. */
static enum http_stop end_headers(struct attempt *a)
{
	long status = status_of(a);
	if (status < 200 && status != 101)
		return STOP_NONE;
	if (!identify(a))
		return STOP_IDENTITY;
	/* Nobody asked for another protocol, and nothing in this one follows. */
	return status == 101 ? STOP_BODY : STOP_NONE;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *self)
{
	struct attempt *a = self;
	struct http_attempt *http = a->http;
	size_t length = size * count;
	http->header_bytes += length;
	if (http->header_bytes > HEADERS_MOST) {
		http->stop = STOP_HEADERS;
		return 0;
	}
	if (length > 0 && (bytes[0] == '\r' || bytes[0] == '\n'))
		http->stop = end_headers(a);
	return http->stop == STOP_NONE ? length : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *self)
{
	struct attempt *a = self;
	struct http_attempt *http = a->http;
	size_t length = size * count;
	size_t room = BODY_MOST - http->body_bytes;
	size_t kept = length < room ? length : room;
	if (a->probe->body_pattern)
		text_add_bytes(&http->body, bytes, kept);
	http->body_bytes += kept;
	if (!text_ok(&http->body))
		http->stop = STOP_MEMORY;
	else if (http->body_bytes == BODY_MOST)
		http->stop = STOP_BODY;
	return http->stop == STOP_NONE ? length : 0;
}

static bool add_headers(struct attempt *a, const struct curl_calls *curl)
{
	for (size_t i = 0; i < a->probe->header_count; i++) {
		const struct pair *header = &a->probe->headers[i];
		OWNED_TEXT line = {0};
		/* libcurl's way to say "with an empty value" */
		text_addf(&line, header->value[0] ? "%s: %s" : "%s;", header->name, header->value);
		struct curl_slist *longer = text_ok(&line)
			? curl->curl_slist_append(a->http->headers, text_string(&line))
			: NULL;
		if (!longer)
			return false;
		a->http->headers = longer;
	}
	return true;
}

struct option {
	CURLoption name;
	long value;
};

/* The method, as the server sees it; a HEAD has no body to wait for. */
static CURLcode set_method(struct attempt *a, const struct curl_calls *curl)
{
	CURL *easy = a->http->easy;
	const char *method = a->probe->method ? a->probe->method : "GET";
	if (!strcasecmp(method, "GET"))
		return CURLE_OK;
	if (!strcasecmp(method, "HEAD"))
		return curl->curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (!strcasecmp(method, "POST")) {
		curl->curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
		return curl->curl_easy_setopt(easy, CURLOPT_POST, 1L);
	}
	return curl->curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static CURLcode set_numbers(struct attempt *a, const struct curl_calls *curl, int64_t left_ms)
{
	long verify = a->probe->tls_verify;
	const struct option options[] = {
		{CURLOPT_TIMEOUT_MS, left_ms > 1 ? (long)left_ms : 1L},
		{CURLOPT_NOSIGNAL, 1L},
		/* A hanging name look-up keeps its thread; nobody waits for it. */
		{CURLOPT_QUICK_EXIT, 1L},
		{CURLOPT_FOLLOWLOCATION, 0L},
		{CURLOPT_FRESH_CONNECT, 1L},
		{CURLOPT_FORBID_REUSE, 1L},
		{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
		{CURLOPT_HTTP09_ALLOWED, 0L},
		{CURLOPT_NETRC, CURL_NETRC_IGNORED},
		{CURLOPT_PATH_AS_IS, 1L},
		{CURLOPT_DNS_CACHE_TIMEOUT, 0L},
		{CURLOPT_SSL_VERIFYPEER, verify},
		{CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L},
	};
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		CURLcode code =
			curl->curl_easy_setopt(a->http->easy, options[i].name, options[i].value);
		if (code != CURLE_OK)
			return code;
	}
	return CURLE_OK;
}

static CURLcode set_texts(struct attempt *a, const struct curl_calls *curl)
{
	const struct {
		CURLoption name;
		const char *value;
	} options[] = {
		{CURLOPT_URL, a->probe->url},
		{CURLOPT_PROTOCOLS_STR, "http,https"},
		{CURLOPT_REDIR_PROTOCOLS_STR, "http,https"},
		{CURLOPT_PROXY, ""}, /* and none of the environment's */
		{CURLOPT_USERAGENT, "stackup/" STACKUP_VERSION},
	};
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		CURLcode code =
			curl->curl_easy_setopt(a->http->easy, options[i].name, options[i].value);
		if (code != CURLE_OK)
			return code;
	}
	return CURLE_OK;
}

/*
 * Every connection of its own would read the bundle of all authorities: 60 ms in which the loop
 * stands still. From the hashed directory (Debian has both) only the authority in question is read.
 * Where there is only the bundle libcurl keeps it for a day.
 */
static void set_authorities(struct attempt *a, const struct curl_calls *curl)
{
	char *directory = NULL;
	curl->curl_easy_getinfo(a->http->easy, CURLINFO_CAPATH, &directory);
	if (directory && !access(directory, X_OK))
		curl->curl_easy_setopt(a->http->easy, CURLOPT_CAINFO, NULL);
}

static void set_callbacks(struct attempt *a, const struct curl_calls *curl)
{
	CURL *easy = a->http->easy;
	curl->curl_easy_setopt(easy, CURLOPT_PRIVATE, a);
	curl->curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, a->http->error);
	curl->curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl->curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, a);
	curl->curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	curl->curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, a);
	curl->curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_options);
	curl->curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, a);
	curl->curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl->curl_easy_setopt(easy, CURLOPT_HEADERDATA, a);
	curl->curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl->curl_easy_setopt(easy, CURLOPT_WRITEDATA, a);
	curl->curl_easy_setopt(easy, CURLOPT_HTTPHEADER, a->http->headers);
}

static void http_drop(struct attempt *a)
{
	struct http_attempt *http = a->http;
	tcp_drop(a);
	if (!http)
		return;
	if (http->easy)
		http_loop_remove(a->prober->http, http->easy);
	if (http->headers)
		http_loop_calls(a->prober->http)->curl_slist_free_all(http->headers);
	text_release(&http->body);
	text_release(&http->tried);
	text_release(&http->identity_reason);
	free(http);
	a->http = NULL;
}

static bool make_http(struct attempt *a, const struct curl_calls *curl)
{
	a->http = calloc(1, sizeof *a->http);
	if (!a->http)
		return false;
	a->http->sockets[0] = a->http->sockets[1] = a->http->connected = -1;
	a->http->memory_taken = reserve_taken();
	a->http->easy = curl->curl_easy_init();
	return a->http->easy && add_headers(a, curl);
}

static void request(struct attempt *a)
{
	struct error e = {0};
	struct http_loop *loop = http_loop_of(a->prober, &e);
	if (!loop) {
		attempt_end(a, PROBE_UNKNOWN, "%s", e.text);
		return;
	}
	const struct curl_calls *curl = http_loop_calls(loop);
	if (!make_http(a, curl)) {
		attempt_end(a, PROBE_UNKNOWN, "no memory for an HTTP check");
		return;
	}
	int64_t left_ms = a->deadline_ms - a->started_us / 1000;
	CURLcode code = set_numbers(a, curl, left_ms);
	if (code == CURLE_OK)
		code = set_texts(a, curl);
	if (code == CURLE_OK)
		code = set_method(a, curl);
	set_authorities(a, curl);
	set_callbacks(a, curl);
	if (code != CURLE_OK || http_loop_add(loop, a->http->easy) != CURLM_OK)
		attempt_end(a, PROBE_UNKNOWN, "libcurl cannot make an HTTP check: %s",
			curl->curl_easy_strerror(code));
}

/* Nothing was sent yet: what another run would answer is not asked for. */
static void request_over(
	struct attempt *a, bool known, enum probe_result result, const char *reason)
{
	if (known && result != PROBE_OK) {
		attempt_end(a, result, "%s", reason);
		return;
	}
	request(a);
	/* The transfer begins in the next turn. */
	if (!known || !a->http)
		return;
	a->http->identified = true;
	a->http->identity = result;
	text_add(&a->http->identity_reason, reason);
}

/* Where two runs share a socket it may be too late after the answer to tell who gave it. */
static void http_start(struct attempt *a)
{
	a->http = NULL;
	a->tcp = (struct tcp_attempt){.fd = -1};
	if (shares_socket(a))
		tcp_open(a, "localhost", request_over);
	else
		request(a);
}

static void http_explain_timeout(const struct attempt *a, struct text *reason)
{
	if (!a->http)
		return;
	if (!a->http->tried.length)
		text_add(reason, ": the look-up of the host's name did not end");
	else if (a->http->identified)
		text_add(reason, ": it began to answer, and did not end");
	else if (a->http->header_bytes)
		text_add(reason, ": its headers did not end");
}

void http_free(struct prober *prober)
{
	http_loop_free(prober->http);
	prober->http = NULL;
}

const struct way way_http = {
	.plural = "HTTP checks",
	.most = PROBER_HTTP_MOST,
	.lane = 1,
	.start = http_start,
	.drop = http_drop,
	.explain_timeout = http_explain_timeout,
};
