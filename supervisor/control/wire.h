/*
 * wire.h - frames of the control socket: four bytes of length, big-endian, then one JSON object.
 *
 * Pure: bytes in, objects out, no descriptors. The decoder takes bytes in any portions. What the
 * other side sends is not trusted: a frame is at most FRAME_MOST bytes, nests at most
 * FRAME_DEPTH_MOST deep, has at most FRAME_VALUES_MOST values and numbers of at most
 * FRAME_NUMBER_MOST characters, is valid UTF-8 without NUL and without doubled keys. The limits are
 * checked by a scan of the text before the JSON parser sees it, so a hostile frame costs no more
 * memory than its own length.
 *
 *	struct frame_reader reader = {0};
 *	if (!frame_feed(&reader, bytes, count)) ...		// out of memory, or far too much
 *	while ((what = frame_next(&reader, &object, &error)) == FRAME_READY)
 *		use(object), json_decref(object);
 *	if (what == FRAME_BAD) ...				// close the connection; error says why
 *	frame_reader_release(&reader);
 */
#ifndef CONTROL_WIRE_H
#define CONTROL_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/error.h"
#include "base/text.h"

enum {
	FRAME_HEADER = 4,
	FRAME_MOST = 1024 * 1024,
	FRAME_DEPTH_MOST = 32,
	FRAME_VALUES_MOST = 128 * 1024,
	FRAME_NUMBER_MOST = 64,
};

struct frame_reader {
	struct text buffer; /* owns: bytes not decoded yet */
	size_t start; /* of the first frame in it */
};

enum frame_result { FRAME_PARTIAL, FRAME_READY, FRAME_BAD };

/* False when memory is out, or when more than two whole frames would wait to be taken. */
bool frame_feed(struct frame_reader *reader, const void *bytes, size_t count);
/*
 * The next whole frame as a new reference. FRAME_BAD is final: the stream has lost its footing.
 */
enum frame_result frame_next(struct frame_reader *reader, json_t **object, struct error *e);
/* Is there a whole frame waiting (or one that frame_next would refuse)? */
bool frame_waiting(const struct frame_reader *reader);
/* Has a frame begun that is not complete? */
bool frame_begun(const struct frame_reader *reader);
void frame_reader_release(struct frame_reader *reader);

/* Appends the frame of an object. Fails over FRAME_MOST and when memory is out; *out is as before. */
int frame_encode(const json_t *object, struct text *out, struct error *e);

/* One JSON text under the limits above; a new reference, or NULL. It must be an object. */
json_t *frame_parse(const char *bytes, size_t length, struct error *e);

/* A JSON string for people; where it is not UTF-8, as terminal.h makes it visible. */
json_t *wire_text(const char *bytes, size_t length);
json_t *wire_string(const char *string);
/* Bytes of any kind as a JSON string (base64), and back (appended to *out; false: not base64). */
json_t *wire_pack(const void *bytes, size_t length);
bool wire_unpack(const json_t *packed, struct text *out);
/* A whole environment (NAME=VALUE, NULL-terminated), which need not be UTF-8. */
json_t *wire_pack_environment(char *const *environment);
/*
 * The block of NUL-terminated entries appended to *out; *count tells how many. To be split by
 * walking: for (p = out->data; count--; p += strlen(p) + 1).
 */
bool wire_unpack_environment(const json_t *packed, struct text *out, size_t *count);

#endif
