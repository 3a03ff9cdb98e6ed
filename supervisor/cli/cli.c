#include "cli/cli.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/context.h"
#include "cli/help.h"
#include "cli/out.h"
#include "cli/verbs/verb.h"
#include "daemon/daemon.h"
#include "ledger/apply.h"
#include "spawn/guardian.h"

/* A descriptor 0, 1 or 2 that is closed would be given to the next file that is opened. */
static void fill_standard_descriptors(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd >= 0)
		close(fd);
}

static int finish(struct context *context, int code, const struct error *e)
{
	if (code < 0) {
		say_error(e, context->json, json_incref(context->error_extra));
		code = e->code ? e->code : EXIT_FAILED;
	}
	context_release(context);
	return code;
}

static int one_too_many(const struct command_line *line, struct error *e)
{
	fail(e, EXIT_USAGE, "`%s` takes no argument, not '%s'", line->command->name, line->words[0]);
	error_hint(e, "`stackup help %s` tells what it takes", line->command->name);
	return -1;
}

/* Parsing ended at a mistake; what comes after it was not looked at. */
static bool mentions_json(char **argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++)
		if (strcmp(*argv, "--json") == 0)
			return true;
	return false;
}

/* A word that is no subcommand does not keep the help of its verb away. */
static int print_help(const struct command_line *line)
{
	struct error ignored;
	if (line->word_count && !help_print_subcommand(line->command, line->words[0], &ignored))
		return EXIT_DONE;
	return help_print(line->command);
}

static int run(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	if (option_given(line, OPTION_VERSION))
		return verb_version(context, e);
	if (option_given(line, OPTION_HELP))
		return print_help(line);
	if (!line->command) {
		fail(e, EXIT_USAGE, "there is no verb");
		error_hint(e, "`stackup up` starts the stack of this directory, `stackup help` lists "
			"the verbs");
		return -1;
	}
	if (line->command->words == NO_WORDS && line->word_count)
		return one_too_many(line, e);
	if (context_init(context, e) < 0)
		return -1;
	return line->command->run(context, e);
}

static void tell_behind(const struct export_row *row, const struct error *e)
{
	say("%s does not show the last change of the registry: %s; the next change tries again",
		row->path, e->text);
}

int cli_main(int argc, char **argv)
{
	static const struct export_writer followers = {.write = ledger_keep, .failed = tell_behind};
	struct context context = {0};
	struct error e = {0};
	fill_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	registry_notices_to(say_lines);
	exports_written_by(&followers);
	if (argc == 2 && !strcmp(argv[1], GUARDIAN_RESUME))
		daemon_resume();
	int code = command_line_parse(argc, argv, &context.line, &e);
	context.json = option_given(&context.line, OPTION_JSON) || (code < 0 && mentions_json(argv));
	if (code == 0)
		code = run(&context, &e);
	return finish(&context, code, &e);
}
