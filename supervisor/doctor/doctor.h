/*
 * doctor.h - what could go wrong on this machine, with the fix.
 *
 * A check is a row of checks.def and a judge: a pure function of the facts (facts.h) that gives a
 * verdict, a sentence, and where something should be done the exact line to write or run. Judges
 * are tested with facts made up; the facts are found by reading only.
 *
 * A new check: a row in checks.def, what it has to know in facts.h and facts.c, its judge in a
 * check_*.c.
 */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include "base/text.h"
#include "doctor/facts.h"

#define VERDICTS(X)                                                                                \
	X(VERDICT_OK, "ok")                                                                        \
	X(VERDICT_WARNING, "warning") /* works, and may fail one day */                            \
	X(VERDICT_PROBLEM, "problem") /* fails, or is failing */
#define X(name, word) name,
enum verdict { VERDICTS(X) };
#undef X
const char *verdict_word(enum verdict verdict);

struct finding {
	enum verdict verdict;
	struct text text; /* owns; a sentence without a full stop */
	struct text fix; /* owns; empty where nothing is to be done */
};
void finding_release(struct finding *finding);

struct check {
	const char *name;
	const char *what;
	/* The finding comes empty, with VERDICT_OK. */
	void (*judge)(const struct facts *facts, struct finding *finding);
};
extern const struct check checks[];
extern const size_t check_count;

#define CHECK(id, name, what) void judge_##id(const struct facts *facts, struct finding *finding);
#include "doctor/checks.def"
#undef CHECK

#endif
