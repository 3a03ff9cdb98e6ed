/*
 * servers.h - which program of a command listens, and how it is told its port (servers.def). Pure.
 *
 * Of a command of several only the last one counts: it is what goes on running, and what appended words
 * reach. Variables before it, and what starts programs (npx, bundle exec, poetry run, python -m, ...), are
 * passed over.
 */
#ifndef ADOPT_SERVERS_H
#define ADOPT_SERVERS_H

#include <stdbool.h>

#include "base/arena.h"

struct server {
	const char *program;
	const char *word;
	const char *options;
	const char *flags;
	const char *protocol;
};

/* NULL where the command starts none that is known. */
const struct server *server_of(struct arena *arena, const char *command);
/* Whether the command names a port of its own: as a value of the options, or as PORT=3000 before it. */
bool server_has_port(struct arena *arena, const struct server *server, const char *command);
/* Whether the command takes its port from the environment, as $PORT. */
bool server_takes_variable(const char *command);
/*
 * The command with ${port} in place of its port, or with the server's flags appended; PORT=3000 in front
 * of it goes. server may be NULL: then only that.
 */
const char *server_fit(struct arena *arena, const struct server *server, const char *command);

#endif
