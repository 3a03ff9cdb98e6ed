/*
 * graph_show.h - the dependencies for people: indented text, Graphviz, Mermaid.
 *
 * Text shows every service under what needs it, what nothing needs at the left; what was shown in
 * full before is marked "(above)", so the text is linear in the number of dependencies:
 *
 *	frontend
 *	└─ api (ready)
 *	   ├─ db (ready)
 *	   └─ migrate (completed)
 *	      └─ db (ready) (above)
 */
#ifndef PLAN_GRAPH_SHOW_H
#define PLAN_GRAPH_SHOW_H

#include "base/text.h"
#include "plan/graph.h"

enum graph_format { GRAPH_TEXT, GRAPH_DOT, GRAPH_MERMAID };

void graph_show(const struct stack *stack, const struct graph *g, struct arena *scratch,
	enum graph_format format, struct text *out);

#endif
