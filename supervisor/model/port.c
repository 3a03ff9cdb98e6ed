#include "model/port.h"

#include "base/words.h"

WORDS(port_source_word, port_source, PORT_SOURCES)
WORDS(port_conflict_rule_word, port_conflict_rule, PORT_CONFLICT_RULES)
WORDS(port_strategy_word, port_strategy, PORT_STRATEGIES)
WORDS(hold_mode_word, hold_mode, HOLD_MODES)
WORDS(protocol_word, protocol, PROTOCOLS)
