#include "base/utf8.h"

#include <string.h>

size_t utf8_decode(const char *text, size_t left, uint32_t *point)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *at = (const unsigned char *)text;
	if (!left)
		return 0;
	unsigned char first = at[0];
	size_t length = first < 0x80            ? 1
		: first >= 0xc2 && first < 0xe0 ? 2
		: first >= 0xe0 && first < 0xf0 ? 3
		: first >= 0xf0 && first < 0xf5 ? 4
						: 0;
	if (!length || length > left)
		return 0;
	uint32_t value = length == 1 ? first : first & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (at[i] & 0x3f);
	}
	if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 0;
	*point = value;
	return length;
}

size_t utf8_text_span(const char *bytes, size_t length)
{
	size_t at = 0;
	while (at < length && bytes[at]) {
		uint32_t point;
		size_t step = utf8_decode(bytes + at, length - at, &point);
		if (!step)
			break;
		at += step;
	}
	return at;
}

bool utf8_is_text(const char *string)
{
	size_t length = strlen(string);
	return utf8_text_span(string, length) == length;
}
