/*
 * word.h - the instance that a subcommand's word names by its number.
 */
#ifndef CLI_INSTANCES_WORD_H
#define CLI_INSTANCES_WORD_H

#include "cli/context.h"

/* line.words[1]. EXIT_USAGE for what is no number; otherwise context_target(), released likewise. */
int instance_of_word(struct context *context, struct target *target, struct error *e);

#endif
