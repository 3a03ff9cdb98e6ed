/*
 * shell.h - ports and addresses in command lines and scripts, by words and options; nothing is expanded.
 *
 * What `-p` means depends on the program: the table is in programs.def. The value of --NAME is a port
 * when the name says so (names.h), and a listener's address behind --bind, --listen and their like.
 */
#ifndef SCAN_SHELL_H
#define SCAN_SHELL_H

#include "scan/find.h"

/* A line, or many: `PORT=3000 node x --inspect=9229 && wait-on tcp:5432`. */
void shell_find(struct find *f, struct slice text, struct as as);
/* One argument of a list; f->command goes with it from one to the next. */
void shell_argument(struct find *f, struct slice word, struct as as);

/* NAME and its value, as an environment has them. */
void variable_find(struct find *f, struct slice name, struct slice value, struct as as);
/* NAME=VALUE; false: it is none. */
bool assignment_find(struct find *f, struct slice text, struct as as);

#endif
