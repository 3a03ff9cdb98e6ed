/*
 * verbs.h - the subcommands of `export`. A new one is a row in verbs.def and a function export_NAME() of the
 * room export.
 */
#ifndef CLI_EXPORT_VERBS_H
#define CLI_EXPORT_VERBS_H

#include "cli/subcommands.h"

extern const struct subcommands export_verbs;

#endif
