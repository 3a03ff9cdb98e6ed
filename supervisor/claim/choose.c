#include <string.h>

#include "claim/parts.h"
#include "ports/policy.h"

static bool is_free(const struct chooser *c, int number)
{
	bool own_is_free = c->request->want == WANT_AUTO;
	for (size_t i = 0; i < c->count; i++) {
		const struct instance *row = &c->rows[i];
		if (!instance_overlaps(number, c->request->spans, row->number, row->spans))
			continue;
		if (!worktree_is_gone(row) && !(own_is_free && worktree_has(c->worktree, row)))
			return false;
	}
	return true;
}

static bool is_main_worktree(const struct claim_request *request)
{
	return !strcmp(request->worktree, request->main_dir);
}

/* Number 1 is for the main worktree and 2 for tests, unless somebody asks for them. */
static int next_free(struct chooser *c)
{
	int number = c->next ? c->next : is_main_worktree(c->request) ? 1 : INSTANCE_FEATURES;
	for (; number <= INSTANCE_MOST; number++) {
		if (number == INSTANCE_TESTS || !instance_is_valid(number, c->request->spans) ||
			!is_free(c, number))
			continue;
		c->next = number + 1;
		return number;
	}
	return 0;
}

static int first_choice(struct chooser *c)
{
	const struct claim_request *request = c->request;
	const struct instance *own = worktree_own(c->worktree, c->rows, c->count);
	switch (request->want) {
	case WANT_NUMBER:
		c->settled = true;
		return request->number;
	case WANT_DEFAULT:
		c->settled = own || is_main_worktree(request);
		return own ? own->number : c->settled ? 1 : next_free(c);
	case WANT_AUTO:
		return own ? own->number : next_free(c);
	case WANT_NEW:
		return next_free(c);
	}
	return 0;
}

int choose_next(struct chooser *c)
{
	if (c->settled)
		return 0;
	if (c->began)
		return next_free(c);
	c->began = true;
	return first_choice(c);
}
