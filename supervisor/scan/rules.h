/*
 * rules.h - what a piece of a structured file means, by the way that leads to it.
 *
 * A reader calls rules_apply() for each scalar with its path: keys from the top, an item of a list is "[]".
 * The first rule of the format that fits says how the value is read. In a pattern `*` is any one key, `**` any number
 * of them, `~port` a key whose name tells of a port, `~decoy` one whose name tells of something else.
 *
 * Every table of rules is in rules.c; a value without a rule is read as text.
 */
#ifndef SCAN_RULES_H
#define SCAN_RULES_H

#include "scan/find.h"

enum { PATH_MOST = 64 };

struct path {
	size_t depth;
	struct slice keys[PATH_MOST]; /* as they stand; an item of a list: "[]" */
	struct slice labels[PATH_MOST]; /* at this depth: the value of a `name` or `key` beside it */
};

/* False where it is too deep: whatever is below is not looked at. */
bool path_push(struct path *p, struct slice key);
void path_pop(struct path *p);
/* Sets the key of the deepest level. */
void path_set(struct path *p, struct slice key);
/* "services/web/ports/[]" fits "services/ * /ports/[]". */
bool path_fits(const struct path *p, const char *pattern);
/* "[]" */
extern const struct slice path_item;

enum meaning_of_value {
	AS_NOTHING,
	AS_PORT,
	AS_PORTS, /* a list in one value */
	AS_MAPPING,
	AS_ADDRESS,
	AS_ADDRESSES, /* words */
	AS_FIRST_ADDRESS, /* the first word; the rest are options */
	AS_TEXT,
	AS_HOSTS, /* text in which any name before a number is a host */
	AS_COMMAND,
	AS_ARGUMENT,
	AS_VARIABLE, /* by the last key of the path */
	AS_LABELLED, /* by the `name` or `key` beside it */
	AS_OWNER, /* a variable by the key above */
	AS_ASSIGNMENT,
	AS_ASSIGNMENTS, /* words, with quotes around */
	AS_LABEL, /* of docker or kubernetes: only if its name ends in port */
	AS_IMAGE, /* host:port/name */
	AS_SERVICE, /* names the service of what follows */
	AS_EXPRESSION, /* of a program: a port, else text */
};

struct rule {
	const char *pattern; /* NULL: the end */
	enum meaning_of_value meaning;
	enum finding_role role;
};

extern const struct rule rules_compose[], rules_kubernetes[], rules_values[], rules_workflow[], rules_yaml[],
	rules_package[], rules_mcp[], rules_json[], rules_script[], rules_toml[], rules_supabase[],
	rules_stack[], rules_systemd[], rules_terraform[], rules_nginx[], rules_caddy[], rules_haproxy[];

void rules_apply(struct find *f, const struct rule *rules, const struct path *path, struct slice value);

#endif
