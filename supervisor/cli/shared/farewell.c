#include "cli/shared/farewell.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/terminal.h"
#include "base/text.h"
#include "cli/out.h"

static char sentence[512];
static bool on_terminal;

/* SA_RESETHAND: it dies of the second one. Only write(2) is safe here (signal-safety(7)). */
static void on_signal(int number)
{
	/* A terminal shows ^C: the sentence starts on a line of its own. */
	if (number == SIGINT && on_terminal)
		(void)!write(STDERR_FILENO, "\n", 1);
	(void)!write(STDERR_FILENO, sentence, strlen(sentence));
	raise(number);
}

/* What is ignored (a job in the background, nohup) stays so. */
static void handle(void (*handler)(int))
{
	static const int signals[] = {SIGINT, SIGTERM};
	struct sigaction action = {.sa_handler = handler, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
	struct sigaction now;
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		if (!sigaction(signals[i], NULL, &now) && now.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}

void farewell(const struct context *context, const char *format, ...)
{
	OWNED_TEXT text = {0};
	OWNED_TEXT safe = {0};
	va_list args;
	if (context->quiet)
		return;
	va_start(args, format);
	text_vaddf(&text, format, args);
	va_end(args);
	terminal_add_strict(&safe, text_string(&text), text.length);
	on_terminal = err_is_terminal();
	snprintf(sentence, sizeof sentence, "stackup: no longer waiting; %.400s\n", text_string(&safe));
	handle(on_signal);
}

void farewell_over(void)
{
	handle(SIG_DFL);
}
