/* SPDX-License-Identifier: MIT */
/*
 * The digests that watch a spool, as the spool sees them.
 */
#ifndef SPILLWAY_LIB_DIGEST_H
#define SPILLWAY_LIB_DIGEST_H

#include <spillway/digest.h>

#include "pieces.h"

/**
 * Show the digests of `s` the `len` bytes that were appended at `off`. For
 * whoever appended; nothing may be locked. Never waits for the disk.
 */
void spw__taps_feed(struct spw_spool *s, const struct spw__pieces *p,
    size_t len, uint64_t off);

#endif
