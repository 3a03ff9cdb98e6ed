#include <string.h>
#include <sys/stat.h>

#include "ports/claim_parts.h"
#include "ports/policy.h"

static bool is_mine(const struct chooser *c, const struct instance *row)
{
	return !strcmp(row->worktree, c->request->worktree);
}

/* Its directory is gone: nobody can come back for the number. */
static bool has_vanished(const struct instance *row)
{
	struct stat st;
	return stat(row->worktree, &st) != 0;
}

static bool is_free(const struct chooser *c, int number)
{
	bool own_is_free = c->request->want == WANT_AUTO;
	for (size_t i = 0; i < c->count; i++) {
		const struct instance *row = &c->rows[i];
		if (!instance_overlaps(number, c->request->spans, row->number, row->spans))
			continue;
		if (!has_vanished(row) && !(own_is_free && is_mine(c, row)))
			return false;
	}
	return true;
}

static int last_used(const struct chooser *c)
{
	const struct instance *best = NULL;
	for (size_t i = 0; i < c->count; i++)
		if (is_mine(c, &c->rows[i]) && (!best || c->rows[i].used > best->used))
			best = &c->rows[i];
	return best ? best->number : 0;
}

static bool is_main_worktree(const struct claim_request *request)
{
	return !strcmp(request->worktree, request->main_dir);
}

/* Numbers 1 and 2 are for the main worktree, unless somebody asks for them. */
static int next_free(struct chooser *c)
{
	int number = c->next ? c->next : is_main_worktree(c->request) ? 1 : 3;
	for (; number <= INSTANCE_MOST; number++) {
		if (!instance_is_valid(number, c->request->spans) || !is_free(c, number))
			continue;
		c->next = number + 1;
		return number;
	}
	return 0;
}

static int first_choice(struct chooser *c)
{
	const struct claim_request *request = c->request;
	int own = last_used(c);
	switch (request->want) {
	case WANT_NUMBER:
		return request->number;
	case WANT_DEFAULT:
		return own ? own : is_main_worktree(request) ? 1 : next_free(c);
	case WANT_AUTO:
		return own ? own : next_free(c);
	case WANT_NEW:
		return next_free(c);
	}
	return 0;
}

int choose_next(struct chooser *c)
{
	if (!c->began) {
		c->began = true;
		return first_choice(c);
	}
	bool goes_on = c->request->want == WANT_AUTO || c->request->want == WANT_NEW;
	return goes_on ? next_free(c) : 0;
}
