#include "cli/shared/service_names.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/context.h"
#include "cli/shared/event_tail.h"

static void add(struct service_names *names, const char *name, size_t length)
{
	for (size_t i = 0; i < names->list.count; i++)
		if (strlen(names->list.items[i]) == length &&
			strncmp(names->list.items[i], name, length) == 0)
			return;
	char *copy = strndup(name, length);
	if (copy && !list_push(&names->list, copy))
		free(copy);
}

void service_names_release(struct service_names *names)
{
	for (size_t i = 0; i < names->list.count; i++)
		free(names->list.items[i]);
	list_release(&names->list);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The index files tell. */
void service_names_of_logs(struct service_names *names, const struct target *target)
{
	DIR *dir = opendir(target->log_dir);
	const struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		const char *end = strstr(entry->d_name, ".idx");
		if (end && !end[4])
			add(names, entry->d_name, (size_t)(end - entry->d_name));
	}
	if (dir)
		closedir(dir);
	/* Colours go by order: the order of a directory is none. */
	if (names->list.count)
		qsort(names->list.items, names->list.count, sizeof *names->list.items, by_text);
}

void service_names_of_events(struct service_names *names, const struct target *target)
{
	struct error ignored;
	struct event_tail *tail = event_tail_open(target->events, false, &ignored);
	json_t *event;
	while (tail && event_tail_next(tail, &event)) {
		const char *name = event_string(event, "service");
		if (name[0])
			add(names, name, strlen(name));
		json_decref(event);
	}
	event_tail_free(tail);
}

void service_names_of_supervisor(struct service_names *names, const struct target *target)
{
	json_t *reply = NULL;
	struct error ignored;
	if (!target->alive ||
		target_ask(target, json_pack("{s:s}", "verb", "status"), &reply, &ignored) < 0)
		return;
	size_t index;
	json_t *service;
	json_array_foreach(
		json_object_get(json_object_get(reply, "instance"), "services"), index, service)
	{
		const char *name = event_string(service, "name");
		add(names, name, strlen(name));
	}
	json_decref(reply);
}

static int choose_one(const struct service_names *known, const char *word,
	struct service_names *chosen, struct error *e)
{
	struct nearest near = {.wanted = word};
	bool found = false;
	for (size_t i = 0; i < known->list.count; i++) {
		const char *name = known->list.items[i];
		nearest_offer(&near, name);
		if (fnmatch(word, name, 0) != 0)
			continue;
		add(chosen, name, strlen(name));
		found = true;
	}
	if (found)
		return 0;
	fail(e, EXIT_NOT_FOUND, "there is no service '%s'", word);
	nearest_hint(&near, e);
	return -1;
}

int service_names_choose(const struct context *context, const struct service_names *known,
	struct service_names *chosen, struct error *e)
{
	for (size_t i = 0; i < context->line.word_count; i++)
		if (choose_one(known, context->line.words[i], chosen, e) < 0)
			return -1;
	return 0;
}

bool service_names_have(const struct service_names *names, const char *name)
{
	for (size_t i = 0; i < names->list.count; i++)
		if (strcmp(names->list.items[i], name) == 0)
			return true;
	return false;
}
