/* A walk as text: one line a thing, and of that what is not as simple as can be. */
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "fields.h"

#define X(field, word, simplest) {word, simplest},
static const struct field policy_rows[] = {POLICY_FIELDS(X)};
static const struct field need_rows[] = {NEED_FIELDS(X)};
static const struct field script_rows[] = {SCRIPT_FIELDS(X)};
static const struct field move_rows[] = {MOVE_FIELDS(X)};
#undef X
#define FIELDS(rows) {rows, sizeof(rows) / sizeof *(rows)}
const struct fields policy_fields = FIELDS(policy_rows);
const struct fields need_fields = FIELDS(need_rows);
const struct fields script_fields = FIELDS(script_rows);
const struct fields move_fields = FIELDS(move_rows);

static const char *const deeds[] = {
#define X(name, word) [name] = word,
	DEEDS(X)
#undef X
};
enum { DEED_COUNT = sizeof deeds / sizeof *deeds };

static int differing(const struct fields *fields, const int64_t *values)
{
	int count = 0;
	for (size_t i = 0; i < fields->count; i++)
		count += values[i] != fields->rows[i].simplest;
	return count;
}

static void write_fields(FILE *out, const struct fields *fields, const int64_t *values)
{
	for (size_t i = 0; i < fields->count; i++) {
		if (values[i] == fields->rows[i].simplest)
			continue;
		if (!strcmp(fields->rows[i].word, "do"))
			fprintf(out, " do=%s", deeds[values[i]]);
		else
			fprintf(out, " %s=%lld", fields->rows[i].word, (long long)values[i]);
	}
	fputc('\n', out);
}

static void write_service(FILE *out, const struct walk_service *s)
{
	fputs("service", out);
	write_fields(out, &policy_fields, (const int64_t *)&s->policy);
	for (int i = 0; i < WALK_NEEDS; i++)
		if (differing(&need_fields, (const int64_t *)&s->needs[i])) {
			fprintf(out, "  need %d", i);
			write_fields(out, &need_fields, (const int64_t *)&s->needs[i]);
		}
	for (int i = 0; i < WALK_SCRIPTS; i++)
		if (differing(&script_fields, (const int64_t *)&s->scripts[i])) {
			fprintf(out, "  start %d", i);
			write_fields(out, &script_fields, (const int64_t *)&s->scripts[i]);
		}
}

void walk_write(const struct walk *walk, FILE *out)
{
	fprintf(out, "walk %lld luck %lld\n", (long long)walk->seed, (long long)walk->luck);
	for (int i = 0; i < walk->services; i++)
		write_service(out, &walk->service[i]);
	for (int i = 0; i < walk->moves; i++) {
		fputs("move", out);
		write_fields(out, &move_fields, (const int64_t *)&walk->move[i]);
	}
}

/* ---- and back ---- */

static void set_simplest(const struct fields *fields, int64_t *values)
{
	for (size_t i = 0; i < fields->count; i++)
		values[i] = fields->rows[i].simplest;
}

static int64_t value_of(const char *word, const char *text)
{
	for (int deed = 0; deed < DEED_COUNT; deed++)
		if (!strcmp(word, "do") && !strcmp(text, deeds[deed]))
			return deed;
	return strtoll(text, NULL, 10);
}

static bool read_fields(char *line, const struct fields *fields, int64_t *values)
{
	char *rest = line;
	set_simplest(fields, values);
	for (char *item; (item = strsep(&rest, " \n"));) {
		char *text = strchr(item, '=');
		size_t i = 0;
		if (!*item)
			continue;
		if (!text)
			return false;
		*text++ = '\0';
		while (i < fields->count && strcmp(fields->rows[i].word, item))
			i++;
		if (i == fields->count)
			return false;
		values[i] = value_of(item, text);
	}
	return true;
}

static bool read_service(struct walk *walk, char *rest)
{
	if (walk->services == WALK_SERVICES - 1)
		return false;
	struct walk_service *s = &walk->service[walk->services++];
	for (int i = 0; i < WALK_NEEDS; i++)
		set_simplest(&need_fields, (int64_t *)&s->needs[i]);
	for (int i = 0; i < WALK_SCRIPTS; i++)
		set_simplest(&script_fields, (int64_t *)&s->scripts[i]);
	return read_fields(rest, &policy_fields, (int64_t *)&s->policy);
}

static bool read_line(struct walk *walk, char *line)
{
	static const char *const heads[] = {"service", "  need ", "  start ", "move"};
	int kind = 0;
	if (line[0] == '\n')
		return true;
	while (kind < 4 && strncmp(line, heads[kind], strlen(heads[kind])))
		kind++;
	if (kind == 4 || (kind != 0 && !walk->services))
		return false;
	char *rest = line + strlen(heads[kind]);
	struct walk_service *last = &walk->service[walk->services ? walk->services - 1 : 0];
	if (kind == 0)
		return read_service(walk, rest);
	if (kind == 3)
		return walk->moves < WALK_MOVES
			&& read_fields(rest, &move_fields, (int64_t *)&walk->move[walk->moves++]);
	int at = *rest++ - '0';
	if (at < 0 || at >= (kind == 1 ? WALK_NEEDS : WALK_SCRIPTS))
		return false;
	return kind == 1 ? read_fields(rest, &need_fields, (int64_t *)&last->needs[at])
			 : read_fields(rest, &script_fields, (int64_t *)&last->scripts[at]);
}

bool walk_read(struct walk *walk, FILE *in)
{
	char line[2048];
	long long seed;
	long long luck;
	*walk = (struct walk){0};
	if (!fgets(line, sizeof line, in) || sscanf(line, "walk %lld luck %lld", &seed, &luck) != 2)
		return false;
	walk->seed = seed;
	walk->luck = luck;
	while (fgets(line, sizeof line, in))
		if (!read_line(walk, line))
			return false;
	return walk->services > 0;
}
