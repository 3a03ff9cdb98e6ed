#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "cli/ask.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/farewell.h"
#include "cli/shared/leftovers.h"
#include "cli/shared/stopping.h"
#include "cli/verbs/verb.h"
#include "registry/lock.h"

/* --data: 1 when the directories may go. */
static int may_delete(
	const struct context *context, const struct target *targets, size_t count, struct error *e)
{
	OWNED_TEXT question = {0};
	for (size_t i = 0; option_given(&context->line, OPTION_DATA) && i < count; i++)
		if (access(targets[i].state_dir, F_OK) == 0)
			text_addf(&question, "%s %s", question.length ? "," : "delete",
				targets[i].state_dir);
	return question.length ? ask(context, text_string(&question), e) : 0;
}

/* Nobody starts it while its files go. */
static int remove_data(const struct target *t, struct error *e)
{
	OWNED_FD lock = -1;
	int got = instance_lock(t->state, t->project_id, t->instance, t->spans, &lock, e);
	if (got == 0)
		return fail(e, EXIT_FAILED, "%s runs again; %s stays", target_name(t), t->state_dir);
	return got < 0 ? -1 : file_remove_tree(t->state_dir, e);
}

static int delete_data(const struct context *context, const struct target *t, struct error *e)
{
	if (remove_data(t, e) < 0)
		return -1;
	if (!context->quiet)
		say("deleted %s", t->state_dir);
	return 0;
}

/* *stopped counts those that there was something to stop of. */
static int finish_one(struct context *context, struct stopping *s, bool data, int *stopped,
	struct error *e)
{
	struct target *t = s->target;
	bool ran = t->alive || t->unclean || t->crashed;
	farewell(context, "%s is being stopped all the same", target_name(t));
	int result = t->alive ? stopping_finish(context, s, e) : 0;
	farewell_over();
	if (result < 0)
		return -1;
	if (leftovers_clear(context, t, true, e) < 0)
		return -1;
	*stopped += ran;
	if (*t->elsewhere)
		say("%s runs on %s: stop it there", target_name(t), t->elsewhere);
	else if (!context->quiet)
		say("%s %s%s", target_name(t), ran ? "is down" : "does not run",
			context->verbose && !data ? "; its data stays, --data deletes it" : "");
	return data ? delete_data(context, t, e) : 0;
}

/* All are told before the first is waited for: they stop at the same time. */
static int stop_all(struct context *context, struct target *targets, size_t count, int *stopped,
	struct error *e)
{
	int data = may_delete(context, targets, count, e);
	if (data < 0)
		return -1;
	struct stopping *all = calloc(count + 1, sizeof *all);
	int result = all ? 0 : fail(e, EXIT_FAILED, "out of memory");
	for (size_t i = 0; all && i < count; i++)
		if (stopping_begin(context, &all[i], &targets[i], e) < 0)
			result = -1;
	for (size_t i = 0; all && i < count; i++) {
		if (all[i].told && finish_one(context, &all[i], data, stopped, e) < 0)
			result = -1;
		stopping_release(&all[i]);
	}
	free(all);
	return result;
}

int verb_down(struct context *context, struct error *e)
{
	enum target_set set = context_set(context);
	if (context->line.word_count) {
		fail(e, EXIT_USAGE, "`down` stops the whole instance");
		error_hint(e, "`stackup stop %s` stops one service", context->line.words[0]);
		return -1;
	}
	struct target one;
	struct target *targets = &one;
	size_t count = 1;
	int stopped = 0;
	int result = set == SET_ONE ? context_target(context, &one, e)
				    : context_targets(context, set, &targets, &count, e);
	if (result == 0)
		result = stop_all(context, targets, count, &stopped, e);
	for (size_t i = 0; i < count; i++)
		target_release(&targets[i]);
	if (set != SET_ONE)
		free(targets);
	if (result == 0 && context->json)
		out_json(json_pack("{s:i, s:i}", "version", 1, "stopped", stopped));
	return result;
}
