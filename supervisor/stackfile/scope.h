/*
 * scope.h - the names that a value may refer to, at the place where it stands.
 *
 * Names with a lower-case first letter are stackup's: of the instance (${instance}, ${stack.dir},
 * ...), of the service the value belongs to (${port}, ${url}), of any service (${db.port}). All
 * others are variables: the caller's, then the env files'.
 *
 * A service's URL may refer to other URLs; a circle is refused with the services in it. All results
 * of one resolve together are bounded, so that a small file cannot fill the memory.
 */
#ifndef STACKFILE_SCOPE_H
#define STACKFILE_SCOPE_H

#include "stackfile/draft_inside.h"
#include "stackfile/interpolate.h"

enum { SCOPE_TOTAL_MOST = 64 * 1024 * 1024 };

enum url_state { URL_UNKNOWN, URL_BUSY, URL_KNOWN };

struct url {
	enum url_state state;
	const char *text; /* NULL where the service has none */
	bool refused; /* and that has been complained about */
};

/* One for a whole resolve. */
struct scope_shared {
	struct arena *arena; /* for results */
	const struct draft *draft;
	const struct stackfile_facts *facts; /* NULL: ports are not known yet */
	struct complaints *complaints;
	struct url *urls; /* parallel to services; NULL with facts NULL */
	size_t total; /* bytes interpolated so far */
};

struct scope {
	struct scope_shared *shared;
	int service; /* whose value it is, -1: of the stack */
	char number[16]; /* the last number that was looked up */
	struct error why; /* code 0, or why the last name has no value */
	bool said; /* ... and that has been complained about where the reason stands */
	bool is_cause; /* the text was refused for it */
	struct error left; /* code 0, or a warning: $name in a command, where we know ${name} */
};

/*
 * The interpolated text, in the arena; NULL when it was refused, complained about at the site (which may
 * have no complaints: in silence). In a Procfile nothing is interpolated.
 */
const char *scope_fill(struct scope_shared *shared, int service, const struct site *site,
	const char *text);

/* For command_make(): rules that look names up in *scope, which the caller sets up and keeps. */
struct interpolation scope_rules(struct scope *scope, enum interpolate_dialect dialect);
/* Complains about an error of interpolate() or command_make(), with what the scope knows better. */
void scope_complain(const struct scope *scope, const struct site *site, const struct error *e);

/* The service's URL, NULL where it has none or where it was refused. */
const char *scope_url(struct scope_shared *shared, int service);

#endif
