/*
 * draft_inside.h - what a draft is made of, for the files that make it and resolve it.
 *
 *	check.c		keys against the schema, names of services and environments
 *	draft_templates.c	services that name a template, and the tasks it brings
 *	draft_layers.c	which entry of which section counts for a service
 *	draft_env.c	env files
 *	draft_policy.c	[ports], also of the user's own file
 *	draft_ports.c	wants for ports; draft_procfile.c those of a Procfile
 *	draft.c		the steps in their order
 *
 * Everything lives in the draft's arena or borrows from the document.
 */
#ifndef STACKFILE_DRAFT_INSIDE_H
#define STACKFILE_DRAFT_INSIDE_H

#include "base/arena.h"
#include "base/lookup.h"
#include "model/ranges.h"
#include "stackfile/dotenv.h"
#include "stackfile/draft.h"
#include "stackfile/schema.h"
#include "stackfile/values.h"

/* One member of a family like env.NAME. */
struct member {
	const char *name; /* NAME */
	const struct entry *entry;
	const struct key *key;
};

struct members {
	struct member *items;
	size_t count;
	struct lookup places; /* from NAME to its item */
};

enum { NO_PORT = -1 };

struct draft_service {
	const char *name;
	const struct section *section; /* [service NAME] */
	const struct section *overlay; /* [service NAME @ENVIRONMENT] that counts; NULL */
	const struct section *base; /* what its template says, below its own section; NULL */
	const struct draft_service *host; /* of a template's task: whose it is; NULL */
	const struct entry *values[KEY_COUNT]; /* plain keys: the highest layer's entry, or NULL */
	struct members env;
	struct members ports; /* port.NAME */
	struct members exports;
	struct members headers;
	struct dotenv files; /* its own env files */
	struct words profiles;
	bool enabled;
	int main_port; /* index of its row in ports, or NO_PORT */
	int *port_rows; /* all of them, the main one first */
	size_t port_row_count;
};

struct draft {
	struct arena *arena; /* owns */
	const struct document *document; /* borrows */
	const struct document *user; /* the user's own config.ini, NULL where there is none */
	struct document *own_user; /* owns: the same, where it was read */
	struct draft_text *texts; /* of env files */
	size_t text_count;
	struct stackfile_request request; /* its arrays are borrowed for the length of draft_new */
	struct stack head;
	int slots; /* SLOTS times head.spans */

	const struct entry *stack[KEY_COUNT]; /* of [stack] and [ports] */
	const struct section *defaults; /* [defaults], or NULL */
	const struct section *environment; /* [environment ENV] that counts, or NULL */
	const struct section *instance; /* [instance N] that counts, or NULL */
	struct members command_env; /* env.NAME of these two */

	struct document **templates; /* owns each: those that services name */
	size_t template_count;

	struct draft_service *services;
	int service_count;
	struct lookup places; /* of services */
	const char **names; /* of services */

	const char *const *caller_env; /* a copy */
	struct lookup caller; /* from NAME to its place in caller_env */
	struct dotenv files; /* of the stack */

	struct named_range *ranges; /* range.NAME; the stack file's come before the user's */
	size_t range_count;
	struct named_range pool; /* low 0: neither file says one */
	struct named_range emergency;
	struct pair *reserves; /* port number as text, who and why, FILE:LINE */
	size_t reserve_count;
	uint16_t *protects;
	size_t protect_count;
	uint16_t *avoided; /* protects, then the numbers of reserves */
	size_t avoided_count;

	struct port *ports;
	int port_count;
	bool ports_clash; /* complained about: two rows want one port, or too many a slot */
};

/* check.c */
void draft_check_keys(const struct draft *draft, struct complaints *complaints);
void draft_check_overlays(const struct draft *draft, struct complaints *complaints);

/* draft_templates.c */
void draft_use_templates(struct draft *draft, struct complaints *complaints);

/* draft_layers.c */
void draft_find_services(struct draft *draft);
void draft_choose_environment(struct draft *draft, struct complaints *complaints);
void draft_merge(struct draft *draft, struct complaints *complaints);

/* draft_env.c */
void draft_read_env_files(struct draft *draft, struct complaints *complaints);

/* draft_policy.c */
void draft_read_policy(struct draft *draft, struct complaints *complaints);
/* A name of a range near this one, or NULL. */
const char *draft_nearest_range(const struct draft *draft, const char *name);

/* draft_ports.c */
void draft_want_ports(struct draft *draft, struct complaints *complaints);
/* Adds a row to the ports and to its service; returns its index. */
int draft_add_port(struct draft *draft, struct port row);

/* draft_procfile.c */
void draft_want_procfile(struct draft *draft, struct complaints *complaints);

/* Place of a key's value for the parsers. */
struct site draft_site(const struct draft *draft, struct arena *arena, const struct key *key,
	const struct entry *entry, struct complaints *complaints);
/* A relative path from the stack file's directory; absolute ones stay. */
const char *draft_path(const struct draft *draft, struct arena *arena, const char *path);
/* Whether the entry is written in [defaults]: then it is not about one service in particular. */
bool draft_is_default(const struct draft *draft, const struct entry *entry);
/* "FILE:LINE" of an entry. */
const char *draft_origin(const struct draft *draft, struct arena *arena, const struct entry *entry);
/* The caller's variable, or NULL. */
const char *draft_caller(const struct draft *draft, const char *name);
/*
 * The interpolated value of an early key, the row's default where there is no entry; NULL when it
 * was refused (complained about).
 */
const char *draft_early(struct draft *draft, int service, const struct key *key,
	const struct entry *entry, struct complaints *complaints);

#endif
