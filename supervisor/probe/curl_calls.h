/*
 * curl_calls.h - libcurl, opened when it is first needed. Private to this room.
 *
 * Linking it would bring some thirty shared libraries and 5 MiB into every supervisor; most make no
 * HTTP request at all. The types come from curl.h, so a table entry cannot disagree with it.
 */
#ifndef PROBE_CURL_CALLS_H
#define PROBE_CURL_CALLS_H

/* With them the setopt calls would be macros that name the functions. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "base/error.h"

#define CURL_CALLS(X)                                                                              \
	X(curl_easy_cleanup)                                                                       \
	X(curl_easy_getinfo)                                                                       \
	X(curl_easy_init)                                                                          \
	X(curl_easy_setopt)                                                                        \
	X(curl_easy_strerror)                                                                      \
	X(curl_global_init_mem)                                                                    \
	X(curl_multi_add_handle)                                                                   \
	X(curl_multi_assign)                                                                       \
	X(curl_multi_cleanup)                                                                      \
	X(curl_multi_info_read)                                                                    \
	X(curl_multi_init)                                                                         \
	X(curl_multi_remove_handle)                                                                \
	X(curl_multi_setopt)                                                                       \
	X(curl_multi_socket_action)                                                                \
	X(curl_slist_append)                                                                       \
	X(curl_slist_free_all)                                                                     \
	X(curl_version_info)

struct curl_calls {
#define X(name) __typeof__(&name) name;
	CURL_CALLS(X)
#undef X
};

/*
 * The table; opens and initialises the library at the first call that succeeds. NULL and *e with
 * the fix where it is missing or older than 7.87 (CURLOPT_QUICK_EXIT); the next call tries again.
 */
const struct curl_calls *curl_load(struct error *e);

#endif
