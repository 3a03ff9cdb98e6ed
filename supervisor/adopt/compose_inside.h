/*
 * compose_inside.h - what the files that read compose share, and nobody else.
 *
 *	compose_load.c		files, layers and extends, to one tree of services
 *	compose_merge.c		one layer over another
 *	compose_text.c		values and words with references, as the stack file says them
 *	compose_network.c	who is reached at which name and port
 *	compose.c		services in their order, and what becomes of each
 *	compose_service.c	what a service has, whatever becomes of it
 *	compose_program.c	a service as a program of this machine
 *	compose_docker.c	a service as `docker run`
 *	dockerfile.c		what a Dockerfile says about the command
 */
#ifndef ADOPT_COMPOSE_INSIDE_H
#define ADOPT_COMPOSE_INSIDE_H

#include "adopt/compose.h"
#include "adopt/compose_ports.h"
#include "adopt/yaml.h"
#include "stackfile/dotenv.h"

enum compose_way { WAY_PROGRAM, WAY_TEMPLATE, WAY_DOCKER };

/* A port of a container, and what it is called here. */
struct compose_endpoint {
	int target;
	const char *name; /* "main" for the own port, else that of port.NAME */
	const char *published; /* "" where the host does not see it */
	const char *protocol;
};

struct compose_service {
	const char *key; /* as compose calls it */
	const struct yaml *node;
	struct sheet_service *out;
	enum compose_way way;
	const struct image *image; /* a row of images.def, or NULL */
	const char *image_name; /* interpolated; NULL */
	struct compose_endpoint *endpoints;
	size_t endpoint_count;
	bool is_task; /* somebody waits until it is completed */
	bool seen_by_containers; /* a container connects to it */
	bool sees_others; /* it is a container and connects to another service */
};

struct compose {
	const struct compose_request *request; /* borrows */
	struct arena *arena;
	struct sheet *sheet;
	struct dotenv env; /* .env beside the first file */
	const struct yaml *root; /* all layers */
	struct compose_service *services;
	size_t count;
	const char *dir; /* absolute, of the first file */
	const char *place; /* the same as the stack file says it */
};

/* ---- compose_load.c ---- */

int compose_load(struct compose *c, struct error *e);
/* "PLACE/path", tidied: what the stack file calls it. Absolute ones and those from ~ stay. */
const char *compose_path(struct arena *arena, const char *place, const char *path);
/* The same for reading it now. */
const char *compose_file(const struct compose *c, const char *place, const char *path);

/* ---- compose_merge.c ---- */

/* `over` on top of `base`; either may be NULL. `key` says where in the file they stand. */
const struct yaml *compose_merge(struct arena *arena, const struct yaml *base, const struct yaml *over,
	const char *key);
/* environment, labels, depends_on and others as a map, however they were written. */
const struct yaml *compose_map(struct arena *arena, const struct yaml *list, const char *key);

/* ---- compose_text.c ---- */

/* What the scalar says, filled in now. NULL where it is none, or refused (complained about). */
const char *compose_fill(struct compose *c, const struct yaml *node);

enum compose_place {
	PLACE_VALUE, /* of a key */
	PLACE_SHELL, /* a text that a shell reads */
	PLACE_WORD, /* one word of a command: quoted where it has to be */
};
/*
 * The text as the stack file says it, for service `s`: references of compose's own stay references (those with
 * a lower-case name are filled in), and names and ports of services become stackup's.
 */
const char *compose_text(struct compose *c, struct compose_service *s, const char *raw, enum compose_place place);
/* Words of a command: those of a list, or those that a text is split into. */
size_t compose_words(struct compose *c, const struct yaml *node, const char ***words);
/* "echo $A && b" where the words are `sh -c` and that; NULL. */
const char *compose_script(const char *const *words, size_t count);
/* Words with blanks between them, each as PLACE_WORD. */
const char *compose_join(struct compose *c, struct compose_service *s, const char *const *words, size_t count);
/* Text that compose does not interpolate any more (a Dockerfile's), with every '$' doubled. */
const char *compose_escape(struct arena *arena, const char *text);

/* ---- compose_network.c ---- */

struct compose_service *compose_find(const struct compose *c, const char *key);
/* Ports of all services: published, exposed, or those of a well-known image. */
void compose_find_ports(struct compose *c);
/*
 * Where a reference to a service begins at `at` (`start` is the whole text), appends what the stack file says
 * instead and returns its length; 0.
 */
size_t compose_reference(struct compose *c, struct compose_service *s, const char *start, const char *at,
	struct text *out);
/* The same of a program's own port as a word of its command, or behind ':' or '=': "--port 8000", "-b :8000". */
size_t compose_own_port(struct compose *c, struct compose_service *s, const char *start, const char *at,
	struct text *out);
/* A variable of which the whole value is the name of a service, or the port of one: "DB_HOST=db". NULL. */
const char *compose_whole(struct compose *c, struct compose_service *s, const char *variable, const char *value);
/* "${port}", "${db.port}", "${db.port.admin}" */
const char *compose_port_reference(struct compose *c, const struct compose_service *of,
	const struct compose_endpoint *endpoint, const struct compose_service *from);

/* ---- compose_service.c: services ---- */

/* Order, restarts, profiles, ports, stopping. */
void compose_common(struct compose *c, struct compose_service *s);
void compose_profiles(struct compose *c, struct compose_service *s);

void compose_leave(struct compose *c, struct compose_service *s, const struct yaml *node, const char *key,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
void compose_program(struct compose *c, struct compose_service *s);
void compose_docker(struct compose *c, struct compose_service *s);
/* Names every key of compose that has no place in what became of the service. */
void compose_leave_keys(struct compose *c, struct compose_service *s);
/* Whether the service's Dockerfile, or the file itself, says what runs. */
bool compose_has_command(struct compose *c, const struct compose_service *s);
/* Everything under `environment` and `env_file`. */
void compose_environment(struct compose *c, struct compose_service *s);
/* Names of all its variables, those of its env files too. */
size_t compose_variables(struct compose *c, const struct compose_service *s, const char ***names);
/* healthcheck; `inside` is put before the command ("docker exec NAME"), or NULL for one of this machine. */
void compose_health(struct compose *c, struct compose_service *s, const char *inside);

/* ---- dockerfile.c ---- */

struct dockerfile {
	const char **words; /* ENTRYPOINT and CMD; NULL where it says neither */
	size_t count;
	const char *script; /* their shell form instead */
	const char *workdir;
	bool builds; /* it has RUN lines */
};
void dockerfile_read(struct arena *arena, const char *text, const char *target, struct dockerfile *out);

/* ---- tables ---- */

struct image {
	const char *names; /* of images, the last part, separated by blanks */
	int port;
	const char *template; /* "" where there is none */
	const char *ready; /* a command in the container, or "" */
};
const struct image *image_find(struct arena *arena, const char *image);

#endif
