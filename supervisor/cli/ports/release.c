#include "cli/ports/reserve.h"
#include "cli/ports/verbs.h"
#include "cli/shared/here.h"
#include "cli/shared/resolved.h"

/* The service need not be in the stack file any more. */
static int of_service(struct context *context, const char *service, struct arena *arena,
	struct reserve_list *list, struct error *e)
{
	struct resolved r;
	int result = resolve(context, &r, e);
	if (!result && !r.source.document)
		result = context_judge(context, &r.source.complaints, e);
	if (!result)
		result = release_service(context->paths.state, &r.claim, service, arena, list, e);
	resolved_release(&r);
	return result;
}

int verb_ports_release(struct context *context, struct error *e)
{
	const char *word = context->line.words[1];
	struct arena *arena = arena_new();
	struct reserve_list list;
	uint16_t port;
	if (!arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int is_port = word_is_port(word, &port, e);
	int result = is_port < 0 ? -1
		: is_port ? release_port(context->paths.state, port, arena, &list, e)
		: of_service(context, word, arena, &list, e);
	if (!result)
		ports_show_reserved(context, &list, "released ");
	arena_free(arena);
	return result;
}
