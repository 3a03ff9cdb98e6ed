/*
 * judge_parts.h - one judging, over its files. Private to this room.
 */
#ifndef LEDGER_JUDGE_PARTS_H
#define LEDGER_JUDGE_PARTS_H

#include "base/lookup.h"
#include "ledger/judge.h"

struct judging {
	const struct ledger_reading *reading;
	const struct ledger_facts *facts;
	struct arena *arena;
	struct ledger *document;
	struct lookup registered; /* project's name -> place in facts->now->projects */
	struct lookup places; /* key of (path, stack name) -> the same */
	struct lookup
		named; /* project's name -> place in document->projects, of those that count */
	struct lookup instances; /* key of (project, number) -> place in facts->now->instances */
};

/* The row contradicts something: an error with its line. */
void contradict(struct judging *j, int line, enum ledger_fate *fate, const char *key,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
void remark(struct judging *j, int line, const char *key, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
const char *instance_key(struct judging *j, const char *project, int number);
/* NULL: nobody of that name. */
const struct ledger_project *project_registered(const struct judging *j, const char *name);

void judge_projects(struct judging *j);
/* After the projects. */
void judge_instances(struct judging *j);

#endif
