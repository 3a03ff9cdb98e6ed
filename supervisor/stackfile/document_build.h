/*
 * document_build.h - fills a document from its text; document.c is who calls.
 *
 * Headers of sections are understood here ([service api @test]), so that an unknown section, a bad
 * name and everything that is written twice is complained about with the lines of both places. What
 * is refused is left out.
 */
#ifndef STACKFILE_DOCUMENT_BUILD_H
#define STACKFILE_DOCUMENT_BUILD_H

#include "stackfile/document.h"

void document_build(struct document *document, const char *text, size_t length,
	struct complaints *complaints);
void document_build_procfile(struct document *document, const char *text, size_t length,
	struct complaints *complaints);

#endif
