#include "stackfile/shell_text.h"

#include <stdbool.h>
#include <string.h>

#include "stackfile/shell_filler.h"

static int push(struct filler *f, enum place place)
{
	if (f->depth == FRAMES_MOST)
		return fail(f->e, EXIT_BAD_FILE,
			"the command nests more than %d quotes and brackets", FRAMES_MOST);
	bool inside_quotes = filler_top(f)->place == PLACE_DOUBLE ||
		(filler_top(f)->place == PLACE_PARAMETER && filler_top(f)->quoted);
	filler_top(f)->word_start = false;
	f->frames[f->depth++] = (struct frame){.place = place,
		.quoted = inside_quotes && (place == PLACE_PARAMETER || place == PLACE_DOUBLE),
		.word_start = true,
		.command_start = true};
	return 0;
}

static void pop(struct filler *f)
{
	if (f->depth > 1)
		f->depth--;
}

/* `for NAME`, `read NAME` or NAME= in the text: then $NAME is the shell's own variable. */
static bool shell_sets(const struct filler *f, const char *name, size_t length)
{
	for (const char *at = f->text; (at = strstr(at, name)); at += length) {
		bool whole = (at == f->text || !filler_is_name_part(at[-1])) &&
			!filler_is_name_part(at[length]);
		bool dollar = at > f->text && (at[-1] == '$' || at[-1] == '{');
		if (whole && !dollar && (at[length] == '=' || (at > f->text && at[-1] == ' ')))
			return true;
	}
	return false;
}

static void warn_of_ours(struct filler *f)
{
	size_t length = 0;
	while (filler_is_name_part(f->at[length]))
		length++;
	OWNED_TEXT name = {0};
	const char *value;
	text_add_bytes(&name, f->at, length);
	if (!f->rules->warn || f->at[0] < 'a' || f->at[0] > 'z' || !text_ok(&name))
		return;
	if (f->rules->find(f->rules->self, text_string(&name), &value) != FOUND_UNKNOWN &&
		!shell_sets(f, text_string(&name), length))
		f->rules->warn(f->rules->self, WARN_LEFT_TO_SHELL, text_string(&name));
}

/* At a $ that begins no reference of ours. $$ is one $. */
static int step_dollar(struct filler *f)
{
	enum place place = filler_top(f)->place;
	bool quotes = place == PLACE_DOUBLE || (place == PLACE_PARAMETER && filler_top(f)->quoted);
	text_add_char(f->out, '$');
	f->at += f->at[1] == '$' ? 2 : 1;
	filler_top(f)->word_start = filler_top(f)->command_start = false;
	if (*f->at == '{') {
		filler_copy(f, 1);
		return push(f, PLACE_PARAMETER);
	}
	if (f->at[0] == '(' && f->at[1] == '(') {
		filler_copy(f, 2);
		if (push(f, PLACE_ARITHMETIC))
			return -1;
		filler_top(f)->parens = 2;
		return 0;
	}
	if (*f->at == '(') {
		filler_copy(f, 1);
		return push(f, PLACE_CODE);
	}
	if (*f->at == '\'' && !quotes && place != PLACE_ARITHMETIC) {
		filler_copy(f, 1);
		return push(f, PLACE_DOLLAR_SINGLE);
	}
	f->lone_dollar = !filler_is_name_part(*f->at) && !strchr("@*#?-!", *f->at);
	warn_of_ours(f);
	return 0;
}

/* A backslash takes the next character with it; $$ counts as the one $ that it stands for. */
static int step_backslash(struct filler *f)
{
	if (interpolate_ours(f->at + 1)) {
		f->at++;
		return filler_refuse(f, "stands behind a backslash",
			"write $${...} for a variable of the shell's, or take the backslash away");
	}
	bool doubled = f->at[1] == '$' && f->at[2] == '$';
	filler_copy(f, f->at[1] ? 2 : 1);
	f->at += doubled;
	filler_top(f)->word_start = filler_top(f)->command_start = false;
	return 0;
}

static int step_backtick(struct filler *f)
{
	bool closes = filler_in_backticks(f);
	filler_copy(f, 1);
	if (!closes)
		return push(f, PLACE_BACKTICK);
	while (filler_top(f)->place != PLACE_BACKTICK)
		pop(f);
	pop(f);
	return 0;
}

static int step_newline(struct filler *f)
{
	filler_copy(f, 1);
	filler_top(f)->word_start = filler_top(f)->command_start = true;
	return filler_bodies(f);
}

static bool is_word(const char *at, size_t length, const char *words)
{
	for (const char *w = words; (w = strchr(w, ' ')) && *++w;)
		if (!strncmp(w, at, length) && w[length] == ' ')
			return true;
	return false;
}

/* At the first character of a plain word. Keywords matter for where a ')' belongs. */
static void step_word(struct filler *f)
{
	struct frame *frame = filler_top(f);
	size_t length = strcspn(f->at, " \t\n;&|<>()$`\"'\\#");
	bool whole = !f->at[length] || strchr(" \t\n;&|<>()", f->at[length]);
	if (whole && frame->command_start && is_word(f->at, length, " case "))
		frame->cases++;
	if (whole && frame->cases && is_word(f->at, length, " esac "))
		frame->cases--;
	frame->command_start = frame->command_start && whole &&
		is_word(f->at, length, " if then elif else while until do ! { ");
	frame->word_start = false;
	filler_copy(f, length ? length : 1);
}

static int step_paren(struct filler *f)
{
	char c = *f->at;
	filler_copy(f, 1);
	if (c == '(') {
		if (push(f, PLACE_CODE))
			return -1;
		f->frames[f->depth - 2].word_start = true;
	} else if (filler_top(f)->cases > 0) {
		filler_top(f)->word_start = filler_top(f)->command_start = true;
	} else {
		pop(f);
	}
	return 0;
}

static int step_code(struct filler *f)
{
	struct frame *frame = filler_top(f);
	switch (*f->at) {
	case ' ':
	case '\t':
		filler_copy(f, 1);
		frame->word_start = true;
		return 0;
	case '\n':
		return step_newline(f);
	case ';':
	case '&':
	case '|':
		filler_copy(f, 1);
		frame->word_start = frame->command_start = true;
		return 0;
	case '(':
	case ')':
		return step_paren(f);
	case '<':
		if (f->at[1] == '<')
			return filler_heredoc(f);
		__attribute__((fallthrough));
	case '>':
		filler_copy(f, 1);
		frame->word_start = true;
		return 0;
	case '\'':
	case '"': {
		bool single = *f->at == '\'';
		filler_copy(f, 1);
		frame->command_start = false;
		return push(f, single ? PLACE_SINGLE : PLACE_DOUBLE);
	}
	case '#':
		if (frame->word_start) {
			filler_copy(
				f, strcspn(f->at, frame->place == PLACE_BACKTICK ? "\n`" : "\n"));
			return 0;
		}
		__attribute__((fallthrough));
	default:
		step_word(f);
		return 0;
	}
}

static int step_parameter(struct filler *f)
{
	char c = *f->at;
	filler_copy(f, 1);
	if (c == '}')
		pop(f);
	else if (c == '"')
		return push(f, PLACE_DOUBLE);
	else if (c == '\'' && !filler_top(f)->quoted)
		return push(f, PLACE_SINGLE);
	return 0;
}

static int step_arithmetic(struct filler *f)
{
	char c = *f->at;
	filler_copy(f, 1);
	filler_top(f)->parens += c == '(' ? 1 : c == ')' ? -1 : 0;
	if (filler_top(f)->parens == 0)
		pop(f);
	return 0;
}

static int step_until(struct filler *f, char end)
{
	char c = *f->at;
	filler_copy(f, 1);
	if (c == end)
		pop(f);
	return 0;
}

/* In '...' and $'...': only the end and $$ mean something. */
static int step_single(struct filler *f)
{
	if (f->at[0] == '$' && f->at[1] == '$')
		f->at++;
	if (filler_top(f)->place == PLACE_DOLLAR_SINGLE && f->at[0] == '\\' && f->at[1])
		filler_copy(f, 1);
	else
		return step_until(f, '\'');
	filler_copy(f, 1);
	return 0;
}

static int step(struct filler *f)
{
	enum place place = filler_top(f)->place;
	f->lone_dollar = false;
	if (place == PLACE_SINGLE || place == PLACE_DOLLAR_SINGLE)
		return step_single(f);
	if (*f->at == '$')
		return step_dollar(f);
	if (*f->at == '\\')
		return step_backslash(f);
	if (*f->at == '`')
		return step_backtick(f);
	switch (place) {
	case PLACE_DOUBLE:
		return step_until(f, '"');
	case PLACE_PARAMETER:
		return step_parameter(f);
	case PLACE_ARITHMETIC:
		return step_arithmetic(f);
	case PLACE_CODE:
	case PLACE_BACKTICK:
	case PLACE_SINGLE:
	case PLACE_DOLLAR_SINGLE:
		break;
	}
	return step_code(f);
}

int shell_text_fill(
	const char *text, const struct interpolation *rules, struct text *out, struct error *e)
{
	struct filler f = {
		.text = text, .at = text, .rules = rules, .out = out, .e = e, .depth = 1};
	f.frames[0] = (struct frame){.word_start = true, .command_start = true};
	size_t most = out->length + INTERPOLATE_SIZE_MOST;
	int result = 0;
	while (!result && *f.at && out->length <= most) {
		size_t ours = interpolate_ours(f.at);
		result = ours ? filler_insert(&f, ours) : step(&f);
	}
	text_release(&f.value);
	if (!result && out->length > most)
		return fail(e, EXIT_BAD_FILE,
			"the command is longer than %d bytes after its references "
			"were filled in",
			INTERPOLATE_SIZE_MOST);
	if (!result && !text_ok(out))
		return fail(e, EXIT_FAILED, "out of memory");
	return result;
}
