/* rooms: stackfile model base */
#include "stackfile_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/names.h"

#define WEB "[service web]\ncommand = true\n"

/* ---- what is a value ---- */

static const char *env_of(struct fixture *f, const char *name)
{
	assert_non_null(f->stack);
	const struct service *web = stack_service(f->stack, "web");
	for (size_t i = 0; i < web->env_count; i++)
		if (!strcmp(web->env[i].name, name))
			return web->env[i].value;
	return NULL;
}

static void expect_env(const char *line, const char *value)
{
	struct fixture f = {0};
	struct text text = {0};
	text_addf(&text, WEB "%s\n", line);
	assert_non_null(load(&f, text_string(&text)));
	assert_int_equal(f.complaints.errors + f.complaints.warnings, 0);
	assert_string_equal(env_of(&f, "A"), value);
	unload(&f);
	text_release(&text);
}

static void values_are_taken_as_they_are(void **state)
{
	(void)state;
	expect_env("env.A = a ; b", "a ; b");
	expect_env("env.A = a # b", "a # b");
	expect_env("env.A=;x", ";x");
	expect_env("env.A = \"x ; y\"", "\"x ; y\"");
	expect_env("env.A = 'x'", "'x'");
	expect_env("env.A = a=b=c", "a=b=c");
	expect_env("env.A = http://h:80/?a=b", "http://h:80/?a=b");
	expect_env("env.A = back\\", "back\\");
	expect_env("env.A = --flag", "--flag");
	expect_env("env.A =", "");
	expect_env("env.A =   blanks go  \t", "blanks go");
	expect_env("env.A = \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

static void fault_I9_quotes_and_substitutions_are_literal(void **state)
{
	(void)state;
	expect_env("env.A = $(reboot)", "$(reboot)");
	expect_env("env.A = `reboot`", "`reboot`");
	expect_env("env.A = 'a' \"b\"; -rf", "'a' \"b\"; -rf");
	expect_env("env.A = -n\n  $$x", "-n\n$x");
	struct fixture f = {0};
	struct stack *stack = load_well(&f,
		"[service web]\ncommand = printer -n '$x;' \"a b\" c\\ d\n"
		"[service raw]\ncommand = exec ls -l\n");
	(void)stack;
	assert_true(f.stack->services[0].command.through_shell);
	assert_false(f.stack->services[1].command.through_shell);
	unload(&f);
}

static void values_go_on_over_indented_lines(void **state)
{
	(void)state;
	expect_env("env.A = one\n  two\n\tthree", "one\ntwo\nthree");
	expect_env("env.A =\n  one\n\n  two", "one\ntwo");
	expect_env("env.A = one\n  # a comment\n  ; another\n  two", "one\ntwo");
	expect_env("env.A = one\n# a comment\n  two", "one\ntwo");
	expect_env(
		"env.A = {\n  \"a\": 1,\n  \"b\": [\"c\"]\n  }", "{\n\"a\": 1,\n\"b\": [\"c\"]\n}");
	expect_env("env.A = FOO=1\n  BAR=2", "FOO=1\nBAR=2");
	expect_env("env.A = x\n  [\"a\", \"b\"]", "x\n[\"a\", \"b\"]");
}

static void bom_and_crlf_are_fine(void **state)
{
	(void)state;
	struct fixture f = {0};
	load_well(&f, "\xef\xbb\xbf[service web]\r\ncommand = true\r\nenv.A = x\r\n  y\r\n");
	assert_string_equal(env_of(&f, "A"), "x\ny");
	unload(&f);
	load_well(&f, "[service web]\ncommand = true\nenv.A = no newline");
	assert_string_equal(env_of(&f, "A"), "no newline");
	unload(&f);
}

/* ---- long lines ---- */

/* A line of exactly `bytes` bytes, whose value would be another key if it were cut anywhere. */
static void add_long_line(struct text *text, size_t bytes)
{
	size_t start = text->length;
	text_add(text, "env.A = ");
	while (text->length - start + 12 <= bytes)
		text_add(text, " env.B = cut");
	while (text->length - start < bytes)
		text_add_char(text, 'x');
}

static void expect_whole_line(size_t bytes)
{
	struct fixture f = {0};
	struct text text = {0};
	text_add(&text, WEB);
	size_t start = text.length;
	add_long_line(&text, bytes);
	assert_int_equal(text.length - start, bytes);
	text_add(&text, "\nenv.C = after\n");
	load_well(&f, text_string(&text));
	const char *value = env_of(&f, "A");
	const char *written = text_string(&text) + start + 8;
	written += strspn(written, " ");
	assert_int_equal(strlen(value), strcspn(written, "\n"));
	assert_memory_equal(value, written, strlen(value));
	assert_null(env_of(&f, "B"));
	assert_string_equal(env_of(&f, "C"), "after");
	assert_int_equal(f.stack->services[0].env_count, 2);
	unload(&f);
	text_release(&text);
}

static void fault_I1_lines_up_to_64k_are_whole(void **state)
{
	(void)state;
	static const size_t lengths[] = {48, 49, 50, 198, 199, 200, 201, 202, 399, 400, 401, 402,
		801, 4096, 16384, 65533, 65534, 65535, 65536};
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
		expect_whole_line(lengths[i]);
}

static void fault_I1_longer_lines_are_refused_and_never_split(void **state)
{
	(void)state;
	static const size_t lengths[] = {65537, 65538, 65539, 100000, 131072, 1048576};
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct fixture f = {0};
		struct text text = {0};
		struct text expected = {0};
		text_add(&text, WEB);
		add_long_line(&text, lengths[i]);
		text_add(&text, "\nenv.C = after\ncomand = x\n");
		text_addf(&expected,
			"stack.ini:3: a line of %zu bytes; lines have at most 65536; go on "
			"over indented lines\nstack.ini:5: unknown key 'comand' in [service web]; "
			"did you "
			"mean 'command'?",
			lengths[i]);
		assert_null(load(&f, text_string(&text)));
		assert_string_equal(said(&f), text_string(&expected));
		unload(&f);
		text_release(&text);
		text_release(&expected);
	}
}

static void fault_I1_long_comments_and_continuations(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct text text = {0};
	text_add(&text, WEB "# ");
	for (int i = 0; i < 5000; i++)
		text_add(&text, " env.B=1");
	text_add(&text, "\nenv.A = a\n  ");
	for (int i = 0; i < 5000; i++)
		text_add(&text, " b=1");
	text_add(&text, "\n");
	load_well(&f, text_string(&text));
	assert_int_equal(f.stack->services[0].env_count, 1);
	assert_int_equal(strlen(env_of(&f, "A")), 1 + 1 + 5000 * 4 - 1);
	unload(&f);
	text_release(&text);
}

/* ---- what is refused ---- */

static void fault_I2_sections_and_lines_that_are_none(void **state)
{
	(void)state;
	expect_said("[service web\ncommand = true\n" WEB,
		"stack.ini:1: the section is not closed; end the line with ']'");
	expect_said("[service web] # x\ncommand = true\n" WEB,
		"stack.ini:1: text behind the section's ']'; give it a line of its own");
	expect_said("[]\n" WEB,
		"stack.ini:1: a section without a name; write for example [service web]");
	expect_said("[ ]\n" WEB,
		"stack.ini:1: a section without a name; write for example [service web]");
	expect_said(WEB "just text\n",
		"stack.ini:3: 'just text' is neither a section nor a key with a value; write 'key "
		"= "
		"value'");
	expect_said(WEB "restart\n",
		"stack.ini:3: 'restart' is neither a section nor a key with a value; write 'key = "
		"value'");
	expect_said(WEB "= x\n", "stack.ini:3: nothing before the '='; write 'key = value'");
	expect_said(WEB "restart: no\n",
		"stack.ini:3: ':' does not separate a key from its value; write 'restart = ...'");
	expect_said(WEB "re start = no\n",
		"stack.ini:3: 're start' is not a key; keys are letters, digits, '.', '_' and '-'");
	expect_said("name = shop\n" WEB,
		"stack.ini:1: 'name' stands before the first section; put it "
		"below [stack] or [service NAME]");
}

static void fault_I3_everything_written_twice(void **state)
{
	(void)state;
	expect_said(WEB "restart = no\nrestart = always\n",
		"stack.ini:4: 'restart' is there already, in line 3; keep one of the two");
	expect_said(WEB "[stack]\nname = a\n[service web]\nrestart = no\n",
		"stack.ini:5: [service web] is there already, in line 1; put the keys of both "
		"under one "
		"of them");
	expect_said(WEB "env.A = 1\nenv.A = 2\nenv.A = 3\n",
		"stack.ini:4: 'env.A' is there already, in line 3; keep one of the two\n"
		"stack.ini:5: 'env.A' is there already, in line 3; keep one of the two");
	expect_said(WEB "[ service   web ]\nrestart = no\n",
		"stack.ini:3: [service web] is there already, in line 1; put the keys of both "
		"under one "
		"of them");
}

static void fault_I4_long_names_are_refused_not_cut(void **state)
{
	(void)state;
	expect_said("[service abcdefghijklmnopqrstuvwxyz0123456]\ncommand = true\n" WEB,
		"stack.ini:1: the name of the service has 33 characters; names have at most 32");
	struct fixture f = {0};
	struct text text = {0};
	text_add(&text, WEB "env.");
	for (int i = 0; i < 124; i++)
		text_add_char(&text, 'K');
	text_add(&text, " = whole\n  and more\n");
	load_well(&f, text_string(&text));
	assert_int_equal(strlen(f.stack->services[0].env[0].name), 124);
	assert_string_equal(f.stack->services[0].env[0].value, "whole\nand more");
	unload(&f);
	text_clear(&text);
	text_add(&text, WEB "env.");
	for (int i = 0; i < 125; i++)
		text_add_char(&text, 'K');
	text_add(&text, " = x\n");
	assert_null(load(&f, text_string(&text)));
	assert_string_equal(said(&f), "stack.ini:3: a key of 129 bytes; keys have at most 128");
	unload(&f);
	text_release(&text);
}

static void fault_I4_two_names_with_49_equal_bytes_stay_two(void **state)
{
	(void)state;
	struct fixture f = {0};
	load_well(&f, WEB
		"env.A23456789012345678901234567890123456789012345678901 = one\n"
		"env.A23456789012345678901234567890123456789012345678902 = two\n  more\n");
	assert_int_equal(f.stack->services[0].env_count, 2);
	assert_string_equal(f.stack->services[0].env[0].value, "one");
	assert_string_equal(f.stack->services[0].env[1].value, "two\nmore");
	unload(&f);
}

static void fault_I4_control_characters_in_names_are_shown_escaped(void **state)
{
	(void)state;
	expect_said(WEB "en\033[31mv = x\n",
		"stack.ini:3: 'en\xe2\x90\x9b[31mv' is not a key; keys are letters, digits, '.', "
		"'_' and "
		"'-'");
	expect_said("[service a\033b]\ncommand = true\n" WEB,
		"stack.ini:1: 'a\xe2\x90\x9b"
		"b' is not a name for a service; write a lower-case letter, "
		"then lower-case letters, digits, '_' or '-'");
}

static void expect_bytes(const char *bytes, size_t length, const char *complaints)
{
	struct fixture f = {0};
	assert_null(load_bytes(&f, bytes, length));
	assert_string_equal(said(&f), complaints);
	unload(&f);
}

static void fault_I5_bytes_that_are_no_text(void **state)
{
	(void)state;
	static const char nul[] = WEB "env.A = a\0b\nenv.B = c\n";
	expect_bytes(nul, sizeof nul - 1,
		"stack.ini:3: a NUL byte in column 10; save the file as UTF-8 text");
	static const char latin[] = WEB "env.A = caf\xe9\n";
	expect_bytes(latin, sizeof latin - 1,
		"stack.ini:3: byte 0xe9 in column 12 is not UTF-8; save the file as UTF-8 text");
	static const char overlong[] = WEB "env.A = \xc0\x80\n";
	expect_bytes(overlong, sizeof overlong - 1,
		"stack.ini:3: byte 0xc0 in column 9 is not UTF-8; save the file as UTF-8 text");
	static const char carriage[] = WEB "env.A = a\rb\n";
	expect_bytes(carriage, sizeof carriage - 1,
		"stack.ini:3: a carriage return inside the line, in column 10; end lines with a "
		"newline, "
		"or a carriage return and a newline");
	static const char utf16[] = "\xff\xfe[\0s\0]\0";
	expect_bytes(utf16, sizeof utf16 - 1,
		"stack.ini:1: the file is UTF-16; save it as UTF-8 text");
	static const char comment[] = WEB "# caf\xe9\n";
	expect_bytes(comment, sizeof comment - 1,
		"stack.ini:3: byte 0xe9 in column 6 is not UTF-8; save the file as UTF-8 text");
}

static void indented_keys_and_sections_are_refused(void **state)
{
	(void)state;
	expect_said("[service web]\n  command = true\n",
		"stack.ini:2: an indented line that looks like a key; sections and keys start in "
		"the "
		"first column; only values go on over indented lines");
	expect_said(WEB "env.A = x\n  restart = no\n  y\n",
		"stack.ini:4: an indented line that looks like a key; sections and keys start in "
		"the "
		"first column; only values go on over indented lines\n"
		"stack.ini:5: an indented line with no value above that it could continue; keys "
		"start in "
		"the first column");
	expect_said(WEB " [service db]\ncommand = false\n",
		"stack.ini:3: an indented line that looks like a section; sections and keys start "
		"in the "
		"first column; only values go on over indented lines\n"
		"stack.ini:4: 'command' is there already, in line 2; keep one of the two");
	expect_said("[service web]\n  text\ncommand = true\n",
		"stack.ini:2: an indented line with no value above that it could continue; keys "
		"start in "
		"the first column");
}

static void headers_say_what_to_write(void **state)
{
	(void)state;
	expect_said("[servise web]\ncommand = true\n" WEB,
		"stack.ini:1: unknown section [servise web]; did you mean [service web]?");
	expect_said("[notify slack]\nurl = x\n" WEB,
		"stack.ini:1: unknown section [notify slack]; sections are [stack], [defaults], "
		"[service "
		"NAME], [ports], [environment NAME] and [instance N]");
	expect_said("[service]\ncommand = true\n" WEB,
		"stack.ini:1: [service] has no name; write [service web]");
	expect_said("[stack shop]\n" WEB, "stack.ini:1: [stack] takes no name; write [stack]");
	expect_said("[service Web]\ncommand = true\n" WEB,
		"stack.ini:1: 'Web' is not a name for a service; write a lower-case letter, then "
		"lower-case letters, digits, '_' or '-'");
	expect_said("[service web api]\ncommand = true\n" WEB,
		"stack.ini:1: too many words in [service web]; write [service NAME] or [service "
		"NAME "
		"@ENVIRONMENT]");
	expect_said("[instance 101]\n" WEB,
		"stack.ini:1: '101' is not an instance; write a number 1 to 100");
	expect_said("[instance 0]\n" WEB,
		"stack.ini:1: '0' is not an instance; write a number 1 to 100");
	expect_said("[environment Test]\n" WEB,
		"stack.ini:1: 'Test' is not a name for an environment; write a lower-case letter, "
		"then "
		"lower-case letters, digits, '_' or '-'");
	expect_said("",
		"stack.ini: there is no service in it; write [service NAME] and below it command "
		"= ...");
	expect_said("[stack]\nname = a\n",
		"stack.ini: there is no service in it; write [service NAME] "
		"and below it command = ...");
}

static void fault_I6_number_of_services_is_bounded(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct text text = {0};
	for (int i = 0; i < SERVICES_MOST + 500; i++)
		text_addf(&text, "[service s%d]\ncommand = true\n", i);
	assert_null(load(&f, text_string(&text)));
	assert_string_equal(said(&f),
		"stack.ini:4001: more than 2000 services; split the stack into several files");
	unload(&f);
	text_release(&text);
}

static void fault_I6_many_mistakes_are_counted(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct text text = {0};
	text_add(&text, WEB);
	for (int i = 0; i < 20000; i++)
		text_add(&text, "comandd = x\n");
	assert_null(load(&f, text_string(&text)));
	assert_int_equal(f.complaints.list.count, COMPLAINTS_MOST);
	assert_int_equal(f.complaints.errors, 20000 + 19999);
	assert_int_equal(f.complaints.dropped, 39999 - COMPLAINTS_MOST);
	unload(&f);
	text_release(&text);
}

/* ---- files ---- */

static char scratch[] = "/tmp/stackfile-XXXXXX";

static int make_scratch(void **state)
{
	(void)state;
	return mkdtemp(scratch) ? 0 : -1;
}

static int remove_scratch(void **state)
{
	(void)state;
	return rmdir(scratch);
}

static char *scratch_path(const char *name)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", scratch, name);
	return path;
}

static void write_file(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
}

static void expect_unreadable(const char *path, const char *what)
{
	struct complaints complaints = {0};
	assert_null(document_read(path, &complaints));
	assert_int_equal(complaints.errors, 1);
	struct text shown = {0};
	complaint_show(&complaints.list.items[0], &shown);
	assert_int_equal(strncmp(text_string(&shown), path, strlen(path)), 0);
	assert_string_equal(text_string(&shown) + strlen(path), what);
	text_release(&shown);
	complaints_release(&complaints);
}

static void fault_I6_only_files_of_a_sane_size_are_read(void **state)
{
	(void)state;
	char *path = scratch_path("missing.ini");
	expect_unreadable(path,
		": cannot be read: No such file or directory; name the stack file with "
		"--file");
	path = scratch_path("fifo.ini");
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_unreadable(path,
		": this is not a file; name the stack file itself, or - for standard "
		"input");
	unlink(path);
	path = scratch_path("dir.ini");
	assert_int_equal(mkdir(path, 0700), 0);
	expect_unreadable(path, ": a directory is not a file; name the stack file itself, or - for "
		"standard input");
	rmdir(path);
	path = scratch_path("big.ini");
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 10 * 1024 * 1024), 0);
	close(fd);
	expect_unreadable(
		path, ": 10485760 bytes are too much for a stack file; it may have 4 MiB");
	unlink(path);
}

static void fault_I11_the_document_knows_that_the_file_changed(void **state)
{
	(void)state;
	char *path = scratch_path("stack.ini");
	write_file(path, WEB, strlen(WEB));
	struct complaints complaints = {0};
	struct document *document = document_read(path, &complaints);
	assert_non_null(document);
	assert_int_equal(complaints.list.count, 0);
	assert_string_equal(document->label, path);
	assert_string_equal(document->file, path);
	assert_false(document_changed(document));
	struct document *shown = document_read_as(path, "../stack.ini", &complaints);
	assert_string_equal(shown->label, "../stack.ini");
	assert_string_equal(shown->file, path);
	document_free(shown);
	write_file(path, WEB "restart = no\n", strlen(WEB) + 13);
	assert_true(document_changed(document));
	assert_int_equal(document->sections[0].entry_count, 1);
	unlink(path);
	assert_true(document_changed(document));
	document_free(document);
	complaints_release(&complaints);
}

static void fault_I12_half_a_file_is_an_error(void **state)
{
	(void)state;
	static const char whole[] =
		"[service web]\ncommand = true\n\n[service api]\ncommand = false\n";
	for (size_t cut = 0; cut < sizeof whole - 1; cut++) {
		struct fixture f = {0};
		struct stack *stack = load_bytes(&f, whole, cut);
		assert_int_equal(stack == NULL, f.complaints.errors > 0);
		const char *last = whole;
		for (size_t i = 0; i < cut; i++)
			last = whole[i] == '\n' ? whole + i + 1 : last;
		size_t length = (size_t)(whole + cut - last);
		bool complete = length == 0 ? cut > 0 : last[0] != '[' && length > 10;
		if (!complete)
			assert_null(stack);
		unload(&f);
	}
}

static void names_and_blocks_before_the_draft(void **state)
{
	(void)state;
	struct complaints complaints = {0};
	static const char text[] = "[stack]\nname = my-shop\nblock = 7\n" WEB;
	struct document *document =
		document_parse(text, strlen(text), "a/stack.ini", "/x/a", &complaints);
	assert_string_equal(document_name(document), "my-shop");
	assert_int_equal(document_block(document), 7);
	assert_string_equal(document->file, "/x/a/stack.ini");
	document_free(document);
	document = document_parse(WEB, strlen(WEB), "stack.ini", "/", &complaints);
	assert_null(document_name(document));
	assert_int_equal(document_block(document), -1);
	assert_string_equal(document->file, "/stack.ini");
	assert_int_equal(complaints.list.count, 0);
	document_free(document);
	complaints_release(&complaints);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_taken_as_they_are),
		cmocka_unit_test(fault_I9_quotes_and_substitutions_are_literal),
		cmocka_unit_test(values_go_on_over_indented_lines),
		cmocka_unit_test(bom_and_crlf_are_fine),
		cmocka_unit_test(fault_I1_lines_up_to_64k_are_whole),
		cmocka_unit_test(fault_I1_longer_lines_are_refused_and_never_split),
		cmocka_unit_test(fault_I1_long_comments_and_continuations),
		cmocka_unit_test(fault_I2_sections_and_lines_that_are_none),
		cmocka_unit_test(fault_I3_everything_written_twice),
		cmocka_unit_test(fault_I4_long_names_are_refused_not_cut),
		cmocka_unit_test(fault_I4_two_names_with_49_equal_bytes_stay_two),
		cmocka_unit_test(fault_I4_control_characters_in_names_are_shown_escaped),
		cmocka_unit_test(fault_I5_bytes_that_are_no_text),
		cmocka_unit_test(indented_keys_and_sections_are_refused),
		cmocka_unit_test(headers_say_what_to_write),
		cmocka_unit_test(fault_I6_number_of_services_is_bounded),
		cmocka_unit_test(fault_I6_many_mistakes_are_counted),
		cmocka_unit_test(fault_I6_only_files_of_a_sane_size_are_read),
		cmocka_unit_test(fault_I11_the_document_knows_that_the_file_changed),
		cmocka_unit_test(fault_I12_half_a_file_is_an_error),
		cmocka_unit_test(names_and_blocks_before_the_draft),
	};
	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
