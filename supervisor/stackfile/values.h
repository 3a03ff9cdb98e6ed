/*
 * values.h - the text of a value as what it means, or a complaint that says what to write.
 *
 * Each parser takes the whole text (already interpolated) or complains, with file, line and key
 * from the site, and returns false; *out is untouched then. Limits and words come from the key's
 * row. Texts that the result points to live in the site's arena.
 */
#ifndef STACKFILE_VALUES_H
#define STACKFILE_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/complaint.h"
#include "model/stack.h"
#include "stackfile/schema.h"

/* Where a value stands. */
struct site {
	struct arena *arena; /* borrows */
	struct complaints *complaints; /* borrows */
	const char *file;
	int line;
	const char *key; /* as written: "port.admin" */
	const struct key *row;
	int slots; /* how many the instance has; 0 means SLOTS */
};

struct words {
	const char **items;
	size_t count;
};

enum wish_kind { WISH_SLOT, WISH_AUTO, WISH_PORT, WISH_POOL };

/* What `slot`, `port` and `port.NAME` ask for. */
struct wish {
	enum wish_kind kind;
	int number; /* of the slot or the port */
};

/* `ready` and `health`: the kind, and the rest of the text as it was written. */
struct check {
	enum probe_kind kind; /* PROBE_NONE for started and none */
	const char *rest; /* path, URL, pattern, command; "" where there is none */
};

struct wanted_dependency {
	const char *name;
	const char *condition; /* NULL where none is written */
	bool optional;
};

/* "KEY cannot be 'TEXT'"; add what to write with complaint_hint. Returns false. */
bool value_refuse(const struct site *site, const char *text);

/* Items between commas and newlines, without blanks around them; empty ones are left out. */
struct words value_list(struct arena *arena, const char *text);

bool value_boolean(const struct site *site, const char *text, bool *out);
bool value_number(const struct site *site, const char *text, int64_t *out);
bool value_duration(const struct site *site, const char *text, int64_t *ms);
bool value_size(const struct site *site, const char *text, int64_t *bytes);
/* Index of the word in the row's limits, which is the value of the model's enum. */
bool value_choice(const struct site *site, const char *text, int *out);
bool value_variable(const struct site *site, const char *text);
bool value_variables(const struct site *site, const char *text, struct words *out);
bool value_names(const struct site *site, const char *text, struct words *out);
bool value_regex(const struct site *site, const char *text);
bool value_wish(const struct site *site, const char *text, struct wish *out);
bool value_port_range(const struct site *site, const char *text, uint16_t *low, uint16_t *high);
bool value_port_list(const struct site *site, const char *text, struct words *out);
bool value_statuses(const struct site *site, const char *text, struct status_range **out,
	size_t *count);
bool value_limit(const struct site *site, const char *text, int *limit, int64_t *window_ms);
bool value_signal(const struct site *site, const char *text, int *out);
bool value_check(const struct site *site, const char *text, struct check *out);
bool value_dependencies(const struct site *site, const char *text,
	struct wanted_dependency **out, size_t *count);
bool value_requirements(const struct site *site, const char *text, struct requirement **out,
	size_t *count);

/* Whether the text is a value for its key, whatever the type; complains if not. */
bool value_accepts(const struct site *site, const char *text);

#endif
