#include <string.h>

#include "base/terminal.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/ports/port_facts.h"
#include "cli/shared/event_tail.h"
#include "cli/verbs/verb.h"

static int show(const struct context *context, const json_t *facts, struct error *e)
{
	const char *url = event_string(facts, "url");
	if (!url[0]) {
		fail(e, EXIT_NOT_FOUND, "service '%s' has no URL", context->line.words[0]);
		port_facts_hint(facts, "`protocol = http` or `url = ...`", e);
		return -1;
	}
	if (context->json) {
		out_json(json_pack("{s:i, s:s}", "version", 1, "url", url));
		return EXIT_DONE;
	}
	OWNED_TEXT out = {0};
	terminal_add_strict(&out, url, strlen(url));
	text_add_char(&out, '\n');
	out_text(&out);
	return EXIT_DONE;
}

int verb_url(struct context *context, struct error *e)
{
	if (context->line.word_count != 1)
		return fail(e, EXIT_USAGE, "`url` wants one service");
	json_t *facts = port_facts(context, context->line.words[0], e);
	if (!facts)
		return -1;
	int code = show(context, facts, e);
	json_decref(facts);
	return code;
}
