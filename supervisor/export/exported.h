/*
 * exported.h - a stack as other programs want it written: the way out for whoever outgrows it. Pure.
 *
 *	struct exported x;
 *	exported_init(&x, &request, arena);
 *	if (export_compose(&x, &e) < 0) ...		// what the format cannot say at all
 *	for (size_t i = 0; i < x.file_count; i++) use(x.files[i].name, &x.files[i].content);
 *	for (size_t i = 0; i < x.note_count; i++) tell(x.notes[i]);
 *	exported_release(&x);
 *
 * Numbers, paths and variables are those of one instance. Nothing is dropped in silence: what a format
 * cannot say of a service is a note (features.h), and where that would make it another stack, an error.
 * Values of secrets are never written; each is a note, too.
 */
#ifndef EXPORT_EXPORTED_H
#define EXPORT_EXPORTED_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "model/stack.h"
#include "plan/environment.h"
#include "plan/secrets.h"

struct export_request {
	const struct stack *stack;
	const struct environments *environments; /* of the stack, made without a caller */
	const char *path; /* $PATH of who exports; NULL: none */
	bool for_system; /* systemd: units of the machine, not of the user */
	bool (*has_file)(const char *dir, const char *name);
};

struct export_file {
	const char *name;
	struct text content; /* owns */
};

struct exported {
	const struct export_request *request; /* borrows, as the next two */
	const struct stack *stack;
	struct arena *arena;
	struct secrets secrets;
	struct export_file *files;
	size_t file_count;
	const char **notes;
	size_t note_count;
};

void exported_init(struct exported *x, const struct export_request *request, struct arena *arena);
void exported_release(struct exported *x);

/* Each writes its files and notes. -1: the format cannot say it, with what and why. */
int export_procfile(struct exported *x, struct error *e);
int export_compose(struct exported *x, struct error *e);
int export_systemd(struct exported *x, struct error *e);

/* ---- for the formats ---- */

/* A further file; the text is valid until the next one is begun. */
struct text *exported_file(struct exported *x, const char *name);
/* "service 'api': TEXT"; service may be NULL. */
void exported_note(struct exported *x, const struct service *service, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* What is lost of the stack as a whole. */
void exported_note_stack(struct exported *x);
/* The notes so far as comment lines. */
void exported_add_notes(const struct exported *x, struct text *out);

/*
 * What a service is given beyond its caller's environment and its env files: env.NAME, export.NAME, and
 * what is injected about ports; not the marks of a run. A secret is left out with a note that says to set
 * it `where`. In the arena, by name.
 */
size_t exported_variables(struct exported *x, const struct service *service, const char *where,
	const struct pair **out);
/* The stack's env files, then the service's: absolute, later ones win. In the arena. */
size_t exported_env_paths(struct exported *x, const struct service *service, const char *const **out);

/* Relative to the stack file's directory where it lies below it ("." for itself), else as it is. */
const char *exported_path(const struct exported *x, const char *path);

/* Whether an env file that the service gets has this variable. */
bool exported_is_in_files(const struct exported *x, const struct service *service, const char *variable);
/*
 * A PORT of an env file reaches no service of a stack; a service without a port that other programs would
 * give it to.
 */
bool exported_gets_strange_port(const struct exported *x, const struct service *service);

/* -1: some word of it is or has the value of a secret. */
int exported_check_command(const struct exported *x, const struct service *service, struct error *e);

#endif
