#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct text *t, size_t more)
{
	if (t->broken)
		return false;
	if (t->data && t->length + more + 1 <= t->capacity)
		return true;
	size_t capacity = t->capacity ? t->capacity : 32;
	while (capacity < t->length + more + 1)
		capacity *= 2;
	char *data = realloc(t->data, capacity);
	if (!data) {
		t->broken = true;
		return false;
	}
	t->data = data;
	t->capacity = capacity;
	return true;
}

void text_add_bytes(struct text *t, const void *bytes, size_t length)
{
	if (!reserve(t, length))
		return;
	if (length)
		memcpy(t->data + t->length, bytes, length);
	t->length += length;
	t->data[t->length] = '\0';
}

void text_add(struct text *t, const char *string)
{
	text_add_bytes(t, string, strlen(string));
}

void text_add_char(struct text *t, char c)
{
	text_add_bytes(t, &c, 1);
}

void text_vaddf(struct text *t, const char *format, va_list args)
{
	va_list again;
	if (!reserve(t, 0))
		return;
	va_copy(again, args);
	size_t room = t->capacity - t->length;
	int length = vsnprintf(t->data + t->length, room, format, args);
	if (length >= 0 && (size_t)length >= room && reserve(t, (size_t)length))
		vsnprintf(t->data + t->length, (size_t)length + 1, format, again);
	if (length >= 0 && !t->broken)
		t->length += (size_t)length;
	t->data[t->length] = '\0';
	va_end(again);
}

void text_add_number(struct text *t, uint64_t number)
{
	char digits[20];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	text_add_bytes(t, digits + at, sizeof digits - at);
}

void text_addf(struct text *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	text_vaddf(t, format, args);
	va_end(args);
}

char *text_room(struct text *t, size_t most)
{
	return reserve(t, most) ? t->data + t->length : NULL;
}

void text_took(struct text *t, size_t length)
{
	t->length += length;
	t->data[t->length] = '\0';
}

void text_cut(struct text *t, size_t length)
{
	if (length < t->length) {
		t->length = length;
		t->data[length] = '\0';
	}
}

void text_clear(struct text *t)
{
	text_cut(t, 0);
	t->broken = false;
}

void text_consume(struct text *t, size_t length)
{
	if (length >= t->length) {
		text_cut(t, 0);
		return;
	}
	if (!length)
		return;
	memmove(t->data, t->data + length, t->length - length + 1);
	t->length -= length;
}

const char *text_string(const struct text *t)
{
	return t->data ? t->data : "";
}

bool text_ok(const struct text *t)
{
	return !t->broken;
}

char *text_take(struct text *t)
{
	if (!t->data)
		text_add_bytes(t, "", 0);
	if (t->broken) {
		text_release(t);
		return NULL;
	}
	char *data = t->data;
	*t = (struct text){0};
	return data;
}

void text_release(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}
