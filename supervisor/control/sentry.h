/*
 * sentry.h - notices that a file was removed or its directory taken away, by inotify.
 *
 * No timer: it costs nothing until something happens in that directory. The callback comes once per
 * disappearance; the owner makes the file again and calls sentry_watch() again.
 */
#ifndef CONTROL_SENTRY_H
#define CONTROL_SENTRY_H

#include <stdbool.h>

struct ev_loop;
struct sentry;

/* NULL where inotify is not to be had: the file is then not watched. */
struct sentry *sentry_new(struct ev_loop *loop, void (*on_gone)(void *self), void *self);
/* Watches this file from now on instead of an earlier one. It exists. False: it is not watched. */
bool sentry_watch(struct sentry *sentry, const char *path);
/*
 * Watches nothing any more. To close a descriptor of inotify takes the kernel 10 to 20 ms after its
 * last watch: who has something to do meanwhile rests first and frees later.
 */
void sentry_rest(struct sentry *sentry);
void sentry_free(struct sentry *sentry);

#endif
