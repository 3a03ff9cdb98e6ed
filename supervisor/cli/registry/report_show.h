/*
 * report_show.h - the report for people: sentences, tables, and on a terminal a bar beside each
 * row.
 */
#ifndef CLI_REGISTRY_REPORT_SHOW_H
#define CLI_REGISTRY_REPORT_SHOW_H

#include "cli/registry/truth.h"
#include "upkeep/figures.h"

struct context;

struct report {
	struct truth truth; /* owns */
	struct figures figures; /* in the arena of its facts */
	char since[32]; /* ISO, UTC */
};

void report_show(const struct context *context, const struct report *report);
/* As number_permille(); of nothing -1. */
int report_permille(int64_t part, int64_t whole);

#endif
