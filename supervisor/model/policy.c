#include "model/policy.h"

#include "base/words.h"

WORDS(service_type_word, service_type, SERVICE_TYPES)
WORDS(condition_word, condition, CONDITIONS)
WORDS(restart_rule_word, restart_rule, RESTART_RULES)
WORDS(health_action_word, health_action, HEALTH_ACTIONS)
WORDS(stop_scope_word, stop_scope, STOP_SCOPES)
WORDS(dependency_rule_word, dependency_rule, DEPENDENCY_RULES)
WORDS(move_rule_word, move_rule, MOVE_RULES)
WORDS(identity_word, identity, IDENTITIES)
