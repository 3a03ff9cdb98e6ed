/*
 * scan.h - directories looked through for ports and addresses.
 *
 *	1. struct scan scan;
 *	   scan_run(roots, count, &scan, e): directories, each with all below (walk.h). One that lies in another
 *	   is not looked at twice.
 *	2. scan.findings: by directory, file and place; scan.projects: whose they are.
 *	3. scan_release(&scan).
 *
 * A project is a directory with a repository or a stack file of its own. A scanned directory that has neither, but
 * the files of a project (package.json, a compose file, ...), is one, too; otherwise each directory in it is.
 */
#ifndef SCAN_SCAN_H
#define SCAN_SCAN_H

#include "base/arena.h"
#include "base/error.h"
#include "scan/finding.h"
#include "scan/walk.h"

struct scan_project {
	const char *root; /* the scanned directory */
	const char *dir; /* below it; "" for itself */
	const char *name; /* of the directory */
};

struct scan {
	struct arena *arena; /* owns what is below */
	struct arena **arenas; /* own the strings of findings */
	size_t arena_count;
	struct finding *findings;
	size_t *owners; /* of each finding: its project, as an index */
	size_t count;
	struct scan_project *projects;
	size_t project_count;
	struct walk_counts counts;
};

int scan_run(const char *const *roots, size_t count, struct scan *out, struct error *e);
void scan_release(struct scan *scan);

#endif
