/*
 * clock.h - monotonic time for decisions, wall time for people.
 *
 * Decisions use one clock_now_ms() per loop turn. It does not count suspend (CLOCK_MONOTONIC), so a
 * laptop that slept has not timed anything out.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t clock_now_ms(void);
int64_t clock_now_us(void);
/* Milliseconds since 1970, UTC. Only to be shown or stored, never compared. */
int64_t clock_wall_ms(void);

enum { CLOCK_ISO_SIZE = 32 };
/* "2026-01-02T03:04:05.678Z" into buffer; returns buffer. */
const char *clock_iso(int64_t wall_ms, char buffer[CLOCK_ISO_SIZE]);
/*
 * What people give to --since: an ISO time (with or without date part seconds, Z or local), a
 * clock time of today ("14:30"), or a duration back from now ("10m"). Milliseconds since 1970.
 */
bool clock_parse_since(const char *text, int64_t now_wall_ms, int64_t *wall_ms);

#endif
