/*
 * quote.h - one word, as the reader of a format gets it back unchanged.
 */
#ifndef EXPORT_QUOTE_H
#define EXPORT_QUOTE_H

#include <stdbool.h>

#include "base/text.h"

/* For a POSIX shell: bare where that is safe, else in single quotes. */
void quote_shell(struct text *out, const char *word);
void quote_shell_words(struct text *out, char *const *words);
/* For a line of a systemd unit, whose specifiers begin with '%'. */
void quote_systemd(struct text *out, const char *word);
/* The same in ExecStart= and its kin, where '$' begins a variable. */
void quote_systemd_command(struct text *out, const char *word);
/* A double-quoted scalar of YAML. */
void quote_yaml(struct text *out, const char *word);
/* The same for compose, where '$' begins a variable. */
void quote_compose(struct text *out, const char *word);

#endif
