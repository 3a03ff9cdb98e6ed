/*
 * path.h - where the registry, the state of instances and the control sockets are.
 *
 *	state	$XDG_STATE_HOME/stackup, else ~/.local/state/stackup
 *	run	$XDG_RUNTIME_DIR/stackup, else STATE/run
 *	STACKUP_HOME=DIR	puts all of it under DIR: state is DIR, run is DIR/run
 *
 * Below them: STATE/registry.db, STATE/locks/, STATE/PROJECT/N/{logs/SERVICE.log, events.jsonl,
 * ports.env, ports.sh}, RUN/PROJECT/N.sock. Directories are 0700, files 0600.
 *
 * A runtime directory counts only when it is a directory of ours, not a symbolic link, and closed to
 * everybody else; otherwise the state directory's run/ is used and `notice` says why. /tmp is never
 * used. An empty or relative XDG variable is ignored, as the XDG base directory specification says.
 *
 * The address of a unix socket has room for 107 bytes. A longer path is bound and connected through
 * its directory's descriptor (/proc/self/fd/N/NAME); see unix(7), proc(5).
 */
#ifndef CONTROL_PATH_H
#define CONTROL_PATH_H

#include "base/error.h"

struct paths {
	char *state; /* owns, as the others */
	char *run;
	char *registry; /* STATE/registry.db */
	char *locks; /* STATE/locks */
	char *notice; /* NULL, or why $XDG_RUNTIME_DIR is not used: one sentence */
};

/* Reads the environment; creates nothing. Fails when there is no home directory, or no memory. */
int paths_find(struct paths *paths, struct error *e);
void paths_release(struct paths *paths);

/* Heap strings for the caller to free; NULL when memory is out. */
char *paths_instance(const struct paths *paths, const char *project, int instance);
char *paths_logs(const struct paths *paths, const char *project, int instance);
char *paths_events(const struct paths *paths, const char *project, int instance);
char *paths_ports_env(const struct paths *paths, const char *project, int instance);
char *paths_ports_sh(const struct paths *paths, const char *project, int instance);
char *paths_socket(const struct paths *paths, const char *project, int instance);

/*
 * Creates the state directory (with its logs/) and the run directory of an instance, 0700, and
 * checks that the run directory is ours alone: everything below trusts that.
 */
int paths_prepare(const struct paths *paths, const char *project, int instance, struct error *e);
/* Fails unless PATH is a directory, not a link, owned by us and without rights for others. */
int path_check_private(const char *path, struct error *e);

/* bind(2) and connect(2) of a unix socket for a path of any length. 0, or -1 with errno. */
int path_bind(int fd, const char *path);
int path_connect(int fd, const char *path);

#endif
