#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/own.h"
#include "listeners/cgroup.h"
#include "listeners/container.h"
#include "listeners/owner_marks.h"
#include "listeners/process.h"
#include "registry/lock.h"

/* ---- the descriptors of a process ---- */

/* The inode of "socket:[123]", 0 for anything else. */
static uint64_t socket_inode(int directory, const char *name)
{
	char target[64];
	ssize_t length = readlinkat(directory, name, target, sizeof target - 1);
	static const char prefix[] = "socket:[";
	if (length < (ssize_t)sizeof prefix)
		return 0;
	target[length] = '\0';
	if (memcmp(target, prefix, sizeof prefix - 1) != 0)
		return 0;
	return strtoull(target + sizeof prefix - 1, NULL, 10);
}

typedef bool on_inode(void *self, uint64_t inode);

/* Calls for every socket of the process until the callback says false. */
static void each_socket(pid_t pid, on_inode *call, void *self)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *directory = opendir(path);
	struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		uint64_t inode = entry->d_name[0] == '.' ? 0
			: socket_inode(dirfd(directory), entry->d_name);
		if (inode && !call(self, inode))
			break;
	}
	if (directory)
		closedir(directory);
}

struct wanted {
	const uint64_t *inodes;
	size_t count;
	bool found;
};

static bool on_wanted(void *self, uint64_t inode)
{
	struct wanted *wanted = self;
	for (size_t i = 0; !wanted->found && i < wanted->count; i++)
		wanted->found = wanted->inodes[i] == inode;
	return !wanted->found;
}

bool owner_has_socket(pid_t pid, const uint64_t *inodes, size_t count)
{
	struct wanted wanted = {.inodes = inodes, .count = count};
	each_socket(pid, on_wanted, &wanted);
	return wanted.found;
}

/* ---- many sockets at once ---- */

struct target {
	uint64_t inode;
	const struct socket_entry *socket;
	pid_t found_in; /* the last process that has it, 0: none so far */
};

struct search {
	struct target *targets; /* by inode, each once */
	size_t count;
	size_t left; /* not seen in this process so far */
	size_t missing; /* not seen in any process so far */
	pid_t pid;
	bool is_told; /* this process: it is the last owner */
	bool one; /* of each socket, and that is the first that had it */
	struct owner_index *out;
};

static int by_inode(const void *first, const void *second)
{
	const struct target *a = first, *b = second;
	return (a->inode > b->inode) - (a->inode < b->inode);
}

static bool search_begin(
	struct search *s, const struct socket_list *sockets, struct owner_index *out)
{
	*s = (struct search){.out = out};
	s->targets = calloc(sockets->count + 1, sizeof *s->targets);
	for (size_t i = 0; s->targets && i < sockets->count; i++)
		if (sockets->items[i].inode)
			s->targets[s->count++] = (struct target){
				.inode = sockets->items[i].inode, .socket = &sockets->items[i]};
	if (!s->count)
		return false;
	qsort(s->targets, s->count, sizeof *s->targets, by_inode);
	size_t kept = 1;
	for (size_t i = 1; i < s->count; i++)
		if (s->targets[i].inode != s->targets[kept - 1].inode)
			s->targets[kept++] = s->targets[i];
	s->count = s->missing = kept;
	return true;
}

/* Takes the owner over. */
static bool add_owner(struct owner_index *index, struct owner *owner)
{
	if (list_push(&index->owners, *owner))
		return true;
	owner_release(owner);
	return false;
}

/* To the last owner. */
static void add_link(struct owner_index *index, uint64_t inode)
{
	struct owner_link link = {inode, index->owners.count - 1};
	if (list_reserve(&index->links, &index->capacity, index->count + 1, sizeof link))
		index->links[index->count++] = link;
}

/* The one that passed the socket on to its children. A guardian only keeps what its supervisor has. */
static pid_t top_of(pid_t pid, uint64_t inode)
{
	struct process process;
	while (process_read(pid, &process) && process.parent > 1 &&
		owner_has_socket(process.parent, &inode, 1) && !instance_lock_is_among_first_of(pid))
		pid = process.parent;
	return pid;
}

static bool tell_owner(struct search *s, uint64_t inode)
{
	struct owner owner;
	pid_t pid = s->one ? top_of(s->pid, inode) : s->pid;
	s->is_told = s->is_told || (owner_describe(pid, &owner) && add_owner(s->out, &owner));
	return s->is_told;
}

static bool on_socket(void *self, uint64_t inode)
{
	struct search *s = self;
	struct target key = {.inode = inode}, *target;
	target = bsearch(&key, s->targets, s->count, sizeof key, by_inode);
	if (!target || target->found_in == s->pid || (s->one && target->found_in))
		return true;
	if (!tell_owner(s, inode))
		return false;
	s->missing -= !target->found_in;
	target->found_in = s->pid;
	add_link(s->out, inode);
	return --s->left > 0;
}

static void search_process(void *self, pid_t pid)
{
	struct search *s = self;
	s->pid = pid;
	s->is_told = false;
	s->left = s->count;
	each_socket(pid, on_socket, s);
}

static void search_processes(struct search *s)
{
	process_each(search_process, s);
}

/* ---- the nearest owners ---- */

struct pid_list {
	pid_t *items; /* owns */
	size_t count;
	size_t capacity;
};

static void add_pid(void *self, pid_t pid)
{
	(void)list_push((struct pid_list *)self, pid);
}

/* /proc is in order of the numbers, and what is in somebody's way is mostly a young process. */
static void search_from_the_youngest(struct search *s)
{
	struct pid_list pids = {0};
	s->one = true;
	process_each(add_pid, &pids);
	for (size_t i = pids.count; i-- && s->missing;)
		search_process(s, pids.items[i]);
	list_release(&pids);
}

/* ---- sockets whose processes may not be looked at ---- */

struct publisher {
	pid_t pid;
	uint16_t port;
	bool udp;
};

struct strangers {
	struct cgroup_names groups; /* owns */
	LIST(struct publisher) publishers; /* owns */
	const struct socket_entry *last; /* whose owner was added last, and is no publisher */
};

/* Anybody may read the command line of docker-proxy; its descriptors nobody but root. */
static void add_publisher(void *self, pid_t pid)
{
	struct strangers *s = self;
	struct publisher p = {.pid = pid};
	OWNED_TEXT name = {0}, target = {0};
	struct owner owner;
	if (!owner_read_file(pid, "comm", &name) ||
		strcmp(text_string(&name), "docker-proxy\n") != 0 || !owner_describe(pid, &owner))
		return;
	if (owner.command && container_of_proxy(owner.command, &target, &p.port, &p.udp))
		(void)list_push(&s->publishers, p);
	owner_release(&owner);
}

static void strangers_release(struct strangers *s)
{
	cgroup_names_release(&s->groups);
	list_release(&s->publishers);
}

static bool describe_publisher(const struct strangers *s, const struct socket_entry *socket,
	struct owner *out)
{
	for (size_t i = 0; i < s->publishers.count; i++) {
		const struct publisher *p = &s->publishers.items[i];
		if (p->port == socket->port && p->udp == socket->udp && owner_describe(p->pid, out))
			return true;
	}
	return false;
}

/* The sockets of one program mostly come together: one owner for them is enough. */
static bool is_like_last(const struct strangers *s, const struct socket_entry *socket)
{
	return s->last && s->last->uid == socket->uid && s->last->cgroup == socket->cgroup;
}

static void add_stranger(struct strangers *s, const struct socket_entry *socket,
	struct owner_index *out)
{
	struct owner owner;
	bool is_publisher = describe_publisher(s, socket, &owner);
	if (is_publisher || !is_like_last(s, socket)) {
		if (!is_publisher) {
			const char *path = cgroup_path(&s->groups, socket->cgroup);
			owner = (struct owner){
				.uid = socket->uid, .user = owner_user_name(socket->uid)};
			if (path)
				owner_read_groups(&owner, path);
		}
		if (!add_owner(out, &owner))
			return;
		s->last = is_publisher ? NULL : socket;
	}
	add_link(out, socket->inode);
}

static void add_strangers(const struct search *search)
{
	struct strangers s = {0};
	bool prepared = false;
	for (size_t i = 0; i < search->count; i++) {
		if (search->targets[i].found_in)
			continue;
		if (!prepared) {
			cgroup_names_read(&s.groups);
			process_each(add_publisher, &s);
			prepared = true;
		}
		add_stranger(&s, search->targets[i].socket, search->out);
	}
	strangers_release(&s);
}

/* ---- the answers ---- */

static int by_link(const void *first, const void *second)
{
	const struct owner_link *a = first, *b = second;
	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return (a->owner > b->owner) - (a->owner < b->owner);
}

/* A socket that its child, a supervisor, has: the guardian keeps it for the one that may come after that. */
static bool is_only_kept(const struct owner_index *index, const struct owner_link *link)
{
	const struct owner *owners = index->owners.items;
	for (const struct owner_link *other = &index->links[owner_index_first(index, link->inode)];
		other < &index->links[index->count] && other->inode == link->inode; other++) {
		struct process process;
		if (owners[other->owner].supervisor && process_read(owners[other->owner].pid, &process)
			&& process.parent == owners[link->owner].pid)
			return true;
	}
	return false;
}

/* From the end, so that those of a socket are together for as long as one of them is looked at. */
static void leave_out_kept(struct owner_index *index)
{
	for (size_t i = index->count; i > 0; i--) {
		if (!is_only_kept(index, &index->links[i - 1]))
			continue;
		memmove(&index->links[i - 1], &index->links[i], (index->count - i) * sizeof *index->links);
		index->count--;
	}
}

static void find(const struct socket_list *sockets, struct owner_index *index,
	void (*search)(struct search *))
{
	struct search s;
	if (search_begin(&s, sockets, index)) {
		search(&s);
		add_strangers(&s);
		if (index->count)
			qsort(index->links, index->count, sizeof *index->links, by_link);
		leave_out_kept(index);
	}
	free(s.targets);
}

void owner_index_find(const struct socket_list *sockets, struct owner_index *index)
{
	find(sockets, index, search_processes);
}

void owner_index_release(struct owner_index *index)
{
	owners_release(&index->owners);
	free(index->links);
	*index = (struct owner_index){0};
}

size_t owner_index_first(const struct owner_index *index, uint64_t inode)
{
	size_t low = 0, high = index->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (index->links[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->count && index->links[low].inode == inode ? low : index->count;
}

static void find_list(const struct socket_list *sockets, struct owner_list *out,
	void (*search)(struct search *))
{
	struct owner_index index = {0};
	find(sockets, &index, search);
	for (size_t i = 0; i < index.count; i++) {
		struct owner owner = owner_copy(&index.owners.items[index.links[i].owner]);
		owner.inode = index.links[i].inode;
		if (!list_push(out, owner))
			owner_release(&owner);
	}
	owner_index_release(&index);
}

void owners_find(const struct socket_list *sockets, struct owner_list *out)
{
	find_list(sockets, out, search_processes);
}

void owners_find_one(const struct socket_list *sockets, struct owner_list *out)
{
	find_list(sockets, out, search_from_the_youngest);
}
