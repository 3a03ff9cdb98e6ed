/* What tick writes into the FIFO; bench.py unpacks it as "<qic3x". */
#ifndef STAMP_H
#define STAMP_H

#include <stdint.h>

struct stamp {
	int64_t ns;
	int32_t pid;
	char what;
	char unused[3];
};

#endif
