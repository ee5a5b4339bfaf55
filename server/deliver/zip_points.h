/* SPDX-License-Identifier: MIT */
/*
 * Places in a deflated entry from which it can be unpacked: what zlib needs to
 * go on from there, some 32 KiB each. They are noted by whoever unpacks the
 * entry from its beginning, or from the last of them, and make a range far
 * inside as cheap as one near the beginning the next time.
 *
 * A place is where one block of deflate ends and the next begins, at least a
 * step behind the place before: a 256th of the entry, within bounds.
 *
 * Threads: any.
 * Source: RFC 1951; zlib's inflatePrime() and inflateSetDictionary()
 */
#ifndef DELIVER_ZIP_POINTS_H
#define DELIVER_ZIP_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zlib.h>

#include <spillway/base.h>

#define ZIP_POINTS_STEP_MIN (UINT64_C(1) << 20)
#define ZIP_POINTS_STEP_MAX (UINT64_C(4) << 20)

struct zip_index;
struct zip_points;

/**
 * Make an empty list for an entry; `ix` is charged for what it will hold, and
 * outlives it.
 *
 * Returns:   NULL without memory.
 */
struct zip_points *zip_points_new(
    struct zip_index *ix, size_t entry, uint64_t size, struct zip_points *next);

/** Free a list and those behind it; NULL is allowed. */
void zip_points_free(struct zip_points *p);

/** Returns: the list of an entry, in a chain of them, or NULL. */
struct zip_points *zip_points_find(struct zip_points *chain, size_t entry);

/**
 * Note a place, if it is a step behind the last one and there is memory.
 *
 * Units:     `z` stands between two blocks; `in` bytes went in, the last of
 *            which it may have used in part, and `out` came out.
 */
void zip_points_add(
    struct zip_points *p, z_stream *z, uint64_t in, uint64_t out);

/**
 * Set `z`, fresh from inflateInit2(z, -15), to the last place that is not
 * behind `out`.
 *
 * Returns:   0, and what goes in and comes out next; both 0 when there is no
 *            such place.
 * Errors:    -ENOMEM.
 */
int zip_points_resume(struct zip_points *p, z_stream *z, uint64_t out,
    uint64_t *ret_in, uint64_t *ret_out) SPW_MUST_CHECK;

#endif
