#include "spawn/tree.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "spawn/tree_walk.h"

enum { CENSUS_LOOKS = 8 };

static void free_leaders(struct tree_leader *leaders, size_t count)
{
	for (size_t i = 0; i < count && leaders; i++)
		free(leaders[i].name);
	free(leaders);
}

static struct tree_leader *make_leaders(const char *const *names, size_t count)
{
	struct tree_leader *leaders = calloc(count ? count : 1, sizeof *leaders);
	for (size_t i = 0; leaders && i < count; i++) {
		leaders[i].of = -1;
		leaders[i].name = strdup(names[i]);
		if (!leaders[i].name) {
			free_leaders(leaders, count);
			return NULL;
		}
	}
	return leaders;
}

static int no_memory(struct error *e)
{
	errno = ENOMEM;
	return fail_errno(e, EXIT_FAILED, "cannot keep the table of processes");
}

int tree_open(struct tree *tree, const char *stackup_id, const char *const *names, size_t count,
	struct error *e)
{
	*tree = (struct tree){.self = getpid()};
	tree->leaders = make_leaders(names, count);
	tree->leader_count = count;
	OWNED_TEXT id = {0};
	text_addf(&id, "STACKUP_ID=%s", stackup_id);
	tree->id = text_take(&id);
	if (tree->leaders && tree->id)
		return 0;
	tree_close(tree);
	return no_memory(e);
}

void tree_fostered(struct tree *tree, pid_t foster)
{
	tree->orphaned = !foster;
	tree->foster = foster;
}

void tree_close(struct tree *tree)
{
	free_leaders(tree->leaders, tree->leader_count);
	free(tree->id);
	list_release(&tree->known);
	list_release(&tree->memory);
	*tree = (struct tree){0};
}

static int index_of(const struct tree_leader *leaders, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(leaders[i].name, name))
			return (int)i;
	return -1;
}

/* A service that is gone leaves its last processes to the instance as unknown ones. */
int tree_rename(struct tree *tree, const char *const *names, size_t count, struct error *e)
{
	struct tree_leader *leaders = make_leaders(names, count);
	if (!leaders)
		return no_memory(e);
	for (size_t i = 0; i < tree->known.count; i++) {
		int *service = &tree->known.items[i].service;
		if (*service >= 0)
			*service = index_of(leaders, count, tree->leaders[*service].name);
	}
	tree->memory.count = 0;
	for (size_t i = 0; i < tree->leader_count; i++) {
		int now = index_of(leaders, count, tree->leaders[i].name);
		if (now < 0)
			continue;
		memcpy(leaders[now].outputs, tree->leaders[i].outputs, sizeof leaders[now].outputs);
		leaders[now].pid = tree->leaders[i].pid;
		leaders[now].run = tree->leaders[i].run;
		leaders[now].alive = tree->leaders[i].alive;
	}
	free_leaders(tree->leaders, tree->leader_count);
	tree->leaders = leaders;
	tree->leader_count = count;
	return 0;
}

static void exchange(int *service, int a, int b)
{
	*service = *service == a ? b : *service == b ? a : *service;
}

void tree_double(struct tree *tree, int service, int row)
{
	tree->leaders[row].of = service;
}

void tree_swap(struct tree *tree, int a, int b)
{
	struct tree_leader *one = &tree->leaders[a];
	struct tree_leader *other = &tree->leaders[b];
	const struct tree_leader before = *one;
	one->pid = other->pid;
	one->run = other->run;
	one->alive = other->alive;
	other->pid = before.pid;
	other->run = before.run;
	other->alive = before.alive;
	for (size_t i = 0; i < tree->known.count; i++)
		exchange(&tree->known.items[i].service, a, b);
	for (size_t i = 0; i < tree->memory.count; i++)
		exchange(&tree->memory.items[i].service, a, b);
}

/* Where pid is in the sorted list, or would have to be. */
static size_t position(const struct tree *tree, pid_t pid)
{
	size_t low = 0;
	size_t high = tree->known.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (tree->known.items[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct tree_known *tree_find_known(const struct tree *tree, pid_t pid)
{
	size_t at = position(tree, pid);
	if (at < tree->known.count && tree->known.items[at].pid == pid)
		return &tree->known.items[at];
	return NULL;
}

/* Without memory the child is just not known: its tree is then found by session and marker. */
static void add_known(struct tree *tree, pid_t pid, int service)
{
	struct tree_known known = {.pid = pid, .service = service};
	size_t at = position(tree, pid);
	if (!list_push(&tree->known, known))
		return;
	struct tree_known *items = tree->known.items;
	memmove(&items[at + 1], &items[at], (tree->known.count - 1 - at) * sizeof *items);
	items[at] = known;
}

static void forget_memory(struct tree *tree, pid_t pid, int service)
{
	size_t kept = 0;
	for (size_t i = 0; i < tree->memory.count; i++) {
		struct tree_memory seen = tree->memory.items[i];
		if (seen.pid != pid && seen.service != service)
			tree->memory.items[kept++] = seen;
	}
	tree->memory.count = kept;
}

void tree_started(struct tree *tree, int service, pid_t leader, uint64_t run)
{
	forget_memory(tree, leader, service);
	tree->leaders[service].pid = leader;
	tree->leaders[service].run = run;
	tree->leaders[service].alive = true;
	add_known(tree, leader, service);
}

void tree_outputs(struct tree *tree, int service, const int fds[2])
{
	for (size_t i = 0; i < 2; i++) {
		struct stat st;
		bool is_pipe = fds[i] >= 0 && !fstat(fds[i], &st) && S_ISFIFO(st.st_mode);
		tree->leaders[service].outputs[i] = is_pipe
			? (struct tree_output){st.st_dev, st.st_ino} : (struct tree_output){0};
	}
}

void tree_helper(struct tree *tree, pid_t pid)
{
	add_known(tree, pid, -1);
}

int tree_reaped(struct tree *tree, pid_t pid)
{
	forget_memory(tree, pid, OWNER_NOBODY);
	const struct tree_known *known = tree_find_known(tree, pid);
	if (!known)
		return -1;
	int service = known->service;
	if (service >= 0)
		tree->leaders[service].alive = false;
	list_remove(&tree->known, (size_t)(known - tree->known.items));
	return service;
}

static void count_one(void *self, const struct proc_stat *stat, int pidfd)
{
	(void)stat;
	(void)pidfd;
	++*(size_t *)self;
}

static size_t count_below(struct tree *tree, pid_t direct)
{
	size_t count = 0;
	struct tree_walk walk = {.tree = tree, .visit = count_one, .self = &count};
	tree_walk_below(&walk, direct);
	list_release(&walk.pending);
	return count;
}

static void count_for(struct tree_mark *marks, size_t count, int service, size_t processes)
{
	for (size_t i = 0; i < count; i++)
		if (marks[i].service == service)
			marks[i].left += processes;
}

/* Its end, or what its exec made of it, is seen when it is reaped or in the next look. */
static void count_for_all(struct tree_mark *marks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		marks[i].left++;
}

static void count_orphan(struct tree *tree, pid_t orphan, struct tree_mark *marks, size_t count)
{
	int owner = tree_owner(tree, orphan);
	if (owner == OWNER_DEAD)
		return;
	if (owner == OWNER_UNSURE) {
		tree->unsure = true;
		count_for_all(marks, count);
		return;
	}
	size_t processes = count_below(tree, orphan);
	if (owner == OWNER_NOBODY)
		tree->unknown += processes;
	else
		count_for(marks, count, owner, processes);
}

static void start_counting(struct tree *tree, struct tree_mark *mark)
{
	const struct tree_leader *leader = &tree->leaders[mark->service];
	mark->left = 0;
	if (!leader->alive)
		return;
	size_t with_leader = count_below(tree, leader->pid);
	mark->left = with_leader ? with_leader - 1 : 0;
}

/* How many direct children it saw. */
static size_t look_once(struct tree *tree, struct tree_mark *marks, size_t count)
{
	tree->unknown = 0;
	tree->unsure = false;
	for (size_t i = 0; i < count; i++)
		start_counting(tree, &marks[i]);
	struct pid_list direct = {0};
	tree_direct(tree, &direct);
	/* Every child that we started and have not reaped is in the list: no more, no orphans. */
	if (direct.count > tree->known.count)
		for (size_t i = 0; i < direct.count; i++)
			if (!tree_find_known(tree, direct.items[i]))
				count_orphan(tree, direct.items[i], marks, count);
	size_t seen = direct.count;
	list_release(&direct);
	return seen;
}

static size_t count_direct(const struct tree *tree)
{
	struct pid_list direct = {0};
	tree_direct(tree, &direct);
	size_t count = direct.count;
	list_release(&direct);
	return count;
}

/*
 * An orphan that dies while we look hands its children to us behind our back, and they would be
 * missed. Nothing is reaped meanwhile, so that shows as more direct children than before: look
 * again.
 */
void tree_census(struct tree *tree, struct tree_mark *marks, size_t count)
{
	for (int look = 0; look < CENSUS_LOOKS; look++) {
		size_t seen = look_once(tree, marks, count);
		if (!tree->unsure && (seen <= tree->known.count || seen == count_direct(tree)))
			return;
		sched_yield();
	}
}

struct gather {
	pid_t leader;
	pid_t *pids;
	size_t room;
	size_t count;
};

static void gather_one(void *self, const struct proc_stat *stat, int pidfd)
{
	struct gather *gather = self;
	(void)pidfd;
	if (stat->pid == gather->leader && gather->count && gather->room) {
		/* Keeps the promise that it comes first. */
		pid_t other = gather->pids[0];
		gather->pids[0] = stat->pid;
		if (gather->count < gather->room)
			gather->pids[gather->count] = other;
	} else if (gather->count < gather->room) {
		gather->pids[gather->count] = stat->pid;
	}
	gather->count++;
}

size_t tree_pids(struct tree *tree, int service, pid_t *pids, size_t room)
{
	struct gather gather = {.leader = tree->leaders[service].pid, .pids = pids, .room = room};
	struct tree_walk walk = {
		.tree = tree, .service = service, .visit = gather_one, .self = &gather};
	tree_walk(&walk);
	return gather.count;
}
