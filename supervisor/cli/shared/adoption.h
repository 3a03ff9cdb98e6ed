/*
 * adoption.h - from another format to a stack file that is written or printed.
 *
 *	1. struct adoption a; adoption_begin(context, &a, e)	// base, name, an empty sheet
 *	2. adoption_read(&a, file, &content, e), adopt_...(&a.sheet, ...)
 *	3. code = adoption_finish(&a, e)
 *	4. adoption_release(&a)
 */
#ifndef CLI_SHARED_ADOPTION_H
#define CLI_SHARED_ADOPTION_H

#include "adopt/sheet.h"
#include "base/error.h"
#include "base/text.h"

enum { ADOPTION_SIZE_MOST = 4 * 1024 * 1024 };

struct context;

struct adoption {
	struct context *context; /* borrows */
	struct arena *arena; /* owns */
	struct complaints complaints; /* owns */
	struct sheet sheet;
	const char *output; /* --output, or NULL: it is printed */
	const char *base; /* absolute: the directory of the stack file */
};

int adoption_begin(struct context *context, struct adoption *adoption, struct error *e);
/* The content of a file. -1 with what is wrong and where. */
int adoption_read(const char *path, struct text *content, struct error *e);
/*
 * Writes the file, or prints it, and tells on stderr what was left out. The draft is read back as a stack
 * file: what a person still has to mend in it is told, too, and makes the exit code EXIT_NOT_AS_WANTED. -1
 * where nothing was written: mistakes in what was read (EXIT_BAD_FILE), no service, a file that stays.
 */
int adoption_finish(struct adoption *adoption, struct error *e);
void adoption_release(struct adoption *adoption);

#endif
