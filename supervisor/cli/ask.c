#include "cli/ask.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/terminal.h"
#include "cli/context.h"

int ask(const struct context *context, const char *question, struct error *e)
{
	char answer[8] = "";
	OWNED_TEXT safe = {0};
	if (context->yes)
		return 1;
	if (!isatty(STDIN_FILENO)) {
		fail(e, EXIT_USAGE, "there is nobody to ask whether to %s", question);
		error_hint(e, "say --yes");
		return -1;
	}
	terminal_add_strict(&safe, question, strlen(question));
	fprintf(stderr, "stackup: %s? [y/N] ", text_string(&safe));
	return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}
