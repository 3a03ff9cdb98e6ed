/*
 * procfile.h - a Procfile as a stack file: a service for each line, with the port that it has when the
 * Procfile runs as it is.
 */
#ifndef ADOPT_PROCFILE_H
#define ADOPT_PROCFILE_H

#include "adopt/sheet.h"

/* A command of another format's for a shell, as the stack file says it: its ${lower} and $$ are doubled. */
const char *adopt_shell(struct arena *arena, const char *command);

/* `label` names the file. What is wrong with it is among the sheet's complaints, as errors. */
void adopt_procfile(struct sheet *sheet, const char *label, const char *text, size_t length);

#endif
