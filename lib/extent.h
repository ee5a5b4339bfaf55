/* SPDX-License-Identifier: MIT */
/*
 * A set of byte ranges: which parts of a spool are there, or are not any
 * more. Ranges are kept sorted and merged, so it stays as small as the number
 * of gaps.
 *
 * Threads: the caller locks.
 */
#ifndef SPILLWAY_LIB_EXTENT_H
#define SPILLWAY_LIB_EXTENT_H

#include <stddef.h>
#include <stdint.h>

struct spw__extent {
	uint64_t first, end;	/* [first, end) */
};

struct spw__extents {
	struct spw__extent *items;
	size_t count, cap;
	uint64_t bytes;		/* in all ranges */
};

void spw__extents_fini(struct spw__extents *set);

/**
 * Make room so that the next spw__extents_add() or spw__extents_remove()
 * cannot fail.
 *
 * Errors:    -ENOMEM.
 */
int spw__extents_reserve(struct spw__extents *set);

/** Add [first, end), merging. Needs spw__extents_reserve() before it. */
void spw__extents_add(struct spw__extents *set, uint64_t first, uint64_t end);

/** Take [first, end) out. Needs spw__extents_reserve() before it, unless
    nothing of the set is behind `end`. */
void spw__extents_remove(struct spw__extents *set, uint64_t first,
    uint64_t end);

/** Returns: how many bytes of [first, end) are in the set. */
uint64_t spw__extents_overlap(const struct spw__extents *set, uint64_t first,
    uint64_t end);

/** Returns: the range that `off` is in; one of no bytes when it is in none. */
struct spw__extent spw__extents_at(const struct spw__extents *set,
    uint64_t off);

/** Returns: how many gaps there are in [0, end). */
uint64_t spw__extents_gaps(const struct spw__extents *set, uint64_t end);

/** Returns: how many bytes are in the set from `off` on without a gap. */
uint64_t spw__extents_run(const struct spw__extents *set, uint64_t off);

#endif
