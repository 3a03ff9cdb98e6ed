/*
 * descriptors.h - what a test leaves open is a leak in what it tests.
 *
 *	int before = descriptors_open();	// in the setup
 *	descriptors_expect(before);		// last in the teardown
 */
#ifndef TESTS_UNIT_DESCRIPTORS_H
#define TESTS_UNIT_DESCRIPTORS_H

#include <dirent.h>

static inline int descriptors_open(void)
{
	int count = 0;
	DIR *all = opendir("/proc/self/fd");
	while (readdir(all))
		count++;
	closedir(all);
	return count;
}

/* A macro, so that the failure names the place. */
#define descriptors_expect(before) assert_int_equal(descriptors_open(), before)

#endif
