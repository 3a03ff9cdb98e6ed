#include "cli/cli.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/context.h"
#include "cli/help.h"
#include "cli/out.h"
#include "cli/verb.h"

/* A descriptor 0, 1 or 2 that is closed would be given to the next file that is opened. */
static void fill_standard_descriptors(void)
{
	for (int fd = open("/dev/null", O_RDWR); fd >= 0 && fd <= 2;)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
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

static int run(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	if (option_given(line, OPTION_VERSION) && !line->command)
		return verb_version(context, e);
	if (option_given(line, OPTION_HELP))
		return help_print(line->command);
	if (!line->command) {
		fail(e, EXIT_USAGE, "there is no verb");
		error_hint(e, "`stackup up` starts the stack of this directory, `stackup help` lists "
			"the verbs");
		return -1;
	}
	if (context_init(context, e) < 0)
		return -1;
	return line->command->run(context, e);
}

int cli_main(int argc, char **argv)
{
	struct context context = {0};
	struct error e = {0};
	fill_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	int code = command_line_parse(argc, argv, &context.line, &e);
	context.json = option_given(&context.line, OPTION_JSON);
	if (code == 0)
		code = run(&context, &e);
	return finish(&context, code, &e);
}
