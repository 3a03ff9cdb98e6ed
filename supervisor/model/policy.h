/*
 * policy.h - how one service is to be treated: the numbers of its stack file, already parsed.
 *
 * All durations are milliseconds. These structs are read by the pure rooms (watch/lifecycle, heal,
 * stop), which get nothing else of the stack file.
 */
#ifndef MODEL_POLICY_H
#define MODEL_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define SERVICE_TYPES(X) X(TYPE_SERVICE, "service") X(TYPE_TASK, "task")
#define CONDITIONS(X)                                                                              \
	X(CONDITION_STARTED, "started")                                                            \
	X(CONDITION_READY, "ready")                                                                \
	X(CONDITION_HEALTHY, "healthy")                                                            \
	X(CONDITION_COMPLETED, "completed")
#define RESTART_RULES(X)                                                                           \
	X(RESTART_ON_FAILURE, "on-failure")                                                        \
	X(RESTART_ALWAYS, "always")                                                                \
	X(RESTART_NO, "no")
#define HEALTH_ACTIONS(X)                                                                          \
	X(HEALTH_RESTART, "restart")                                                               \
	X(HEALTH_ALERT, "alert") /* only told: the event, and whoever follows */                   \
	X(HEALTH_NOTHING, "none") /* not even that: its state shows it */
#define READINESS_KINDS(X)                                                                         \
	X(READY_STARTED, "started") /* as soon as it runs */                                       \
	X(READY_PORT, "port") /* its own process tree listens on its port */                       \
	X(READY_PROBE, "probe") /* http, tcp, command: the first success */                        \
	X(READY_LOG, "log") /* a line of its output matches */                                     \
	X(READY_NOTIFY, "notify") /* sd_notify READY=1 */
#define STOP_SCOPES(X) X(STOP_GROUP, "group") X(STOP_LEADER, "leader")
#define DEPENDENCY_RULES(X) X(DEPENDENCY_KEEP, "keep") X(DEPENDENCY_RESTART, "restart")
#define MOVE_RULES(X)                                                                              \
	X(MOVE_OVERLAP, "overlap") /* the new process first, then the old one stops */             \
	X(MOVE_STOP_FIRST, "stop-first") /* one process at a time: databases, file locks */
#define IDENTITIES(X)                                                                              \
	X(IDENTITY_STRICT, "strict")                                                               \
	X(IDENTITY_WARN, "warn")                                                                   \
	X(IDENTITY_OFF, "off")

#define X(name, word) name,
enum service_type { SERVICE_TYPES(X) };
enum condition { CONDITIONS(X) };
enum restart_rule { RESTART_RULES(X) };
enum health_action { HEALTH_ACTIONS(X) };
enum readiness { READINESS_KINDS(X) };
enum stop_scope { STOP_SCOPES(X) };
enum dependency_rule { DEPENDENCY_RULES(X) };
enum move_rule { MOVE_RULES(X) };
enum identity { IDENTITIES(X) };
#undef X

const char *service_type_word(enum service_type type);
const char *condition_word(enum condition condition);
const char *restart_rule_word(enum restart_rule rule);
const char *health_action_word(enum health_action action);
const char *stop_scope_word(enum stop_scope scope);
const char *dependency_rule_word(enum dependency_rule rule);
const char *move_rule_word(enum move_rule rule);
const char *identity_word(enum identity identity);

struct restart_policy {
	enum restart_rule rule;
	int64_t delay_ms; /* of the first restart; doubles */
	int64_t max_delay_ms;
	int64_t reset_ms; /* a run at least this long after ready starts the back-off anew */
	int limit; /* restarts ... */
	int64_t limit_window_ms; /* ... in this time; past it the service has failed */
};

struct health_policy {
	bool present;
	int64_t interval_ms;
	int64_t timeout_ms;
	int retries; /* failures in a row before unhealthy */
	int successes; /* successes in a row before healthy */
	int64_t start_period_ms; /* failures in this time after the start do not count */
	enum health_action action;
};

struct stop_policy {
	int signal;
	int64_t timeout_ms;
	bool has_bound; /* somebody said how long this one stop may take */
	int64_t bound_ms;
	enum stop_scope scope;
	bool has_command;
};

static inline int64_t stop_time_ms(const struct stop_policy *stop)
{
	return stop->has_bound ? stop->bound_ms : stop->timeout_ms;
}

struct service_policy {
	enum service_type type;
	enum readiness readiness;
	bool readiness_is_health; /* READY_PROBE whose probe is the health check itself */
	bool has_port; /* it is told a port, so the port must be free again after a stop */
	int64_t ready_timeout_ms;
	int64_t task_timeout_ms; /* 0: none */
	bool optional;
	bool essential;
	enum dependency_rule on_dependency;
	enum move_rule move; /* how its process is replaced when its port moves */
	struct restart_policy restart;
	struct health_policy health;
	struct stop_policy stop;
};

#endif
