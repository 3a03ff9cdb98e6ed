/* rooms: base control */
/*
 * Bytes of a hostile peer. The first byte says in which portions the rest arrives; whatever decodes
 * is encoded again and must decode to an equal object. One bit chooses to wrap the input as one frame,
 * so that the fuzzer need not find lengths to get at the JSON.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/wire.h"

static void check_round_trip(const json_t *object)
{
	struct text bytes = {0};
	struct error e;
	struct frame_reader reader = {0};
	json_t *again = NULL;
	if (frame_encode(object, &bytes, &e) == 0) {
		if (!frame_feed(&reader, bytes.data, bytes.length) ||
			frame_next(&reader, &again, &e) != FRAME_READY || !json_equal(object, again) ||
			frame_begun(&reader))
			abort();
	}
	json_decref(again);
	frame_reader_release(&reader);
	text_release(&bytes);
}

static void take(const json_t *object)
{
	struct text out = {0};
	size_t count = 0;
	check_round_trip(object);
	wire_unpack_environment(json_object_get(object, "environ"), &out, &count);
	wire_unpack(json_object_get(object, "data"), &out);
	text_release(&out);
}

static void wrap(struct text *out, const uint8_t *data, size_t size)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		text_add_char(out, (char)(size >> shift & 0xff));
	text_add_bytes(out, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	size_t portion = (size_t)(data[0] & 0x7f) + 1;
	struct text input = {0};
	struct frame_reader reader = {0};
	struct error e = {0};
	json_t *object;
	if (data[0] & 0x80)
		wrap(&input, data + 1, size - 1);
	else
		text_add_bytes(&input, data + 1, size - 1);
	enum frame_result result = FRAME_PARTIAL;
	for (size_t at = 0; at < input.length && result != FRAME_BAD; at += portion) {
		size_t count = input.length - at < portion ? input.length - at : portion;
		if (!frame_feed(&reader, input.data + at, count))
			break;
		while ((result = frame_next(&reader, &object, &e)) == FRAME_READY) {
			take(object);
			json_decref(object);
		}
	}
	if (result == FRAME_BAD && !e.text[0])
		abort();
	frame_reader_release(&reader);
	text_release(&input);
	return 0;
}
