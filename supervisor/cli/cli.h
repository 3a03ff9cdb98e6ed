/*
 * cli.h - the command: argv to a row of commands.def to an exit status.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

int cli_main(int argc, char **argv);

#endif
