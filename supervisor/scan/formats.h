/*
 * formats.h - which files are looked at, and how each is read. The table is formats.def.
 */
#ifndef SCAN_FORMATS_H
#define SCAN_FORMATS_H

#include <stdbool.h>

#include "scan/rules.h"

struct format {
	const char *name;
	void (*read)(struct find *f);
	const struct rule *rules;
	bool in_container; /* what listens in it does so in a container */
};

enum { FORMAT_FILE_MOST = 1 << 20 }; /* larger ones are data, and not looked at */

/* NULL: of none. The path is relative; nothing is opened. */
const struct format *format_of(const char *path);
/* Some names are used for several: what stands in it decides. */
const struct format *format_settled(const struct format *format, struct slice content);

#endif
