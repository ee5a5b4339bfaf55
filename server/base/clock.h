/* SPDX-License-Identifier: MIT */
/*
 * The three clocks the server uses. None of them fails and none takes a
 * system call (they are answered by the vDSO).
 * Threads: any.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/**
 * Milliseconds of CLOCK_MONOTONIC as of the last timer tick: up to 10 ms
 * behind, and five times cheaper than the exact time. For timeouts.
 */
uint64_t clock_ms(void);

/** Microseconds of CLOCK_MONOTONIC, exact. For measuring. */
uint64_t clock_us(void);

/** Milliseconds since 1970 UTC. It jumps when the system's clock is set. */
int64_t clock_unix_ms(void);

#endif
