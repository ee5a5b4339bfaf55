/* SPDX-License-Identifier: MIT */
/*
 * Sparse spools that are filled on demand: of something far away, whose size
 * is learnt late and of which only what is read is to be brought.
 *
 *   filling side                            readers
 *     spw_spool_new()                         spw_spool_watch(), `end` set
 *     spw_spool_set_sparse(s, size)           or spw_spool_wait()
 *     opts.on_wanted() is called  <-----------
 *     spw_spool_next_wanted(s, 0, ...)
 *     spw_spool_pwrite()  ------------------> the watch fires
 *
 * What is wanted is what somebody waits for right now, and how far it will
 * read on: there is no list beside the watches, and a reader that leaves
 * wants nothing more.
 *
 * Threads: every call may be made from any thread.
 */
#ifndef SPILLWAY_SPARSE_H
#define SPILLWAY_SPARSE_H

#include <spillway/base.h>
#include <spillway/spool.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Turn an open spool that holds nothing yet into a sparse one of `size` bytes.
 *
 * One that is born sparse has its whole size charged to the directory with
 * the first byte there; this one is charged for what is filled of it, in
 * pages of 4 KiB. Watches that there are fire, since they may have been
 * registered for something else than they would be now.
 *
 * Returns:   0.
 * Errors:    -EINVAL when `size` is 0 or too large; -EFBIG when it is past
 *            `size_max`; -EEXIST when the spool is sparse, or not empty;
 *            -EPERM when it is sealed; the source's error; -ENOMEM. Nothing
 *            was changed.
 */
SPW_API int spw_spool_set_sparse(struct spw_spool *s, uint64_t size)
    SPW_MUST_CHECK;

/**
 * Find the first byte from `off` on that is not there and that somebody waits
 * for, who said how far it will read.
 *
 * Returns:   0, its offset in `*ret_off`, and in `*ret_end` the furthest that
 *            those who wait for it will read; for a sparse spool at most its
 *            size.
 * Errors:    -ENXIO when there is none.
 */
SPW_API int spw_spool_next_wanted(struct spw_spool *s, uint64_t off,
    uint64_t *ret_off, uint64_t *ret_end) SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
