#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/service_names.h"
#include "cli/shared/tail_options.h"
#include "cli/shared/waiting.h"
#include "cli/verbs/verb.h"
#include "logs/reader.h"
#include "logs/show.h"

enum { OUTPUT_CHUNK = 64 * 1024 };

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

/* Another supervisor goes on with the run; its pidfd, or -1: nobody does. */
static int next_supervisor(const struct target *t)
{
	struct control_client client = {.fd = -1};
	const struct run_place run = target_run(t, true);
	struct error ignored;
	pid_t pid = 0;
	int next = successor_connect(&client, &run, &pid, &ignored);
	client_close(&client);
	return next > 0 ? process_open(pid) : -1;
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
		if (fds[2].revents)
			break;
		if (fds[1].revents) {
			close(supervisor);
			supervisor = next_supervisor(t);
		}
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
	const struct target *t, const struct service_names *known,
	const struct service_names *chosen,
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
	const struct service_names *shown = chosen->list.count ? chosen : known;
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

static void say_nothing(const struct context *context, const struct target *target)
{
	if (!context->quiet)
		say("nothing is logged of %s yet", target_name(target));
}

int verb_logs(struct context *context, struct error *e)
{
	struct target target;
	struct service_names known = {0};
	struct service_names chosen = {0};
	struct tail_options options;
	if (tail_options(context, &options, e) < 0)
		return -1;
	int result = context_target(context, &target, e);
	if (result == 0) {
		service_names_of_logs(&known, &target);
		if (!known.list.count && !options.follow)
			say_nothing(context, &target);
		if (context->line.word_count)
			service_names_of_supervisor(&known, &target);
		result = service_names_choose(context, &known, &chosen, e);
	}
	if (result == 0)
		result = read_logs(context, &options, &target, &known, &chosen, e);
	service_names_release(&known);
	service_names_release(&chosen);
	target_release(&target);
	return result;
}
