/*
 * ask.h - a question before something is done that cannot be undone.
 */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "base/error.h"

struct context;

/*
 * 1: yes, also by --yes; 0: no. -1 with EXIT_USAGE when there is no terminal to ask at. The question
 * is without its mark: "delete /state/shop/1".
 */
int ask(const struct context *context, const char *question, struct error *e);

#endif
