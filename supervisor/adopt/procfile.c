#include "adopt/procfile.h"

#include <string.h>

#include "adopt/servers.h"
#include "stackfile/procfile.h"

const char *adopt_shell(struct arena *arena, const char *command)
{
	OWNED_TEXT out = {0};
	for (const char *at = command; *at; at++) {
		bool ours = at[0] == '$' && at[1] == '{' && at[2] >= 'a' && at[2] <= 'z';
		bool pid = at[0] == '$' && at[1] == '$';
		text_add(&out, pid ? "$$$$" : ours ? "$$" : (char[]){*at, '\0'});
		at += pid;
	}
	return arena_string(arena, text_string(&out));
}

/*
 * Every process has a PORT there; here a worker needs none. Who names no port and is no server that is known
 * keeps it only by a name that means a port.
 */
static bool wants_port(const struct procfile_entry *entry, const struct server *server)
{
	return !entry->is_task && (server || server_takes_variable(entry->command) || !strcmp(entry->name, "web"));
}

static void add(struct sheet *sheet, const char *label, const struct procfile_entry *entry)
{
	struct sheet_service *s = sheet_add(sheet, entry->name, label, entry->line);
	const struct server *server = server_of(sheet->arena, entry->command);
	const char *command = adopt_shell(sheet->arena, entry->command);
	if (entry->is_task)
		sheet_set(sheet, s, "type", "task");
	bool port = wants_port(entry, server);
	sheet_set(sheet, s, "command", port ? server_fit(sheet->arena, server, command) : command);
	if (port)
		sheet_want_port(sheet, s, NULL);
	if (port && server && !strcmp(server->protocol, "http"))
		sheet_set(sheet, s, "protocol", "http");
}

/* What is released is there before the others start; what comes after a release comes after them. */
static void order(struct sheet *sheet, size_t first)
{
	struct sheet_service *release = sheet_find(sheet, "release");
	for (size_t i = first; release && i < sheet->count; i++) {
		struct sheet_service *s = sheet->services[i];
		if (s != release && !sheet_value(s, "type"))
			sheet_append(sheet, s, "depends_on", release->name);
	}
}

/* What the parser passed over stands in the file, too. */
static void note_skipped(struct sheet *sheet, size_t said)
{
	for (size_t i = said; i < sheet->complaints->list.count; i++) {
		const struct complaint *c = &sheet->complaints->list.items[i];
		if (c->severity == SEVERITY_WARNING)
			*arena_append(sheet->arena, sheet->left, sheet->left_count) =
				arena_format(sheet->arena, "line %d: %s", c->line, c->text);
	}
}

void adopt_procfile(struct sheet *sheet, const char *label, const char *text, size_t length)
{
	struct procfile procfile;
	size_t said = sheet->complaints->list.count, first = sheet->count;
	procfile_parse(sheet->arena, label, text, length, sheet->complaints, &procfile);
	note_skipped(sheet, said);
	for (size_t i = 0; i < procfile.count; i++)
		add(sheet, label, &procfile.entries[i]);
	order(sheet, first);
}
