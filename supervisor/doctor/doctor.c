#include "doctor/doctor.h"

#include "base/words.h"

WORDS(verdict_word, verdict, VERDICTS)

const struct check checks[] = {
#define CHECK(id, name, what) {name, what, judge_##id},
#include "doctor/checks.def"
#undef CHECK
};
const size_t check_count = sizeof checks / sizeof checks[0];

void finding_release(struct finding *finding)
{
	text_release(&finding->text);
	text_release(&finding->fix);
}
