/*
 * finding.h - a port or an address that stands in a file.
 *
 * A finding is the value alone: in `http://10.0.0.5:${API_PORT:-8000}/v1` there are two, 10.0.0.5 and 8000.
 * `form` and `host` say what it stood in, `variable` for whose default it stands. Offsets are bytes from
 * the beginning of the file; the column counts characters, from 1. A number is found once at a place.
 *
 * Strings live in the arena of whoever asked for the scan.
 */
#ifndef SCAN_FINDING_H
#define SCAN_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINDING_KINDS(X)                                                                           \
	X(FINDING_PORT, "port")                                                                    \
	X(FINDING_IPV4, "ipv4")                                                                    \
	X(FINDING_IPV6, "ipv6")

#define FINDING_ROLES(X)                                                                           \
	X(ROLE_LISTEN, "listen") /* something is to listen there */                                \
	X(ROLE_PUBLISH, "publish") /* the machine's side of a mapping */                           \
	X(ROLE_TARGET, "target") /* the container's side of it */                                  \
	X(ROLE_CONNECT, "connect")                                                                 \
	X(ROLE_DEBUG, "debug") /* a debugger's */                                                  \
	X(ROLE_MENTION, "mention") /* spoken of, nothing more */

#define FINDING_FORMS(X)                                                                           \
	X(FORM_NUMBER, "number") /* it stands alone; an address, too */                            \
	X(FORM_HOST_PORT, "host_port")                                                             \
	X(FORM_MAPPING, "mapping") /* 8080:80 */                                                   \
	X(FORM_URL, "url")

#define X(name, word) name,
enum finding_kind { FINDING_KINDS(X) };
enum finding_role { FINDING_ROLES(X) };
enum finding_form { FINDING_FORMS(X) };
#undef X
const char *finding_kind_word(enum finding_kind kind);
const char *finding_role_word(enum finding_role role);
const char *finding_form_word(enum finding_form form);

struct finding {
	const char *root; /* the scanned directory */
	const char *file; /* below it */
	const char *format; /* of the file: a word of formats.def */
	int line; /* from 1 */
	int column;
	size_t start;
	size_t end;
	enum finding_kind kind;
	enum finding_role role;
	enum finding_form form;
	uint16_t port; /* 0 where it is none */
	const char *value; /* the bytes between start and end */
	const char *host; /* what stood with the port; "" */
	const char *service; /* to which it probably belongs; "" where nothing tells */
	const char *variable; /* ""; API_PORT in ${API_PORT:-8000} */
	int confidence; /* percent */
	bool is_udp; /* said so; all else is TCP */
	bool in_comment;
	bool in_container; /* another machine's port, unless its role is to publish */
	bool is_optional; /* only with a profile, or now and then */
};

#endif
