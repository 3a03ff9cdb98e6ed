#include "model/port.h"

#define X(name, word) [name] = word,
#define WORDS(function, type, TABLE)                                                               \
	const char *function(enum type value)                                                      \
	{                                                                                          \
		static const char *const words[] = {TABLE(X)};                                     \
		return words[value];                                                               \
	}
WORDS(port_source_word, port_source, PORT_SOURCES)
WORDS(port_conflict_rule_word, port_conflict_rule, PORT_CONFLICT_RULES)
WORDS(hold_mode_word, hold_mode, HOLD_MODES)
WORDS(protocol_word, protocol, PROTOCOLS)
