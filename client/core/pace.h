/* SPDX-License-Identifier: MIT */
/*
 * How fast the content of a client's calls goes, all of them together.
 *
 * Bytes that moved are paid for with time, one after the other, whoever moved
 * them, and nobody moves more before they are. So the sum never goes faster,
 * from its first byte on, and nothing is saved up while nobody moves.
 *
 * Threads: the client's.
 */
#ifndef SPILLWAY_CLIENT_CORE_PACE_H
#define SPILLWAY_CLIENT_CORE_PACE_H

#include <stddef.h>
#include <stdint.h>

struct spwc__pace {
	/** Bytes a second; 0 is no limit. */
	uint64_t rate;
	/** Until when all that moved is paid for. */
	uint64_t paid_us;
};

/**
 * Now, on the clock of all these times: CLOCK_MONOTONIC.
 *
 * Returns:   microseconds, never 0.
 */
uint64_t spwc__pace_now_us(void);

/**
 * How much to move at a time, so that it goes evenly.
 *
 * Returns:   bytes, from 1 KiB to 16 KiB.
 */
size_t spwc__pace_piece(const struct spwc__pace *p);

/**
 * Note that bytes moved.
 *
 * Returns:   nothing.
 */
void spwc__pace_take(struct spwc__pace *p, uint64_t now_us, size_t bytes);

/**
 * How long to rest before more moves. What is only milliseconds ahead need
 * not.
 *
 * Returns:   microseconds, 0 for not at all.
 */
uint64_t spwc__pace_rest_us(const struct spwc__pace *p, uint64_t now_us);

#endif
