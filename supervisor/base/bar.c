#include "base/bar.h"

enum { EIGHTHS = 8 };

void bar_add(struct text *out, int64_t value, int64_t most, int width, bool utf8)
{
	static const char *const parts[EIGHTHS] = {
		"", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589"};
	if (most <= 0 || value <= 0 || width <= 0)
		return;
	int64_t steps = utf8 ? EIGHTHS : 1;
	int64_t length = (value < most ? value : most) * width * steps / most;
	length = length ? length : 1;
	for (int64_t i = 0; i < length / steps; i++)
		text_add(out, utf8 ? "\u2588" : "#");
	text_add(out, parts[length % steps]);
}
