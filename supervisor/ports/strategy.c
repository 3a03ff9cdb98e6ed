#include "ports/strategy.h"

#include "base/words.h"

WORDS(port_action_word, port_action, PORT_ACTIONS)

enum { STRATEGIES = STRATEGY_AGGRESSIVE + 1 };

#define ALL(what, why) {{what, why}, {what, why}, {what, why}}

/* Columns: conservative, intelligent, aggressive. */
static const struct port_decision cells[][STRATEGIES] = {
	[CLASS_FREE] = ALL(RESOLVE_IGNORE, "nobody has it"),
	[CLASS_OWN_LIVE] = ALL(RESOLVE_MOVE, "a service of this instance uses it"),
	[CLASS_OWN_STALE] = ALL(RESOLVE_STOP, "an earlier run left it behind"),
	[CLASS_OTHER_INSTANCE] = ALL(RESOLVE_MOVE, "another instance runs there"),
	[CLASS_OTHER_PROJECT] = ALL(RESOLVE_MOVE, "another project runs there"),
	[CLASS_OTHER_REGISTRY] = ALL(RESOLVE_MOVE, "another stackup keeps it"),
	[CLASS_RESERVED] = ALL(RESOLVE_MOVE, "it is reserved for somebody else"),
	[CLASS_LEASED] = ALL(RESOLVE_MOVE, "it is leased to somebody else"),
	[CLASS_FOREIGN] = {
		{RESOLVE_MOVE, "conservative leaves foreign processes alone"},
		{RESOLVE_MOVE, "intelligent leaves foreign processes alone"},
		{RESOLVE_STOP, "aggressive stops foreign processes of the same user"},
	},
	[CLASS_OTHER_USER] = ALL(RESOLVE_MOVE, "processes of other users are never stopped"),
	[CLASS_CONTAINER] = ALL(RESOLVE_MOVE, "containers are never stopped"),
	[CLASS_PROTECTED] = ALL(RESOLVE_MOVE, "it is protected and never stopped"),
	[CLASS_WRONG_FAMILY] = {
		{RESOLVE_MOVE, "conservative leaves foreign processes alone"},
		{RESOLVE_MOVE, "intelligent leaves foreign processes alone"},
		{RESOLVE_STOP, "aggressive stops foreign processes of the same user"},
	},
	[CLASS_EPHEMERAL] = ALL(RESOLVE_MOVE, "an outgoing connection is not stopped"),
	[CLASS_TIME_WAIT] = {
		{RESOLVE_WAIT, "it is over by itself; conservative waits 2 s at most"},
		{RESOLVE_WAIT, "it is over by itself"},
		{RESOLVE_WAIT, "it is over by itself"},
	},
	[CLASS_PRIVILEGED] = ALL(RESOLVE_MOVE, "only root may have it"),
	[CLASS_UNKNOWN] = ALL(RESOLVE_MOVE, "who has it cannot be seen"),
};

struct port_decision strategy_decide(enum port_class class, enum port_strategy strategy)
{
	return cells[class][strategy];
}

int strategy_patience_ms(enum port_strategy strategy, bool can_move)
{
	if (strategy == STRATEGY_CONSERVATIVE)
		return 2000;
	return can_move ? 5000 : 61000;
}
