/*
 * reserved.h - reservations, told to people. What a claim does with them is in claim/claim.h.
 */
#ifndef PORTS_RESERVED_H
#define PORTS_RESERVED_H

#include "base/text.h"
#include "registry/reservations.h"

/* "for ann: the demo on fridays", "for service 'api' of shop instance 1". */
void reservation_add(struct text *out, const struct reservation *reservation);

#endif
