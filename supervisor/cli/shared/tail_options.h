/*
 * tail_options.h - -f, -n and --since, as `logs` and `events` take them.
 */
#ifndef CLI_SHARED_TAIL_OPTIONS_H
#define CLI_SHARED_TAIL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct context;

struct tail_options {
	bool follow;
	int64_t tail; /* -1: all */
	int64_t since_ms; /* wall clock; 0: all */
};

/* -1 with EXIT_USAGE. */
int tail_options(const struct context *context, struct tail_options *out, struct error *e);

#endif
