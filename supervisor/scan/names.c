#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "scan/names.h"

/* One of these words in a name, and its value is something else. */
static const char *const decoys[] = {"version", "versions", "image", "tag", "tags", "digest", "hash", "sha",
	"commit", "revision", "checksum", "integrity", "uuid", "guid", "uid", "gid", "user", "users",
	"password", "passwd", "secret", "token", "key", "keys", "salt", "license", "date", "time",
	"timestamp", "timeout", "interval", "ttl", "expiry", "expires", "age", "delay", "duration",
	"period", "seconds", "size", "limit", "max", "min", "count", "memory", "cpu", "replicas",
	"workers", "threads", "retries", "weight", "budget", "budgets", "phone", "color", "colour",
	"schedule", "cron", "mode", "subnet", "cidr", "netmask", "ulimits", "id", "build", "release",
	"description", "$schema"};

/* With one of these a port is somebody else's. */
static const char *const clients[] = {"db", "database", "postgres", "postgresql", "pg", "mysql", "mariadb",
	"mongo", "mongodb", "redis", "smtp", "mail", "email", "imap", "pop3", "rabbitmq", "amqp", "kafka", "nats",
	"elastic", "elasticsearch", "es", "memcached", "memcache", "ldap", "ftp", "sftp", "ssh", "remote",
	"upstream", "target", "proxy", "client", "peer", "pgport", "dbport"};

static const char *const debuggers[] = {"debug", "debugger", "inspect", "inspector", "jdwp"};
static const char *const targets[] = {"internal", "container"};
static const char *const binds[] = {"bind", "listen", "listener", "listeners"};
static const char *const addresses[] = {"addr", "address"};
static const char *const hosts[] = {"port", "ports", "host", "hostname", "url", "uri", "addr", "address", "bind"};

/* Names that end in port and are none, where no sign parts the words. */
static const char *const port_endings[] = {"support", "import", "export", "report", "transport", "passport",
	"viewport", "airport", "rapport", "deport", "exports", "imports", "reports", "supports"};
/* A number beside the word port that is no port. */
static const char *const port_spoilers[] = {"count", "timeout", "interval", "retries", "mode", "name", "names",
	"type", "protocol", "id", "offset", "max", "step", "number_of"};

static bool next_word(struct slice *rest, struct slice *word)
{
	while (rest->at < rest->end && (!isalnum((unsigned char)*rest->at) && *rest->at != '$'))
		rest->at++;
	if (rest->at == rest->end)
		return false;
	word->at = rest->at++;
	while (rest->at < rest->end && isalnum((unsigned char)*rest->at) &&
		!(isupper((unsigned char)*rest->at) && islower((unsigned char)rest->at[-1])))
		rest->at++;
	word->end = rest->at;
	return true;
}

static bool is_among(struct slice word, const char *const *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_length(word) == strlen(table[i]) &&
			!strncasecmp(word.at, table[i], slice_length(word)))
			return true;
	return false;
}
#define AMONG(word, table) is_among((word), (table), sizeof(table) / sizeof *(table))

static bool has_word(struct slice name, const char *const *table, size_t count)
{
	for (struct slice word; next_word(&name, &word);)
		if (is_among(word, table, count))
			return true;
	return false;
}
#define HAS(name, table) has_word((name), (table), sizeof(table) / sizeof *(table))

static bool is_port_word(struct slice word)
{
	static const char *const ports[] = {"port", "ports"};
	if (AMONG(word, ports))
		return true;
	return slice_length(word) > 4 && !strncasecmp(word.end - 4, "port", 4) && !AMONG(word, port_endings);
}

bool name_is_port(struct slice name)
{
	bool found = false;
	for (struct slice rest = name, word; next_word(&rest, &word);) {
		if (AMONG(word, port_spoilers))
			return false;
		found = found || is_port_word(word);
	}
	return found;
}

bool name_is_bind(struct slice name)
{
	return HAS(name, binds) || (HAS(name, addresses) && !HAS(name, clients));
}

bool name_is_decoy(struct slice name)
{
	return HAS(name, decoys);
}

enum finding_role name_role(struct slice name)
{
	static const char *const published[] = {"published", "nodeport", "hostport", "external", "forward", "public"};
	if (HAS(name, debuggers))
		return ROLE_DEBUG;
	if (HAS(name, clients))
		return ROLE_CONNECT;
	if (HAS(name, targets))
		return ROLE_TARGET;
	return HAS(name, published) ? ROLE_PUBLISH : ROLE_LISTEN;
}

struct slice name_service(struct slice name)
{
	struct slice service = {name.at, name.at};
	for (struct slice rest = name, word; next_word(&rest, &word);) {
		if (AMONG(word, hosts))
			return service;
		service.end = word.end;
	}
	return (struct slice){0};
}
