/*
 * help.h - help made of the tables.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

struct command_row;

/* Of one verb; NULL: the overview. On stdout; returns 0. */
int help_print(const struct command_row *command);

#endif
