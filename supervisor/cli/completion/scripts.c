#include "cli/completion/scripts.h"

#include "cli/completion/verbs.h"
#include "cli/out.h"

static int print(const struct embedded *script)
{
	out_bytes(script->bytes, script->length);
	return EXIT_DONE;
}

int verb_completion_bash(struct context *context, struct error *e)
{
	(void)context, (void)e;
	return print(&completion_bash);
}

int verb_completion_zsh(struct context *context, struct error *e)
{
	(void)context, (void)e;
	return print(&completion_zsh);
}

int verb_completion_fish(struct context *context, struct error *e)
{
	(void)context, (void)e;
	return print(&completion_fish);
}
