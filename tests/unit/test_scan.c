/* rooms: base scan */
#include "base/file.h"
#include "base/text.h"
#include "scan/conflicts.h"
#include "scan/find.h"
#include "scan/formats.h"
#include "scan/ignore.h"
#include "scan/scan.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- finders ---- */

static struct find found(struct arena *arena, const char *name, const char *content)
{
	struct find f = {.bytes = content, .length = strlen(content), .format = format_of(name), .arena = arena};
	assert_non_null(f.format);
	find_all(&f);
	return f;
}

/* "8080 80" */
static void finds(const char *name, const char *content, const char *values)
{
	struct arena *arena = arena_new();
	struct find f = found(arena, name, content);
	OWNED_TEXT got = {0};
	for (size_t i = 0; i < f.count; i++) {
		assert_memory_equal(f.found[i].value, content + f.found[i].start, f.found[i].end - f.found[i].start);
		text_addf(&got, "%s%s", i ? " " : "", f.found[i].value);
	}
	assert_string_equal(text_string(&got), values);
	arena_free(arena);
}

static void a_place_is_in_bytes_and_a_column_in_characters(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct find f = found(arena, "compose.yml",
		"\xef\xbb\xbf# \xf0\x9f\x9a\x80 gr\xc3\xbc\xc3\x9f\xc2\x85\r\nservices: {w: {x: \"\xe2\x80\xa8\", ports: [ '8080:80' ]}}\r\n");
	assert_int_equal(f.count, 2);
	assert_string_equal(f.found[0].value, "8080");
	assert_int_equal(f.found[0].line, 2);
	assert_int_equal(f.found[0].column, 34);
	assert_string_equal(f.found[0].service, "w");
	assert_int_equal(f.found[1].end, f.found[1].start + 2);
	arena_free(arena);
}

static void a_default_says_for_whose_variable(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct find f = found(arena, "compose.yml", "services:\n  api:\n    ports: [\"${API_PORT:-8000}:${IN:-80}\"]\n");
	assert_int_equal(f.count, 2);
	assert_string_equal(f.found[0].variable, "API_PORT");
	assert_int_equal(f.found[0].role, ROLE_PUBLISH);
	assert_string_equal(f.found[1].variable, "IN");
	assert_int_equal(f.found[1].role, ROLE_TARGET);
	arena_free(arena);
}

static void an_alias_is_found_once_at_its_anchor(void **state)
{
	(void)state;
	finds("compose.yml", "services:\n  a:\n    ports: &p [ &q \"8080:80\" ]\n  b:\n    ports: *p\n  c:\n    ports: [ *q, 90 ]\n",
		"8080 80 90");
}

static void what_is_no_yaml_is_read_line_by_line(void **state)
{
	(void)state;
	finds("compose.yml", "services:\n  a:\n    ports:\n      - 8080:80\n\t- broken\n  b:\n    environment:\n      PORT: 81\n", "8080 80 81");
}

static void json_may_have_comments_and_a_comma_too_many(void **state)
{
	(void)state;
	finds("launch.json", "{ // first\n \"configurations\": [ { \"port\": 9229, }, ], /* x\n*/ \"a\": \"http:\\/\\/x\" }", "9229");
	finds("package.json", "{\"scripts\": {\"a\": \"node \\\"x\\\" --port 3000\"", "3000");
}

static void decoys_are_left_alone(void **state)
{
	(void)state;
	finds(".env", "A=12:30:45\nB=1024:768\nC=2024-10-10\nD=10.0.0.0/8\nE=1.2.3.4.5\nF=v1.2.3.4\nG=fe80\nH=02:42:ac:11:00:02\n"
		      "PORT=080\nPORT=65536\nPORT=0\nPORT=3000x\nPORT=1.5\nIMPORT=3000\nI=\"a:b\"\nURL=http://x:99999/\n", "");
	finds("compose.yml", "services:\n  a:\n    image: mysql:8080\n    user: \"101:101\"\n    ports: [ '65536:1', '080:0' ]\n", "");
}

static void a_command_is_read_by_its_program(void **state)
{
	(void)state;
	finds("a.sh", "nc -w 2 localhost 514 > /dev/null 2>&1\nmkdir -p 3000\nx -p 4\nx -p 8080\ny -p 80:81\n", "514 8080 80 81");
	finds("a.sh", "sub:: a\ngetopt ab:c::\nssh -p 2222 h; psql -p5432 | tee -p 3000\n", "2222 5432 3000");
	finds("a.sh", "PORT=\"3000\" node x --inspect=127.0.0.1:9229 --max 4096 # --port 5000\n", "3000 127.0.0.1 9229 5000");
	finds("a.sh", "x -port 8090 -addr=:8091 -timeout 3000 -avz 4000\n", "8090 8091");
}

static void hostile_bytes_end_well(void **state)
{
	(void)state;
	static const char *const names[] = {".env", "package.json", "compose.yml", "Dockerfile", "Procfile", "vite.config.ts",
		"supabase/config.toml", "nginx.conf", "Caddyfile", "haproxy.cfg", "a.service", "a.yaml", "main.tf", "Makefile",
		"a.sh", "stack.ini"};
	OWNED_TEXT deep = {0};
	for (int i = 0; i < 3000; i++)
		text_add(&deep, i % 2 ? "{a: " : "[");
	text_add(&deep, "PORT=${X:-${Y:-${Z:-");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct arena *arena = arena_new();
		found(arena, names[i], text_string(&deep));
		found(arena, names[i], "\"'`${[{(<|#\\");
		found(arena, names[i], "");
		arena_free(arena);
	}
}

/* Half as large as files may be; what takes longer than to read each sign a few times takes minutes. */
static void repeated(const char *name, const char *piece)
{
	struct arena *arena = arena_new();
	OWNED_TEXT content = {0};
	while (content.length < FORMAT_FILE_MOST / 2)
		text_add(&content, piece);
	found(arena, name, text_string(&content));
	arena_free(arena);
}

static void no_file_takes_long(void **state)
{
	(void)state;
	alarm(100);
	repeated("a.yaml", "[");
	repeated("a.yaml", "- ");
	repeated("a.yaml", "{{ ");
	repeated("a.yaml", "a: |\n");
	repeated("a.sh", "${");
	repeated("a.sh", "x=${a:-");
	repeated("a.sh", "A='");
	repeated("a.sh", "[ ");
	repeated("a.sh", ":");
	repeated("a.sh", "1.1.");
	repeated("a.sh", "-p ");
	repeated("a.tf", "a \"b\" ");
	repeated("nginx.conf", "${");
	repeated("package.json", "{\"scripts\":{\"a\":\"${A:-");
	repeated("a.config.ts", "a[");
	repeated("a.config.ts", "x: env || ");
	repeated(".env", "A=\"\n");
	repeated(".env", "A=1.2.3.4\n");
	repeated("Procfile", "a: http://");
	repeated("Dockerfile", "ENV A \\\n");
	alarm(0);
}

/* ---- gitignore ---- */

static void patterns_mean_what_git_says(void **state)
{
	(void)state;
	static const struct {
		const char *patterns, *path;
		bool is_directory, is_ignored;
	} rows[] = {{"*.log", "a/b.log", false, true}, {"*.log\n!b.log", "a/b.log", false, false}, {"build/", "build", false, false},
		{"build/", "x/build", true, true}, {"/build", "x/build", true, false}, {"/build", "build", true, true},
		{"a/b", "a/b", false, true}, {"a/b", "x/a/b", false, false}, {"**/a/b", "x/y/a/b", false, true},
		{"**/a", "a", false, true}, {"a/**", "a", true, false}, {"a/**", "a/b/c", false, true},
		{"a/**/d", "a/d", false, true}, {"a/**/d", "a/b/c/d", false, true}, {"a/*/d", "a/b/c/d", false, false},
		{"f[a-c]o", "fbo", false, true}, {"f[!a-c]o", "fbo", false, false}, {"f?o", "fo", false, false},
		{"\\#x", "#x", false, true}, {"# x", "# x", false, false}, {"\\!x", "!x", false, true}, {"x  ", "x", false, true},
		{"x\\ ", "x ", false, true}, {"", "x", false, false}, {"*\n!*/\n!*.c", "a", true, false}, {"*\n!*/\n!*.c", "a/b.c", false, false},
		{"*\n!*/\n!*.c", "a/b.o", false, true}, {"x\r\ny", "x", false, true}, {"a**b", "aXb", false, true}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ignore *ignore = ignore_new(NULL, "", (struct slice){rows[i].patterns, rows[i].patterns + strlen(rows[i].patterns)});
		if (ignore_has(ignore, rows[i].path, rows[i].is_directory) != rows[i].is_ignored)
			fail_msg("'%s' and %s", rows[i].patterns, rows[i].path);
		ignore_release(ignore);
	}
}

static void a_pattern_of_stars_takes_no_time(void **state)
{
	(void)state;
	OWNED_TEXT pattern = {0}, path = {0};
	for (int i = 0; i < 200; i++) {
		text_add(&pattern, i % 2 ? "**/" : "*a*a*a*/");
		text_add(&path, "aaaaaaaaaaaaaaaaaaaa/");
	}
	text_add(&pattern, "b");
	text_add(&path, "c");
	assert_false(ignore_pattern_fits((struct slice){pattern.data, pattern.data + pattern.length},
		(struct slice){path.data, path.data + path.length}));
}

/* ---- trees ---- */

static char top[64];

static int make_top(void **state)
{
	(void)state;
	snprintf(top, sizeof top, "/tmp/stackup-scan-XXXXXX");
	return mkdtemp(top) ? 0 : -1;
}

static int remove_top(void **state)
{
	(void)state;
	struct error e;
	return file_remove_tree(top, &e);
}

static void put(const char *path, const char *content)
{
	OWNED_TEXT full = {0};
	struct error e = {0};
	text_addf(&full, "%s/%s", top, path);
	char *slash = strrchr(full.data, '/');
	*slash = '\0';
	assert_int_equal(file_make_directories(full.data, &e), 0);
	*slash = '/';
	assert_int_equal(file_replace(full.data, content, strlen(content), &e), 0);
}

static void scans(const char *below, const char *expected)
{
	struct scan scan;
	struct error e = {0};
	OWNED_TEXT root = {0}, got = {0};
	text_addf(&root, "%s/%s", top, below);
	const char *roots[] = {text_string(&root)};
	assert_int_equal(scan_run(roots, 1, &scan, &e), 0);
	for (size_t i = 0; i < scan.count; i++)
		text_addf(&got, "%s%s=%s", i ? " " : "", scan.findings[i].file, scan.findings[i].value);
	assert_string_equal(text_string(&got), expected);
	scan_release(&scan);
}

static void what_git_ignores_is_left_out_but_env_files(void **state)
{
	(void)state;
	put("r/.git/info/exclude", "excluded.sh\n");
	put("r/.gitignore", "ignored/\n*.tf\n!keep.tf\n.env\n/sub/anchored.sh\n");
	put("r/.env", "PORT=1001\n");
	put("r/ignored/.env", "PORT=1002\n");
	put("r/a.tf", "port = 1003\n");
	put("r/keep.tf", "port = 1004\n");
	put("r/excluded.sh", "x --port 1005\n");
	put("r/node_modules/x/.env", "PORT=1006\n");
	put("r/sub/.gitignore", "*.sh\n!b.sh\n");
	put("r/sub/a.sh", "x --port 1007\n");
	put("r/sub/b.sh", "x --port 1008\n");
	put("r/sub/anchored.sh", "x --port 1009\n");
	put("r/nested/.git/HEAD", "ref: refs/heads/main\n");
	put("r/nested/a.tf", "port = 1010\n");
	scans("r", ".env=1001 keep.tf=1004 nested/a.tf=1010 sub/b.sh=1008");
	scans("r/sub", "b.sh=1008");
}

static void links_lead_nowhere(void **state)
{
	(void)state;
	OWNED_TEXT link = {0}, file = {0}, pipe = {0};
	put("outside/.env", "PORT=2001\n");
	put("l/Procfile", "web: x --port 2002\n");
	text_addf(&link, "%s/l/dir", top);
	text_addf(&file, "%s/l/.env", top);
	text_addf(&pipe, "%s/l/x.sh", top);
	assert_int_equal(symlink("../outside", text_string(&link)), 0);
	assert_int_equal(symlink("../outside/.env", text_string(&file)), 0);
	assert_int_equal(mkfifo(text_string(&pipe), 0600), 0);
	scans("l", "Procfile=2002");
}

static void what_is_large_or_binary_is_not_looked_at(void **state)
{
	(void)state;
	OWNED_TEXT large = {0};
	text_add(&large, "PORT=3001\n");
	while (large.length <= FORMAT_FILE_MOST)
		text_add(&large, "# filling the file up with a line that says nothing\n");
	put("b/.env", text_string(&large));
	put("b/Procfile", "web: x -p 3002\n");
	scans("b", "Procfile=3002");
}

/* ---- conflicts ---- */

static struct known nothing;

static void conflicts_are(const char *below, const struct known *known, bool integrity, const char *expected)
{
	struct scan scan;
	struct conflicts conflicts = {0};
	struct error e = {0};
	OWNED_TEXT root = {0}, got = {0};
	text_addf(&root, "%s/%s", top, below);
	const char *roots[] = {text_string(&root)};
	assert_int_equal(scan_run(roots, 1, &scan, &e), 0);
	conflicts_find(&scan, known, &conflicts);
	if (integrity)
		conflicts_integrity(&scan, known, &conflicts);
	for (size_t i = 0; i < conflicts.count; i++)
		text_addf(&got, "%s%s %u", i ? ", " : "", conflict_kind_word(conflicts.items[i].kind), conflicts.items[i].port);
	assert_string_equal(text_string(&got), expected);
	scan_release(&scan);
}

static void projects_that_hold_the_same_port_are_told(void **state)
{
	(void)state;
	put("c/one/compose.yml", "services:\n  w: { ports: ['8080:80', '53:53/udp'] }\n  v: { ports: ['9000:80'], profiles: [x] }\n");
	put("c/two/package.json", "{\"scripts\": {\"dev\": \"vite --port 8080\"}}");
	put("c/two/.env", "API=http://localhost:8080\nDNS_PORT=53\n#PORT=9000\n");
	put("c/three/.env", "PORT=9000\nOTHER=http://localhost:9999\n");
	conflicts_are("c", &nothing, false, "same_port 8080, nobody_listens 9999");
}

static void two_services_of_one_file_are_rivals(void **state)
{
	(void)state;
	put("s/compose.yml", "services:\n  a: { ports: ['8080:80'] }\n  b: { ports: ['8080:81'] }\n");
	put("s/compose.dev.yml", "services:\n  a: { ports: ['8080:80', '8081:80'] }\n");
	put("s/.env", "PORT=8081\n");
	conflicts_are("s", &nothing, false, "same_port 8080");
}

static void blocks_and_the_registry_are_kept(void **state)
{
	(void)state;
	OWNED_TEXT mine = {0}, others = {0};
	put("k/mine/.env", "API_PORT=30221\nWEB_PORT=30120\nDB=postgres://localhost:30122/x\n");
	put("k/others/.env", "PORT=30250\n");
	text_addf(&mine, "%s/k/mine", top);
	text_addf(&others, "%s/k/others", top);
	struct known_project projects[] = {{1, "mine", text_string(&mine), true}, {2, "others", text_string(&others), true}};
	struct known_block blocks[] = {{30100, 1}, {30200, 2}};
	struct known_port ports[] = {{30121, 1, "api", false}, {30120, 1, "web", false}, {30122, 1, "db", false},
		{30250, 0, "printer", true}};
	struct known known = {projects, 2, blocks, 2, ports, 4};
	conflicts_are("k", &known, false, "foreign_block 30221");
	conflicts_are("k", &known, true, "foreign_block 30221, registry 30221, registry 30250");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_is_in_bytes_and_a_column_in_characters),
		cmocka_unit_test(a_default_says_for_whose_variable),
		cmocka_unit_test(an_alias_is_found_once_at_its_anchor),
		cmocka_unit_test(what_is_no_yaml_is_read_line_by_line),
		cmocka_unit_test(json_may_have_comments_and_a_comma_too_many),
		cmocka_unit_test(decoys_are_left_alone),
		cmocka_unit_test(a_command_is_read_by_its_program),
		cmocka_unit_test(hostile_bytes_end_well),
		cmocka_unit_test(no_file_takes_long),
		cmocka_unit_test(patterns_mean_what_git_says),
		cmocka_unit_test(a_pattern_of_stars_takes_no_time),
		cmocka_unit_test_setup_teardown(what_git_ignores_is_left_out_but_env_files, make_top, remove_top),
		cmocka_unit_test_setup_teardown(links_lead_nowhere, make_top, remove_top),
		cmocka_unit_test_setup_teardown(what_is_large_or_binary_is_not_looked_at, make_top, remove_top),
		cmocka_unit_test_setup_teardown(projects_that_hold_the_same_port_are_told, make_top, remove_top),
		cmocka_unit_test_setup_teardown(two_services_of_one_file_are_rivals, make_top, remove_top),
		cmocka_unit_test_setup_teardown(blocks_and_the_registry_are_kept, make_top, remove_top),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
