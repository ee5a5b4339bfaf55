/* SPDX-License-Identifier: MIT */
/*
 * Offsets of content: unsigned in memory, but never past what off_t holds.
 */
#ifndef SPILLWAY_LIB_OFFSET_H
#define SPILLWAY_LIB_OFFSET_H

#include <errno.h>
#include <stdint.h>

#define SPW__OFFSET_MAX ((uint64_t)INT64_MAX)

/**
 * Move from `from` by `by`.
 *
 * Returns:   the new offset.
 * Errors:    -EINVAL before 0; -EOVERFLOW past INT64_MAX.
 */
static inline int64_t spw__offset_move(uint64_t from, int64_t by)
{
	/* Unsigned, so that INT64_MIN needs no care. */
	if (by < 0 && from < -(uint64_t)by)
		return -EINVAL;

	uint64_t to = from + (uint64_t)by;
	return to > SPW__OFFSET_MAX ? -EOVERFLOW : (int64_t)to;
}

/** Returns: where `len` bytes at `off` end, at most `max`. */
static inline uint64_t spw__offset_end(uint64_t off, uint64_t len,
    uint64_t max)
{
	return off < max && len < max - off ? off + len : max;
}

#endif
