#include "cli/out.h"
#include "cli/shared/resolved.h"
#include "cli/verbs/verb.h"
#include "plan/graph_show.h"

static json_t *graph_json(const struct stack *stack)
{
	json_t *services = json_array();
	for (int i = 0; i < stack->service_count; i++) {
		const struct service *s = &stack->services[i];
		json_t *needs = json_array();
		for (size_t d = 0; d < s->dependency_count; d++)
			json_array_append_new(needs,
				json_pack("{s:s, s:s, s:b}", "service",
					stack->services[s->dependencies[d].service].name, "condition",
					condition_word(s->dependencies[d].condition), "optional",
					(int)s->dependencies[d].optional));
		json_array_append_new(
			services, json_pack("{s:s, s:o}", "name", s->name, "depends_on", needs));
	}
	return json_pack("{s:i, s:o}", "version", 1, "services", services);
}

int verb_graph(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	struct resolved r;
	enum graph_format format = option_given(line, OPTION_DOT) ? GRAPH_DOT
		: option_given(line, OPTION_MERMAID)		    ? GRAPH_MERMAID
								    : GRAPH_TEXT;
	if (option_given(line, OPTION_DOT) + option_given(line, OPTION_MERMAID) + context->json > 1)
		return fail(e, EXIT_USAGE, "one of --dot, --mermaid and --json, not several");
	int code = resolve_checked(context, &r, e);
	if (code == 0 && context->json) {
		out_json(graph_json(r.stack));
	} else if (code == 0) {
		OWNED_TEXT out = {0};
		graph_show(r.stack, r.graph, r.arena, format, &out);
		out_text(&out);
	}
	resolved_release(&r);
	return code;
}
