#include "cli/ports/conflict_ask.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/number.h"
#include "base/own.h"
#include "base/terminal.h"
#include "cli/context.h"
#include "cli/out.h"

void conflict_answers_init(struct conflict_answers *answers)
{
	*answers = (struct conflict_answers){.arena = arena_new()};
}

void conflict_answers_release(struct conflict_answers *answers)
{
	arena_free(answers->arena);
	*answers = (struct conflict_answers){0};
}

bool conflict_can_ask(const struct context *context)
{
	return !context->json && !context->yes && isatty(STDIN_FILENO) && err_is_terminal();
}

/* ---- the menu ---- */

enum answer { ANSWER_STOP, ANSWER_MOVE, ANSWER_EDIT, ANSWER_GIVE_UP };

static bool is_offered(const struct claim_question *q, const char *file, enum answer answer)
{
	switch (answer) {
	case ANSWER_STOP:
		return q->can_stop;
	case ANSWER_MOVE:
		return q->can_move;
	case ANSWER_EDIT:
		return strcmp(file, "-") != 0;
	case ANSWER_GIVE_UP:
		return true;
	}
	return false;
}

static const char letters[] = "speg";
/* Who types 2 means the second line, and not a port that belongs to the system. */
enum { PORT_LEAST = 1024 };

static void show_menu(const struct claim_question *q, const char *file)
{
	say("%s", q->text);
	if (is_offered(q, file, ANSWER_STOP))
		fprintf(stderr, "  s  stop it\n");
	if (is_offered(q, file, ANSWER_MOVE) && q->move_to)
		fprintf(stderr, "  p  use port %u, or type another one from %d up\n", q->move_to,
			PORT_LEAST);
	else if (is_offered(q, file, ANSWER_MOVE))
		fprintf(stderr, "  type another port from %d up to use that\n", PORT_LEAST);
	if (is_offered(q, file, ANSWER_EDIT)) {
		OWNED_TEXT shown = {0};
		terminal_add_strict(&shown, file, strlen(file));
		fprintf(stderr, "  e  change %s, line %d\n", text_string(&shown), q->line);
	}
	fprintf(stderr, "  g  give up\n");
}

/* One line without its end; false at the end of the input. */
static bool read_line(char *buffer, int size)
{
	if (!fgets(buffer, size, stdin))
		return false;
	buffer[strcspn(buffer, "\n")] = '\0';
	return true;
}

/* false: that was none of the answers. */
static bool understand(const struct claim_question *q, const char *file, const char *line,
	enum answer *answer, uint16_t *port)
{
	int64_t number;
	*port = q->move_to;
	if (number_parse(line, PORT_LEAST, UINT16_MAX, &number)) {
		*answer = ANSWER_MOVE;
		*port = (uint16_t)number;
		return q->can_move;
	}
	const char *at = *line && !line[1] ? strchr(letters, tolower((unsigned char)*line)) : NULL;
	if (!at)
		return false;
	*answer = (enum answer)(at - letters);
	return is_offered(q, file, *answer) && (*answer != ANSWER_MOVE || q->move_to);
}

static enum answer ask_one(const struct claim_question *q, const char *file, uint16_t *port)
{
	char line[64];
	enum answer answer;
	show_menu(q, file);
	for (;;) {
		fprintf(stderr, "stackup: what now? ");
		if (!read_line(line, sizeof line))
			return ANSWER_GIVE_UP;
		if (understand(q, file, line, &answer, port))
			return answer;
		fprintf(stderr, "type one of the letters%s\n",
			q->can_move ? ", or the number of a port" : "");
	}
}

/* ---- the answers ---- */

void conflict_choose(struct conflict_answers *answers, const struct claim_question *q,
	enum port_action action, uint16_t port)
{
	struct resolve_choice choice = {.service = arena_string(answers->arena, q->service),
		.name = arena_string(answers->arena, q->name), .action = action};
	if (action == RESOLVE_MOVE)
		choice.move_to = port;
	if (action == RESOLVE_STOP) {
		choice.pid = q->pid;
		choice.start_ticks = q->start_ticks;
	}
	for (size_t i = 0; i < answers->count; i++) {
		struct resolve_choice *old = &answers->choices[i];
		if (strcmp(old->service, q->service) != 0 || strcmp(old->name, q->name) != 0)
			continue;
		*old = choice;
		return;
	}
	*arena_append(answers->arena, answers->choices, answers->count) = choice;
}

static int tell_place(const struct claim_question *q, const char *file, struct error *e)
{
	fail(e, EXIT_CONFLICT, "port %u of service '%s' is at line %d of %s", q->port, q->service,
		q->line, file);
	error_hint(e, "change it and run the command again; with $EDITOR set it is opened here");
	return -1;
}

static int edit(const struct claim_question *q, const char *file, struct error *e)
{
	const char *editor = getenv("VISUAL");
	editor = editor && *editor ? editor : getenv("EDITOR");
	if (!editor || !*editor)
		return tell_place(q, file, e);
	OWNED_TEXT command = {0};
	text_addf(&command, "%s \"$1\"", editor);
	pid_t child = fork();
	if (child < 0)
		return fail_errno(e, EXIT_FAILED, "fork");
	if (!child) {
		execl("/bin/sh", "sh", "-c", text_string(&command), "sh", file, (char *)NULL);
		_exit(127);
	}
	int status = 0;
	if (waitpid(child, &status, 0) != child || status)
		return fail(e, EXIT_CONFLICT, "the editor '%s' failed; %s is as it was", editor, file);
	return 0;
}

int conflict_ask(struct conflict_answers *answers, const struct claim_question *questions,
	size_t count, const char *file, struct error *e)
{
	answers->edited = false;
	for (size_t i = 0; i < count && !answers->edited; i++) {
		const struct claim_question *q = &questions[i];
		uint16_t port;
		switch (ask_one(q, file, &port)) {
		case ANSWER_STOP:
			conflict_choose(answers, q, RESOLVE_STOP, 0);
			break;
		case ANSWER_MOVE:
			conflict_choose(answers, q, RESOLVE_MOVE, port);
			break;
		case ANSWER_EDIT:
			if (edit(q, file, e) < 0)
				return -1;
			/* Another number may be in the way now: what is left is asked anew. */
			answers->edited = true;
			break;
		case ANSWER_GIVE_UP:
			return fail(e, EXIT_CONFLICT, "%s", q->text);
		}
	}
	return 0;
}

static int64_t number_in(const json_t *item, const char *key)
{
	return json_integer_value(json_object_get(item, key));
}

static const char *text_in(struct arena *arena, const json_t *item, const char *key)
{
	const char *text = json_string_value(json_object_get(item, key));
	return arena_string(arena, text ? text : "");
}

int conflict_ask_report(struct conflict_answers *answers, const json_t *list, const char *file,
	struct error *e)
{
	struct arena *arena = answers->arena;
	struct claim_question *all = NULL;
	size_t count = 0, i;
	const json_t *item;
	json_array_foreach(list, i, item)
		*arena_append(arena, all, count) = (struct claim_question){
			.service = text_in(arena, item, "service"),
			.name = text_in(arena, item, "name"),
			.port = (uint16_t)number_in(item, "port"),
			.line = (int)number_in(item, "line"),
			.text = text_in(arena, item, "text"),
			.can_stop = json_is_true(json_object_get(item, "can_stop")),
			.can_move = json_is_true(json_object_get(item, "can_move")),
			.move_to = (uint16_t)number_in(item, "move_to"),
			.pid = (pid_t)number_in(item, "pid"),
			.start_ticks = (uint64_t)number_in(item, "start_ticks"),
		};
	return conflict_ask(answers, all, count, file, e);
}

int conflict_strategy(const struct context *context, enum port_strategy *out, struct error *e)
{
	const char *word = option_value(&context->line, OPTION_STRATEGY);
	if (!word)
		return 0;
	if (port_strategy_parse(word, out))
		return 1;
	return fail(e, EXIT_USAGE, "there is no strategy '%s': use conservative, intelligent or "
		"aggressive", word);
}
