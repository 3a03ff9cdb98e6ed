#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/registry/change.h"
#include "cli/registry/verbs.h"
#include "stackfile/user_file.h"

/* By the stack file, as `up` would. */
static int by_file(struct context *context, struct source *source, struct claim_request *request,
	struct error *e)
{
	if (!source->document)
		return context_judge(context, &source->complaints, e);
	const struct section *stack = document_section(source->document, SECTION_STACK, "");
	const struct entry *owner = stack ? section_entry(stack, "owner") : NULL;
	request->main_dir = source->main_dir;
	request->stack_name = source->name;
	request->owner = owner ? owner->value : "";
	request->block = document_block(source->document);
	return 0;
}

/* There is none yet: the project that will be here. */
static int by_place(struct context *context, struct arena *arena, struct claim_request *request,
	struct error *e)
{
	OWNED(char) here = getcwd(NULL, 0);
	const char *named = option_value(&context->line, OPTION_PROJECT);
	struct git_facts git;
	if (!here)
		return fail_errno(e, EXIT_FAILED, "the current directory cannot be read");
	locate_git(arena, here, &git);
	request->main_dir = git.present ? git.main_dir : arena_string(arena, here);
	const char *last = strrchr(request->main_dir, '/');
	request->stack_name = named ? named : last && last[1] ? last + 1 : request->main_dir;
	return 0;
}

static int fill_request(struct context *context, struct source *source,
	struct claim_request *request, struct error *e)
{
	struct error none = {0};
	if (!context_source(context, source, &none))
		return by_file(context, source, request, e);
	if (source->arena && !option_given(&context->line, OPTION_FILE))
		return by_place(context, source->arena, request, e);
	*e = none;
	return -1;
}

int verb_registry_add(struct context *context, struct error *e)
{
	struct source source = {0};
	struct project_changes changes;
	struct claim_request request = {.state = context->paths.state, .owner = "", .block = -1,
		.ports_base = user_file_ports_base((const char *const *)environ), .spans = 1};
	OWNED_TEXT notices = {0};
	int64_t id;
	int result = registry_changes(context, 1, &changes, e);
	if (!result)
		result = fill_request(context, &source, &request, e);
	if (!result)
		result = project_enroll(&request, &changes, &id, &notices, e);
	if (!result && notices.length)
		say_lines(text_string(&notices));
	source_release(&source);
	return result ? -1 : registry_tell(context, id, e);
}
