/* rooms: base model registry ports ledger */
/* The registry as a document: cells, tables, and what contradicts what. All of it pure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/cells.h"
#include "ledger/judge.h"
#include "ledger/markdown.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

static struct world {
	struct arena *arena;
	struct complaints complaints;
	struct ledger ledger;
	struct error e;
	const char *missing; /* a path that does not exist */
	int64_t running; /* a project of which something runs */
} w;

static int begin(void **state)
{
	(void)state;
	w = (struct world){.arena = arena_new()};
	return w.arena ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	complaints_release(&w.complaints);
	arena_free(w.arena);
	return 0;
}

static struct ledger_reading reading(void)
{
	return (struct ledger_reading){.arena = w.arena, .label = "ports.md", .complaints = &w.complaints,
		.ledger = &w.ledger, .home = "/home/anna", .now_ms = 1767323045678};
}

static int read_as(enum ledger_format format, const char *text)
{
	complaints_release(&w.complaints);
	w.complaints = (struct complaints){0};
	w.ledger = (struct ledger){0};
	const struct ledger_reading r = reading();
	return ledger_read(&r, format, text, strlen(text), &w.e);
}

static bool exists(void *self, const char *path)
{
	(void)self;
	return !w.missing || strcmp(path, w.missing) != 0;
}

static bool runs(void *self, int64_t project_id, int instance)
{
	(void)self;
	(void)instance;
	return project_id == w.running;
}

static void judge_against(const struct ledger *now)
{
	const struct ledger_reading r = reading();
	const struct ledger_facts facts = {.now = now, .ports_base = 30000, .exists = exists, .runs = runs};
	ledger_judge(&r, &facts);
	complaints_sort(&w.complaints);
}

static void judge(const char *markdown)
{
	static const struct ledger nothing;
	assert_int_equal(read_as(LEDGER_MARKDOWN, markdown), 0);
	judge_against(&nothing);
}

/* "3:4: ..." of every complaint, a line each; warnings begin with ~. */
static const char *said(void)
{
	OWNED_TEXT out = {0};
	for (size_t i = 0; i < w.complaints.list.count; i++) {
		const struct complaint *c = &w.complaints.list.items[i];
		text_addf(&out, "%s%d: %s\n", c->severity == SEVERITY_ERROR ? "" : "~", c->line, c->text);
	}
	return arena_string(w.arena, text_string(&out));
}

static const struct ledger_project *project(const char *name)
{
	const struct ledger_project *found = ledger_project_named(&w.ledger, name);
	assert_non_null(found);
	return found;
}

/* ---- cells ---- */

static void cells_of_ports(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *ports; /* NULL: refused */
	} cases[] = {
		{"", ""}, {"30100", "30100-30100 "}, {"30100-30109", "30100-30109 "},
		{"30100 - 30109", "30100-30109 "}, {"30100\u201330109", "30100-30109 "},
		{"30100..30109", "30100-30109 "}, {"30100 to 30109", "30100-30109 "},
		{"30100-09", "30100-30109 "}, {"30100-99", "30100-30199 "},
		{"301xx", "30100-30199 "}, {"301XX", "30100-30199 "}, {"3010x", "30100-30109 "},
		{"30100, 30101,30110-30119", "30100-30100 30101-30101 30110-30119 "},
		{"ports 30100 and 30105", "30100-30100 30105-30105 "}, {"30100; 30101", "30100-30100 30101-30101 "},
		{"30100\n30101", "30100-30100 30101-30101 "}, {"301xx-302xx", "30100-30299 "},
		{"many", NULL}, {"30109-30100", NULL}, {"99999", NULL}, {"70000", NULL}, {"0", NULL},
		{"30x00", NULL}, {"-30100", NULL}, {"30100-", NULL}, {"30100-x", NULL}, {"123456789", NULL},
		{"30100-30109 (dev), 30120 (api)", "30100-30109 30120-30120 "}, {"30100 (", NULL},
		{"30100abc", NULL}, {"30100+", "30100-30100 "}, {"30100.5", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ledger_ports *ports = NULL;
		size_t count = 0;
		OWNED_TEXT shown = {0};
		bool ok = cell_ports(cases[i].text, w.arena, &ports, &count);
		for (size_t k = 0; k < count; k++)
			text_addf(&shown, "%d-%d ", ports[k].low, ports[k].high);
		if (ok != !!cases[i].ports || (ok && strcmp(text_string(&shown), cases[i].ports) != 0))
			fail_msg("'%s' -> %s %s", cases[i].text, ok ? "read" : "refused", text_string(&shown));
	}
}

static void cells_of_blocks(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *shown; /* NULL: refused */
	} cases[] = {
		{"", ""}, {"5", "5 "}, {"05", "5 "}, {"#5", "5 "}, {"Block 5", "5 "}, {"block: 5", "5 "},
		{"5, 12", "5 12 "}, {"5-7", "5 6 7 "}, {"5 (30500-30599)", "5 30500-30599 "},
		{"30500", "30500-30500 "}, {"30500-30599", "30500-30599 "}, {"305xx", "30500-30599 "},
		{"five", NULL}, {"5 and more", NULL}, {"350-360", "350 351 352 353 354 355 356 357 358 359 360 "}, {"500", "500 "}, {"1023", "1023 "},
		{"1000-2000", NULL}, {"5 (main)", NULL}, {"70000", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ledger_ports *ports = NULL;
		int *blocks = NULL;
		size_t count = 0, port_count = 0;
		OWNED_TEXT shown = {0};
		bool ok = cell_blocks(cases[i].text, w.arena, &blocks, &count, &ports, &port_count);
		for (size_t k = 0; k < count; k++)
			text_addf(&shown, "%d ", blocks[k]);
		for (size_t k = 0; k < port_count; k++)
			text_addf(&shown, "%d-%d ", ports[k].low, ports[k].high);
		if (ok != !!cases[i].shown || (ok && strcmp(text_string(&shown), cases[i].shown) != 0))
			fail_msg("'%s' -> %s %s", cases[i].text, ok ? "read" : "refused", text_string(&shown));
	}
}

static void cells_of_dates(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *day; /* NULL: none */
		enum cell_date got;
	} cases[] = {
		{"", NULL, DATE_NONE}, {"2025-01-31", "2025-01-31", DATE_READ},
		{"2025/1/31", "2025-01-31", DATE_READ}, {"2025.01.31", "2025-01-31", DATE_READ},
		{"31.1.2025", "2025-01-31", DATE_READ}, {"01.02.2025", "2025-02-01", DATE_READ},
		{"31/01/2025", "2025-01-31", DATE_READ}, {"01/31/2025", "2025-01-31", DATE_READ},
		{"03/03/2025", "2025-03-03", DATE_READ}, {"01/02/2025", NULL, DATE_AMBIGUOUS},
		{"31 Jan 2025", "2025-01-31", DATE_READ}, {"Jan 31, 2025", "2025-01-31", DATE_READ},
		{"31-Jan-2025", "2025-01-31", DATE_READ}, {"January 31st, 2025", "2025-01-31", DATE_READ},
		{"January 2025", "2025-01-01", DATE_READ}, {"2025-01", "2025-01-01", DATE_READ},
		{"01/2025", "2025-01-01", DATE_READ}, {"2025-01-31 14:30", "2025-01-31", DATE_READ},
		{"2025-01-31T14:30:00Z", "2025-01-31", DATE_READ}, {"2024-02-29", "2024-02-29", DATE_READ},
		{"2025-02-29", NULL, DATE_UNKNOWN}, {"2025-13-01", NULL, DATE_UNKNOWN},
		{"31.1.25", NULL, DATE_UNKNOWN}, {"soon", NULL, DATE_UNKNOWN}, {"2025", NULL, DATE_UNKNOWN},
		{"Q1 2025", NULL, DATE_UNKNOWN}, {"12345678901234567890", NULL, DATE_UNKNOWN},
		{"2026-01-02T03:04:05.678Z", "2026-01-02", DATE_READ},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *date = "";
		enum cell_date got = cell_date(cases[i].text, w.arena, &date);
		if (got != cases[i].got || (cases[i].day && strncmp(date, cases[i].day, 10) != 0))
			fail_msg("'%s' -> %d %s", cases[i].text, (int)got, date);
	}
	const char *whole = "2026-01-02T03:04:05.678Z", *kept;
	assert_int_equal(cell_date(whole, w.arena, &kept), DATE_READ);
	assert_string_equal(kept, whole);
}

static void cells_of_words(void **state)
{
	(void)state;
	assert_string_equal(cell_project_status("Active"), "active");
	assert_string_equal(cell_project_status("\u2705 In Use"), "active");
	assert_string_equal(cell_project_status("Planned"), "reserved");
	assert_string_equal(cell_project_status("Active (since May)"), "active");
	assert_string_equal(cell_project_status("in-use"), "active");
	assert_string_equal(cell_project_status("legacy - do not touch"), "legacy");
	assert_string_equal(cell_project_status("deprecated"), "legacy");
	assert_string_equal(cell_project_status("free"), "free");
	assert_null(cell_project_status("whatever"));
	assert_null(cell_project_status(""));
	static const struct {
		const char *text;
		int number;
	} numbers[] = {{"3", 3}, {"#3", 3}, {"Instance 3", 3}, {"3 (feature-1)", 3}, {"12", 12}, {"", 0},
		{"x", 0}, {"3x", 0}, {"99999999999", 0}};
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (cell_instance(numbers[i].text) != numbers[i].number)
			fail_msg("'%s' -> %d", numbers[i].text, cell_instance(numbers[i].text));
}

static void branch_and_environment_in_one_cell(void **state)
{
	(void)state;
	static const struct {
		const char *branch, *environment, *cell;
	} cases[] = {
		{"main", "development", "main"}, {"feature/auth", "development", "feature/auth"},
		{"", "development", "development"}, {"", "staging", "staging"},
		{"main", "staging", "main / staging"}, {"staging", "development", "staging / development"},
		{"", "odd", "- / odd"}, {"a / b", "development", "a / b / development"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		OWNED_TEXT cell = {0};
		cell_join_branch(&cell, cases[i].branch, cases[i].environment);
		assert_string_equal(text_string(&cell), cases[i].cell);
	}
	for (size_t i = 0; i + 1 < sizeof cases / sizeof cases[0]; i++) {
		const char *branch, *environment;
		cell_split_branch(cases[i].cell, w.arena, &branch, &environment);
		assert_string_equal(branch ? branch : "", cases[i].branch);
		assert_string_equal(environment ? environment : "development", cases[i].environment);
	}
}

/* ---- markdown ---- */

static void plain_text_of_cells(void **state)
{
	(void)state;
	static const struct {
		const char *source, *plain;
	} cases[] = {
		{"  shop  ", "shop"}, {"**shop**", "shop"}, {"*shop*", "shop"}, {"_shop_", "shop"},
		{"my_shop_x", "my_shop_x"}, {"`/home/u/shop`", "/home/u/shop"}, {"`a \\| b`", "a | b"},
		{"``a ` b``", "a ` b"}, {"`unclosed", "`unclosed"}, {"a \\| b", "a | b"}, {"a \\\\ b", "a \\ b"},
		{"[shop](https://example.com/shop)", "shop"}, {"[shop]", "[shop]"}, {"~~old~~", "old"},
		{"~/code", "~/code"}, {"a &amp; b", "a & b"}, {"&#45;", "-"}, {"&#x2d;", "-"}, {"&#10;", "\n"},
		{"&#;", "&#;"}, {"&#0;", "&#0;"}, {"&#1114112;", "&#1114112;"}, {"R&D", "R&D"}, {"a<br>b", "a\nb"},
		{"a<br />b", "a\nb"}, {"<b>", "<b>"}, {"-", ""}, {"\u2014", ""}, {"n/a", ""}, {"\\-", "-"},
		{"", ""}, {"trailing\\", "trailing\\"}, {"\\a", "\\a"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(
			markdown_plain(w.arena, cases[i].source, strlen(cases[i].source)), cases[i].plain);
}

static const char *const awkward[] = {"", "a|b", "a\\|b", "a\nb", "a\r\nb", "`", "``", "a`b`c", "\\", "a\\",
	"*a*", "_a_", "__init__", "[a](b)", "&amp;", "&#10;", "<br>", "<!-- a -->", "~~a~~", " a ", "  ", "-",
	"--", "\u2014", "\u2013", "n/a", "N/A", "\t", "\x01", "\x7f", "\xc3\xa4\xf0\x9f\x90\x98", "a,b", "\"", "a\"\"b",
	"=1+1", "'", ";", "|", "||", "| --- |", "\u00a0", "\u2028", "a  b", "#", "```"};

static void every_text_fits_into_a_cell(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof awkward / sizeof awkward[0]; i++) {
		OWNED_TEXT cell = {0};
		markdown_add_cell(&cell, awkward[i]);
		assert_null(strpbrk(text_string(&cell), "\r\n"));
		assert_string_equal(
			markdown_plain(w.arena, text_string(&cell), cell.length), awkward[i]);
	}
}

static void tables_as_people_write_them(void **state)
{
	(void)state;
	judge("\xef\xbb\xbf# Port registry\r\n\r\nText with a | bar.\r\n\r\n"
	      "Owner | PATH | project name | Ports | Status\r\n"
	      ":--|--:|:-:|---|---\r\n"
	      "Anna | `/srv/shop/` | **shop** | 305xx | In use\r\n"
	      "| | ~/blog | blog | 30700 - 30799 | Legacy |\r\n"
	      "| - | - | - | 30800-30899 | free |\r\n"
	      "\r\n```\r\n| Project | Block |\r\n|---|---|\r\n| example | 1 |\r\n```\r\n"
	      "<!--\n| Project | Block |\n|---|---|\n| hidden | 2 |\n-->\n"
	      "| Slot | Service |\n|---|---|\n| 0 | frontend |\n\n"
	      "| project | INSTANCE | ports | Branch / Environment |\n|---|---|---|---|\n"
	      "| shop | 1 | 30500-30509 | main |\n| shop | | 30520-30539 | staging |\n");
	assert_string_equal(said(), "");
	assert_int_equal(w.ledger.project_count, 2);
	assert_int_equal(w.ledger.tables, 2);
	const struct ledger_project *shop = project("shop"), *blog = project("blog");
	assert_string_equal(shop->row.path, "/srv/shop");
	assert_string_equal(shop->row.owner, "Anna");
	assert_string_equal(shop->row.status, "active");
	assert_int_equal(shop->row.block, 5);
	assert_string_equal(blog->row.path, "/home/anna/blog");
	assert_string_equal(blog->row.status, "legacy");
	assert_int_equal(blog->row.block, 7);
	assert_int_equal(w.ledger.instance_count, 2);
	const struct instance *second = &w.ledger.instances[1].row;
	assert_int_equal(second->number, 3);
	assert_int_equal(second->spans, 2);
	assert_string_equal(second->environment, "staging");
	assert_string_equal(second->branch, "");
	assert_string_equal(w.ledger.instances[0].row.branch, "main");
}

static void a_document_without_a_table_is_none(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "text", "| a | b |\n|---|---|\n| 1 | 2 |\n",
		"| Project | Block |\n| shop | 5 |\n", "| Project | Block |\n|---|\n| shop | 5 |\n"};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_equal(read_as(LEDGER_MARKDOWN, texts[i]), -1);
	assert_non_null(strstr(w.e.text, "no table"));
	assert_int_equal(read_as(LEDGER_JSON, "{\"version\":1}"), -1);
	assert_int_equal(read_as(LEDGER_JSON, "{\"version\":2,\"projects\":[]}"), -1);
	assert_non_null(strstr(w.e.text, "newer stackup"));
	assert_int_equal(read_as(LEDGER_JSON, "{\n\n]"), -1);
	assert_non_null(strstr(w.e.text, "ports.md:3: this is no JSON"));
}

/* ---- what contradicts what ---- */

#define HEAD "| Project Name | Block | Ports | Path | Status |\n|---|---|---|---|---|\n"
#define INSTANCES_HEAD "\n| Project | Instance | Ports |\n|---|---|---|\n"

static void contradictions_in_a_document(void **state)
{
	(void)state;
	static const struct {
		const char *document, *said;
	} cases[] = {
		{HEAD "| a | 5 | | /a | |\n| b | 5 | | /b | |\n| c | 6 | | /c | |\n",
			"3: block 5 is that of 'a' and, in line 4, of 'b'\n"
			"4: block 5 is that of 'b' and, in line 3, of 'a'\n"},
		{HEAD "| a | 5 | | /a | archived |\n| b | 5 | | /b | |\n", ""},
		{HEAD "| a | 5 | 30600-30699 | /a | |\n", "3: ports 30600-30699 of 'a' are not in its block 5 (30500-30599)\n"},
		{HEAD "| a | 5 | 30510-30519 | /a | |\n", ""},
		{HEAD "| a | | 3000-3009 | /a | |\n", "3: ports 3000-3009 of 'a' are in no block: block 0 begins at 30000\n"},
		{HEAD "| a | 105 | | /a | |\n", "3: block 105 of 'a': there is no such block\n"},
		{HEAD "| a | 5 | | /missing | |\n",
			"~3: the directory /missing of 'a' does not exist: "
			"it is reserved until it is started there\n"},
		{HEAD "| a | 5 | | /missing | active |\n",
			"~3: the directory /missing of 'a' does not exist: "
			"it is reserved until it is started there\n"},
		{HEAD "| a | 5 | | /missing | reserved |\n", "~3: the directory /missing of 'a' does not exist\n"},
		{HEAD "| a | 5 | | code/a | |\n", "3: the path 'code/a' of 'a' does not begin at /\n"},
		{HEAD "| a/b | 5 | | /a | |\n", "3: 'a/b' cannot be the name of a project: its state is a directory of that name\n"},
		{HEAD "| a | 5 | | /a | |\n| a | 5 | | /a | |\n", ""},
		{HEAD "| a | 5 | | /a | |\n| a | 6 | | /a | |\n",
			"3: 'a' is in line 4, too, with other places\n4: 'a' is in line 3, too, with other places\n"},
		{HEAD "| a | 5 | see wiki | /a | |\n", "~3: 'see wiki' are no ports; the row counts without them\n"},
		{HEAD "| a | | see wiki | /a | |\n", "3: 'see wiki' are no ports\n"},
		{HEAD "| a | five | | /a | |\n", "3: 'five' is no block\n"},
		{HEAD "| | 5 | | /a | |\n", "3: the row names no project\n"},
		{HEAD "| a | 5 | | /a | odd |\n", "~3: 'odd' is no status of a project; the row counts without it\n"},
		{HEAD "| a | | | /a | |\n", "~3: 'a' has no block: it gets block 1\n"},
		{HEAD "| a | 5 | | | |\n", "~3: 'a' has no path: it is reserved, and a stack of that name takes it over\n"},
		{HEAD "| a | 5 | | /a | |\n" INSTANCES_HEAD "| a | 3 | 30530-30539 |\n",
			"7: ports 30530-30539 are not those of instance 3 of 'a' (30520-30529)\n"},
		{HEAD "| a | 5 | | /a | |\n" INSTANCES_HEAD "| a | 11 | |\n",
			"7: instance 11 of 'a' is outside: its block holds 1 to 10\n"},
		{HEAD "| a | 5, 8 | | /a | |\n" INSTANCES_HEAD "| a | 11 | 30800-30809 |\n", ""},
		{HEAD "| a | 5 | | /a | |\n" INSTANCES_HEAD "| b | 1 | |\n", "7: there is no project 'b'\n"},
		{HEAD "| a | 105 | | /a | |\n" INSTANCES_HEAD "| a | 1 | |\n",
			"3: block 105 of 'a': there is no such block\n"
			"7: the project 'a' of the instance is left out (line 3)\n"},
		{HEAD "| a | 5 | | /a | |\n" INSTANCES_HEAD "| a | 3 | 30520-30539 |\n| a | 4 | |\n",
			"7: instance 3 of 'a' is in line 8, too\n8: instance 4 of 'a' is in line 7, too\n"},
		{HEAD "| a | 5 | | /a | |\n" INSTANCES_HEAD "| a | 3 | |\n| a | 3 | |\n", ""},
		{HEAD "| a | 5 | | /a | |\n" INSTANCES_HEAD "| a | | 30611 |\n",
			"7: ports 30611-30611 are in no block of 'a'\n"},
		{HEAD "| a | 5 | | /a | | extra |\n", "~3: the row has more cells than the heading\n"},
	};
	w.missing = "/missing";
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		judge(cases[i].document);
		if (strcmp(said(), cases[i].said) != 0)
			fail_msg("%s\nsaid:\n%s\nwanted:\n%s", cases[i].document, said(), cases[i].said);
	}
}

static const int one[] = {1}, five[] = {5};

static struct ledger registered(void)
{
	static struct ledger_project projects[2];
	static struct ledger_instance instances[1];
	projects[0] = (struct ledger_project){.blocks = one, .block_count = 1,
		.row = {.id = 7, .name = "shop", .path = "/srv/shop", .stack_name = "shop", .status = "active",
			.owner = "anna", .notes = "", .block = 1}};
	projects[1] = (struct ledger_project){.blocks = five, .block_count = 1,
		.row = {.id = 8, .name = "old", .path = "/srv/old", .stack_name = "old", .status = "archived",
			.owner = "", .notes = "", .block = 5}};
	instances[0] = (struct ledger_instance){.row = {.project_id = 7, .project = "shop", .number = 3,
		.spans = 1, .block = 1, .purpose = "feature-1", .branch = "x", .environment = "development"}};
	return (struct ledger){.ports_base = 30000, .projects = projects, .project_count = 2,
		.instances = instances, .instance_count = 1};
}

static void contradictions_to_the_registry(void **state)
{
	(void)state;
	static const struct {
		const char *document, *said;
		enum ledger_fate fate;
	} cases[] = {
		{HEAD "| shop | 1 | | /srv/shop | |\n", "", FATE_SAME},
		{HEAD "| shop | 2 | | /srv/shop | |\n", "3: 'shop' is registered with block 1, not with block 2\n", FATE_LEFT_OUT},
		{HEAD "| shop | 1 | | /srv/other | |\n", "3: 'shop' is registered for /srv/shop, not for /srv/other\n", FATE_LEFT_OUT},
		{HEAD "| blog | 1 | | /srv/blog | |\n", "3: block 1 of 'blog' is that of 'shop' (/srv/shop)\n", FATE_LEFT_OUT},
		{HEAD "| blog | 5 | | /srv/blog | |\n", "", FATE_ADD},
		{HEAD "| shop | 1 | | /srv/shop | legacy |\n", "", FATE_CHANGE},
		{HEAD "| shop | 1 | | /srv/shop | archived |\n", "3: 'shop' runs and cannot be archived\n", FATE_LEFT_OUT},
		{HEAD "| shop-2 | 2 | | /srv/shop | |\n", "3: the stack 'shop' of /srv/shop is registered as 'shop'\n", FATE_LEFT_OUT},
	};
	const struct ledger now = registered();
	w.running = 7;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(read_as(LEDGER_MARKDOWN, cases[i].document), 0);
		judge_against(&now);
		if (strcmp(said(), cases[i].said) != 0 || w.ledger.projects[0].fate != cases[i].fate)
			fail_msg("%s\nsaid:\n%s\nwanted:\n%s", cases[i].document, said(), cases[i].said);
	}
}

static void what_runs_is_not_touched(void **state)
{
	(void)state;
	static const char document[] = "| Project | Instance | Purpose |\n|---|---|---|\n| shop | 3 | other |\n";
	const struct ledger now = registered();
	assert_int_equal(read_as(LEDGER_MARKDOWN, document), 0);
	judge_against(&now);
	assert_int_equal(w.ledger.instances[0].fate, FATE_CHANGE);
	w.running = 7;
	assert_int_equal(read_as(LEDGER_MARKDOWN, document), 0);
	judge_against(&now);
	assert_int_equal(w.ledger.instances[0].fate, FATE_SAME);
	assert_string_equal(said(), "~3: instance 3 of 'shop' runs and is left as it is\n");
}

/* ---- the same in every format ---- */

/* As git-check-ref-format(1) allows it. */
static const char *branch_like(const char *text)
{
	bool legal = *text && *text != '-' && !strpbrk(text, " ~^:?*[\\\t\r\n\x01\x7f");
	return legal ? text : "main";
}

static struct ledger awkward_ledger(void)
{
	size_t count = sizeof awkward / sizeof awkward[0];
	struct ledger ledger = {.ports_base = 30000};
	for (size_t i = 0; i < count; i++) {
		int *block = arena_take(w.arena, sizeof *block);
		*block = (int)i + 1;
		const char *name = arena_format(w.arena, "p%02zu %s", i, strchr(awkward[i], '/') ? "" : awkward[i]);
		*arena_append(w.arena, ledger.projects, ledger.project_count) = (struct ledger_project){
			.blocks = block, .block_count = 1,
			.row = {.id = (int64_t)i + 1, .name = name, .stack_name = name, .block = *block,
				.path = arena_format(w.arena, "/srv/%s.", awkward[i]), .status = "active",
				.owner = awkward[i], .notes = awkward[i], .created_at = "2025-01-31T00:00:00.000Z",
				.last_used_at = "2025-02-01T00:00:00.000Z"}};
		*arena_append(w.arena, ledger.instances, ledger.instance_count) = (struct ledger_instance){
			.has_status = true,
			.row = {.project = name, .number = 3, .spans = 1, .block = *block, .purpose = *awkward[i] ? awkward[i] : "x",
				.branch = branch_like(awkward[i]), .environment = "staging", .worktree = awkward[i],
				.commit = "", .git_dir = "", .git_mark = "", .started_at = "",
				.created_at = "2025-01-31T00:00:00.000Z",
				.last_used_at = "2025-02-01T00:00:00.000Z"}};
	}
	return ledger;
}

static void what_is_written_reads_back_the_same(void **state)
{
	(void)state;
	static const struct ledger nothing;
	const struct ledger ledger = awkward_ledger();
	for (enum ledger_format f = LEDGER_JSON; f <= LEDGER_CSV; f++) {
		OWNED_TEXT first = {0}, second = {0};
		ledger_write(&ledger, f, &first);
		assert_int_equal(read_as(f, text_string(&first)), 0);
		judge_against(&nothing);
		assert_string_equal(said(), "");
		ledger_write(&w.ledger, f, &second);
		assert_string_equal(text_string(&second), text_string(&first));
		assert_int_equal(ledger_format_of("-", first.data, first.length), f);
	}
}

static void broken_csv_has_lines(void **state)
{
	(void)state;
	assert_int_equal(read_as(LEDGER_CSV, "project,block\r\n\"a\nb\",5\r\n\"c\"d,6\r\ne,7\r\n\"f,8\r\n"), 0);
	complaints_sort(&w.complaints);
	assert_string_equal(said(),
		"4: there is text after a closing quote; double a quote inside a field\n"
		"6: the quote is never closed\n");
	assert_int_equal(w.ledger.project_count, 2);
	assert_string_equal(w.ledger.projects[0].row.name, "a\nb");
	assert_int_equal(w.ledger.projects[1].line, 5);
	assert_int_equal(read_as(LEDGER_CSV, "Project;Block\nshop;5\n"), 0);
	assert_int_equal(w.ledger.projects[0].row.block, 5);
}

static void json_has_lines(void **state)
{
	(void)state;
	assert_int_equal(read_as(LEDGER_JSON,
		"{\"version\":1,\n\"extra\":[{},\n{\"{\":\"{\\\"{\"}],\n\"projects\":[\n"
		"{\"name\":\"a\",\"block\":\"x\",\n\"instances\":[{\"instance\":1},\n{}]},\n"
		"{\"name\":\"b\",\"block\":2,\"instances\":[\n{\"instance\":0},\n{\"purpose\":\"x\"}]}]}"), 0);
	complaints_sort(&w.complaints);
	assert_string_equal(said(), "5: block is no number from 0 to 354\n"
		"9: instance is no number from 1 to 100\n10: the row tells no instance\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cells_of_ports, begin, end),
		cmocka_unit_test_setup_teardown(cells_of_blocks, begin, end),
		cmocka_unit_test_setup_teardown(cells_of_dates, begin, end),
		cmocka_unit_test_setup_teardown(cells_of_words, begin, end),
		cmocka_unit_test_setup_teardown(branch_and_environment_in_one_cell, begin, end),
		cmocka_unit_test_setup_teardown(plain_text_of_cells, begin, end),
		cmocka_unit_test_setup_teardown(every_text_fits_into_a_cell, begin, end),
		cmocka_unit_test_setup_teardown(tables_as_people_write_them, begin, end),
		cmocka_unit_test_setup_teardown(a_document_without_a_table_is_none, begin, end),
		cmocka_unit_test_setup_teardown(contradictions_in_a_document, begin, end),
		cmocka_unit_test_setup_teardown(contradictions_to_the_registry, begin, end),
		cmocka_unit_test_setup_teardown(what_runs_is_not_touched, begin, end),
		cmocka_unit_test_setup_teardown(what_is_written_reads_back_the_same, begin, end),
		cmocka_unit_test_setup_teardown(broken_csv_has_lines, begin, end),
		cmocka_unit_test_setup_teardown(json_has_lines, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
