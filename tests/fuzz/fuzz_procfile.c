/* rooms: base model stackfile */
/*
 * Any bytes as a Procfile: no crash, names are what the line rule says and are there once, and
 * every command goes through the splitter, with and without references of ours.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "stackfile/command.h"
#include "stackfile/procfile.h"

static enum interpolate_found find(void *self, const char *name, const char **value)
{
	(void)self;
	*value = "a 'b' \"c\" $d `e` \\ \n*";
	return name[0] == 'n' ? FOUND_NOTHING : name[0] == 'u' ? FOUND_UNKNOWN : FOUND_VALUE;
}

static void make(struct arena *arena, const char *text, const struct interpolation *rules)
{
	struct command command;
	struct error e;
	if (command_make(arena, text, rules, "/bin/sh", &command, &e)) {
		if (!*e.text)
			abort();
		return;
	}
	if (!command.argv[0] || !command.text)
		abort();
	if (command.through_shell != command_needs_shell(text, rules != NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct interpolation rules = {.dialect = INTERPOLATE_COMMAND, .find = find};
	struct arena *arena = arena_new();
	struct complaints complaints = {0};
	struct procfile procfile;
	bool good =
		procfile_parse(arena, "Procfile", (const char *)data, size, &complaints, &procfile);
	if (good != !complaints.errors || (good && !procfile.count))
		abort();
	for (size_t i = 0; i < procfile.count; i++) {
		if (!name_is_procfile_entry(procfile.entries[i].name) ||
			!*procfile.entries[i].command)
			abort();
		make(arena, procfile.entries[i].command, NULL);
		make(arena, procfile.entries[i].command, &rules);
	}
	complaints_release(&complaints);
	arena_free(arena);
	return 0;
}
