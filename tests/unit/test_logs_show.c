/* rooms: logs base model */
#include "logs_world.h"

#include "base/utf8.h"
#include "logs/show.h"

static struct log_line line_of(const char *service, const char *bytes, size_t length)
{
	return (struct log_line){.service = service, .bytes = bytes, .length = length, .seq = 42,
		.time_ms = 1767323045678};
}

static void show_line(const struct log_show_options *options, const struct log_line *line,
	struct text *out)
{
	struct log_show show;
	assert_int_equal(log_show_init(&show, options, NULL), 0);
	text_clear(out);
	log_show_add(&show, line, out);
	assert_true(text_ok(out));
	log_show_release(&show);
}

static void expect_shown(struct log_show_options options, const char *bytes, const char *expected)
{
	struct text out = {0};
	struct log_line line = line_of("api", bytes, strlen(bytes));
	show_line(&options, &line, &out);
	assert_string_equal(text_string(&out), expected);
	text_release(&out);
}

static void prefix_is_padded_to_the_widest_name(void **state)
{
	(void)state;
	struct log_show show;
	struct log_show_options options = {0};
	struct text out = {0};
	assert_int_equal(log_show_init(&show, &options, NULL), 0);
	log_show_name(&show, "db");
	log_show_name(&show, "frontend");
	struct log_line line = line_of("db", "up", 2);
	log_show_add(&show, &line, &out);
	line = line_of("frontend", "up", 2);
	log_show_add(&show, &line, &out);
	assert_string_equal(text_string(&out), "db       | up\nfrontend | up\n");
	text_release(&out);
	log_show_release(&show);
}

static void colours_come_from_the_order_of_names(void **state)
{
	(void)state;
	struct log_show_options colour = {.colour = true};
	expect_shown(colour, "up", "\x1b[36mapi |\x1b[0m up\n");
	expect_shown(colour, "\x1b[31mred", "\x1b[36mapi |\x1b[0m \x1b[31mred\x1b[0m\n");
	expect_shown((struct log_show_options){0}, "\x1b[31mred", "api | red\n");
}

static void timestamps_and_no_prefix(void **state)
{
	(void)state;
	struct log_show_options options = {.timestamps = true};
	expect_shown(options, "up", "api | 2026-01-02T03:04:05.678Z up\n");
	options.no_prefix = true;
	expect_shown(options, "up", "2026-01-02T03:04:05.678Z up\n");
	expect_shown((struct log_show_options){.no_prefix = true}, "up", "up\n");
}

static void fault_E17_of_a_redrawn_line_the_last_state(void **state)
{
	(void)state;
	struct log_show_options plain = {0};
	expect_shown(plain, "10%\r50%\r100%", "api | 100%\n");
	expect_shown(plain, "10%\r50%\r100%\r", "api | 100%\n");
	expect_shown(plain, "dos line\r", "api | dos line\n");
	expect_shown(plain, "\r\r", "api | \n");
	expect_shown(plain, "", "api | \n");
}

static void grep_searches_the_raw_bytes(void **state)
{
	(void)state;
	struct log_show show;
	struct log_show_options options = {.grep = "^(a|b)+$|n.l$"};
	assert_int_equal(log_show_init(&show, &options, NULL), 0);
	struct log_line line = line_of("api", "abba", 4);
	assert_true(log_show_wanted(&show, &line));
	line = line_of("api", "abbac", 5);
	assert_false(log_show_wanted(&show, &line));
	line = line_of("api", "x\0n\1l and more", 5);
	assert_true(log_show_wanted(&show, &line));
	line = line_of("api", "abbac", 5);
	line.dropped = 7;
	assert_true(log_show_wanted(&show, &line));
	log_show_release(&show);

	struct error e = {0};
	options.grep = "(";
	assert_int_equal(log_show_init(&show, &options, &e), -1);
	assert_int_equal(e.code, EXIT_USAGE);
	assert_non_null(strstr(e.text, "--grep '('"));
	log_show_release(&show);
}

static void pieces_join_again_without_prefix(void **state)
{
	(void)state;
	struct log_show show;
	struct log_show_options options = {.no_prefix = true};
	assert_int_equal(log_show_init(&show, &options, NULL), 0);
	struct text out = {0};
	struct log_line first = line_of("api", "one ", 4);
	struct log_line last = line_of("api", "line", 4);
	struct log_line other = line_of("web", "other", 5);
	first.more = last.continued = true;
	log_show_add(&show, &first, &out);
	log_show_add(&show, &last, &out);
	log_show_add(&show, &first, &out);
	log_show_add(&show, &other, &out);
	log_show_add(&show, &last, &out);
	assert_string_equal(text_string(&out), "one line\none \nother\nline\n");
	log_show_release(&show);
	text_clear(&out);
	options.no_prefix = false;
	assert_int_equal(log_show_init(&show, &options, NULL), 0);
	log_show_add(&show, &first, &out);
	log_show_add(&show, &last, &out);
	assert_string_equal(text_string(&out), "api | one \napi + line\n");
	log_show_release(&show);
	text_release(&out);
}

static void dropped_bytes_are_told(void **state)
{
	(void)state;
	struct text out = {0};
	struct log_line line = line_of("api", "", 0);
	line.dropped = 1234;
	show_line(&(struct log_show_options){0}, &line, &out);
	assert_string_equal(text_string(&out), "api | [1234 bytes were rotated away unread]\n");
	show_line(&(struct log_show_options){.json = true}, &line, &out);
	assert_string_equal(text_string(&out),
		"{\"time\":\"2026-01-02T03:04:05.678Z\",\"service\":\"api\",\"stream\":\"stackup\","
		"\"text\":\"1234 bytes were rotated away unread\",\"seq\":42}\n");
	text_release(&out);
}

static void json_has_exactly_its_keys(void **state)
{
	(void)state;
	struct log_show_options json = {.json = true, .colour = true, .timestamps = true};
	expect_shown(json, "say \"hi\" \\ \t \x1b[31m",
		"{\"time\":\"2026-01-02T03:04:05.678Z\",\"service\":\"api\",\"stream\":\"output\","
		"\"text\":\"say \\\"hi\\\" \\\\ \\u0009 \\u001b[31m\",\"seq\":42}\n");
	expect_shown(json, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x8e\x89 \xff\xc3(\xed\xa0\x80",
		"{\"time\":\"2026-01-02T03:04:05.678Z\",\"service\":\"api\",\"stream\":\"output\","
		"\"text\":\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x8e\x89 \xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef"
		"\xbf\xbd\xef\xbf\xbd\",\"seq\":42}\n");
	expect_shown(json, "\xc2\x9b" "6n \xe2\x80\xae \xf3\xa0\x80\x81",
		"{\"time\":\"2026-01-02T03:04:05.678Z\",\"service\":\"api\",\"stream\":\"output\","
		"\"text\":\"\\u009b6n \\u202e \\udb40\\udc01\",\"seq\":42}\n");
	struct text out = {0};
	struct log_line line = line_of("api", "a\0b", 3);
	line.stream = LOG_STDERR;
	show_line(&json, &line, &out);
	assert_non_null(strstr(text_string(&out), "\"stream\":\"stderr\",\"text\":\"a\\u0000b\""));
	text_release(&out);
}

/* Whether a JSON string begins at *at; moves behind it. */
static bool skip_json_string(const char **at)
{
	const char *c = *at;
	if (*c++ != '"')
		return false;
	for (; *c != '"'; c++) {
		if ((unsigned char)*c < 0x20)
			return false;
		if (*c != '\\')
			continue;
		c++;
		if (*c == 'u' && strspn(c + 1, "0123456789abcdef") >= 4)
			c += 4;
		else if (!strchr("\"\\", *c) || !*c)
			return false;
	}
	*at = c + 1;
	return true;
}

static void fault_E3_json_is_valid_for_any_bytes(void **state)
{
	(void)state;
	unsigned seed = (unsigned)getpid();
	print_message("seed %u\n", seed);
	srandom(seed);
	struct text out = {0};
	for (int round = 0; round < 2000; round++) {
		char bytes[200];
		size_t length = (size_t)random() % sizeof bytes;
		for (size_t i = 0; i < length; i++)
			bytes[i] = (char)(random() >> 8);
		struct log_line line = line_of("api", bytes, length);
		show_line(&(struct log_show_options){.json = true}, &line, &out);
		assert_int_equal(utf8_text_span(out.data, out.length), out.length);
		const char *text = strstr(out.data, "\"text\":");
		assert_non_null(text);
		text += strlen("\"text\":");
		assert_true(skip_json_string(&text));
		assert_string_equal(text, ",\"seq\":42}\n");
	}
	text_release(&out);
}

/* ---- what a service may try to do to a terminal ---- */

#define ITEM(bytes) {bytes, sizeof bytes - 1}
static const struct {
	const char *bytes;
	size_t length;
} corpus[] = {
	ITEM("\x1b]0;title\x07"), /* OSC 0: title */
	ITEM("\x1b]2;title\x1b\\"),
	ITEM("\x1b]1;icon\x07"),
	ITEM("\x1b]4;1;rgb:ff/00/00\x07"), /* palette */
	ITEM("\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\"), /* OSC 8: link */
	ITEM("\x1b]10;?\x07"), /* asks for the colour */
	ITEM("\x1b]52;c;cm0gLXJmIC8=\x07"), /* OSC 52: clipboard */
	ITEM("\x1b]52;c;?\x07"),
	ITEM("\x1b]1337;File=inline=1:AAAA\x07"), /* OSC 1337: iTerm */
	ITEM("\x1b]777;notify;a;b\x07"),
	ITEM("\x1b]9;4;1;50\x07"),
	ITEM("\x1b]0;never ended"),
	ITEM("\x1bP$q\"p\x1b\\"), /* DCS */
	ITEM("\x1bPq#0;2;0;0;0\x1b\\"), /* sixel */
	ITEM("\x1b_Gf=100;AAAA\x1b\\"), /* APC: kitty */
	ITEM("\x1b^private\x1b\\"), /* PM */
	ITEM("\x1bXstring\x1b\\"), /* SOS */
	ITEM("\x1b[6n"), /* where is the cursor? */
	ITEM("\x1b[21t"), /* what is the title? */
	ITEM("\x1b[c"), /* who are you? */
	ITEM("\x1b[>c"),
	ITEM("\x1b[?1049h"), /* alternate screen */
	ITEM("\x1b[?25l"), /* cursor off */
	ITEM("\x1b[2J\x1b[H"),
	ITEM("\x1b[1A\x1b[2K"), /* over the line above */
	ITEM("\x1b[20;20H"),
	ITEM("\x1b[3g"),
	ITEM("\x1b[!p"),
	ITEM("\x1b[?2004h"), /* bracketed paste */
	ITEM("\x1b[201~"),
	ITEM("\x1b[>0;1m"), /* looks like SGR, is xterm's modifyOtherKeys */
	ITEM("\x1b[31\x1b[6nm"), /* a sequence within one */
	ITEM("\x1b"
	     "c"), /* reset */
	ITEM("\x1b(0lqqk\x1b(B"), /* line drawing */
	ITEM("\x1b#8"),
	ITEM("\x9b"
	     "6n"), /* raw C1: CSI */
	ITEM("\x9d"
	     "0;title\x9c"), /* raw C1: OSC */
	ITEM("\x90q\x9c"),
	ITEM("\xc2\x9b"
	     "6n"), /* UTF-8 C1: CSI */
	ITEM("\xc2\x9d"
	     "52;c;?\xc2\x9c"),
	ITEM("\xc2\x85next line"), /* NEL */
	ITEM("fine\roverwritten"),
	ITEM("\x07\x07\x07"), /* BEL */
	ITEM("\x08\x08\x08hidden"),
	ITEM("\x0e shift out \x0f"),
	ITEM("\x0b\x0c"),
	ITEM("\x00nul\x00"),
	ITEM("\x7f"),
	ITEM("admin\xe2\x80\xae" "txt.exe"), /* right-to-left override */
	ITEM("\xe2\x81\xa6isolate\xe2\x81\xa9"),
	ITEM("in\xe2\x80\x8bvisible"), /* zero width */
	ITEM("\xef\xbb\xbf" "bom"),
	ITEM("\xf3\xa0\x81\xa1tag"), /* tag characters */
	ITEM("\xe2\x80\xa8line separator"),
	ITEM("\xc0\x9b" "6n"), /* overlong */
	ITEM("\xe0\x82\x9b" "6n"),
	ITEM("\xed\xa0\x80"), /* surrogate */
	ITEM("\xf4\x90\x80\x80"),
	ITEM("\xc3"), /* cut */
};
#undef ITEM

/* Length of an SGR sequence at the start, 0 for anything else. */
static size_t sgr(const char *at, size_t left)
{
	if (left < 3 || at[0] != 0x1b || at[1] != '[')
		return 0;
	size_t parameters = strspn(at + 2, "0123456789;:");
	return at[2 + parameters] == 'm' ? 3 + parameters : 0;
}

/* The alphabet that may reach a terminal, and one newline, at the end. */
static void expect_harmless(const struct text *out)
{
	assert_int_equal(strlen(out->data), out->length);
	assert_true(out->length && out->data[out->length - 1] == '\n');
	size_t end = out->length - 1;
	for (size_t at = 0; at < end;) {
		size_t skipped = sgr(out->data + at, end - at);
		uint32_t point = 0;
		size_t length = skipped ? skipped : utf8_decode(out->data + at, end - at, &point);
		assert_true(length > 0);
		if (!skipped && point != '\t') {
			assert_true(point >= 0x20 && (point < 0x7f || point >= 0xa0));
			assert_false(point >= 0x200b && point <= 0x200f);
			assert_false(point >= 0x2028 && point <= 0x202e);
			assert_false(point >= 0x2060 && point <= 0x2069);
			assert_false(point == 0xfeff || point >= 0xe0000);
		}
		at += length;
	}
}

static void show_in_all_ways(const struct log_line *line, struct text *out)
{
	for (int way = 0; way < 16; way++) {
		struct log_show_options options = {.colour = way & 1, .timestamps = way & 2,
			.no_prefix = way & 4, .json = way & 8};
		show_line(&options, line, out);
		expect_harmless(out);
		/* A colour that was switched on is switched off. */
		const char *last = memrchr(out->data, 0x1b, out->length);
		if (last)
			assert_memory_equal(last, "\x1b[0m", 4);
		if (!options.colour || options.json)
			assert_null(last);
	}
}

static void promise_P14_fault_E4_only_colours_reach_the_terminal(void **state)
{
	(void)state;
	assert_true(sizeof corpus / sizeof corpus[0] >= 40);
	struct text out = {0};
	for (size_t i = 0; i < sizeof corpus / sizeof corpus[0]; i++) {
		struct log_line line = line_of("api", corpus[i].bytes, corpus[i].length);
		show_in_all_ways(&line, &out);
		/* Also as the name of a service and within colours. */
		struct text name = {0};
		text_add(&name, "x");
		for (size_t at = 0; at < corpus[i].length; at++)
			text_add_char(&name, corpus[i].bytes[at] ? corpus[i].bytes[at] : '0');
		line.service = text_string(&name);
		show_in_all_ways(&line, &out);
		text_release(&name);
	}
	unsigned seed = (unsigned)getpid();
	print_message("seed %u\n", seed);
	srandom(seed);
	/* Random sequences of the bytes that matter. */
	static const char alphabet[] = "\x1b[]P_^;:0123m?nhcHJ\\\x07\x08\r\t\x9b\x9d\x9c\xc2\xe2\x80\xae aZ";
	for (int round = 0; round < 5000; round++) {
		char bytes[40];
		size_t length = (size_t)random() % sizeof bytes;
		for (size_t i = 0; i < length; i++)
			bytes[i] = alphabet[(size_t)random() % (sizeof alphabet - 1)];
		struct log_line line = line_of("api", bytes, length);
		show_in_all_ways(&line, &out);
	}
	text_release(&out);
}

/* The same from the service to the screen: raw in the file, harmless on the terminal. */
static void fault_E4_the_file_is_raw(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	struct text all = {0};
	for (size_t i = 0; i < sizeof corpus / sizeof corpus[0]; i++) {
		text_add_bytes(&all, corpus[i].bytes, corpus[i].length);
		text_add_char(&all, '\n');
	}
	put_bytes(&in, 0, all.data, all.length);
	assert_int_equal(intake_drain(&in, 0, INTAKE_BUDGET, 1), INTAKE_EMPTY);
	char *path = path_in(&world, "api.log");
	struct text file = {0};
	assert_int_equal(file_read(path, 1 << 20, &file, NULL), 0);
	assert_int_equal(file.length, all.length);
	assert_memory_equal(file.data, all.data, all.length);
	struct log_reader_options options = {.directory = world.directory, .tail = -1};
	struct log_reader *reader = read_with(options);
	struct log_line line;
	size_t count = 0;
	struct text out = {0};
	while (log_reader_next(reader, &line)) {
		assert_int_equal(line.length, corpus[count].length);
		assert_memory_equal(line.bytes, corpus[count].bytes, line.length);
		show_in_all_ways(&line, &out);
		count++;
	}
	assert_int_equal(count, sizeof corpus / sizeof corpus[0]);
	log_reader_free(reader);
	text_release(&all);
	text_release(&file);
	text_release(&out);
	free(path);
	intake_close(&in);
	world_end(&world);
}

static void fault_E21_a_line_cannot_forge_a_record(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	/* An index, a prefix and a JSON line, printed by the service. */
	char *path = path_in(&world, "api.idx");
	say(&world, &in, "first\n");
	struct text forged = {0};
	assert_int_equal(file_read(path, 1 << 20, &forged, NULL), 0);
	text_add(&forged, "\ndb | forged\n{\"time\":\"\",\"service\":\"db\"}\n");
	put_bytes(&in, 0, forged.data, forged.length);
	assert_int_equal(intake_drain(&in, 0, INTAKE_BUDGET, 1), INTAKE_EMPTY);
	struct log_reader_options options = {.directory = world.directory, .tail = -1};
	struct log_reader *reader = read_with(options);
	struct log_line line;
	struct text out = {0};
	while (log_reader_next(reader, &line)) {
		assert_string_equal(line.service, "api");
		show_line(&(struct log_show_options){0}, &line, &out);
		assert_int_equal(strncmp(out.data, "api | ", 6), 0);
		assert_ptr_equal(strchr(out.data, '\n'), out.data + out.length - 1);
		show_line(&(struct log_show_options){.json = true}, &line, &out);
		assert_non_null(strstr(out.data, "\"service\":\"api\""));
		assert_null(strstr(out.data, "\"service\":\"db\""));
	}
	log_reader_free(reader);
	text_release(&forged);
	text_release(&out);
	free(path);
	intake_close(&in);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefix_is_padded_to_the_widest_name),
		cmocka_unit_test(colours_come_from_the_order_of_names),
		cmocka_unit_test(timestamps_and_no_prefix),
		cmocka_unit_test(fault_E17_of_a_redrawn_line_the_last_state),
		cmocka_unit_test(grep_searches_the_raw_bytes),
		cmocka_unit_test(pieces_join_again_without_prefix),
		cmocka_unit_test(dropped_bytes_are_told),
		cmocka_unit_test(json_has_exactly_its_keys),
		cmocka_unit_test(fault_E3_json_is_valid_for_any_bytes),
		cmocka_unit_test(promise_P14_fault_E4_only_colours_reach_the_terminal),
		cmocka_unit_test(fault_E4_the_file_is_raw),
		cmocka_unit_test(fault_E21_a_line_cannot_forge_a_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
