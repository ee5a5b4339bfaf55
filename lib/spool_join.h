/* SPDX-License-Identifier: MIT */
/*
 * What the rest of the library asks of joined spools; only of those.
 *
 * Threads: any, unless it says locked.
 */
#ifndef SPILLWAY_LIB_SPOOL_JOIN_H
#define SPILLWAY_LIB_SPOOL_JOIN_H

#include "spool.h"

/**
 * Look up the part that holds the byte `*off`, which is there.
 *
 * Returns:   the part, as long as the spool is; in `*off` where in it the
 *            byte is, and `*len` cut to what of it is joined there.
 */
struct spw_spool *spw__spool_part(struct spw_spool *s, uint64_t *off,
    uint64_t *len);

/** Read by `fn` from the part that has the byte `off`, which is there. */
ssize_t spw__parts_read(struct spw_spool *s, void *buf, size_t len,
    uint64_t off,
    ssize_t (*fn)(struct spw_spool *, void *, size_t, uint64_t));

/** As spw__spool_pin_some() of that part. */
int spw__parts_pin(struct spw_spool *s, uint64_t off, size_t len,
    struct spw_pin *ret);

/** Fill in how much is in memory, how much on disk, and why. */
void spw__parts_info(struct spw_spool *s, struct spw_spool_info *ret);

/** As spw_spool_rollover(), of each part. */
int spw__parts_rollover(struct spw_spool *s);

/** Are all of them sealed? Locked. Errors: as spw_spool_seal(). */
int spw__parts_sealed(struct spw_spool *s);

void spw__parts_free(struct spw__parts *p);

#endif
