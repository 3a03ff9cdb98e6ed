/*
 * yaml.h - a YAML document as a tree, with the file and line of everything in it. Through libyaml.
 *
 * Scalars are their text: what type a loader would give them is nobody's business here, since loaders
 * disagree ("22:22", "0800"). Aliases share the node that they name, so a document of a few hundred bytes
 * stays one of a few hundred nodes. Merge keys ("<<") are resolved. Only the first document counts.
 *
 * Complained about, and left out: a key that is there twice, a key that is no scalar, an anchor that contains
 * itself.
 */
#ifndef ADOPT_YAML_H
#define ADOPT_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "model/complaint.h"

enum yaml_kind { YAML_NOTHING, YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml;

struct yaml_pair {
	const char *key; /* "" in a list */
	const struct yaml *value;
	int line; /* of the key */
};

struct yaml {
	enum yaml_kind kind;
	const char *file; /* as it is shown */
	const char *place; /* what its relative paths start from, as the stack file says it: ".", "../x" */
	int line;
	const char *tag; /* "!reset" and "!override"; NULL */
	const char *text; /* YAML_TEXT */
	bool quoted;
	struct yaml_pair *pairs; /* YAML_MAP in order; items of YAML_LIST, without keys */
	size_t count;
};

/* NULL after a complaint: it is no YAML. An empty file is YAML_NOTHING. */
const struct yaml *yaml_read(struct arena *arena, const char *text, size_t length, const char *file,
	const char *place, struct complaints *complaints);

/* NULL where it is no map or has no such key. NULL is fine as the map. */
const struct yaml *yaml_get(const struct yaml *map, const char *key);
/* The text of a scalar; NULL for anything else. */
const char *yaml_text(const struct yaml *node);
/* yes, true, on. */
bool yaml_is_true(const struct yaml *node);

#endif
