/* rooms: base control */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/wire.h"

#include <cmocka.h>

static void frame_of(struct text *out, const char *body, size_t length)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		text_add_char(out, (char)(length >> shift & 0xff));
	text_add_bytes(out, body, length);
}

static enum frame_result decode(const char *body, size_t length, struct error *e)
{
	OWNED_TEXT bytes = {0};
	struct frame_reader reader = {0};
	json_t *object = NULL;
	frame_of(&bytes, body, length);
	assert_true(frame_feed(&reader, bytes.data, bytes.length));
	enum frame_result result = frame_next(&reader, &object, e);
	if (result == FRAME_READY)
		json_decref(object);
	frame_reader_release(&reader);
	return result;
}

static void assert_refused(const char *body, const char *reason)
{
	struct error e = {0};
	assert_int_equal(decode(body, strlen(body), &e), FRAME_BAD);
	if (!strstr(e.text, reason))
		fail_msg("'%s' was refused with '%s', not '%s'", body, e.text, reason);
}

static void test_frames_in_any_portions(void **state)
{
	(void)state;
	OWNED_TEXT bytes = {0};
	json_t *first = json_pack("{s:i, s:s}", "id", 1, "verb", "status");
	json_t *second = json_pack("{s:i, s:s}", "id", 2, "text", "äöü");
	assert_int_equal(frame_encode(first, &bytes, NULL), 0);
	assert_int_equal(frame_encode(second, &bytes, NULL), 0);
	for (size_t portion = 1; portion <= bytes.length; portion++) {
		struct frame_reader reader = {0};
		json_t *got[2] = {0};
		int count = 0;
		for (size_t at = 0; at < bytes.length; at += portion) {
			size_t left = bytes.length - at;
			json_t *object;
			assert_true(frame_feed(
				&reader, bytes.data + at, left < portion ? left : portion));
			while (frame_next(&reader, &object, NULL) == FRAME_READY)
				got[count++] = object;
		}
		assert_int_equal(count, 2);
		assert_true(json_equal(got[0], first) && json_equal(got[1], second));
		assert_false(frame_begun(&reader));
		json_decref(got[0]);
		json_decref(got[1]);
		frame_reader_release(&reader);
	}
	json_decref(first);
	json_decref(second);
}

static void test_waiting_and_begun(void **state)
{
	(void)state;
	struct frame_reader reader = {0};
	assert_false(frame_begun(&reader));
	assert_true(frame_feed(&reader, "\0\0\0", 3));
	assert_true(frame_begun(&reader));
	assert_false(frame_waiting(&reader));
	assert_true(frame_feed(&reader, "\2{", 2));
	assert_false(frame_waiting(&reader));
	assert_true(frame_feed(&reader, "}", 1));
	assert_true(frame_waiting(&reader));
	frame_reader_release(&reader);
}

static void fault_G4_frame_too_large(void **state)
{
	(void)state;
	struct frame_reader reader = {0};
	struct error e;
	json_t *object;
	/* Refused by its length alone: no body is waited for. */
	assert_true(frame_feed(&reader, "\x00\x10\x00\x01", 4));
	assert_int_equal(frame_next(&reader, &object, &e), FRAME_BAD);
	assert_non_null(strstr(e.text, "1048577"));
	frame_reader_release(&reader);

	json_t *big = json_object();
	char *text = calloc(1, FRAME_MOST + 1);
	memset(text, 'x', FRAME_MOST);
	json_object_set_new(big, "text", json_string(text));
	OWNED_TEXT out = {0};
	text_add(&out, "before");
	assert_int_equal(frame_encode(big, &out, &e), -1);
	assert_string_equal(text_string(&out), "before");
	free(text);
	json_decref(big);
}

static void test_feed_is_bounded(void **state)
{
	(void)state;
	struct frame_reader reader = {0};
	char *bytes = calloc(1, FRAME_MOST);
	assert_true(frame_feed(&reader, bytes, FRAME_MOST));
	assert_true(frame_feed(&reader, bytes, FRAME_MOST));
	assert_false(frame_feed(&reader, bytes, FRAME_MOST));
	frame_reader_release(&reader);
	free(bytes);
}

static void fault_G5_hostile_json(void **state)
{
	(void)state;
	assert_refused("", "invalid JSON");
	assert_refused("{", "invalid JSON");
	assert_refused("[1]", "object");
	assert_refused("{\"id\":1,\"id\":2}", "invalid JSON");
	assert_refused("{\"a\":\"\\u0000\"}", "invalid JSON");
	assert_refused("{\"a\":\"\xff\"}", "invalid JSON");
	assert_refused("{\"a\":99999999999999999999}", "invalid JSON");
	assert_refused("{\"a\":1e999}", "invalid JSON");
	assert_refused("{} {}", "invalid JSON");
	struct error e = {0};
	assert_int_equal(decode("{\"a\":\"\0\"}", 9, &e), FRAME_BAD);
}

static void fault_G5_depth_and_numbers(void **state)
{
	(void)state;
	struct error e = {0};
	size_t depth = 100000;
	OWNED_TEXT deep = {0};
	text_add(&deep, "{\"a\":");
	for (size_t i = 0; i < depth; i++)
		text_add_char(&deep, '[');
	assert_int_equal(decode(deep.data, deep.length, &e), FRAME_BAD);
	assert_non_null(strstr(e.text, "deeper than 32"));
	/* The object is one level: 31 arrays are just allowed. */
	OWNED_TEXT allowed = {0};
	text_add(&allowed, "{\"a\":");
	for (int i = 0; i < FRAME_DEPTH_MOST - 1; i++)
		text_add_char(&allowed, '[');
	for (int i = 0; i < FRAME_DEPTH_MOST - 1; i++)
		text_add_char(&allowed, ']');
	text_add_char(&allowed, '}');
	assert_int_equal(decode(allowed.data, allowed.length, &e), FRAME_READY);
	/* Brackets in strings are no depth. */
	OWNED_TEXT string = {0};
	text_add(&string, "{\"a\":\"\\\"");
	for (int i = 0; i < 100; i++)
		text_add_char(&string, '[');
	text_add(&string, "\"}");
	assert_int_equal(decode(string.data, string.length, &e), FRAME_READY);
	OWNED_TEXT number = {0};
	text_add(&number, "{\"a\":");
	for (int i = 0; i < 100000; i++)
		text_add_char(&number, '9');
	text_add_char(&number, '}');
	assert_int_equal(decode(number.data, number.length, &e), FRAME_BAD);
	assert_non_null(strstr(e.text, "number of more than 64"));
}

static void fault_G5_many_values(void **state)
{
	(void)state;
	struct error e = {0};
	OWNED_TEXT many = {0};
	text_add(&many, "{\"a\":[0");
	for (int i = 0; i < FRAME_VALUES_MOST; i++)
		text_add(&many, ",0");
	text_add(&many, "]}");
	assert_int_equal(decode(many.data, many.length, &e), FRAME_BAD);
	assert_non_null(strstr(e.text, "values"));
}

static void test_pack_any_bytes(void **state)
{
	(void)state;
	char bytes[300];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 7);
	for (size_t length = 0; length <= sizeof bytes; length++) {
		json_t *packed = wire_pack(bytes, length);
		OWNED_TEXT out = {0};
		assert_true(wire_unpack(packed, &out));
		assert_int_equal(out.length, length);
		if (length)
			assert_memory_equal(out.data, bytes, length);
		json_decref(packed);
	}
}

/* RFC 4648 section 10. */
static void test_pack_known_answers(void **state)
{
	(void)state;
	static const char *const rows[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
		{"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_t *packed = wire_pack(rows[i][0], strlen(rows[i][0]));
		assert_string_equal(json_string_value(packed), rows[i][1]);
		json_decref(packed);
	}
}

static void test_unpack_refuses(void **state)
{
	(void)state;
	static const char *const bad[] = {"A", "AA", "AAA", "A===", "====", "AA=A", "AA==AAAA", "AAA ",
		"AA\n=", "-_AA"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		json_t *packed = json_string(bad[i]);
		OWNED_TEXT out = {0};
		text_add(&out, "kept");
		if (wire_unpack(packed, &out))
			fail_msg("'%s' was taken for base64", bad[i]);
		assert_string_equal(text_string(&out), "kept");
		json_decref(packed);
	}
	assert_false(wire_unpack(NULL, &(struct text){0}));
}

static void test_environment(void **state)
{
	(void)state;
	char *const environment[] = {(char[]){"A=1"}, (char[]){"EMPTY="}, (char[]){"BYTES=\xff\x01"}, NULL};
	json_t *packed = wire_pack_environment(environment);
	OWNED_TEXT out = {0};
	size_t count;
	assert_true(wire_unpack_environment(packed, &out, &count));
	assert_int_equal(count, 3);
	const char *entry = text_string(&out);
	for (size_t i = 0; i < count; i++, entry += strlen(entry) + 1)
		assert_string_equal(entry, environment[i]);
	json_decref(packed);
	packed = wire_pack("A=1", 3);
	text_clear(&out);
	assert_false(wire_unpack_environment(packed, &out, &count));
	json_decref(packed);
	packed = wire_pack_environment((char *const[]){NULL});
	assert_true(wire_unpack_environment(packed, &out, &count));
	assert_int_equal(count, 0);
	json_decref(packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_in_any_portions),
		cmocka_unit_test(test_waiting_and_begun),
		cmocka_unit_test(fault_G4_frame_too_large),
		cmocka_unit_test(test_feed_is_bounded),
		cmocka_unit_test(fault_G5_hostile_json),
		cmocka_unit_test(fault_G5_depth_and_numbers),
		cmocka_unit_test(fault_G5_many_values),
		cmocka_unit_test(test_pack_any_bytes),
		cmocka_unit_test(test_pack_known_answers),
		cmocka_unit_test(test_unpack_refuses),
		cmocka_unit_test(test_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
