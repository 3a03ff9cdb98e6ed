/*
 * help.h - help made of the tables.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

struct command_row;
struct error;

/* Of one verb; NULL: the overview. On stdout; returns 0. */
int help_print(const struct command_row *command);
/* Of `ports check` and the like; -1: the verb has no such subcommand. */
int help_print_subcommand(const struct command_row *command, const char *name, struct error *e);

#endif
