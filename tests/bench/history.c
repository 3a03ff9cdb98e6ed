/* rooms: base model registry */
/*
 * The questions of `events` and `ports history` in a registry that has something in it (fill.py), against one
 * row by its number, asked of SQLite with a statement that is ready.
 *
 *	bench_history STATE [ROUNDS]
 *
 * Prints a line a question: median and slowest answer, median of the bare one, in milliseconds, how many rows
 * it gave, and the question.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/own.h"
#include "base/text.h"
#include "registry/history_list.h"
#include "registry/registry.h"

enum { ROUNDS_MOST = 10000, PROJECTS = 1000, ROWS = 600000 };

struct question {
	const char *what;
	struct history_filter filter;
	bool of_ports;
};

/* The project is another one every time. */
static const struct question questions[] = {
	{"events --machine -n 100", {.service = "", .since = "", .most = 100}, false},
	{"events --all -n 100", {.project_id = 1, .service = "", .since = "", .most = 100}, false},
	{"events -i 3 -n 100",
		{.project_id = 1, .instance = 3, .service = "", .since = "", .most = 100}, false},
	{"events --all service-3",
		{.project_id = 1, .service = "service-3", .since = "", .most = 1000}, false},
	{"events --machine --since 10m", {.service = "", .since = "10m", .most = -1}, false},
	{"events --all --since 10d", {.project_id = 1, .service = "", .since = "10d", .most = -1}, false},
	{"ports history -n 100", {.service = "", .since = "", .most = 100}, true},
	{"ports history, of a project",
		{.project_id = 1, .service = "", .since = "", .most = 1000}, true},
	{"ports history service-3",
		{.project_id = 1, .service = "service-3", .since = "", .most = 1000}, true},
	{"ports history 30500", {.service = "", .port = 30500, .since = "", .most = 1000}, true},
	{"ports history --since 10m", {.service = "", .since = "10m", .most = -1}, true},
};

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static int64_t ask_us(struct registry *r, const struct question *question, int64_t project, size_t *rows)
{
	struct history_filter filter = question->filter;
	struct error e = {0};
	char since[CLOCK_ISO_SIZE];
	int64_t since_ms = 0;
	if (filter.since[0] && clock_parse_since(filter.since, clock_wall_ms(), &since_ms))
		filter.since = clock_iso(since_ms, since);
	if (filter.project_id)
		filter.project_id = project;
	struct arena *arena = arena_new();
	int64_t began = clock_now_us();
	int result = question->of_ports
		? history_ports(r, &filter, arena, &(struct port_event *){0}, rows, &e)
		: history_events_of(r, &filter, arena, &(struct event_row *){0}, rows, &e);
	int64_t took = clock_now_us() - began;
	arena_free(arena);
	if (result)
		die(e.text);
	return took;
}

static int64_t bare_us(sqlite3_stmt *row, int64_t id)
{
	int64_t began = clock_now_us();
	sqlite3_bind_int64(row, 1, id);
	if (sqlite3_step(row) != SQLITE_ROW)
		die("a bare row is missing");
	sqlite3_reset(row);
	return clock_now_us() - began;
}

static int by_size(const void *a, const void *b)
{
	int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
	return (first > second) - (first < second);
}

static void measure(struct registry *r, sqlite3_stmt *row, const struct question *question, int rounds)
{
	static int64_t ours[ROUNDS_MOST], bare[ROUNDS_MOST];
	size_t rows = 0;
	for (int i = 0; i < rounds; i++) {
		bare[i] = bare_us(row, 1 + (int64_t)i * 7919 % ROWS);
		ours[i] = ask_us(r, question, 1 + (int64_t)i * 7919 % PROJECTS, &rows);
	}
	qsort(ours, (size_t)rounds, sizeof *ours, by_size);
	qsort(bare, (size_t)rounds, sizeof *bare, by_size);
	printf("%.3f %.3f %.4f %zu %s\n", (double)ours[rounds / 2] / 1000, (double)ours[rounds - 1] / 1000,
		(double)bare[rounds / 2] / 1000, rows, question->what);
}

int main(int argc, char **argv)
{
	struct error e = {0};
	int64_t rounds = 50;
	sqlite3 *db;
	sqlite3_stmt *row;
	OWNED_TEXT path = {0};
	if (argc < 2 || (argc > 2 && !number_parse(argv[2], 1, ROUNDS_MOST, &rounds)))
		die("bench_history STATE [ROUNDS]");
	struct registry *r = registry_open(argv[1], REGISTRY_READ, REGISTRY_BOOT_MS, NULL, &e);
	if (!r)
		die(e.text);
	text_addf(&path, "%s/registry.db", argv[1]);
	if (sqlite3_open_v2(text_string(&path), &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
		sqlite3_prepare_v2(db, "SELECT text FROM events WHERE id = ?1", -1, &row, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
		measure(r, row, &questions[i], (int)rounds);
	sqlite3_finalize(row);
	sqlite3_close(db);
	registry_close(r);
	return 0;
}
