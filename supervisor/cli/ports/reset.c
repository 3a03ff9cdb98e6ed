#include "base/terminal.h"
#include "claim/reset.h"
#include "cli/ask.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/ports/verbs.h"
#include "cli/shared/here.h"

static json_t *list_json(const struct project *project, const struct reset_list *list)
{
	json_t *all = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(all, json_pack("{s:s, s:s, s:b}", "service",
			list->items[i].service, "what", list->items[i].what, "stays",
			(int)list->items[i].stays));
	return json_pack("{s:i, s:s, s:o}", "version", 1, "project", project->name, "forgotten", all);
}

static void say_list(const struct reset_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		say("service '%s': %s%s", list->items[i].service, list->items[i].what,
			list->items[i].stays ? "; it runs there and stays until it is down" : "");
}

static int forget(struct context *context, const struct project *project, const char *service,
	const struct reset_list *list, struct error *e)
{
	OWNED_TEXT question = {0};
	if (!context->quiet)
		say_list(list);
	text_addf(&question, "forget this about the ports of %s", project->name);
	int answer = ask(context, text_string(&question), e);
	if (answer < 0)
		return -1;
	if (!answer) {
		say("nothing was changed");
		return EXIT_FAILED;
	}
	if (reset_ports(context->paths.state, project->id, service, e))
		return -1;
	if (!context->quiet)
		say("the next start of %s is back at its own ports", project->name);
	return EXIT_DONE;
}

static int reset(struct context *context, struct arena *arena, struct error *e)
{
	const char *service = context->line.words[1] ? context->line.words[1] : "";
	struct project project;
	struct reset_list list;
	int found = project_here(context, arena, &project, e);
	if (!found) {
		fail(e, EXIT_NOT_FOUND, "the registry knows no project of this directory");
		error_hint(e, "go to its directory, or say --project NAME");
	}
	if (found <= 0)
		return -1;
	if (reset_look(context->paths.state, project.id, service, arena, &list, e))
		return -1;
	if (!list.count && service[0] && service_here(context, service, e))
		return -1;
	int code = EXIT_DONE;
	if (list.count > list.staying)
		code = forget(context, &project, service, &list, e);
	else if (!context->quiet)
		say("%s%s%s is at home already: there is nothing to forget%s", project.name,
			service[0] ? " " : "", service,
			list.staying ? ", except moves of what runs, which end with it" : "");
	if (context->json && code == EXIT_DONE)
		out_json(list_json(&project, &list));
	return code;
}

int verb_ports_reset(struct context *context, struct error *e)
{
	struct arena *arena = arena_new();
	int code = arena ? reset(context, arena, e) : fail(e, EXIT_FAILED, "out of memory");
	if (arena)
		arena_free(arena);
	return code;
}
