#include "clients.h"

#include "moves.h"
#include "watch/settle.h"

void clients_ask(struct clients *c, struct world *w, int service, enum wish wish, bool again)
{
	const struct service_run *run = keeper_run(world_keeper(w), service);
	if (c->count == WORLD_SERVICES)
		return;
	c->waiting[c->count++] = (struct client){.who = world_who(w, service), .wish = wish,
		.swaps = world_swaps(w, service),
		.generation = run->generation + (again && service_occupied(run) ? 1 : 0)};
}

static bool is_stuck(struct world *w, int row)
{
	bool scratch[WORLD_SERVICES] = {false};
	return settle_is_stuck(world_now_stack(w), keeper_runs(world_keeper(w)), row, scratch);
}

static bool is_answered(const struct client *client, struct world *w)
{
	int row = world_row_of(w, client->who);
	const struct service_run *run = keeper_run(world_keeper(w), row);
	/* Somebody asked for it to start again meanwhile: that is an answer, too. */
	if (client->wish == WISH_DOWN)
		return !service_detains(run) || run->want == WANT_UP;
	/* Its place was taken: the restart was of the process that lost it, whose starts count no more. */
	if (client->swaps < world_swaps(w, row))
		return true;
	bool there = run->state == STATE_READY || run->state == STATE_DONE;
	if (run->generation >= client->generation && there)
		return true;
	return run->state == STATE_FAILED || (run->state == STATE_DOWN && run->want == WANT_DOWN)
		|| is_stuck(w, row);
}

void clients_look(struct clients *c, struct world *w)
{
	for (int i = 0; i < c->count;) {
		if (!is_answered(&c->waiting[i], w)) {
			i++;
			continue;
		}
		c->waiting[i] = c->waiting[--c->count];
		seen.answers++;
	}
}
