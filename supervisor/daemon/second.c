#include "daemon/second.h"

/* The service as that run knows it, in the last row. */
static void describe(struct instance *in, int service, const struct loaded *by)
{
	int row = second_row(in);
	struct service *second = &in->loaded.rows->services[row];
	*second = by->stack->services[service];
	second->index = row;
	second->dependencies = NULL;
	second->dependency_count = 0;
	second->policy.restart.rule = RESTART_NO;
	second->policy.optional = true;
	second->policy.essential = false;
	in->second = (struct second){.service = service, .by = by};
	in->io[row]->log = in->io[service];
}

void second_begin(struct instance *in, int service, const struct loaded *by)
{
	int row = second_row(in);
	const struct run_io *own = &in->io[service]->run;
	describe(in, service, by);
	tree_double(&in->tree, service, row);
	in->io[row]->run = (struct run_io){.hold = own->hold, .hold_learned = own->hold_learned};
	keeper_double(in->keeper, service, row);
	keeper_start(in->keeper, row, true, "it is to take over");
}

void second_swap(struct instance *in, const struct loaded *by)
{
	int service = in->second.service;
	int row = second_row(in);
	for (int i = 0; i <= row; i++)
		prober_cancel(in->prober, i);
	describe(in, service, by);
	keeper_swap(in->keeper, in->loaded.rows, service, row);
	/* Whoever loses its parent from now on is known by what it is now. */
	(void)tree_signal(&in->tree, service, 0, NULL);
	tree_swap(&in->tree, service, row);
	struct run_io before = in->io[service]->run;
	in->io[service]->run = in->io[row]->run;
	in->io[row]->run = before;
}

void second_forget(struct instance *in)
{
	int row = second_row(in);
	in->loaded.rows->services[row] = (struct service){.name = "", .index = row};
	in->second = (struct second){0};
}

void second_stop(struct instance *in, const char *reason)
{
	keeper_stop(in->keeper, second_row(in), true, reason);
}

void second_tell(struct instance *in, const char *text)
{
	char line[REASON_SIZE];
	reason_format(line, "second process: %s", text);
	tell_event(in, in->second.service, EVENT_HANDOVER, line);
}

bool second_is_free(const struct instance *in)
{
	const struct service_run *run = keeper_run(in->keeper, second_row(in));
	bool ended = run->state == STATE_DOWN || run->state == STATE_FAILED
		|| run->state == STATE_DONE;
	return ended && !run->hook.pid;
}

bool second_is_of(const struct instance *in, int service)
{
	return in->second.service == service && !second_is_free(in);
}
