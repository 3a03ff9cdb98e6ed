#include "doctor/facts.h"

#include <dirent.h>
#include <limits.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/list.h"
#include "base/number.h"
#include "base/own.h"
#include "ports/policy.h"
#include "registry/instances.h"
#include "registry/leases.h"
#include "registry/lock.h"
#include "registry/place.h"
#include "registry/projects.h"

/* ---- ours ---- */

static struct held_port *add_held(struct facts *f, uint16_t port, const char *project, int instance)
{
	struct held_port *held = arena_append(f->arena, f->held, f->held_count);
	*held = (struct held_port){
		.port = port, .project = project, .instance = instance, .service = ""};
	return held;
}

static struct held_port *find_held(struct facts *f, uint16_t port)
{
	for (size_t i = 0; i < f->held_count; i++)
		if (f->held[i].port == port)
			return &f->held[i];
	return NULL;
}

/* The ten ports of each instance that runs, used or not. */
static int read_instances(struct facts *f, struct registry *r, const char *state, struct error *e)
{
	struct owner_mark self;
	struct instance *all;
	size_t count;
	owner_mark_self(&self);
	if (instance_list(r, 0, f->arena, &all, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct instance *instance = &all[i];
		if (instance->owner.netns != self.netns ||
			!instance_is_alive(state, instance->project_id, instance->number))
			continue;
		int low = instance_port(f->ports_base, instance->block, instance->number);
		for (int slot = 0; slot < instance_slots(instance->spans); slot++)
			add_held(f, (uint16_t)(low + slot), instance->project, instance->number);
	}
	return 0;
}

/* Their services, and ports outside of the range. UDP has no placeholder while a service runs. */
static int read_leases(struct facts *f, struct registry *r, const char *state, struct error *e)
{
	struct owner_mark self;
	struct lease *all;
	size_t count;
	owner_mark_self(&self);
	if (lease_list(r, 0, 0, f->arena, &all, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct lease *lease = &all[i];
		port_set_add(&f->ours, lease->port, lease->port);
		if (lease->udp || lease->netns != self.netns ||
			!instance_is_alive(state, lease->project_id, lease->instance))
			continue;
		struct held_port *held = find_held(f, lease->port);
		if (!held)
			held = add_held(f, lease->port, lease->project, lease->instance);
		held->service = lease->service;
	}
	return 0;
}

static int read_registry(struct facts *f, const char *state, struct error *e)
{
	bool blocks[BLOCKS] = {0};
	struct registry *r = registry_open(state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	if (!r)
		return -1;
	uint16_t recorded = 0;
	int result = ports_base_get(r, &recorded, e) || blocks_taken(r, blocks, BLOCKS, e) ? -1 : 0;
	f->ports_base = recorded ? recorded : PORTS_BASE;
	for (int i = 0; i < BLOCKS; i++) {
		uint16_t low = block_port(f->ports_base, i);
		if (blocks[i])
			port_set_add(&f->ours, low, (uint16_t)(low + BLOCK_PORTS - 1));
	}
	if (!result)
		result = read_instances(f, r, state, e);
	if (!result)
		result = read_leases(f, r, state, e);
	registry_close(r);
	return result;
}

/* ---- who is there ---- */

/* TCP_BOUND_INACTIVE came with 6.8; some distributions have it in older kernels. */
static bool shows_bound(const struct facts *f)
{
	struct utsname kernel;
	for (size_t i = 0; i < f->sockets.count; i++)
		if (f->sockets.items[i].state == SOCKET_BOUND)
			return true;
	char *end;
	if (f->by_proc || uname(&kernel))
		return false;
	unsigned long major = strtoul(kernel.release, &end, 10);
	unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	return major > 6 || (major == 6 && minor >= 8);
}

static int read_sockets(struct facts *f, struct error *e)
{
	struct sockets sockets;
	sockets_init(&sockets);
	int result =
		sockets_dump(&sockets, KIND_LISTEN | KIND_BOUND, 0, UINT16_MAX, &f->sockets, e);
	f->by_proc = sockets.by_proc;
	sockets_release(&sockets);
	f->shows_bound = shows_bound(f);
	size_t kept = 0;
	for (size_t i = 0; i < f->sockets.count; i++)
		if (find_held(f, f->sockets.items[i].port))
			f->sockets.items[kept++] = f->sockets.items[i];
	f->sockets.count = kept;
	if (!result)
		owners_find(&f->sockets, &f->owners);
	return result;
}

static bool is_kubernetes(const char *name)
{
	static const char *const names[] = {
		"kubelet", "kube-proxy", "kube-apiserver", "k0s", "minikube", "kind"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (!strcmp(name, names[i]))
			return true;
	return !strncmp(name, "k3s", 3);
}

static void see_process(struct facts *f, pid_t pid)
{
	OWNED_TEXT name = {0};
	OWNED_TEXT path = {0};
	text_addf(&path, "/proc/%d/comm", (int)pid);
	if (!text_ok(&path) || !file_read_proc(path.data, &name) || !name.length)
		return;
	text_cut(&name, name.length - 1);
	const char *word = text_string(&name);
	if (!f->kubernetes && is_kubernetes(word))
		f->kubernetes = arena_format(f->arena, "%s (pid %d)", word, (int)pid);
	if (!f->docker && !strcmp(word, "dockerd"))
		f->docker = arena_format(f->arena, "%s (pid %d)", word, (int)pid);
}

static void read_processes(struct facts *f)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int64_t pid;
	while (proc && (entry = readdir(proc)))
		if (number_parse(entry->d_name, 1, INT_MAX, &pid))
			see_process(f, (pid_t)pid);
	if (proc)
		closedir(proc);
}

/* ---- this machine ---- */

static enum localhost_order ask_localhost(void)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	if (getaddrinfo("localhost", NULL, &hints, &found) || !found)
		return LOCALHOST_UNKNOWN;
	bool v6 = found->ai_family == AF_INET6;
	freeaddrinfo(found);
	return v6 ? LOCALHOST_IPV6_FIRST : LOCALHOST_IPV4_FIRST;
}

static const char *file_system_name(int64_t type, struct arena *arena)
{
	static const struct {
		uint32_t type;
		const char *name;
	} names[] = {{0x6969, "NFS"}, {0x517B, "SMB"}, {0xFF534D42, "CIFS"}, {0xFE534D42, "SMB2"},
		{0x01021997, "9p"}, {0x65735546, "FUSE"}, {0x00c36400, "Ceph"}};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if ((uint32_t)type == names[i].type)
			return names[i].name;
	return arena_format(arena, "type 0x%x", (unsigned)type);
}

/* What is not there yet will be made on the disk of its nearest parent. */
static void read_place(struct facts *f, const char *state)
{
	struct statfs fs;
	char *path = arena_string(f->arena, state);
	while (statfs(path, &fs)) {
		char *slash = strrchr(path, '/');
		if (!slash || slash == path)
			return;
		*slash = '\0';
	}
	f->state = path;
	f->disk_free = (int64_t)fs.f_bavail * (int64_t)fs.f_bsize;
	f->no_inodes = fs.f_files && !fs.f_ffree;
	if (!place_type_is_local((int64_t)fs.f_type))
		f->file_system = file_system_name((int64_t)fs.f_type, f->arena);
}

static void read_user(struct facts *f)
{
	struct rlimit limit;
	f->descriptors_most = getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_max == RLIM_INFINITY
		? UINT64_MAX
		: limit.rlim_max;
	struct owner self;
	f->user = "*";
	if (!owner_describe(getpid(), &self))
		return;
	if (self.user)
		f->user = arena_string(f->arena, self.user);
	owner_release(&self);
}

int facts_look(const char *state, struct facts *f, struct error *e)
{
	struct error why = {0};
	*f = (struct facts){.arena = arena_new(), .state = state, .ports_base = PORTS_BASE,
		.disk_free = -1};
	if (!f->arena)
		return fail(e, EXIT_FAILED, "out of memory");
	ephemeral_read(&f->ephemeral);
	f->reserved_line = sysctl_find("", "net.ipv4.ip_local_reserved_ports", f->arena);
	if (read_registry(f, state, &why)) {
		f->registry_error = arena_string(f->arena, why.text);
		f->registry_hint = arena_string(f->arena, why.hint);
	}
	f->localhost = ask_localhost();
	read_processes(f);
	read_place(f, state);
	read_user(f);
	return read_sockets(f, e);
}

void facts_release(struct facts *f)
{
	list_release(&f->sockets);
	owners_release(&f->owners);
	if (f->arena)
		arena_free(f->arena);
	*f = (struct facts){0};
}
