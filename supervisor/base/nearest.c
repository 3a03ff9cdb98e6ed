#include "base/nearest.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST = 64 };

static const char more[] = ", ...";

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t rows[3][LONGEST + 1];
	size_t *before = rows[0];
	size_t *above = rows[1];
	size_t *row = rows[2];
	for (size_t j = 0; j <= b_length; j++)
		above[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t replace = above[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = least(replace, 1 + least(above[j], row[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		size_t *free_row = before;
		before = above;
		above = row;
		row = free_row;
	}
	return above[b_length];
}

static void list(struct nearest *n, const char *word, size_t length)
{
	size_t room = sizeof n->listed - n->length;
	const char *comma = n->length ? ", " : "";
	n->full |= strlen(comma) + length + sizeof more > room;
	n->length += (size_t)snprintf(n->listed + n->length, room, "%s%s", n->full ? "" : comma,
		n->full ? more : word);
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	size_t a = strlen(n->wanted);
	size_t b = strlen(candidate);
	if (!n->full && b)
		list(n, candidate, b);
	if (a > LONGEST || b > LONGEST || !a || !b)
		return;
	size_t d = distance(n->wanted, a, candidate, b);
	size_t limit = (a > b ? a : b) / 3;
	if (d > (limit ? limit : 1) || (n->best && d >= n->distance))
		return;
	n->best = candidate;
	n->distance = d;
}

void nearest_hint(const struct nearest *n, struct error *e)
{
	if (n->best)
		error_hint(e, "did you mean '%s'?", n->best);
	else if (n->length)
		error_hint(e, strchr(n->listed, ',') ? "there are %s" : "there is only %s", n->listed);
}
