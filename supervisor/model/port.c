#include "model/port.h"

#include <string.h>

#include "base/words.h"

WORDS(port_source_word, port_source, PORT_SOURCES)
WORDS(port_conflict_rule_word, port_conflict_rule, PORT_CONFLICT_RULES)
WORDS(port_strategy_word, port_strategy, PORT_STRATEGIES)
WORDS(hold_mode_word, hold_mode, HOLD_MODES)
WORDS(protocol_word, protocol, PROTOCOLS)

bool port_strategy_parse(const char *word, enum port_strategy *out)
{
	for (int i = STRATEGY_CONSERVATIVE; i <= STRATEGY_AGGRESSIVE; i++)
		if (!strcmp(word, port_strategy_word((enum port_strategy)i))) {
			*out = (enum port_strategy)i;
			return true;
		}
	return false;
}
