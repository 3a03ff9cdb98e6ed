#include "cli/ports/protects.h"

#include <unistd.h>

#include "stackfile/draft.h"

void protects_release(struct protects *p)
{
	draft_free(p->draft);
	document_free(p->empty);
	source_release(&p->source);
}

int protects_read(struct context *context, struct protects *p, struct error *e)
{
	struct error none = {0};
	struct complaints complaints = {0};
	struct stackfile_request request = {.caller_env = (const char *const *)environ};
	if (context_source(context, &p->source, &none) || !p->source.document)
		p->empty = document_parse("", 0, "none", "/", &complaints);
	request.document = p->source.document ? p->source.document : p->empty;
	p->draft = request.document ? draft_new(&request, &complaints) : NULL;
	complaints_release(&complaints);
	if (!p->draft)
		return fail(e, EXIT_FAILED, "out of memory");
	size_t all;
	p->ports = draft_avoided(p->draft, &all, &p->count);
	return 0;
}
