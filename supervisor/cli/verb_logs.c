#include <dirent.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/nearest.h"
#include "cli/context.h"
#include "cli/event_tail.h"
#include "cli/out.h"
#include "cli/tail_options.h"
#include "cli/verb.h"
#include "cli/waiting.h"
#include "logs/reader.h"
#include "logs/show.h"

enum { OUTPUT_CHUNK = 64 * 1024 };

struct names {
	LIST(char *) list; /* owns */
};

static void add_name(struct names *names, const char *name, size_t length)
{
	for (size_t i = 0; i < names->list.count; i++)
		if (strlen(names->list.items[i]) == length &&
			strncmp(names->list.items[i], name, length) == 0)
			return;
	char *copy = strndup(name, length);
	if (copy && !list_push(&names->list, copy))
		free(copy);
}

static void release_names(struct names *names)
{
	for (size_t i = 0; i < names->list.count; i++)
		free(names->list.items[i]);
	list_release(&names->list);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Who has printed: the index files tell. */
static void names_of_files(const struct target *t, struct names *names)
{
	DIR *dir = opendir(t->log_dir);
	const struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		const char *end = strstr(entry->d_name, ".idx");
		if (end && !end[4])
			add_name(names, entry->d_name, (size_t)(end - entry->d_name));
	}
	if (dir)
		closedir(dir);
	/* Colours go by order: the order of a directory is none. */
	if (names->list.count)
		qsort(names->list.items, names->list.count, sizeof *names->list.items, by_text);
}

/* Who may print: the supervisor knows its services. */
static void names_of_supervisor(const struct target *t, struct names *names)
{
	json_t *reply = NULL;
	struct error ignored;
	if (!t->alive || target_ask(t, json_pack("{s:s}", "verb", "status"), &reply, &ignored) < 0)
		return;
	size_t index;
	json_t *service;
	json_array_foreach(
		json_object_get(json_object_get(reply, "instance"), "services"), index, service)
	{
		const char *name = event_string(service, "name");
		add_name(names, name, strlen(name));
	}
	json_decref(reply);
}

/* The services that the words mean; wildcards as in `start`. */
static int choose(const struct context *context, const struct names *known, struct names *chosen,
	struct error *e)
{
	for (size_t w = 0; w < context->line.word_count; w++) {
		const char *word = context->line.words[w];
		struct nearest near = {.wanted = word};
		bool found = false;
		for (size_t i = 0; i < known->list.count; i++) {
			const char *name = known->list.items[i];
			nearest_offer(&near, name);
			if (fnmatch(word, name, 0) != 0)
				continue;
			add_name(chosen, name, strlen(name));
			found = true;
		}
		if (found)
			continue;
		fail(e, EXIT_NOT_FOUND, "there is no service '%s'", word);
		if (near.best)
			error_hint(e, "did you mean '%s'?", near.best);
		return -1;
	}
	return 0;
}

/* Everything there is now, in pieces. */
static void show_all(struct log_reader *reader, struct log_show *show)
{
	OWNED_TEXT out = {0};
	struct log_line line;
	while (log_reader_next(reader, &line)) {
		log_show_add(show, &line, &out);
		if (out.length < OUTPUT_CHUNK)
			continue;
		out_text(&out);
		text_clear(&out);
	}
	if (out.length)
		out_text(&out);
}

/* Until the supervisor has ended; then what is unfinished in the files is all there will be. */
static void follow(const struct target *t, struct log_reader *reader, struct log_show *show)
{
	int supervisor = process_open(t->supervisor);
	int guardian = process_open(t->guardian);
	while (supervisor >= 0) {
		struct pollfd fds[] = {{.fd = log_reader_fd(reader), .events = POLLIN},
			{.fd = supervisor, .events = POLLIN},
			{.fd = STDOUT_FILENO, .events = 0}};
		poll(fds, 3, log_reader_wait_ms(reader));
		show_all(reader, show);
		if (fds[1].revents || fds[2].revents)
			break;
	}
	process_ended(guardian, 5000);
	log_reader_finish(reader);
	show_all(reader, show);
	if (supervisor >= 0)
		close(supervisor);
	if (guardian >= 0)
		close(guardian);
}

static int read_logs(const struct context *context, const struct tail_options *options,
	const struct target *t, const struct names *known, const struct names *chosen,
	struct error *e)
{
	struct log_show show;
	const struct command_line *line = &context->line;
	struct log_show_options how = {.colour = context->colour,
		.json = context->json,
		.timestamps = option_given(line, OPTION_TIMESTAMPS),
		.no_prefix = option_given(line, OPTION_NO_PREFIX),
		.grep = option_value(line, OPTION_GREP)};
	if (log_show_init(&show, &how, e) < 0)
		return -1;
	const struct names *shown = chosen->list.count ? chosen : known;
	for (size_t i = 0; i < shown->list.count; i++)
		log_show_name(&show, shown->list.items[i]);
	bool live = options->follow && t->alive;
	struct log_reader_options what = {.directory = t->log_dir,
		.services = chosen->list.count ? (const char *const *)chosen->list.items : NULL,
		.service_count = chosen->list.count,
		.tail = options->tail,
		.since_ms = options->since_ms,
		.follow = live,
		.wanted = how.grep ? log_show_wanted : NULL,
		.wanted_self = &show};
	struct log_reader *reader = log_reader_open(&what, e);
	if (reader)
		show_all(reader, &show);
	if (reader && live)
		follow(t, reader, &show);
	int result = reader ? EXIT_DONE : -1;
	log_reader_free(reader);
	log_show_release(&show);
	return result;
}

int verb_logs(struct context *context, struct error *e)
{
	struct target target;
	struct names known = {0};
	struct names chosen = {0};
	struct tail_options options;
	if (tail_options(context, &options, e) < 0)
		return -1;
	int result = context_target(context, &target, e);
	if (result == 0) {
		names_of_files(&target, &known);
		if (context->line.word_count)
			names_of_supervisor(&target, &known);
		result = choose(context, &known, &chosen, e);
	}
	if (result == 0)
		result = read_logs(context, &options, &target, &known, &chosen, e);
	release_names(&known);
	release_names(&chosen);
	target_release(&target);
	return result;
}
