/*
 * What a run learns of a service goes to the registry when it is known to work, so that it outlives
 * a supervisor that is killed. On a thread of its own: the registry may be locked for a while, and
 * the loop does not wait for it. What cannot be written then is written when the instance ends.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/instance.h"

struct lesson {
	char *state; /* owns */
	char *service; /* owns */
	int64_t project_id;
	enum hold_mode hold;
};

static void lesson_free(struct lesson *lesson)
{
	free(lesson->state);
	free(lesson->service);
	free(lesson);
}

static void *write_down(void *argument)
{
	struct lesson *lesson = argument;
	struct claim claim = {.project_id = lesson->project_id};
	claim_remember_hold(lesson->state, &claim, lesson->service, lesson->hold, NULL);
	lesson_free(lesson);
	return NULL;
}

/* Signals are for the loop. */
static void begin_thread(struct lesson *lesson)
{
	sigset_t all, before;
	pthread_t thread;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	if (pthread_create(&thread, NULL, write_down, lesson))
		lesson_free(lesson);
	else
		pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void remember_hold(struct instance *in, int service)
{
	struct service_io *io = in->io[service];
	if (!io->run.hold_learned || io->run.hold_works)
		return;
	io->run.hold_works = true;
	struct lesson *lesson = malloc(sizeof *lesson);
	if (!lesson)
		return;
	*lesson = (struct lesson){.state = strdup(in->paths.state),
		.service = strdup(service_at(in, service)->name),
		.project_id = in->claim.project_id,
		.hold = io->run.hold};
	if (lesson->state && lesson->service)
		begin_thread(lesson);
	else
		lesson_free(lesson);
}

void remember_all(struct instance *in)
{
	for (int i = 0; i < in->loaded.stack->service_count; i++)
		if (in->io[i]->run.hold_works)
			claim_remember_hold(in->paths.state, &in->claim, service_at(in, i)->name,
				in->io[i]->run.hold, NULL);
}
