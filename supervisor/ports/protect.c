#include "ports/protect.h"

#include <string.h>

/* Names as /proc/PID/comm has them, 15 characters at most; a * stands for any end. */
static const char *const system_names[] = {"init", "systemd*", "sshd*", "dbus-*", "login", "Xorg",
	"Xwayland", "gnome-shell", "plasmashell", "kwin_*", "rpcbind", "cupsd"};
static const char *const publisher_names[] = {"docker-proxy", "rootlesskit*", "rootlessport*",
	"slirp4netns", "pasta*", "passt*"};
static const char *const runtime_names[] = {"dockerd", "containerd*", "com.docker*", "podman", "conmon",
	"crio", "crun", "runc", "k3s*", "kubelet", "kube-proxy", "lxd", "incusd"};

/* SQL Server, Oracle, etcd, MySQL, PostgreSQL, CouchDB, Redis, Neo4j, Cassandra, memcached, CockroachDB,
 * MongoDB */
static const uint16_t database_ports[] = {1433, 1521, 2379, 3306, 5432, 5984, 6379, 7687, 9042,
	11211, 26257, 27017};

static bool matches(const char *name, const char *pattern)
{
	if (*name != *pattern)
		return false;
	size_t length = strcspn(pattern, "*");
	return pattern[length] ? !strncmp(name, pattern, length) : !strcmp(name, pattern);
}

static bool is_named(const struct owner *owner, const char *const *patterns, size_t count)
{
	for (size_t i = 0; owner->name && i < count; i++)
		if (matches(owner->name, patterns[i]))
			return true;
	return false;
}

#define IS_NAMED(owner, patterns) is_named(owner, patterns, sizeof (patterns) / sizeof (patterns)[0])

bool protect_is_runtime(const struct owner *owner)
{
	return IS_NAMED(owner, runtime_names) || protect_is_publisher(owner);
}

bool protect_is_publisher(const struct owner *owner)
{
	return IS_NAMED(owner, publisher_names);
}

bool protect_is_system(const struct owner *owner)
{
	return IS_NAMED(owner, system_names);
}

const char *protect_port(uint16_t port, const uint16_t *protects, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (protects[i] == port)
			return "[ports] protect names the port";
	for (size_t i = 0; i < sizeof database_ports / sizeof database_ports[0]; i++)
		if (database_ports[i] == port)
			return "the ports of databases and caches are protected";
	return NULL;
}

const char *protect_process(const struct owner *owner, uid_t uid)
{
	if (!owner->pid)
		return "its process cannot be seen";
	if (owner->pid == 1)
		return "it is pid 1";
	if (owner->uid != uid)
		return "it belongs to another user";
	if (owner->container || protect_is_runtime(owner))
		return "it belongs to a container";
	if (owner->unit || protect_is_system(owner))
		return "it belongs to the system";
	if (owner->supervisor)
		return "it is a supervisor of stackup";
	return NULL;
}
