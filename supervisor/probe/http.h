/*
 * http.h - one HTTP attempt and the one multi handle all of them share. Private to this room.
 */
#ifndef PROBE_HTTP_H
#define PROBE_HTTP_H

#include "probe/attempt.h"
#include "probe/curl_calls.h"

enum {
	HEADERS_MOST = 64 * 1024,
	BODY_MOST = 64 * 1024,
	/* Connecting takes two at most (both families), a name look-up one more. */
	SOCKETS_EACH = 4,
	SOCKETS_MOST = SOCKETS_EACH * PROBER_HTTP_MOST,
};

/* Why a callback ended the transfer: libcurl then says "write error", whatever the reason. */
enum http_stop { STOP_NONE, STOP_HEADERS, STOP_BODY, STOP_IDENTITY, STOP_MEMORY };

struct http_attempt {
	CURL *easy;                 /* owns */
	struct curl_slist *headers; /* owns */
	enum http_stop stop;
	size_t header_bytes;
	size_t body_bytes;
	struct text body;           /* only where a pattern is looked for */
	struct text tried;          /* "127.0.0.1 and ::1" */
	unsigned short port;        /* of the last address tried */
	unsigned long memory_taken; /* reserve_taken() when it began */
	int shortage;               /* errno of a socket that could not be made, 0 */
	int sockets[2];             /* borrows: libcurl's, newest last; -1 */
	int connected;              /* the one of them that was connected before; -1 */
	bool identified;
	enum probe_result identity;
	struct text identity_reason;
	char error[CURL_ERROR_SIZE];
};

struct http_loop;

/* The one of the prober, made at the first call. NULL and *e. */
struct http_loop *http_loop_of(struct prober *prober, struct error *e);
const struct curl_calls *http_loop_calls(const struct http_loop *loop);
/* From here on the loop drives the transfer; at its end http_judge() is called. */
CURLMcode http_loop_add(struct http_loop *loop, CURL *easy);
/* Safe at any time outside libcurl's callbacks; never waits for a name look-up. */
void http_loop_remove(struct http_loop *loop, CURL *easy);
void http_loop_free(struct http_loop *loop);

/* The transfer is over: ends the attempt. */
void http_judge(struct attempt *attempt, const struct curl_calls *curl, CURLcode code);

#endif
