#include "plan/graph_show.h"

#include <string.h>

/* ---- indented text, depth first without recursion ---- */

struct shower {
	const struct stack *stack;
	const struct graph *g;
	struct text *out;
	struct text indent; /* owns; what stands before the lines of the current depth */
	bool *shown;
	int *path;
	size_t *next; /* parallel to path: the next dependency */
	size_t length;
};

static const struct dependency *dependency_at(const struct shower *s, int service, size_t index)
{
	const struct service *from = &s->stack->services[service];
	return index < from->dependency_count ? &from->dependencies[index] : NULL;
}

static void enter(struct shower *s, int service)
{
	s->shown[service] = true;
	s->path[s->length] = service;
	s->next[s->length++] = 0;
}

static void show_dependency(struct shower *s, const struct dependency *dependency, bool last)
{
	const struct service *to = &s->stack->services[dependency->service];
	bool again = s->shown[dependency->service] && to->dependency_count;
	text_addf(s->out, "%s%s %s (%s)%s%s\n", text_string(&s->indent), last ? "└─" : "├─",
		to->name, condition_word(dependency->condition),
		dependency->optional ? " optional" : "", again ? " (above)" : "");
	if (again || !to->dependency_count) {
		s->shown[dependency->service] = true;
		return;
	}
	text_add(&s->indent, last ? "   " : "│  ");
	enter(s, dependency->service);
}

/* "   " or "│  ", whose line is three bytes long. */
static void leave(struct shower *s)
{
	size_t length = s->indent.length;
	if (--s->length == 0)
		return;
	bool blank = length >= 3 && s->indent.data[length - 3] == ' ';
	text_cut(&s->indent, length - (blank ? 3 : strlen("│  ")));
}

static void show_tree(struct shower *s, int root)
{
	text_addf(s->out, "%s\n", s->stack->services[root].name);
	enter(s, root);
	while (s->length) {
		int here = s->path[s->length - 1];
		size_t index = s->next[s->length - 1]++;
		const struct dependency *dependency = dependency_at(s, here, index);
		if (!dependency)
			leave(s);
		else
			show_dependency(s, dependency, !dependency_at(s, here, index + 1));
	}
}

static void show_text(
	const struct stack *stack, const struct graph *g, struct arena *scratch, struct text *out)
{
	size_t count = (size_t)g->count + 1;
	struct shower s = {.stack = stack,
		.g = g,
		.out = out,
		.shown = arena_take(scratch, count),
		.path = arena_take(scratch, count * sizeof(int)),
		.next = arena_take(scratch, count * sizeof(size_t))};
	for (int i = 0; i < g->count; i++)
		if (!graph_dependents(g, i).count)
			show_tree(&s, i);
	text_release(&s.indent);
}

/* ---- Graphviz and Mermaid ---- */

/* Service names are [A-Za-z0-9_-]: safe inside double quotes in both. */
static void show_dot(const struct stack *stack, struct text *out)
{
	text_add(out, "digraph stack {\n\trankdir=LR;\n");
	for (int i = 0; i < stack->service_count; i++)
		text_addf(out, "\t\"%s\"%s;\n", stack->services[i].name,
			stack->services[i].policy.type == TYPE_TASK ? " [shape=box]" : "");
	for (int i = 0; i < stack->service_count; i++)
		for (size_t d = 0; d < stack->services[i].dependency_count; d++) {
			const struct dependency *dependency = &stack->services[i].dependencies[d];
			text_addf(out, "\t\"%s\" -> \"%s\" [label=\"%s\"%s];\n",
				stack->services[i].name, stack->services[dependency->service].name,
				condition_word(dependency->condition),
				dependency->optional ? ", style=dashed" : "");
		}
	text_add(out, "}\n");
}

/* Names of services can be words of Mermaid ("end"), so nodes are numbers with a name as label. */
static void show_mermaid(const struct stack *stack, struct text *out)
{
	text_add(out, "graph LR\n");
	for (int i = 0; i < stack->service_count; i++) {
		bool task = stack->services[i].policy.type == TYPE_TASK;
		text_addf(out, "    s%d%s\"%s\"%s\n", i, task ? "[" : "(", stack->services[i].name,
			task ? "]" : ")");
	}
	for (int i = 0; i < stack->service_count; i++)
		for (size_t d = 0; d < stack->services[i].dependency_count; d++) {
			const struct dependency *dependency = &stack->services[i].dependencies[d];
			text_addf(out, "    s%d %s|%s| s%d\n", i,
				dependency->optional ? "-.->" : "-->",
				condition_word(dependency->condition), dependency->service);
		}
}

void graph_show(const struct stack *stack, const struct graph *g, struct arena *scratch,
	enum graph_format format, struct text *out)
{
	switch (format) {
	case GRAPH_TEXT:
		show_text(stack, g, scratch, out);
		break;
	case GRAPH_DOT:
		show_dot(stack, out);
		break;
	case GRAPH_MERMAID:
		show_mermaid(stack, out);
		break;
	}
}
