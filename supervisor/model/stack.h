/*
 * stack.h - one checked stack, complete: everything a launch needs, nothing left to interpolate.
 *
 * stackfile/ makes it (stackfile_resolve), everyone else reads it. It lives in one arena; every
 * pointer below borrows from that arena. Services are in file order; a service's index is its name
 * everywhere inside the program.
 */
#ifndef MODEL_STACK_H
#define MODEL_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/policy.h"
#include "model/port.h"

struct arena;

/* A name and a value; also one variable of an environment. */
struct pair {
	const char *name;
	const char *value;
	const char *origin; /* where it comes from, for people: "stack.ini:12", ".env:3", "injected" */
};

/*
 * A command as it will be executed. Exactly one form is set: argv (executed directly), or shell
 * (argv is then {shell, "-c", text, NULL}). argv is always complete and NULL-terminated.
 */
struct command {
	const char *text; /* as written, interpolated; NULL where there is no command */
	char *const *argv;
	bool through_shell;
	int line; /* of its key in the stack file; 0 where it has none */
};

#define PROBE_KINDS(X)                                                                             \
	X(PROBE_NONE, "none")                                                                      \
	X(PROBE_HTTP, "http")                                                                      \
	X(PROBE_TCP, "tcp")                                                                        \
	X(PROBE_COMMAND, "command")                                                                \
	X(PROBE_PORT, "port") /* passive: the tree listens, by sock_diag */                        \
	X(PROBE_LOG, "log") /* passive: a line matches */                                          \
	X(PROBE_NOTIFY, "notify") /* passive: sd_notify */
#define X(name, word) name,
enum probe_kind { PROBE_KINDS(X) };
#undef X
const char *probe_kind_word(enum probe_kind kind);

struct status_range {
	int low;
	int high;
};

struct probe {
	enum probe_kind kind;
	const char *url; /* http: complete URL, ports filled in */
	const char *host; /* tcp: "localhost" */
	uint16_t port; /* port, tcp, and http to our own port: whose listener is checked */
	struct command command; /* command */
	const char *pattern; /* log: POSIX extended regular expression */
	const char *method; /* http: "GET" */
	const struct status_range *statuses; /* http: accepted, 200-399 by default */
	size_t status_count;
	const char *body_pattern; /* http: regular expression, NULL where none */
	const struct pair *headers; /* http */
	size_t header_count;
	bool tls_verify;
};

struct dependency {
	int service; /* index */
	enum condition condition;
	bool optional; /* waited for, its failure is a warning */
	int line;
};

struct log_settings {
	const char *file; /* absolute path, or NULL for the default under the state directory */
	int64_t max_size;
	int keep;
	bool split;
};

struct service {
	const char *name;
	int index;
	int line; /* of its section */
	const char *description; /* NULL where none */
	struct service_policy policy;
	struct command command;
	const char *dir; /* absolute */
	const struct dependency *dependencies;
	size_t dependency_count;
	const int *ports; /* indexes into stack.ports; the main one first */
	size_t port_count;
	bool has_main_port; /* ports[0] is "main" */
	const char *url; /* for others; NULL where none */
	const char *url_shown; /* the same as people may see it, without secrets */
	struct probe ready; /* kind NONE for started */
	struct probe health;
	struct command stop_command;
	enum identity identity;
	const struct pair *env; /* env.NAME of all layers, merged, highest layer won */
	size_t env_count;
	const struct pair *env_files; /* values of its env_file files, merged */
	size_t env_file_count;
	const char *const *env_paths; /* absolute: where these are from */
	size_t env_path_count;
	const struct pair *exports; /* export.NAME: given to every service that depends on it */
	size_t export_count;
	const char *const *secrets; /* variables never shown */
	size_t secret_count;
	const char *const *profiles;
	size_t profile_count;
	bool enabled; /* no profile, or one that was asked for */
	struct log_settings log;
	bool tty;
	const char *user; /* NULL: as we are */
	int64_t files_max; /* RLIMIT_NOFILE, 0: as inherited */
	const char *state_dir; /* its own directory below the instance's state */
	/*
	 * The whole service as canonical text, after interpolation: two equal texts need no restart.
	 */
	const char *fingerprint;
};

struct requirement {
	const char *name; /* command */
	const char *version; /* least version, NULL where any */
	int line;
};

#define CRASH_RULES(X)                                                                             \
	X(CRASH_STOP, "stop") /* all services end */                                               \
	X(CRASH_RESUME, "resume") /* another one goes on with them */
#define X(name, word) name,
enum crash_rule { CRASH_RULES(X) };
#undef X
const char *crash_rule_word(enum crash_rule rule);

struct stack {
	struct arena *arena; /* owns: freeing it frees the stack */
	const char *name; /* as the file or the directory says */
	const char *description;
	const char *owner;
	const char *file; /* absolute path, "-" for standard input */
	const char *dir; /* directory of the file, absolute */
	const char *main_dir; /* main worktree, absolute; dir where there is no git */
	const char *branch; /* "" where there is none */
	const char *slug;
	const char *environment;
	const char *purpose; /* of [instance N]; NULL where the file says nothing */
	bool is_procfile;
	int block; /* explicit id, or -1 */
	int spans; /* ten-port ranges per instance */
	enum port_strategy strategy;
	const char *shell;
	enum crash_rule on_crash; /* when the supervisor dies */
	int64_t log_total; /* bytes for all logs of an instance, 0: no bound */

	struct service *services;
	int service_count;
	struct port *ports;
	int port_count;

	const struct requirement *require_commands;
	size_t require_command_count;
	const struct pair *require_variables; /* name; origin FILE:LINE */
	size_t require_variable_count;
	const struct pair *require_files;
	size_t require_file_count;
	int64_t require_disk; /* bytes, 0: none */

	const struct pair *env; /* [environment] and [instance] and [defaults] are merged into services;
				   this is the interpolation environment: caller, then env files */
	size_t env_count;
	const struct pair *env_files; /* the stack's env files, merged; below the caller */
	size_t env_file_count;
	const char *const *env_paths; /* absolute: where these are from */
	size_t env_path_count;
	const struct pair *command_env; /* env.NAME of [environment] and [instance], for commands of no
					   service; those that speak of a service's own port are not there */
	size_t command_env_count;
	const char *const *reserved; /* "5432 who and why" lines of [ports] reserve.PORT */
	size_t reserved_count;
	uint16_t emergency_low; /* ports for services that find no other */
	uint16_t emergency_high;
	const uint16_t *protects; /* [ports] protect: whoever listens there is never touched */
	size_t protect_count;

	/* facts of the instance it was resolved for */
	int instance;
	uint16_t base_port;
	const char *project;
	const char *state_dir;
	const char *log_dir;
};

void stack_free(struct stack *stack);
/* NULL where there is no service of that name. */
struct service *stack_service(const struct stack *stack, const char *name);
/* The main port's row, or NULL. */
const struct port *stack_main_port(const struct stack *stack, const struct service *service);

#endif
