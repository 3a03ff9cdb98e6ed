/* rooms: base scan */
/*
 * How right and how complete the finders are, measured: tests/data/scan has files, and beside each FILE.labels with
 * a line per value that is to be found, `LINE:COLUMN ROLE VALUE [VARIABLE]`. One that ends in `#` (in a comment, or
 * a mention) may be found or not.
 *
 *	tuned	what the finders were made with
 *	held	labelled before there were finders; 99.3 % and 100 % when they first saw it
 *	fresh	labelled after the finders were made; 98.1 % and 96.2 % when they first saw it
 *
 * SCAN_VERBOSE=1 tells each difference.
 */
#include "base/file.h"
#include "base/text.h"
#include "scan/find.h"
#include "scan/formats.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORMATS_MOST = 64, FILE_MOST = 1 << 20 };

struct score {
	const char *format;
	int files, right, wrong, missed, role_right, variables, variables_right;
};

static struct score scores[FORMATS_MOST];
static size_t score_count;
static const char *corpus;
static bool is_verbose;

struct label {
	int line, column;
	char role[16], value[64], variable[64];
	bool is_free;
	bool is_found;
};

static struct score *score_of(const char *format)
{
	for (size_t i = 0; i < score_count; i++)
		if (!strcmp(scores[i].format, format))
			return &scores[i];
	assert_true(score_count < FORMATS_MOST);
	scores[score_count].format = format;
	return &scores[score_count++];
}

static size_t read_labels(const char *path, struct label *labels, size_t most)
{
	size_t count = 0;
	char line[256], words[3][64];
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof line, file)) {
		struct label *label = &labels[count++];
		assert_true(count < most);
		*label = (struct label){0};
		int got = sscanf(line, "%d:%d %15s %63s %63s", &label->line, &label->column, label->role, words[0], words[1]);
		assert_true(got >= 4);
		snprintf(label->value, sizeof label->value, "%s", words[0]);
		label->is_free = strstr(line, " #") != NULL;
		if (got == 5 && *words[1] != '#')
			snprintf(label->variable, sizeof label->variable, "%s", words[1]);
	}
	fclose(file);
	return count;
}

static struct label *label_at(struct label *labels, size_t count, const struct finding *f)
{
	for (size_t i = 0; i < count; i++)
		if (labels[i].line == f->line && labels[i].column == f->column && !strcmp(labels[i].value, f->value))
			return &labels[i];
	return NULL;
}

static void tell(const char *path, int line, int column, const char *what, const char *value)
{
	if (is_verbose)
		print_message("%s:%d:%d: %s %s\n", path, line, column, what, value);
}

static void judge(struct score *score, const char *path, const struct finding *f, struct label *label)
{
	if (!label || label->is_free) {
		if (!label && !f->in_comment && f->role != ROLE_MENTION) {
			score->wrong++;
			tell(path, f->line, f->column, "is no", f->value);
		}
		return;
	}
	label->is_found = true;
	score->right++;
	bool role = !strcmp(label->role, finding_role_word(f->role));
	score->role_right += role;
	if (!role)
		tell(path, f->line, f->column, finding_role_word(f->role), label->role);
	if (*label->variable) {
		score->variables++;
		score->variables_right += !strcmp(label->variable, f->variable);
		if (strcmp(label->variable, f->variable) != 0)
			tell(path, f->line, f->column, "is not the variable", f->variable);
	}
}

static void measure(const char *path, const char *labels_path)
{
	static struct label labels[512];
	size_t count = read_labels(labels_path, labels, 512);
	struct error e = {0};
	OWNED_TEXT content = {0};
	assert_int_equal(file_read(path, FILE_MOST, &content, &e), 0);
	const char *relative = path + strlen(TEST_DATA) + strlen("/scan/") + strlen(corpus) + 1;
	struct find f = {.bytes = text_string(&content),
		.length = content.length,
		.format = format_of(relative),
		.arena = arena_new()};
	if (!f.format)
		fail_msg("%s is of no format", path);
	find_all(&f);
	struct score *score = score_of(f.format->name);
	score->files++;
	for (size_t i = 0; i < f.count; i++) {
		assert_memory_equal(f.found[i].value, f.bytes + f.found[i].start, f.found[i].end - f.found[i].start);
		judge(score, relative, &f.found[i], label_at(labels, count, &f.found[i]));
	}
	for (size_t i = 0; i < count; i++) {
		if (labels[i].is_found || labels[i].is_free)
			continue;
		score->missed++;
		tell(relative, labels[i].line, labels[i].column, "was missed:", labels[i].value);
	}
	arena_free(f.arena);
}

static int visit(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
	(void)info;
	(void)ftw;
	size_t length = strlen(path), end = strlen(".labels");
	if (type != FTW_F || length <= end || strcmp(path + length - end, ".labels") != 0)
		return 0;
	char *file = strndup(path, length - end);
	measure(file, path);
	free(file);
	return 0;
}

static double percent(int part, int whole)
{
	return whole ? 100.0 * part / whole : 100.0;
}

static void print_score(const struct score *s)
{
	print_message("%-12s %5d files  precision %5.1f %% (%d of %d)  recall %5.1f %% (%d of %d)  roles %5.1f %%  variables %d of %d\n",
		s->format, s->files, percent(s->right, s->right + s->wrong), s->right, s->right + s->wrong,
		percent(s->right, s->right + s->missed), s->right, s->right + s->missed,
		percent(s->role_right, s->right), s->variables_right, s->variables);
}

static void measure_corpus(const char *name, int files)
{
	struct score all = {.format = "all"};
	OWNED_TEXT dir = {0};
	corpus = name;
	is_verbose = getenv("SCAN_VERBOSE") != NULL;
	score_count = 0;
	memset(scores, 0, sizeof scores);
	text_addf(&dir, "%s/scan/%s", TEST_DATA, name);
	assert_int_equal(nftw(text_string(&dir), visit, 16, FTW_PHYS), 0);
	print_message("-- %s\n", name);
	for (size_t i = 0; i < score_count; i++) {
		const struct score *s = &scores[i];
		print_score(s);
		all.files += s->files, all.right += s->right, all.wrong += s->wrong, all.missed += s->missed;
		all.role_right += s->role_right, all.variables += s->variables;
		all.variables_right += s->variables_right;
	}
	print_score(&all);
	assert_true(all.files >= files);
	assert_true(percent(all.right, all.right + all.wrong) >= 97.0);
	assert_true(percent(all.right, all.right + all.missed) >= 95.0);
}

static void what_was_held_back(void **state)
{
	(void)state;
	measure_corpus("held", 35);
}

static void what_the_finders_were_made_with(void **state)
{
	(void)state;
	measure_corpus("tuned", 34);
}

static void what_came_later(void **state)
{
	(void)state;
	measure_corpus("fresh", 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_held_back),
		cmocka_unit_test(what_the_finders_were_made_with),
		cmocka_unit_test(what_came_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
