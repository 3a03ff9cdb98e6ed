/*
 * package.h - a package.json as a stack file: the script that develops (dev, start, ...) as a service, with
 * the flag that its server needs for its port; of a workspace (pnpm-workspace.yaml counts, too) one service for each
 * package that has such a script; of a script that runs several others (concurrently, run-p) one for each of these.
 */
#ifndef ADOPT_PACKAGE_H
#define ADOPT_PACKAGE_H

#include "adopt/sheet.h"
#include "base/error.h"

struct package_request {
	struct sheet *sheet;
	const char *dir; /* of the package.json */
	const char *base; /* where the stack file will be; both absolute */
};

/* -1: it cannot be read or is no JSON. A package without such a script adds nothing, which is told. */
int adopt_package(const struct package_request *request, struct error *e);

#endif
