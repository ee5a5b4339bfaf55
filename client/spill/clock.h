/* SPDX-License-Identifier: MIT */
/* A clock that only goes forward. */
#ifndef SPILLWAY_SPILL_CLOCK_H
#define SPILLWAY_SPILL_CLOCK_H

#include <stdint.h>
#include <time.h>

/**
 * Milliseconds since some time.
 *
 * Returns:   them.
 */
static inline uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

#endif
