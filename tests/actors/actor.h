/*
 * actor.h - one misbehaving service for the tests.
 *
 * The command line is a script: its words are actions, performed from left to right. Time passes
 * only in the actions that say so (--wait, --ready-after, --crash-after, --wait-file); meanwhile,
 * and after the last action, the actor answers HTTP on the ports it listens on. `actor --help`
 * prints the table.
 *
 *   actor --ready-after 200 --http-status 503     listens on $PORT after 0.2 s and answers 503
 *   actor --ignore-term --double-fork --listen    leaves a grandchild, cannot be asked to stop
 *   actor --fail-first 2 count --listen           exits with 1 the first two times it is started
 */
#ifndef ACTOR_H
#define ACTOR_H

#include <stdint.h>

enum { SERVERS_MOST = 16 };

struct actor {
	const char *path; /* own executable, for --clear-env */
	int listeners[SERVERS_MOST];
	int listener_count;
	const char *address; /* --bind */
	int plain_bind; /* --no-reuse */
	int status; /* --http-status */
	int64_t delay_ms; /* --http-delay */
	const char *body; /* --http-body, NULL for the actor's own */
	const char *health_file; /* --healthy-while: 503 where it does not exist */
	int graceful; /* TERM ends it between two requests */
};

/* Listens on port; exits with a sentence when it cannot. */
void serve_listen(struct actor *actor, long port);
/* An already listening socket that was passed in. */
void serve_adopt(struct actor *actor, int fd);
/* Answers requests until the deadline (-1: for ever) or until path exists (NULL: none). */
void serve(struct actor *actor, int64_t ms, const char *path);

/* Written whole, whatever the kernel takes at once. */
void write_all(int fd, const char *bytes, uint64_t length);
int64_t monotonic_ms(void);

#endif
