#include "probe/http.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <string.h>

#include "base/reserve.h"

static bool status_fits(const struct probe *probe, long status)
{
	if (!probe->status_count)
		return status >= 200 && status <= 399;
	for (size_t i = 0; i < probe->status_count; i++)
		if (status >= probe->statuses[i].low && status <= probe->statuses[i].high)
			return true;
	return false;
}

/* As grep does: '^' and '$' are the ends of a line. */
static int match_body(const char *pattern, const struct text *body)
{
	regex_t compiled;
	regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)body->length};
	int error = regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE);
	if (error)
		return error;
	/* glibc's regexec says "no match" also when it has no memory. */
	errno = 0;
	error = regexec(&compiled, text_string(body), 1, &range, REG_STARTEND);
	if (error && errno == ENOMEM)
		error = REG_ESPACE;
	regfree(&compiled);
	return error;
}

static void judge_body(struct attempt *a, long status)
{
	int error = match_body(a->probe->body_pattern, &a->http->body);
	if (error == REG_ESPACE)
		attempt_end(a, PROBE_UNKNOWN, "no memory to search the body");
	else if (error == REG_NOMATCH)
		attempt_end(a, PROBE_FAILED, "HTTP %ld, but nothing in the body matches '%s'%s",
			status, a->probe->body_pattern,
			a->http->stop == STOP_BODY ? " (its first 64 KiB were searched)" : "");
	else if (error)
		attempt_end(a, PROBE_FAILED, "'%s' is not a regular expression",
			a->probe->body_pattern);
	else
		attempt_succeed(a);
}

static void judge_answer(struct attempt *a, const struct curl_calls *curl)
{
	long status = 0;
	curl->curl_easy_getinfo(a->http->easy, CURLINFO_RESPONSE_CODE, &status);
	text_clear(&a->reason);
	text_add(&a->reason, text_string(&a->http->identity_reason)); /* a warning, or nothing */
	if (!status_fits(a->probe, status))
		attempt_end(a, PROBE_FAILED, "HTTP %ld", status);
	else if (a->probe->body_pattern)
		judge_body(a, status);
	else
		attempt_succeed(a);
}

/* One of our callbacks ended it. */
static void judge_stop(struct attempt *a, const struct curl_calls *curl)
{
	OWNED_TEXT reason = {0};
	switch (a->http->stop) {
	case STOP_NONE:
		attempt_end(a, PROBE_FAILED, "%s", a->http->error);
		break;
	case STOP_HEADERS:
		attempt_end(a, PROBE_FAILED, "it sent more than 64 KiB of headers");
		break;
	case STOP_BODY:
		judge_answer(a, curl);
		break;
	case STOP_IDENTITY:
		text_add(&reason, text_string(&a->http->identity_reason));
		attempt_end(a, a->http->identity, "%s", text_string(&reason));
		break;
	case STOP_MEMORY:
		attempt_end(a, PROBE_UNKNOWN, "no memory for the body");
		break;
	}
}

static int os_error(const struct attempt *a, const struct curl_calls *curl)
{
	long number = 0;
	curl->curl_easy_getinfo(a->http->easy, CURLINFO_OS_ERRNO, &number);
	return (int)number;
}

static void judge_connect(struct attempt *a, const struct curl_calls *curl)
{
	int error = a->http->shortage ? a->http->shortage : os_error(a, curl);
	if (is_shortage(error))
		attempt_end(a, PROBE_UNKNOWN, "cannot connect: %s", strerror(error));
	else
		attempt_end(a, PROBE_FAILED, "%s on %s, port %u",
			!error || error == ECONNREFUSED ? "connection refused" : strerror(error),
			text_string(&a->http->tried), a->http->port);
}

static bool no_descriptor_left(void)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return is_shortage(errno);
	close(fd);
	return false;
}

/* The resolver library says "not found" for every trouble of its own. */
static void judge_name(struct attempt *a)
{
	bool our_fault = no_descriptor_left() || strstr(a->http->error, "thread failed");
	attempt_end(a, our_fault ? PROBE_UNKNOWN : PROBE_FAILED, "%s",
		a->http->error[0] ? a->http->error : "the host's name cannot be resolved");
}

static void judge_tls(struct attempt *a, const struct curl_calls *curl, CURLcode code)
{
	if (code == CURLE_SSL_CACERT_BADFILE) {
		attempt_end(a, PROBE_UNKNOWN,
			"TLS: no certificate authorities to check with (install ca-certificates)");
		return;
	}
	const char *what = a->http->error[0] ? a->http->error : curl->curl_easy_strerror(code);
	const char *fix = code == CURLE_PEER_FAILED_VERIFICATION
		? " (health.tls_verify = no accepts any certificate)"
		: "";
	attempt_end(a, PROBE_FAILED, "TLS: %s%s", what, fix);
}

/* The rarer ends, most of them in libcurl's own words. */
static void judge_other(struct attempt *a, const struct curl_calls *curl, CURLcode code)
{
	int error = os_error(a, curl);
	bool not_http = code == CURLE_WEIRD_SERVER_REPLY ||
		(code == CURLE_UNSUPPORTED_PROTOCOL && a->http->tried.length);
	if (not_http)
		attempt_end(a, PROBE_FAILED, "it did not answer in HTTP");
	else if (code == CURLE_GOT_NOTHING)
		attempt_end(a, PROBE_FAILED, "it closed the connection without an answer");
	else if (code == CURLE_PARTIAL_FILE)
		attempt_end(
			a, PROBE_FAILED, "it closed the connection in the middle of its answer");
	else if (error == ECONNRESET || error == EPIPE)
		attempt_end(a, PROBE_FAILED, "it reset the connection");
	else
		attempt_end(a, PROBE_FAILED, "%s",
			a->http->error[0] ? a->http->error : curl->curl_easy_strerror(code));
}

void http_judge(struct attempt *a, const struct curl_calls *curl, CURLcode code)
{
	bool ended_by_us = code == CURLE_OK || code == CURLE_WRITE_ERROR;
	if (!ended_by_us && reserve_taken() != a->http->memory_taken) {
		attempt_end(a, PROBE_UNKNOWN, "memory ran out during the check");
		return;
	}
	/* Codes by the hundred; those not named are the server's fault, in libcurl's words. */
	switch ((int)code) {
	case CURLE_OK:
		judge_answer(a, curl);
		break;
	case CURLE_WRITE_ERROR:
		judge_stop(a, curl);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		attempt_time_out(a);
		break;
	case CURLE_COULDNT_CONNECT:
		judge_connect(a, curl);
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
		judge_name(a);
		break;
	case CURLE_OUT_OF_MEMORY:
		/* Memory was there: a single line of more than 100 KiB gets this name, too. */
		attempt_end(a, PROBE_FAILED, "it sent more than 64 KiB of headers");
		break;
	case CURLE_FAILED_INIT:
		attempt_end(a, PROBE_UNKNOWN, "libcurl cannot make an HTTP check");
		break;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_INVALIDCERTSTATUS:
		judge_tls(a, curl, code);
		break;
	default:
		judge_other(a, curl, code);
	}
}
