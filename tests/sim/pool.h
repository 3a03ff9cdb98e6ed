/*
 * pool.h - the keeper's pages, kept from one walk to the next: asking the kernel for them and
 * giving them back took a fifth of the time. In the place of base/pages.c.
 */
#ifndef SIM_POOL_H
#define SIM_POOL_H

/* Blocks that were asked for and not given back. */
extern int pool_out;

#endif
